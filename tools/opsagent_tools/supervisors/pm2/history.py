"""How processes ended and who asked for it, read from the end of `pm2.log` and followed from there.

PM2's list says neither: after SIGKILL its exit code is 0, and an app that ended by itself for good is `stopped` like one
that a person stopped. The daemon's log has both, from before we came, too.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from opsagent_tools import trust
from opsagent_tools.files import UnsafeFile
from opsagent_tools.supervisors.pm2.daemon_log import Line, Said, parse
from opsagent_tools.supervisors.pm2.units import App, Ends

TAIL = 256 * 1024
_MORE = 4 * 1024 * 1024
"""More than this since the last look is skipped to its last part."""
_MARKS = (b"exited with code [", b"Stopping app:", b"New PM2 Daemon started", b"] starting in -")
_STARTING = re.compile(r"App \[(?P<name>.*):(?P<id>\w+)\] starting in -\w+ mode-\r?$")
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class _End:
    order: int
    code: int | None
    asked: bool


class History:
    """What `pm2.log` of one home says of ends. Every look reads only what is new."""

    def __init__(self, path: Path, uid: int | None) -> None:
        self.uid = uid
        """Whose log it has to be. None: not known yet, and nothing is read."""
        self._path = path
        self._at: tuple[int, int] | None = None
        """Inode and offset up to which it was read."""
        self._rest = b""
        self._asked: set[tuple[str, str]] = set()
        self._up: set[tuple[str, str]] = set()
        self._ends: dict[tuple[str, str], _End] = {}
        self._order = 0

    def look(self) -> None:
        """Read what the daemon wrote since the last look; a log that is not there, or not the user's, says nothing."""
        if self.uid is None:
            return
        try:
            descriptor = trust.open_owned(self._path, self.uid)
        except (OSError, UnsafeFile):
            return
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            inode, size = status.st_ino, status.st_size
            start = max(0, size - TAIL)
            if self._at is not None and self._at[0] == inode and self._at[1] <= size:
                start = self._at[1] if size - self._at[1] <= _MORE else start
            if self._at is None or start != self._at[1]:
                self._rest = b""
            if start == size:
                self._at = (inode, size)
                return
            file.seek(start)
            data = self._rest + file.read(size - start)
            self._at = (inode, size)
        lines = data.split(b"\n")
        self._rest = lines.pop()[:65536]
        for line in lines:
            if any(mark in line for mark in _MARKS):
                self._hear(line.decode("utf-8", "replace"))

    @property
    def up(self) -> frozenset[tuple[str, str]]:
        """Name and number of what was started last, and did not end."""
        return frozenset(self._up)

    @property
    def halted(self) -> frozenset[tuple[str, str]]:
        """Name and number of what somebody asked to end, and nobody started again."""
        return frozenset(key for key, end in self._ends.items() if end.asked and key not in self._up)

    def of(self, apps: Iterable[App]) -> Ends:
        """Return how these processes ended last."""
        found = [(app, end) for app in apps if (end := self._ends.get((app.name, str(app.pm_id)))) is not None]
        last = max(found, key=lambda one: one[1].order, default=None)
        code = None
        if last is not None:
            code = last[1].code if last[1].code is not None else last[0].exit_code
        return Ends(last=code, by_itself=frozenset(app.pm_id for app, end in found if not end.asked))

    def _hear(self, said: str) -> None:
        line = parse(said)
        if line is not None:
            self._take(line)
        elif found := _STARTING.search(said):
            key = (found["name"], found["id"])
            self._asked.discard(key)
            self._up.add(key)

    def _take(self, line: Line) -> None:
        key = (line.name, line.pm_id.removeprefix("_old_"))
        if line.said is Said.BORN:
            self._asked.clear()
            self._up.clear()
            self._ends.clear()
        elif line.said is Said.STOPPING:
            self._asked.add(key)
            if key in self._ends:  # nothing ends where it only waited to be started again
                self._ends[key] = replace(self._ends[key], asked=True)
        elif line.said is Said.EXITED:
            if len(self._ends) >= _REMEMBERED:
                self._ends.pop(next(iter(self._ends)))
            self._order += 1
            asked = key in self._asked
            self._asked.discard(key)
            self._up.discard(key)
            self._ends[key] = _End(self._order, exit_code(line), asked)


def exit_code(line: Line) -> int | None:
    """Return the exit code, -N for signal N; None: 0 or SIGINT, between which PM2 does not tell."""
    if line.code:
        return line.code
    found = getattr(signal.Signals, line.text, None)
    return None if found in (None, signal.SIGINT) else -int(found)
