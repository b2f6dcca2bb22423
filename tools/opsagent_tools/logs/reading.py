"""Reads the lines of one source: what each says without its header, when, and how bad it is.

What is read depends on the line alone; that a source keeps to one format only makes it quick. Nothing is raised for
any bytes. `EventReader` joins the lines of a stack trace into one event; nothing of a source is lost by that, at worst
a trace becomes several events (two processes that write into one file at a time).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from opsagent_tools.logs import json_lines
from opsagent_tools.logs.columns import ColumnReader
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.header import (
    ACCESS,
    BARE,
    CLOCK,
    FIRST_CHARS,
    HEADER_CHARS,
    LEVELS,
    PRIORITIES,
    HeadKind,
    starting_with,
)
from opsagent_tools.logs.joining import Joiner
from opsagent_tools.logs.logfmt import parse_pairs, says_pairs
from opsagent_tools.logs.shape import level_by_shape
from opsagent_tools.logs.when import Moments

LONGEST = 64 * 1024
"""Characters of a line that are read; no message is longer."""
_KEY = 64
"""Characters of the first key of logfmt."""
_STAMP = 40
"""Characters of a stamp."""
_INDENT = frozenset(" \t")
_NESTED = 3
"""Headers in one line: that of a container, of a supervisor, and the application's own."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class LineReader:
    """Reads one source's lines, each by itself. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: when the lines that are read arrive; it settles what their stamps leave open (zone, year)."""
        self.format = ""
        """The format of the last header that was recognised, as an example (`2026-01-31 23:59:59`); empty: none yet."""
        self.body = ""
        """The last line that was read, without its header but with its indentation."""
        self.stated = False
        """Whether the header of that line stated a level."""
        self.in_trace = False
        """Whether a trace is being read: its indented lines are not asked for a level of their own."""
        self.introduces = False
        """Whether that line is but the first of two: when and where, the level and the message on the next one."""
        self.usual: re.Match[str] | None = None
        """How the header of that line was recognised, if it is the one that lines of this source had before, and the line
        neither JSON nor logfmt: then it was read as `repeats.py` expects. Else None."""
        self.whole = ""
        """That line, if it is neither JSON nor logfmt and no header was found wanting; else empty."""
        self.level = ""
        """The level of that line, stated or by its shape."""
        self.asked: list[tuple[HeadKind, re.Match[str], int]] = []
        """The stamps of that line whose moment was asked for (but for `usual`'s), and where the text that they were
        searched in begins; -1: it is an end of the line."""
        self.moments = Moments(clock)
        """What settles the stamps; of several headers in one line, the outermost counts."""
        self._heads: list[HeadKind | None] = [None] * _NESTED
        self._behind: list[HeadKind | None] = [None] * _NESTED
        """The same for what stands behind columns."""
        self._columns, self._more_columns = ColumnReader(), ColumnReader()
        self._stamps: tuple[HeadKind, ...] = ()

    @property
    def head(self) -> HeadKind | None:
        """The kind of the header that is tried first."""
        return self._heads[0]

    @property
    def offset_s(self) -> int:
        """Seconds that stamps without a zone are taken to be ahead of UTC; inferred from when the lines arrive."""
        return self.moments.offset_s

    @property
    def offset_inferred(self) -> bool:
        """Whether lines have confirmed `offset_s`; else it is the machine's own."""
        return self.moments.inferred

    def arrive(self, at: float | None) -> None:
        """Say when the lines that are read next were written at the latest; None: they arrive as they are read."""
        self.moments.arrived = at

    def learn_offset(self, line: bytes, at: float) -> bool:
        """Infer the offset from a line that is known to have been written at `at`: the last one of a file with its
        mtime. Return False if it has no stamp that leaves its zone open.
        """
        text = self._text(line)
        for kind in starting_with(text[:1]):
            found = kind.begin.match(text)
            if found is not None:
                if kind.stamp.absolute or (found[3] and not kind.stamp.year_behind):
                    return False
                self.moments.learn(kind.stamp, found[1], at)
                return True
        return False

    def read(self, raw: bytes) -> LogEvent:
        """Return what one line says. Never raises."""
        self.usual, self.whole, self.asked = None, "", []
        text = raw.decode("utf-8", "replace")
        if len(text) > LONGEST:
            text = text[:LONGEST]
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        first = text[:1]
        if first == "{" or first == " " or first == "\t":  # noqa: PLR1714  quicker than a set
            return self._headless(text)
        kind = self._heads[0]
        found = kind.pattern.match(text, 0, HEADER_CHARS) if kind is not None else None
        last = found.lastindex or 0 if found is not None else 0
        if kind is not None and found is not None and (last > 3 or (kind.alone and not _may_begin(text, found.end()))):
            # What most lines of most sources are: the header that the last one had, and no other one behind it.
            at, level, start = self.moments.at(kind.stamp, *found.group(1, 2, 3)), "", found.end()
            if last > 3:
                level = LEVELS.get(found[last], "")
            elif not kind.stamp.syslog:
                at, level, start = self._past_columns(text, at, start)
            self.introduces, self.usual = False, found
        else:
            if (
                text.find("=", 0, _KEY) > 0
                and says_pairs(text)
                and (said := self._structured(text, None, "")) is not None
            ):
                self.introduces = False
                return said
            at, level, start = self._peel(text, found)
            if not level and not (found is not None and kind is not None and kind.stamp.syslog):
                at, level, start = self._past_columns(text, at, start)
        self.stated = level != ""
        body = text[start:]
        if body[:1] == "{" or (not level and body.find("=", 0, _KEY) > 0 and says_pairs(body)):
            said = self._structured(body, at, level)
            if said is not None:
                return said
        self.body, self.whole = body, text
        if not level and not (self.in_trace and body[:1] in _INDENT):
            level = level_by_shape(body)
        self.level = level
        return LogEvent(at, level, body.strip())

    def _headless(self, text: str) -> LogEvent:
        """Read a line that is JSON, or indented: no header begins so."""
        self.introduces = False
        if text[0] == "{":
            said = self._structured(text, None, "")
            if said is not None:
                return said
        self.stated, self.body = False, text
        return LogEvent(None, "" if self.in_trace else level_by_shape(text), text.strip())

    def _peel(self, text: str, found: re.Match[str] | None) -> tuple[float | None, str, int]:
        """Return when, the level ("": it states none), and where the message begins."""
        at: float | None = None
        level, start, bare = "", 0, False
        self.introduces = False
        for depth in range(_NESTED):
            kind = self._heads[depth]
            if depth:
                found = kind.pattern.match(text, start, start + HEADER_CHARS) if kind is not None else None
            if kind is None or found is None:
                if not (bare and text[start : start + 1] in FIRST_CHARS) and not _may_begin(text, start):
                    break
                kind, found = self._search(text, start, depth)
            if kind is None or found is None:
                more = self._unstamped(text, start, level)
                if more is None:
                    break
                level, start = more
                bare = True
                continue
            last = found.lastindex
            if last is not None and last > 3 and not level:
                level = LEVELS.get(found[last], "")
            elif kind.lettered:
                level = LEVELS.get(text[start], "")
            if at is None:
                self.asked.append((kind, found, -1))
                at = self.moments.at(kind.stamp, *found.group(1, 2, 3))
            start = found.end()
            if level:
                break
            self.introduces = kind.stamp.introduces
        return at, level, start

    def _past_columns(self, text: str, at: float | None, start: int) -> tuple[float | None, str, int]:
        """Go on behind what a collector wrote before the line, where it did."""
        found = self._columns.read(text, start)
        if found is None:
            return at, "", start
        if at is None and found.stamp >= 0:
            at = self._stamp_at(text[found.stamp : found.stamp + _STAMP], found.stamp)
        if found.stamped:
            rest = text[found.end :]
            self._heads, self._behind = self._behind, self._heads
            head = self._heads[0]
            stamped, level, more = self._peel(rest, head.pattern.match(rest) if head is not None else None)
            self._heads, self._behind = self._behind, self._heads
            at, start = stamped if at is None else at, found.end + more
            if level or not more:
                return at, level, start
            found = self._more_columns.read(text, start)
            if found is None or found.stamped:
                return at, "", start
        return at, *(self._unstamped(text, found.end, "") or ("", found.end))

    def _stamp_at(self, text: str, start: int) -> float | None:
        """Return the moment of the stamp that a text begins with. `start`: where it begins in its line."""
        for kind in (*self._stamps, *starting_with(text[:1])):
            found = kind.begin.match(text)
            if found is not None:
                self._stamps = (kind,)
                self.asked.append((kind, found, start))
                if kind.stamp.absolute:
                    return float(f"{found[1]}.{found[2] or 0}")
                return self.moments.at(kind.stamp, *found.group(1, 2, 3))
        return None

    def _text(self, raw: bytes) -> str:
        text = raw.decode("utf-8", "replace")
        if len(text) > LONGEST:
            text = text[:LONGEST]
        return _ANSI.sub("", text) if "\x1b" in text else text

    def _search(self, text: str, start: int, depth: int) -> tuple[HeadKind | None, re.Match[str] | None]:
        for kind in starting_with(text[start]) if CLOCK.match(text, start) else ():
            if kind.begin.match(text, start) is None:
                continue
            found = kind.pattern.match(text, start, start + HEADER_CHARS)
            if found is not None:
                self._heads[depth] = kind
                if not depth or not self.format:
                    self.format = kind.stamp.name
                return kind, found
        if '] "' in text and not start:
            found = ACCESS.pattern.match(text, 0, HEADER_CHARS)
            if found is not None:
                self.format = "access log"
                return ACCESS, found
        return None, None

    def _unstamped(self, text: str, start: int, level: str) -> tuple[str, int] | None:
        """Return level and begin of the rest where a header without a stamp stands; None where there is none."""
        found = BARE.match(text, start, start + HEADER_CHARS)
        if found is None or found.end() == start or (start and found.lastgroup == "lower"):
            return None
        last = found.lastgroup
        if last == "pri":
            level = level or PRIORITIES[int(found["pri"]) & 7]
        elif last is not None and not level:
            level = LEVELS.get(found[last], "")
        return level, found.end()

    def _structured(self, body: str, at: float | None, level: str) -> LogEvent | None:
        """Return what a line of JSON or logfmt says; None if it is none."""
        if body[:1] == "{":
            data = json_lines.parse_object(body)
            if data is not None and json_lines.is_docker(data):
                return self._unwrapped(data["log"], data.get("time"))
        else:
            data = dict(pairs) if (pairs := parse_pairs(body)) is not None else None
        if data is None:
            return None
        self.usual = None
        said = json_lines.read_object(data, self._stamped)
        if not level:
            self.format = "JSON" if body[:1] == "{" else "logfmt"
        self.stated, self.body = True, said.message
        level = said.level or level or ("error" if said.trace is not None else level_by_shape(said.message))
        return LogEvent(said.at if said.at is not None else at, level, said.message, trace=said.trace)

    def _unwrapped(self, line: str, stamp: object) -> LogEvent:
        """Return what a line says that docker wrapped."""
        event = self.read(line.rstrip("\r\n").encode("utf-8", "replace"))
        if event.at is None and isinstance(stamp, str):
            event.at = self._stamped(stamp)
        return event

    def _stamped(self, stamp: str) -> float | None:
        """Return the moment of a stamp that stands by itself."""
        text = f"{stamp[:40]} "
        for kind in starting_with(text[0]):
            found = kind.begin.match(text)
            if found is not None:
                return self.moments.at(kind.stamp, *found.group(1, 2, 3))
        return None


