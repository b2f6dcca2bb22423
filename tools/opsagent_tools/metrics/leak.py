"""A leak in something that is freed again and again: the *floor* of the sawtooth rises, and keeps rising.

Resident memory of a garbage-collected process goes up and down all day; what a leak moves is the level that it comes
back to. The floor is the lowest value of each span of ten minutes; its slope is Theil and Sen's, the median of the
slopes between all pairs (Sen 1968, J. Am. Stat. Assoc. 63:1379), which a few outliers do not move. A step (a deploy, a
cache that fills once) is taken out first, and what is left must grow in every third of the time that was looked at.

How to use it, one per series (a process's RSS, where no limit is known; with a limit, forecast against it instead):

    leak = Leak()
    found = leak.add(at, float(rss))          # at: seconds, any clock that does not jump; every 1 to 60 s
    if found is not None: ...                 # told once; again when it has grown by four times as much

Nothing is said in the first two and a half hours, and nothing is kept but a few dozen numbers.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

MIB = float(1 << 20)
_STEP = 8.0
"""A move of the floor so many times the usual one is a step."""
_START = 3
"""Spans after the first sample that belong to the start."""
_ENOUGH = 6
"""Floors that make a pace."""
_UNDONE = 0.3
"""A step is undone by what comes back to where it began, but for this share of it."""
_AGAIN = 4.0
"""After a leak was told it must grow by so many times as much to be told again."""
_THIRD = 0.65
"""Each third must bring this share of the line's growth, measured where nothing lower comes after."""
_LASTING = 18
"""A floor that was not left for so many spans lasted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakSettings:
    """What counts as a leak."""

    span_s: float = 600.0
    """The floor is the lowest value of each span."""
    spans: tuple[int, ...] = (15, 18, 21, 24)
    """Over so many floors growth is looked for."""
    rate: float = 3.4 * MIB / 3600
    """Growth below this (units of the value per second) is not told."""
    steady: float = 0.9
    """The later part of what was looked at must grow at this share of the earlier one's pace …"""
    levelling: float = 0.2
    """… times what a logarithm since the first sample would keep of it, to this power (0: a line, 1: a logarithm)."""
    clear: float = 6.0
    """Growth must be so many times what the floors usually lie off the line."""
    sure: int = 2
    """So many spans in a row must say so."""
    remembered: int = 16
    """Of so many times eighteen spans (48 hours) the highest lasting floor is remembered, as harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakFound:
    """A floor that keeps rising."""

    at: float
    since: float
    """From when on it is seen to rise; it may have begun before."""
    rate: float
    """Units of the value per second."""
    floor: float
    """Where the floor is now."""
    grown: float
    """How far it came since then."""

    @property
    def per_hour(self) -> float:
        """Units of the value per hour."""
        return self.rate * 3600.0


class Leak:
    """One series."""

    __slots__ = ("_again", "_count", "_floors", "_harmless", "_last", "_low", "_settings", "_span", "_sure")

    def __init__(self, settings: LeakSettings | None = None) -> None:
        self._settings = settings or LeakSettings()
        self._count = 0
        self._floors: deque[float] = deque(maxlen=2 * max(self._settings.spans))
        self._harmless = _Harmless(self._settings.remembered)
        self._span: int | None = None
        self._low, self._last = math.inf, -math.inf
        self._sure = 0
        self._again = -math.inf

    def add(self, at: float, value: float) -> LeakFound | None:
        """Take one sample: `at` in seconds, `value` in any unit (bytes for memory). Returns a leak once it is sure.

        Never raises: what is not finite is passed over; a gap or a clock that goes back begins anew.
        """
        if not (math.isfinite(at) and math.isfinite(value)):
            return None
        span = int(at // self._settings.span_s)
        if self._span is None or at < self._last or span - self._span > 2:
            self._begin(span)
        self._last = at
        if span == self._span:
            self._low = min(self._low, value)
            return None
        self._count += 1
        self._floors.append(self._low)
        self._harmless.add(self._low)
        self._span, self._low = span, value
        return self._judge(at)

    def _begin(self, span: int) -> None:
        self._floors.clear()
        self._count = 0
        self._harmless = _Harmless(self._settings.remembered)
        self._span, self._low, self._again, self._sure = span, math.inf, -math.inf, 0

    def _judge(self, at: float) -> LeakFound | None:
        floors = list(self._floors)
        line = next((line for line in self._lines(floors)), None)
        if line is None or floors[-1] <= self._harmless.level:
            self._sure = 0
            return None
        self._sure += 1
        if self._sure < self._settings.sure or floors[-1] < self._again:
            return None
        self._again = floors[-1] + _AGAIN * line.grown
        rate = line.slope / self._settings.span_s
        since = at - self._settings.span_s * line.length
        return LeakFound(at=at, since=since, rate=rate, floor=floors[-1], grown=line.grown)

    def _lines(self, floors: list[float]) -> Iterator[_Line]:
        """Yield the lines that show a leak."""
        settings, least = self._settings, self._settings.rate * self._settings.span_s
        for length in settings.spans:
            if length > len(floors) or max(floors[-3:]) - floors[-length] < least * length / 2:
                continue
            smooth = _without_steps(floors[-2 * length :])
            line = _Line.through(smooth[-length:])
            if line.slope < least or not line.rises(settings.clear):
                continue
            half, before = length // 2, len(smooth) - length + 1
            if self._goes_on(smooth[-length:], half) and (before < _ENOUGH or self._goes_on(smooth, before)):
                yield line

    def _goes_on(self, floors: list[float], first: int) -> bool:
        """Tell whether what follows on the `first` floors grows at their pace, rather than as a logarithm would."""
        begin = self._count - len(floors) + _START
        middle, end = begin + first, self._count + _START
        kept = math.log(end / middle) / (end - middle) / (math.log(middle / begin) / first)
        pace = self._settings.steady * math.pow(kept, self._settings.levelling) * _slope(floors[:first])
        return _slope(floors[first:]) >= pace


class _Harmless:
    """The highest floor that lasted and was left again: what only comes back to it (by day, each day) does not leak."""

    __slots__ = ("_count", "_low", "_past")

    def __init__(self, remembered: int) -> None:
        self._past: deque[float] = deque(maxlen=remembered)
        self._low, self._count = math.inf, 0

    @property
    def level(self) -> float:
        return max(self._past, default=-math.inf)

    def add(self, floor: float) -> None:
        self._low = min(self._low, floor)
        self._count += 1
        if self._count == _LASTING:
            self._past.append(self._low)
            self._low, self._count = math.inf, 0


@dataclass(frozen=True, slots=True)
class _Line:
    """A line through floors, and how well it tells of them."""

    floors: list[float]
    slope: float
    off: float

    @classmethod
    def through(cls, floors: list[float]) -> _Line:
        slope = _slope(floors)
        bases = [floor - slope * number for number, floor in enumerate(floors)]
        middle = median(bases)
        return cls(floors, slope, median([abs(base - middle) for base in bases]))

    @property
    def length(self) -> int:
        return len(self.floors)

    @property
    def grown(self) -> float:
        return self.slope * (self.length - 1)

    def rises(self, clear: float) -> bool:
        """Tell whether it rises clearly, and in every third."""
        if self.grown < clear * self.off:
            return False
        floors, third = self.floors, self.length // 3
        lowest = list(accumulate(reversed(floors), min))[::-1]
        thirds = (lowest[third] - lowest[0], lowest[2 * third] - lowest[third], floors[-1] - lowest[2 * third])
        return min(thirds) >= _THIRD * self.slope * third


def _without_steps(floors: list[float]) -> list[float]:
    """Return the floors with steps taken out: moves up far beyond the usual; and the way back, where one is undone."""
    moves = [b - a for a, b in pairwise(floors)]
    middle = median(moves)
    most = _STEP * median([abs(move - middle) for move in moves]) + abs(middle)
    smooth, offset = [floors[0]], 0.0
    steps: list[tuple[float, float, float]] = []
    for (before, floor), move in zip(pairwise(floors), moves, strict=True):
        if move - middle > most:
            steps.append((before, move, offset))
            offset += move - max(middle, 0.0)
        elif move < 0 and steps and abs(floor - steps[-1][0]) <= _UNDONE * steps[-1][1]:
            offset = steps.pop()[2]
        smooth.append(floor - offset)
    return smooth


def _slope(floors: list[float]) -> float:
    """Return Theil and Sen's slope, per span."""
    pairs = [(floors[b] - floors[a]) / (b - a) for a in range(len(floors)) for b in range(a + 1, len(floors))]
    return median(pairs) if pairs else 0.0
