"""A leak in something that is freed again and again: the *floor* of the sawtooth rises, and keeps rising.

Resident memory of a garbage-collected process goes up and down all day; what a leak moves is the level that it comes
back to. The floor is the lowest value of each span of ten minutes; its slope is Theil and Sen's, the median of the
slopes between all pairs (Sen 1968, J. Am. Stat. Assoc. 63:1379), which a few outliers do not move. A step (a deploy, a
cache that fills once) is taken out first, and what is left must grow in every third of the time that was looked at.

How to use it, one per series (a process's RSS, where no limit is known; with a limit, forecast against it instead):

    leak = Leak()
    found = leak.add(at, float(rss))          # at: seconds, any clock that does not jump; every 1 to 60 s
    if found is not None: ...                 # told once; again only after it came down, or doubled

Nothing is said before `LeakSettings.least_s` of samples, and nothing is kept but a few dozen numbers.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

MIB = float(1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakSettings:
    """What counts as a leak."""

    span_s: float = 600.0
    """The floor is the lowest value of each span."""
    spans: int = 24
    """How many floors are kept, and how many make up the longest look back."""
    least: int = 12
    """Nothing is said before so many floors."""
    rate: float = 2 * MIB / 3600
    """Growth below this (units of the value per second) is not told."""
    share: float = 0.0
    """Nor growth below this share of the level over the time looked at."""

    @property
    def least_s(self) -> float:
        """How long it takes at least, seconds."""
        return self.span_s * self.least


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

    __slots__ = ("_floors", "_last", "_low", "_settings", "_span", "_told")

    def __init__(self, settings: LeakSettings | None = None) -> None:
        self._settings = settings or LeakSettings()
        self._floors: deque[float] = deque(maxlen=self._settings.spans)
        self._span: int | None = None
        self._low = math.inf
        self._last = -math.inf
        self._told = 0.0

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
        self._floors.append(self._low)
        self._span, self._low = span, value
        return self._judge(at)

    def _begin(self, span: int) -> None:
        self._floors.clear()
        self._span, self._low, self._told = span, math.inf, 0.0

    def _judge(self, at: float) -> LeakFound | None:
        floors = list(self._floors)
        if len(floors) < self._settings.least:
            return None
        third = len(floors) // 3
        parts = [_slope(part) for part in (floors[:third], floors[third:-third], floors[-third:])]
        slope = _slope(floors)
        if min(parts) <= 0 or slope < self._settings.rate * self._settings.span_s:
            self._told = 0.0 if slope <= 0 else self._told
            return None
        grown = slope * (len(floors) - 1)
        if floors[-1] < 2 * self._told:
            return None
        self._told = floors[-1]
        since = at - self._settings.span_s * len(floors)
        return LeakFound(at=at, since=since, rate=slope / self._settings.span_s, floor=floors[-1], grown=grown)


def _slope(floors: list[float]) -> float:
    """Return Theil and Sen's slope, per span."""
    slopes = [(floors[b] - floors[a]) / (b - a) for a in range(len(floors)) for b in range(a + 1, len(floors))]
    return median(slopes) if slopes else 0.0