class EventReader:
    """Reads one source's lines and joins the lines of a stack trace into one event. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: as for `LineReader`."""
        self.lines = LineReader(clock)
        self.joiner = Joiner()

    def take(self, lines: Sequence[bytes], arrived: float | None = None) -> list[LogEvent]:
        """Return the events that are complete with these lines, in order; empty lines are none.

        The last event is held back until another one begins: it may be the head of a trace. `arrived`: when the lines
        were written at the latest (the mtime of an old file); None: now.
        """
        self.lines.arrive(arrived)
        events: list[LogEvent] = []
        for line in lines:
            self.add(line, events)
        return events

    def add(self, line: bytes, events: list[LogEvent]) -> None:
        """Read one more line; put the events that are complete with it behind `events`."""
        reader, joiner = self.lines, self.joiner
        reader.in_trace = joiner.busy
        event = reader.read(line)
        if reader.introduces:
            joiner.introduce(event, events)
        elif joiner.busy or not (reader.stated or joiner.is_plain(event, reader.body)):
            joiner.add(event, reader.body, reader.stated, events)
        else:
            if joiner.last is not None:
                events.append(joiner.last)
            joiner.hold(event, reader.body, reader.stated)

    def flush(self) -> list[LogEvent]:
        """Return what was held back as the possible beginning of a trace. Call it when the source was quiet a while."""
        events: list[LogEvent] = []
        self.joiner.flush(events)
        return events


def _may_begin(text: str, start: int) -> bool:
    """Tell whether a header may begin there; within a line only one that does not look like a word."""
    first = text[start : start + 1]
    if not start:
        return first in FIRST_CHARS
    return (
        first in "0123456789[(<" and first != "" if not first.isupper() else not text[start + 1 : start + 2].islower()
    )
