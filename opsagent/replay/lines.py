"""One log of the past as beats: what it logged within each second, with its files one after the other.

Times never go back within a log: a line from before the last one has the last one's time, and one that jumps far ahead is
only believed when the next one agrees. A line without a time has that of the line before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from opsagent.replay.words import Beat, Seen, SourceRead, Unread
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.past import PastFile, Reading, read
from opsagent_tools.logs.past_times import PastTimes, begins_at
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.units import UnitId

BAD = frozenset({"error", "fatal"})
"""Levels of error lines."""
_JUMP_S = 6 * 3600.0
"""A line this far ahead of the one before is believed when the next one agrees."""
_AGREES_S = 60.0
_WAITING = 1000
"""Events at the beginning of a log that wait for the first one with a time."""
_KEPT_LINE = 2000
_KNOWN_MOST = 50_000
_GO_BACK = 50
"""So many lines in a row that are far behind: a clock was set back, or a file is older than its name says."""


@dataclass(slots=True, kw_only=True)
class Window:
    """Which part of the past is wanted."""

    since: float
    until: float
    now: float


@dataclass(slots=True)
class LogSource:
    """A log to be read: its files, oldest first."""

    unit: UnitId
    read: SourceRead
    files: list[PastFile]
    times: PastTimes
    uid: int | None = None
    """Whose they must be; None: nobody's in particular."""


@dataclass(slots=True)
class Totals:
    """What several sources share while they are read."""

    miner: Miner
    unread: list[Unread] = field(default_factory=list)
    known: dict[UnitId, set[str]] = field(default_factory=dict)
    """Keys of the signatures that each unit has logged."""
    progress: Callable[[int, int], None] = lambda _bytes, _lines: None


class BeatReader:
    """Makes beats of one source."""

    def __init__(self, source: LogSource, totals: Totals, window: Window) -> None:
        self._source, self._totals, self._window = source, totals, window
        self._beat: Beat | None = None
        self._last = 0.0
        self._behind = 0
        self._untimed = 0
        self._timed = 0
        self._ahead: list[tuple[float, LogEvent]] = []
        self._early: list[LogEvent] = []

    def beats(self) -> Iterator[Beat]:
        """Read it all. A source without any times gives none."""
        for file in self._source.files:
            pipeline = LogPipeline(self._totals.miner, self._source.times.reader(file))
            for events in self._events(file, pipeline):
                yield from self._taken(events)
        for at, event in self._ahead:
            yield from self._put(at, event)
        self._ahead.clear()
        if self._beat is not None:
            yield self._beat
        self._finish()

    def _taken(self, events: list[LogEvent]) -> Iterator[Beat]:
        """Take events; those that follow the one before without a surprise, which nearly all do, take the short way."""
        totals, noted = self._totals, self._source.read
        since, until, plain = self._window.since, self._window.until, not (self._ahead or self._early)
        for event in events:
            at = event.at
            if at is None or not plain or not self._last <= at <= self._last + _JUMP_S or not since <= at < until:
                yield from self._take(event)
                plain = not (self._ahead or self._early)
                continue
            self._timed += 1
            self._last = at
            beat, second = self._beat, float(int(at))
            if beat is None or beat.at != second:
                if beat is not None:
                    yield beat
                self._beat = beat = Beat(self._source.unit, second)
            add_to(beat, event, totals, noted)

    def _events(self, file: PastFile, pipeline: LogPipeline) -> Iterator[list[LogEvent]]:
        reading, noted, own = Reading(), self._source.read, 0

        def progress(count: int) -> None:
            self._totals.progress(count, 0)

        start = begins_at(file, self._source.uid, self._source.times.zone, self._window.since)
        progress(start)
        for lines in read(file, self._source.uid, reading, start=start, progress=progress):
            yield pipeline.take(lines)
            self._totals.progress(0, reading.lines - own)
            own = reading.lines
        noted.lines += reading.lines
        noted.files += 1
        noted.bytes += reading.bytes
        yield pipeline.flush()
        if reading.problem:
            self._totals.unread.append(Unread(os.fspath(file.path), reading.problem))

    def _take(self, event: LogEvent) -> Iterator[Beat]:
        at = event.at
        if at is None or at > self._window.now + 86_400:
            yield from self._without_time(event)
            return
        self._timed += 1
        if self._early:
            early, self._early = self._early, []
            for one in early:
                yield from self._put(at, one)
        if self._ahead:
            yield from self._settle(at)
        if self._last and at - self._last > _JUMP_S:
            self._ahead.append((at, event))
            return
        if self._last - at > _JUMP_S:
            self._behind += 1
        yield from self._put(at, event)

    def _without_time(self, event: LogEvent) -> Iterator[Beat]:
        self._untimed += event.lines
        if self._ahead:
            self._ahead.append((self._ahead[-1][0], event))
            if len(self._ahead) > _WAITING:
                yield from self._settle(self._ahead[-1][0])
        elif self._last:
            yield from self._put(self._last, event)
        elif len(self._early) < _WAITING:
            self._early.append(event)

    def _settle(self, at: float) -> Iterator[Beat]:
        """Decide by the next time whether those that were far ahead were right."""
        ahead, self._ahead = self._ahead, []
        right = at >= ahead[0][0] - _AGREES_S
        for when, event in ahead:
            yield from self._put(when if right else self._last, event)

    def _put(self, at: float, event: LogEvent) -> Iterator[Beat]:
        """Add an event to the beat of its second; give the one before, where it is another second."""
        last = self._last
        if at < last:
            at = last
        else:
            self._last = at
        if at < self._window.since or at >= self._window.until:
            return
        beat, second = self._beat, float(int(at))
        if beat is None or beat.at != second:
            if beat is not None:
                yield beat
            beat = self._beat = Beat(self._source.unit, second)
        add_to(beat, event, self._totals, self._source.read)

    def _finish(self) -> None:
        noted, times = self._source.read, self._source.times
        if self._timed:
            stated = not times.zoneless
            noted.offset = "" if stated else times.zone.describe(self._last)
            noted.offset_from = "line" if stated else times.zone.said_by
            noted.times = "own" if self._untimed <= (self._timed + self._untimed) // 20 else "partly"
        elif noted.lines:
            noted.times = "unsure"
        if self._behind >= _GO_BACK:
            words = f"{self._behind} lines are far older than those before them: when they were written is not sure"
            self._totals.unread.append(Unread(noted.name, words))


def add_to(beat: Beat, event: LogEvent, totals: Totals, noted: SourceRead) -> None:
    """Add an event to the beat of its second."""
    beat.lines += event.lines
    signature = event.signature
    if signature is None:
        return
    key, unit = signature.key, beat.unit
    known = totals.known.get(unit)
    if known is None:
        known = totals.known[unit] = set()
    if key not in known:
        if len(known) >= _KNOWN_MOST:
            known.clear()
        known.add(key)
        beat.fresh.append(seen_of(event))
    if event.level in BAD:
        seen = beat.errors.get(key)
        if seen is None:
            beat.errors[key] = seen_of(event)
        else:
            seen.count += 1
        noted.errors += 1


def seen_of(event: LogEvent) -> Seen:
    """Return the first sight of an event's signature."""
    signature = event.signature
    assert signature is not None
    return Seen(
        signature.key, signature.template, event.level, event.message[:_KEPT_LINE], trace=event.trace is not None
    )


def noting(source: LogSource, beats: Iterable[Beat]) -> Iterator[Beat]:
    """Pass the beats on, and take down when the first and the last of them were."""
    noted = source.read
    for beat in beats:
        if noted.first is None:
            noted.first = beat.at
        noted.last = beat.at
        yield beat
