"""Reads the lines of one source: what each says without its header, when, and how bad it is.

What is read depends on the line alone; that a source keeps to one format only makes it quick. Nothing is raised for
any bytes. `EventReader` joins the lines of a stack trace into one event; nothing of a source is lost by that, at worst
a trace becomes several events (two processes that write into one file at a time).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.header import ACCESS, HEADS, LEVELS, HeadKind
from opsagent_tools.logs.levels import is_error, level_of
from opsagent_tools.logs.when import Moments

_LONGEST = 64 * 1024
"""Characters of a line that are read; no message is longer."""
_NESTED = 3
"""Headers in one line: that of a container, of a supervisor, and the application's own."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class LineReader:
    """Reads one source's lines, each by itself. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: when the lines that are read arrive; it settles what their stamps leave open (zone, year)."""
        self.moments = Moments(clock)
        self.format = ""
        """The format of the last header that was recognised, as an example (`2026-01-31 23:59:59`); empty: none yet."""
        self._head: HeadKind | None = None

    @property
    def offset_s(self) -> int:
        """Seconds that stamps without a zone are taken to be ahead of UTC; inferred from when the lines arrive."""
        return self.moments.offset_s

    def read(self, raw: bytes) -> LogEvent:
        """Return what one line says. Never raises."""
        text = raw.decode("utf-8", "replace")[:_LONGEST]
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        at, level, start = self.head(text)
        if not level:
            level = _level_by_shape(text)
        return LogEvent(at, level, text[start:].strip())

    def head(self, text: str) -> tuple[float | None, str, int]:
        """Return when, the level ("" if it states none), and where the message begins."""
        kind = self._head
        found = kind.pattern.match(text) if kind is not None else None
        if found is None:
            kind, found = self._search(text)
        if found is None or kind is None:
            return None, "", 0
        sec, fraction, zone = found.group(1, 2, 3)
        last = found.lastindex or 0
        level = LEVELS.get(found[last], "") if last > 3 else ""
        return self.moments.at(kind.stamp, sec, fraction, zone), level, found.end()

    def _search(self, text: str) -> tuple[HeadKind | None, re.Match[str] | None]:
        for kind in HEADS:
            found = kind.pattern.match(text)
            if found is not None:
                self._head, self.format = kind, kind.stamp.name
                return kind, found
        found = ACCESS.pattern.match(text)
        return (ACCESS, found) if found is not None else (None, None)


class EventReader:
    """Reads one source's lines and joins the lines of a stack trace into one event. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: as for `LineReader`."""
        self.lines = LineReader(clock)

    def take(self, lines: Sequence[bytes], arrived: float | None = None) -> list[LogEvent]:
        """Return the events that are complete with these lines, in order; empty lines are none.

        `arrived`: when the lines were written at the latest (the mtime of an old file); None: now.
        """
        self.lines.moments.arrived = arrived
        return [self.lines.read(line) for line in lines if line]

    def flush(self) -> list[LogEvent]:
        """Return what was held back as the possible beginning of a trace. Call it when the source was quiet a while."""
        return []


def _level_by_shape(text: str) -> str:
    """Return the level of a line whose header states none."""
    if "rror" in text or "RROR" in text or "xception" in text or "anic" in text or "FATAL" in text or "atal" in text:
        stated = level_of(text)
        if stated is not None:
            return LEVELS.get(stated, "")
        return "error" if is_error(text) else ""
    return ""
