"""supervisord's own log, read for what its interface does not tell: how often it started a process, and which signal
ended it, and whether that was asked for.

The log is text. It decides nothing but counters and exit codes; at log level `debug` programs write into it, so then it
is not read at all.
"""

from __future__ import annotations

import re
import signal
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

TAIL = 128 * 1024
"""Bytes of it that are read."""
_KEPT = 2000
_LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(?P<ms>\d{3}) (?P<level>[A-Z]{4}) (?P<says>.*)")
_SPAWNED = re.compile(r"spawned: '(?P<name>.*)' with pid (?P<pid>\d+)")
_ENDED = re.compile(
    r"(?P<what>exited|stopped): (?P<name>.*) "
    r"\((?:exit status (?P<status>\d+)|terminated by (?P<signal>SIG\w+)(?: \(core dumped\))?)(?:; (?:not )?expected)?\)"
)
_FORGEABLE = frozenset({"DEBG", "TRAC", "BLAT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How one process ended."""

    pid: int
    exit_code: int | None
    """-N for signal N."""
    asked: bool
    """supervisord was told to stop it."""


@dataclass(slots=True)
class _Program:
    spawns: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """When and with which pid, since this supervisord started."""
    ends: dict[int, End] = field(default_factory=dict)
    last: End | None = None


class Chronicle:
    """What the log says of each process, by its name without the group."""

    def __init__(self) -> None:
        self._programs: dict[str, _Program] = {}
        self._after = ""
        """Stamp of the last line that was taken in, with how often it was seen."""
        self._at_after = 0
        self.forgeable = False
        """Programs may write into this log: it tells nothing."""

    def read(self, text: str) -> None:
        """Take in the end of the log; what was read before is not counted twice."""
        lines = [match for line in text.splitlines() if (match := _LINE.fullmatch(line)) is not None]
        if any(match["level"] in _FORGEABLE for match in lines):
            self.forgeable = True
        if self.forgeable:
            self._programs.clear()
            return
        passed = 0
        for match in lines:
            stamp = f"{match['at']},{match['ms']}"
            if stamp < self._after:
                continue
            if stamp == self._after:
                passed += 1
                if passed <= self._at_after:
                    continue
                self._at_after = passed
            else:
                self._after, self._at_after, passed = stamp, 1, 1
            self._line(stamp, match["says"])

    def starts(self, name: str) -> int:
        """Return how often this process was started, as far as the log reaches back."""
        program = self._programs.get(name)
        return len(program.spawns) if program else 0

    def starts_within(self, name: str, seconds: float, now: float) -> int:
        """Return how often it was started lately."""
        program = self._programs.get(name)
        return sum(now - _epoch(stamp) <= seconds for stamp, _ in program.spawns) if program else 0

    def last_end(self, name: str) -> End | None:
        """Return how the process of that name ended that ended last."""
        program = self._programs.get(name)
        return program.last if program else None

    def end_of(self, name: str, pid: int) -> End | None:
        """Return how this very process ended."""
        program = self._programs.get(name)
        return program.ends.get(pid) if program else None

    def forget(self, names: Collection[str]) -> None:
        """Know nothing of names that two processes share: the log does not tell them apart."""
        for name in names:
            self._programs.pop(name, None)

    def _line(self, stamp: str, says: str) -> None:
        if says.startswith("supervisord started with pid "):
            self._programs.clear()
        elif (match := _SPAWNED.fullmatch(says)) is not None:
            program = self._programs.setdefault(match["name"], _Program())
            program.spawns.append((stamp, int(match["pid"])))
        elif (match := _ENDED.fullmatch(says)) is not None:
            self._ended(match)

    def _ended(self, match: re.Match[str]) -> None:
        program = self._programs.setdefault(match["name"], _Program())
        code: int | None = None
        if match["status"] is not None:
            code = int(match["status"])
        elif match["signal"] in signal.Signals.__members__:
            code = -int(signal.Signals[match["signal"]])
        pid = program.spawns[-1][1] if program.spawns else 0
        program.last = End(pid=pid, exit_code=code, asked=match["what"] == "stopped")
        program.ends[pid] = program.last
        if len(program.ends) > _KEPT:
            del program.ends[next(iter(program.ends))]


def _epoch(stamp: str) -> float:
    """Supervisord writes local time; the hour that comes twice a year is read as the later one."""
    return time.mktime(time.strptime(stamp[:19], "%Y-%m-%d %H:%M:%S"))
