"""Logs without any times: their last words are placed by the deaths that they caused.

A program that trips writes why, and ends; its supervisor writes when. Where a log has as many last words as its unit died,
each belongs to one death; so does each error, where there are as many of them. Otherwise only the last of the last words
is placed, if the log was last written when the unit last died. All other errors are counted, and nobody says when.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from opsagent.replay.lines import BAD, LogSource, Totals, seen_of
from opsagent.replay.words import Beat, Seen, Unread
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.past import Reading, read
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.logs.reading import LineReader

_LOOK_LINES = 400
"""A log without a time in its first lines has none."""
_LAST_WORDS = 20_000
_CLOSE_S = 10.0


def has_times(source: LogSource) -> bool:
    """Tell whether the lines of a log say when they were written, by the first lines of its files."""
    for file in reversed(source.files):
        reader: LineReader = source.times.reader(file).lines
        for lines in read(file, source.uid, Reading()):
            if any(reader.read(line).at is not None for line in lines[:_LOOK_LINES]):
                return True
            break
    return not any(file.size for file in source.files)


class Untimed:
    """Reads one such log, at once."""

    def __init__(self, source: LogSource, totals: Totals) -> None:
        self.source = source
        self.errors: dict[str, Seen] = {}
        """What nobody says the time of, with counts."""
        self._signed_off: list[Seen] = []
        self._traces: list[Seen] = []
        self._all: list[Seen] = []
        self._read(totals)

    def placed(self, deaths: Sequence[float]) -> list[Beat]:
        """Return the last words as beats at the deaths of the unit that they belong to."""
        words = self._signed_off or self._traces
        pairs: list[tuple[float, Seen]] = []
        if words and len(words) == len(deaths):
            pairs = list(zip(deaths, words, strict=True))
        elif self._all and len(self._all) == len(deaths):  # one error, and the end of it, each time
            pairs = list(zip(deaths, self._all, strict=True))
        elif words and deaths and abs(self.source.files[-1].mtime - deaths[-1]) <= _CLOSE_S:
            pairs = [(deaths[-1], words[-1])]
        for _, seen in pairs:
            self._take_away(seen.key)
        return [Beat(self.source.unit, float(int(at)), 0, {seen.key: replace(seen, count=1)}) for at, seen in pairs]

    def _take_away(self, key: str) -> None:
        left = self.errors.get(key)
        if left is not None:
            left.count -= 1
            if left.count <= 0:
                del self.errors[key]

    def _read(self, totals: Totals) -> None:
        noted = self.source.read
        for file in self.source.files:
            pipeline = LogPipeline(totals.miner, self.source.times.reader(file))
            reading, before = Reading(), 0
            for lines in read(file, self.source.uid, reading):
                for event in pipeline.take(lines):
                    self._take(event)
                totals.progress(0, reading.lines - before)
                before = reading.lines
            for event in pipeline.flush():
                self._take(event)
            noted.files += 1
            noted.lines += reading.lines
            noted.bytes += reading.bytes
            totals.progress(file.size, 0)
            if reading.problem:
                totals.unread.append(Unread(os.fspath(file.path), reading.problem))
        noted.times = "unsure" if noted.lines else "none"
        if noted.lines:
            noted.last = self.source.files[-1].mtime

    def _take(self, event: LogEvent) -> None:
        if event.level in BAD and event.signature is not None:
            self.source.read.errors += 1
            seen = self.errors.get(event.signature.key)
            if seen is None:
                seen = self.errors[event.signature.key] = seen_of(event)
            else:
                seen.count += 1
            _bounded(self._all, seen)
            if event.trace is not None and event.level == "fatal":
                _bounded(self._signed_off, seen)
            elif (
                event.trace is not None and event.trace.language != "node"
            ):  # Node's own end is told from a caught error
                _bounded(self._traces, seen)


def _bounded(words: list[Seen], seen: Seen) -> None:
    words.append(seen)
    if len(words) > _LAST_WORDS:
        del words[: _LAST_WORDS // 2]
