"""What PM2's daemon says in its own log, on the bus (`log:PM2`) and in `pm2.log`.

No other place names the signal behind an exit, a restart for memory, or a kill that took two tries. The wording is that
of PM2 7 (lib/God.js, lib/God/Methods.js, lib/Worker.js, lib/Watcher.js, lib/Daemon.js); a line that is not known says
nothing.
"""

from __future__ import annotations

import os
import re
import signal
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from opsagent_tools.files import UnsafeFile
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.trust import open_owned

_KEPT_S = 90.0
"""A reason this old explains no exit any more: the longest `kill_timeout` that people set, and some."""
_REMEMBERED = 512
_LONGEST_LINE = 4096
_TAIL = 256 * 1024
_MB = 1024 * 1024
V = TypeVar("V")


class Said(StrEnum):
    """What kind of thing a line says."""

    EXITED = "exited"
    STOPPING = "stopping"
    """An app is being stopped on purpose; also the first half of every restart."""
    MEMORY = "memory"
    CHANGED = "changed"
    """A watched file changed."""
    KILLED = "killed"
    """It did not end in time and gets SIGKILL."""
    UNKILLABLE = "unkillable"
    GAVE_UP = "gave_up"
    """Too many unstable restarts: PM2 calls it errored."""
    BORN = "born"
    """A daemon began."""
    VERSION = "version"
    NODE = "node"
    BINARY = "binary"
    ASKED_TO_END = "asked_to_end"
    """`pm2 kill`, to its end."""
    SIGNALLED = "signalled"
    """The daemon was told to end by SIGTERM, SIGINT or SIGQUIT, and stops its apps first."""
    FAILED = "failed"
    """The daemon tripped over an error of its own and is about to replace itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that says something."""

    said: Said
    name: str = ""
    pm_id: str = ""
    """PM2's number; `_old_N` while a reload replaces N."""
    pid: int = 0
    code: int = 0
    text: str = ""
    """Signal, path or version."""
    amounts: tuple[int, ...] = ()
    """Memory: bytes now and limit. Kill: the timeout in milliseconds. Giving up: restarts."""


_LINES: tuple[tuple[Said, re.Pattern[str]], ...] = tuple(
    (said, re.compile(pattern, re.DOTALL))
    for said, pattern in (
        (
            Said.EXITED,
            r"App \[(?P<name>.*):(?P<id>\w+)\] exited with code \[(?P<code>-?\d+)\] via signal \[(?P<text>\w+)\]",
        ),
        (Said.STOPPING, r"Stopping app:(?P<name>.*) id:(?P<id>\w+)"),
        (
            Said.MEMORY,
            r"\[PM2\]\[WORKER\] Process (?P<id>\w+) restarted .*current_memory=(?P<a>\d+) max_memory_limit=(?P<b>\d+) .*",
        ),
        (Said.CHANGED, r"Change detected on path (?P<text>.*) for app (?P<name>.*) - restarting"),
        (Said.KILLED, r"Process with pid (?P<pid>\d+) still alive after (?P<a>\d+)ms, sending SIGKILL.*"),
        (Said.UNKILLABLE, r"Process with pid (?P<pid>\d+) could not be killed"),
        (Said.GAVE_UP, r"Script (?P<text>.*) had too many unstable restarts \((?P<a>\d+)\)\. Stopped\..*"),
        (Said.BORN, r"--- New PM2 Daemon started -*"),
        (Said.VERSION, r"PM2 version +: (?P<text>\S+)"),
        (Said.NODE, r"Node\.js version +: (?P<text>\S+)"),
        (Said.BINARY, r"Runtime Binary +: (?P<text>.+)"),
        (Said.ASKED_TO_END, r"PM2 successfully stopped"),
        (Said.SIGNALLED, r"pm2 has been killed by signal, dumping process list before exit\.\.\."),
        (Said.FAILED, r"\[PM2\] Resurrecting PM2"),
    )
)  # fmt: skip
_STAMP = re.compile(r"(?:[^ ]{1,40}: )?PM2 (?:log|error): ")


def parse(message: str) -> Line | None:
    """Read one line, with or without the stamp that `pm2.log` has before it. None: it says nothing that matters."""
    text = message[:_LONGEST_LINE].rstrip("\r\n")
    stamp = _STAMP.match(text)
    text = text[stamp.end() :] if stamp is not None else text
    for said, pattern in _LINES:
        match = pattern.fullmatch(text)
        if match is not None:
            return _line(said, {key: value for key, value in match.groupdict().items() if value is not None})
    return None


