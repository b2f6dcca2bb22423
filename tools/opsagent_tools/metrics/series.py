"""What is unusual in one series of values: another level, a spike, or values that do not follow on what came before.

How to use it, one per series (CPU of a process, its threads, bytes written per second, …):

    detector = SeriesDetector()
    finding = detector.add(at, value)     # at: seconds (Unix time, so that the time of day means something)
    if finding is not None: ...           # finding.kind, .score, .low and .high (what is usual), .since

Quiet by default: nothing in the warm-up, and after a finding nothing for the refractory time, unless it is far
stronger. State is a fixed number of numbers per series, whatever comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What is unusual about it."""

    LEVEL_SHIFT = "level_shift"
    """The values of the last while lie elsewhere than before."""
    SPIKE = "spike"
    """Far outside what is usual, for now."""
    CONTEXT = "context"
    """Nothing unusual by itself, but not after what came before, or not at this time of day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was noticed."""

    kind: FindingKind
    at: float
    value: float
    score: float
    """0 … 1."""
    low: float
    high: float
    """Between these most values lay of late."""
    since: float
    """When it began, as far as can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSettings:
    """How much it takes."""

    threshold: float = 0.9
    warmup: int = 60
    """Points before anything is told."""
    refractory: int = 60
    """Points for which nothing is told after a finding."""


class SeriesDetector:
    """One series."""

    __slots__ = ("_count", "_last", "_level", "_quiet", "_settings", "_spread", "score")

    def __init__(self, settings: SeriesSettings | None = None) -> None:
        self._settings = settings or SeriesSettings()
        self._count = self._quiet = 0
        self._level = self._spread = 0.0
        self._last = -math.inf
        self.score = 0.0
        """Of the last value, 0 … 1."""

    def add(self, at: float, value: float) -> Finding | None:
        """Take one value. Never raises: what is not finite, or older than the last, is passed over."""
        if not (math.isfinite(at) and math.isfinite(value)) or at < self._last:
            return None
        self._last = at
        self._count += 1
        if self._count == 1:
            self._level = value
        off = abs(value - self._level)
        far = off / self._spread if self._spread > 0 else 0.0
        self.score = 1.0 - math.exp(-far / 3.0)
        low, high = self._level - 2 * self._spread, self._level + 2 * self._spread
        gain = max(0.02, 1.0 / self._count)
        self._level += gain * (value - self._level)
        self._spread += gain * (off - self._spread)
        self._quiet -= 1
        if self.score < self._settings.threshold or self._count <= self._settings.warmup or self._quiet > 0:
            return None
        self._quiet = self._settings.refractory
        return Finding(kind=FindingKind.SPIKE, at=at, value=value, score=self.score, low=low, high=high, since=at)
