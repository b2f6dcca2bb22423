"""systemd's journal as a source of the past: what services wrote to it, and what systemd says of them. One pass a scope."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import IO

import msgspec

from opsagent.replay.lines import Totals, Window, add_to
from opsagent.replay.words import Beat, Happened, SourceRead, Unread
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.supervisors.systemd import past
from opsagent_tools.units import Unit, UnitId

_LINE_MAX = 16 * 1024
_LONGEST = 8 * 1024 * 1024
"""Bytes of one entry; a longer one is left out."""
_AT_ONCE = 200
"""Units of one journalctl: a command line has its limits."""


class _Entry(msgspec.Struct):
    """One entry as journalctl writes it."""

    at_us: str = msgspec.field(name="__REALTIME_TIMESTAMP", default="0")
    message: str | list[int | str] | None = msgspec.field(name="MESSAGE", default=None)
    its: str | None = msgspec.field(name="_SYSTEMD_UNIT", default=None)
    user_its: str | None = msgspec.field(name="_SYSTEMD_USER_UNIT", default=None)
    unit: str | None = msgspec.field(name="UNIT", default=None)
    user_unit: str | None = msgspec.field(name="USER_UNIT", default=None)
    pid: str | None = msgspec.field(name="_PID", default=None)
    comm: str | None = msgspec.field(name="_COMM", default=None)
    uid: str | None = msgspec.field(name="_UID", default=None)


class JournalPast:
    """The journal of one scope (`system` or `user`)."""

    def __init__(self, scope: str, units: Sequence[Unit], window: Window, totals: Totals) -> None:
        self.scope = scope
        self._units = [(unit.journal.partition("/")[2], unit.id) for unit in units]
        self._window, self._totals = window, totals
        self.reads = {
            unit.id: SourceRead(name=f"journal:{unit.journal}", what="journal", unit=unit.id, offset_from="line")
            for unit in units
        }
        self._pipelines: dict[UnitId, LogPipeline] = {}
        self._beats: dict[UnitId, Beat] = {}
        self._names: dict[str, UnitId | None] = {}

    def logged(self) -> Iterator[Beat]:
        """Give what the services wrote, second by second."""
        second = 0.0
        for entry in self._entries(own=True):
            unit = self._unit_of(entry.user_its or entry.its)
            lines = _lines(entry)
            if unit is None or not lines:
                continue
            at = max(second, float(int(entry.at_us) // 1_000_000))
            if at > second:
                yield from self._second_over()
                second = at
            self._take(unit, at, lines)
        yield from self._second_over()

    def happened(self) -> Iterator[Happened]:
        """Give what systemd says of the services."""
        for event in past.events(self._said()):
            unit = UnitId.parse(event.name)
            yield Happened(event, unit.supervisor, unit)

    def _said(self) -> Iterator[tuple[float, str, str]]:
        uid = os.geteuid()
        for entry in self._entries(own=False):
            fields = {"_PID": entry.pid, "_COMM": entry.comm, "_UID": entry.uid}
            unit = self._unit_of(entry.user_unit or entry.unit)
            if unit is not None and isinstance(entry.message, str) and past.is_systemds(fields, self.scope, uid):
                yield int(entry.at_us) / 1e6, str(unit), entry.message

    def _take(self, unit: UnitId, at: float, lines: list[bytes]) -> None:
        pipeline = self._pipelines.get(unit)
        if pipeline is None:
            pipeline = self._pipelines[unit] = LogPipeline(self._totals.miner)
        read = self.reads[unit]
        read.lines += len(lines)
        read.bytes += sum(map(len, lines))
        read.files, read.times = 1, "own"
        read.first = at if read.first is None else read.first
        read.last = at
        beat = self._beats.get(unit)
        if beat is None:
            beat = self._beats[unit] = Beat(unit, at)
        for event in pipeline.take(lines):
            add_to(beat, event, self._totals, read)
        self._totals.progress(0, len(lines))

    def _second_over(self) -> Iterator[Beat]:
        for unit, beat in self._beats.items():
            for event in self._pipelines[unit].flush():
                add_to(beat, event, self._totals, self.reads[unit])
            yield beat
        self._beats.clear()

    def _unit_of(self, name: str | None) -> UnitId | None:
        if name is None:
            return None
        if name not in self._names:
            self._names[name] = next((unit for pattern, unit in self._units if fnmatchcase(name, pattern)), None)
        return self._names[name]

    def _entries(self, *, own: bool) -> Iterator[_Entry]:
        """`own`: what the services wrote; else what was written about them."""
        program = shutil.which("journalctl")
        if program is None:
            self._unread("journalctl is not installed")
            return
        decoder = msgspec.json.Decoder(_Entry)
        patterns = [pattern for pattern, _ in self._units]
        for start in range(0, len(patterns), _AT_ONCE) if own else (0,):
            some = patterns[start : start + _AT_ONCE] if own else patterns
            with tempfile.TemporaryFile() as said:
                process = subprocess.Popen(
                    [program, *self._options(some, own=own)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
                )
                try:
                    assert process.stdout is not None
                    yield from _decoded(process.stdout, decoder)
                    self._ended(process.wait(), said)
                finally:
                    process.kill()
                    process.communicate()

    def _options(self, patterns: Sequence[str], *, own: bool) -> list[str]:
        which = "--user-unit" if self.scope == "user" else "--unit"
        by = [f"{which}={pattern}" for pattern in patterns]
        return [
            *by,
            f"--since=@{self._window.since:.6f}",
            f"--until=@{self._window.until:.6f}",
            "--output=json",
            f"--output-fields={past.FIELDS}",
            "--no-pager",
            "--quiet",
            "--all",
            *([] if own else ["_COMM=systemd"]),
        ]

    def _ended(self, code: int, said: IO[bytes]) -> None:
        if code:
            said.seek(0)
            last = said.read(4096).decode("utf-8", "replace").strip().splitlines()[-1:]
            self._unread(f"journalctl: {last[0] if last else f'exit code {code}'}")

    def _unread(self, why: str) -> None:
        self._totals.unread.append(Unread(f"journal of {self.scope} units", why))


def _decoded(stream: IO[bytes], decoder: msgspec.json.Decoder[_Entry]) -> Iterator[_Entry]:
    while raw := stream.readline(_LONGEST):
        try:
            entry = decoder.decode(raw)
        except msgspec.DecodeError:
            continue  # a value that is no text, or the rest of an entry that was too long
        if entry.at_us.isdecimal():
            yield entry


def _lines(entry: _Entry) -> list[bytes]:
    message = entry.message
    if isinstance(message, str):
        raw = message.encode("utf-8", "surrogatepass")
    else:  # numbers, where it is no text; texts, where the entry has several
        try:
            raw = b"".join(each.encode() + b"\n" if isinstance(each, str) else bytes((each,)) for each in message or ())
        except ValueError:
            return []
    return [line.rstrip(b"\r")[:_LINE_MAX] for line in raw.split(b"\n") if line]