def _line(said: Said, found: dict[str, str]) -> Line:
    return Line(
        said=said,
        name=found.get("name", ""),
        pm_id=found.get("id", ""),
        pid=int(found.get("pid", 0)),
        code=int(found.get("code", 0)),
        text=found.get("text", ""),
        amounts=tuple(int(found[key]) for key in "ab" if key in found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended, as far as PM2 said it anywhere."""

    code: int | None
    """-N for signal N. None: 0 or SIGINT, between which PM2 does not tell."""
    reason: str
    """One line; empty where PM2 gave none."""


class _Recent(OrderedDict[str, V]):
    """The last few, newest last."""

    def put(self, key: str, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


class Exits:
    """Puts together what the log says around one exit.

    Feed it every message of `log:PM2`; PM2 writes there before it reports the exit on the bus. All bounded.
    """

    def __init__(self) -> None:
        self._exited: _Recent[Line] = _Recent()
        self._reasons: _Recent[tuple[float, str]] = _Recent()

    def hear(self, message: str, at: float) -> None:
        """Take one message, which may hold several lines; `at`: seconds since the epoch."""
        for text in message.splitlines():
            line = parse(text)
            if line is not None:
                self._take(line, at)

    def of(self, *, name: str, pm_id: object, pid: int | None, at: float) -> Exit:
        """Tell how the process that just ended did so. What is told once is not told of the next process."""
        number = str(pm_id)
        line = self._exited.pop(number, None)
        keys = (f"pid {pid}", f"id {number.removeprefix('_old_')}", f"app {name}")
        reasons = [found for key in keys if (found := self._reasons.pop(key, None)) is not None]
        reason = "; ".join(text for when, text in reasons if at - when < _KEPT_S)
        return Exit(code=_code(line), reason=reason)

    def _take(self, line: Line, at: float) -> None:
        match line.said:
            case Said.EXITED:
                self._exited.put(line.pm_id, line)
            case Said.MEMORY:
                now, limit = line.amounts
                words = f"over its memory limit ({megabytes(now)} of {megabytes(limit)})"
                self._reasons.put(f"id {line.pm_id}", (at, words))
            case Said.CHANGED:
                self._reasons.put(
                    f"app {line.name}", (at, f"{escape_for_terminal(Path(line.text).name)} changed (watch)")
                )
            case Said.KILLED:
                words = f"did not end within {line.amounts[0]} ms, so PM2 killed it"
                self._reasons.put(f"pid {line.pid}", (at, words))
            case Said.UNKILLABLE:
                self._reasons.put(f"pid {line.pid}", (at, "could not be killed"))
            case _:
                pass


def _code(line: Line | None) -> int | None:
    """PM2 writes `[0] via signal [SIGKILL]` for a signal, `[1] via signal [SIGINT]` for a plain exit with code 1."""
    if line is None:
        return None
    if line.code:
        return line.code
    number = getattr(signal.Signals, line.text, None)
    if number is None or number is signal.SIGINT:
        return None
    return -int(number)


class EndedBy(StrEnum):
    """What became of the last daemon of a home."""

    NEVER = "never"
    """There never was one."""
    NOBODY = "nobody"
    """It lives, or it was killed without a word (SIGKILL, a power cut, its own crash)."""
    A_PERSON = "a person"
    """`pm2 kill`."""
    A_SIGNAL = "a signal"
    """SIGTERM and its kin: a person, or an init system."""
    ITSELF = "itself"
    """It tripped over an error of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDaemon:
    """What `pm2.log` says of the daemon that ran last."""

    ended_by: EndedBy
    version: str = ""
    node: Path | None = None


def last_daemon(home: Path, uid: int) -> LastDaemon:
    """Read the end of `pm2.log`. Nothing is known where the file is not a plain one of `uid`."""
    ended, version, node, any_line = EndedBy.NOBODY, "", None, False
    for text in _tail(home / "pm2.log", uid):
        any_line = True
        line = parse(text)
        match line.said if line is not None else None:
            case Said.BORN:
                ended, version, node = EndedBy.NOBODY, "", None
            case Said.VERSION if line is not None:
                version = line.text
            case Said.BINARY if line is not None:
                node = Path(line.text)
            case Said.ASKED_TO_END:
                ended = EndedBy.A_PERSON
            case Said.SIGNALLED:
                ended = EndedBy.A_SIGNAL
            case Said.FAILED:
                ended = EndedBy.ITSELF
            case _:
                pass
    # One that was killed at once wrote no line yet; who is told to end removes its pid file.
    ran = any_line or os.path.lexists(home / "pm2.pid")
    return LastDaemon(ended_by=ended if ran else EndedBy.NEVER, version=version, node=node)


def _tail(path: Path, uid: int) -> Iterator[str]:
    try:
        descriptor = open_owned(path, uid)
    except (OSError, UnsafeFile):
        return
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        content = file.read(_TAIL)
    yield from content.decode("utf-8", "replace").splitlines()


def megabytes(size: float) -> str:
    """Return a size as a person reads it."""
    if size >= 1024 * _MB:
        return f"{size / 1024 / _MB:.1f} GB"
    return f"{size / _MB:.0f} MB" if size >= 10 * _MB else f"{size / _MB:.1f} MB"
