"""A series that hardly moves: most threads, descriptors and idle services. A few numbers, where a busy series needs many.

What was seen while it was learnt is usual; what stays far outside of that is another level, which is then learnt.

    still = Still(least=16)
    shift = still.add(at, value)        # at regular intervals
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """It is on another level."""

    at: float
    since: float
    value: float
    low: float
    high: float
    """Between these it lay before."""


class Still:
    """One series."""

    __slots__ = ("_count", "_lasts", "_least", "_outside", "_since", "_warmup", "high", "low")

    def __init__(self, least: float, *, warmup: int = 60, lasts: int = 6) -> None:
        """`least`: how far outside it must be; `warmup`: values to learn from; `lasts`: values in a row outside."""
        self._least, self._warmup, self._lasts = least, warmup, lasts
        self._begin()

    def _begin(self) -> None:
        self.low, self.high = math.inf, -math.inf
        self._count = self._outside = 0
        self._since = 0.0

    @property
    def learnt(self) -> bool:
        """Tell whether it is known what is usual."""
        return self._count >= self._warmup

    @property
    def spread(self) -> float:
        """How far apart the values were while it was learnt."""
        return max(0.0, self.high - self.low)

    def add(self, at: float, value: float) -> Shift | None:
        """Take one value; return that it is on another level, once. Never raises."""
        if not (math.isfinite(at) and math.isfinite(value)):
            return None
        if not self.learnt:
            self._count += 1
            self.low, self.high = min(self.low, value), max(self.high, value)
            return None
        if self.low - self._least <= value <= self.high + self._least:
            self._outside = 0
            return None
        self._since = self._since if self._outside else at
        self._outside += 1
        if self._outside < self._lasts:
            return None
        shift = Shift(at=at, since=self._since, value=value, low=self.low, high=self.high)
        self._begin()
        return shift
