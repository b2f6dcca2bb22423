"""Lines that services write to systemd's journal, through `journalctl`: the last ones, and those that come.

A journal is named as in `Unit.journal`: `system/api.service`, `user/api.service`, `system/worker@*.service`. All
services of one scope are followed by one `journalctl`; it is started anew, without losing a line, when their set changes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

_CHUNK = 256 * 1024
_ENTRY_MAX = 1024 * 1024
"""Bytes of one entry as JSON; longer ones are dropped."""
_LOOK_MAX = 1024 * 1024
_LINE_MAX = 16 * 1024
_KEPT_MAX = 8 * 1024 * 1024
"""Bytes of lines that wait for one service to be looked at; beyond it the oldest are dropped and counted."""
_CALM_S = 0.5
"""So long after one start of journalctl the next one waits, so that many services cost few starts."""
_LONGEST_CALM_S = 600.0
"""That, where journalctl ended by itself again and again (it may not read the journal, say)."""
_PATTERN_S = 15.0
"""journalctl takes `worker@*` for the instances that have written so far; so often it is asked again for new ones."""
_AWAY_S = 24 * 3600
"""What was written longer before a restart than this is not read afterwards."""
_READ_S = 10.0
_PIPE = 1024 * 1024
_FIELDS = "MESSAGE,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,UNIT,USER_UNIT"


class Entry(NamedTuple):
    """One entry of the journal."""

    unit: str
    """The unit file (`api.service`) that it is of."""
    lines: tuple[bytes, ...]
    own: bool
    """False: systemd tells it of the unit (`Started api.service.`)."""
    at_us: int


def last_lines(journal: str, count: int, *, since: float | None = None) -> list[bytes]:
    """Return the last `count` lines that a service wrote to its journal; none where none can be had.

    `since`: only those written after this moment (seconds since the epoch). What systemd says of the unit is left out.
    """
    program = shutil.which("journalctl")
    if program is None or count <= 0:
        return []
    command = [program, *_select([journal]), "--lines", str(min(2 * count + 20, 100_000)), *_output()]
    command += [f"--since=@{since:.6f}"] if since is not None else []
    try:
        done = subprocess.run(command, capture_output=True, timeout=_READ_S, check=False, env=_environment())
    except (OSError, subprocess.TimeoutExpired):
        return []
    entries = (entry_of(raw) for raw in done.stdout.split(b"\n"))
    return [line for entry in entries if entry is not None and entry.own for line in entry.lines][-count:]


class JournalTail:
    """The lines that are added to one journal from now on; used like a `FileTail`."""

    def __init__(self, follower: _Follower, journal: str, resume: Mapping[str, Any] | None = None) -> None:
        self.journal = journal
        self.skipped = 0
        """Bytes that were dropped because too much came at once."""
        self.missed = ""
        """What of the time since the position given is not read; empty: nothing is missing."""
        self.past = False
        """The lines of the last look were written before this tail began."""
        self.began_us = int(time.time() * 1e6)
        self.after_us = self._told_us = self._since(resume)
        self.followed = False
        self._pattern = journal.partition("/")[2]
        self._follower = follower
        self._lines: deque[tuple[int, bytes]] = deque()
        self._size = 0

    def look(self) -> list[bytes]:
        """Return the lines that came since the last look: old ones (`past`) or new ones. Raises OSError where the journal
        cannot be read.
        """
        self._follower.pump()
        kept, lines = self._lines, []
        self.past = bool(kept) and kept[0][0] <= self.began_us
        until = self.began_us if self.past else sys.maxsize
        while kept and kept[0][0] <= until:
            self._told_us, line = kept.popleft()
            lines.append(line)
        self._size = sum(len(line) for _, line in kept)
        return lines

    def position(self) -> dict[str, Any]:
        """Return up to when it was read, for `resume`."""
        return {"after_us": self._told_us}

    def _since(self, resume: Mapping[str, Any] | None) -> int:
        after = resume.get("after_us") if resume is not None else None
        if not isinstance(after, int) or not 0 < after <= self.began_us:
            return self.began_us
        earliest = self.began_us - _AWAY_S * 1_000_000
        if after < earliest:
            self.missed = f"what is older than {_AWAY_S // 3600} hours is not read any more"
        return max(after, earliest)

    def close(self) -> None:
        """Follow it no longer."""
        self._follower.drop(self)

    def take(self, entry: Entry) -> None:
        """Keep an entry, if it is one of ours and new."""
        if entry.at_us <= self.after_us or not fnmatchcase(entry.unit, self._pattern):
            return
        for line in entry.lines:
            self._lines.append((entry.at_us, line))
            self._size += len(line)
        while self._size > _KEPT_MAX:
            gone = len(self._lines.popleft()[1])
            self._size -= gone
            self.skipped += gone


class Journals:
    """Follows journals, with one process for each scope. Not thread-safe; no call waits for lines."""

    def __init__(self, *, own_only: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        """`own_only`: what systemd says of the units is left out."""
        self._own_only, self._clock = own_only, clock
        self._followers: dict[str, _Follower] = {}

    def tail(self, journal: str, resume: Mapping[str, Any] | None = None) -> JournalTail:
        """Follow one journal from now on; with `resume`, from that `position` on, as far as it is not too long ago."""
        scope = journal.partition("/")[0]
        follower = self._followers.setdefault(scope, _Follower(own_only=self._own_only, clock=self._clock))
        return follower.add(journal, resume)

    def close(self) -> None:
        """Follow nothing any longer."""
        for follower in self._followers.values():
            follower.close()


class _Follower:
    """One `journalctl --follow` for all journals of one scope."""

    def __init__(self, *, own_only: bool, clock: Callable[[], float]) -> None:
        self._own_only, self._clock = own_only, clock
        self._tails: list[JournalTail] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._started = float("-inf")
        self._calm_s = _CALM_S
        self._seen_us = 0
        self._rest = b""
        self._changed = False

    def add(self, journal: str, resume: Mapping[str, Any] | None = None) -> JournalTail:
        tail = JournalTail(self, journal, resume)
        self._tails.append(tail)
        self._changed = True
        return tail

    def drop(self, tail: JournalTail) -> None:
        if tail in self._tails:
            self._tails.remove(tail)
            self._changed = True
        if not self._tails:
            self.close()

    def close(self) -> None:
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            process.kill()
            process.communicate()

    def pump(self) -> None:
        """Take what came, and see to it that everything is followed."""
        taken = 0
        while self._process is not None and taken < _LOOK_MAX:
            raw = self._read(self._process)
            if not raw:
                break
            taken += len(raw)
            for entry in self._entries(raw):
                self._seen_us = max(self._seen_us, entry.at_us)
                self._calm_s = _CALM_S
                for tail in self._tails:
                    if entry.own or not self._own_only:
                        tail.take(entry)
        if taken < _LOOK_MAX and self._is_due():
            self._start()

    def _read(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        try:
            raw = os.read(process.stdout.fileno(), _CHUNK)
        except BlockingIOError:
            return b""
        if not raw:
            self._ended(process)
        return raw

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._calm_s = None, min(self._calm_s * 4, _LONGEST_CALM_S)
        _, said = process.communicate()
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise OSError(errno.EIO, f"journalctl ended: {last[0] if last else f'exit code {process.returncode}'}")

    def _entries(self, raw: bytes) -> Iterator[Entry]:
        *whole, self._rest = (self._rest + raw).split(b"\n")
        if len(self._rest) > _ENTRY_MAX:
            self._rest = b"!"  # no JSON: what is left of this entry is dropped with it
        for line in whole:
            entry = entry_of(line)
            if entry is not None:
                yield entry

    def _is_due(self) -> bool:
        since = self._clock() - self._started
        if self._process is None or self._changed:
            return bool(self._tails) and since >= self._calm_s
        return since >= _PATTERN_S and any("*" in tail.journal for tail in self._tails)

    def _start(self) -> None:
        """Start journalctl for the tails of now, where the last one left off; for a new tail, when that began."""
        program = shutil.which("journalctl")
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "journalctl is not installed")
        self.close()
        for tail in self._tails:
            if tail.followed:
                tail.after_us = max(tail.after_us, self._seen_us)
        self._seen_us = 0  # a tail that goes on from long ago has seen less than the others had
        since = min(tail.after_us for tail in self._tails) / 1e6
        journals = list(dict.fromkeys(tail.journal for tail in self._tails))
        command = [program, *_select(journals), "--follow", "--no-tail", f"--since=@{since:.6f}", *_output()]
        self._process = process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._started, self._changed = self._clock(), False
        for tail in self._tails:
            tail.followed = True


def entry_of(raw: bytes) -> Entry | None:
    """Return the entry that this line of JSON is; None where it is none of a unit's."""
    try:
        found: Any = json.loads(raw) if raw.strip() else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    told = found.get("UNIT") or found.get("USER_UNIT")
    unit = told or found.get("_SYSTEMD_USER_UNIT") or found.get("_SYSTEMD_UNIT")
    message = _bytes(found.get("MESSAGE"))
    at = str(found.get("__REALTIME_TIMESTAMP", ""))
    if not isinstance(unit, str) or message is None or not at.isdecimal():
        return None
    lines = tuple(line.rstrip(b"\r")[:_LINE_MAX] for line in message.split(b"\n"))
    return Entry(unit=unit, lines=lines, own=not told, at_us=int(at))


def _bytes(message: Any) -> bytes | None:
    """Return a message as it was written: text, or numbers where it is no text."""
    if isinstance(message, str):
        return message.encode("utf-8", "surrogatepass")
    if isinstance(message, list) and all(isinstance(one, int) and 0 <= one < 256 for one in message):
        return bytes(message)
    return None


def _select(journals: Sequence[str]) -> list[str]:
    """Return the options that choose these units; all are of one scope."""
    parts = [journal.partition("/") for journal in journals]
    return [f"{'--user-unit' if scope == 'user' else '--unit'}={name}" for scope, _, name in parts]


def _output() -> list[str]:
    return ["--output=json", f"--output-fields={_FIELDS}", "--no-pager", "--quiet", "--all"]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
