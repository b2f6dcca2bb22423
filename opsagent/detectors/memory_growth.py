"""Resident memory that grows towards its limit: a forecast from the floor of the samples, not from their spikes.

Two scales, each a bounded row of bucket minima. A leak shows as growth of the floor in every third of the row (a cache
that fills once is one step); what slows down, as a warm-up does, is forecast as a curve that levels off. The slope is Theil and Sen's: the median of
all slopes between two buckets, which a few outliers do not move (Sen 1968, J. Am. Stat. Assoc. 63:1379).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Signal
from opsagent.world import World
from opsagent_tools.units import ProcessKey

_SPANS = (9, 15, 30)
"""Numbers of buckets that are looked at: the longer the growth was seen, the further ahead it is believed."""
_RISING = 0.75
"""Share of steps between neighbouring buckets that must go up."""
_FELL = 0.9
"""Memory that fell below this share of its high came down by itself: that high is known to be harmless."""
_ABOVE = 1.02
_ONSET = 0.05
"""Growth has begun once memory is above its floor by this share of what it has grown by now."""


@dataclass(slots=True)
class _Scale:
    """Minima of equal spans of time."""

    width_s: float
    ahead: float
    floors: deque[float] = field(default_factory=lambda: deque(maxlen=_SPANS[-1]))
    bucket: int = -1
    low: float = 0.0

    def add(self, at: float, rss: float) -> None:
        bucket = int(at // self.width_s)
        if bucket == self.bucket:
            self.low = min(self.low, rss)
            return
        if self.bucket >= 0:
            self.floors.append(self.low)
        if bucket - self.bucket > 2:
            self.floors.clear()  # nobody looked for a while
        self.bucket, self.low = bucket, rss

    def reaches(self, limit: float) -> bool:
        """Tell whether the floor, growing as it does, reaches `limit` soon."""
        floors = list(self.floors)
        return any(_reaches(floors[-span:], self.ahead, limit) for span in _SPANS if len(floors) >= span)


@dataclass(slots=True)
class _Growth:
    """One process."""

    scales: tuple[_Scale, ...]
    sure: int = 0
    """Forecasts in a row that say it reaches the limit."""
    full: int = 0
    """Samples in a row near the limit."""
    told: int = 0
    """1: the forecast was told, 2: that it is full."""
    high: float = 0.0
    harmless: float = 0.0
    """The highest level that it came down from by itself (a garbage collector's teeth)."""

    def level(self, rss: float) -> None:
        if rss < _FELL * self.high:
            self.harmless = max(self.harmless, self.high)
            self.high = rss
        self.high = max(self.high, rss)


class MemoryGrowthDetector:
    """Forecasts each process whose limit is known."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._processes: dict[ProcessKey, _Growth] = {}

    def observe(self, sample: Signal, world: World) -> Suspicion | None:
        """Take one sample. Each process is told when a forecast is sure and when it is full, and not again before it
        was well below its limit.
        """
        spec = world.spec(sample.unit) if sample.unit is not None else None
        if spec is None or spec.max_memory is None or sample.process is None or sample.data.get("state") in {"Z", "X"}:
            return None
        rss, limit = float(sample.data.get("rss", 0)), float(spec.max_memory)
        growth = self._processes.get(sample.process)
        if growth is None:
            growth = self._processes[sample.process] = self._begin()
        if sample.at.timestamp() - sample.process.started >= self._config.memory_warmup_s:
            growth.level(rss)
            for scale in growth.scales:
                scale.add(sample.at.timestamp(), rss)
        level = self._level(growth, rss, limit)
        news = level > growth.told
        growth.told = level if rss < self._config.memory_share * limit else max(growth.told, level)
        return _suspicion(sample, world) if news else None

    def _level(self, growth: _Growth, rss: float, limit: float) -> int:
        growth.full = growth.full + 1 if rss >= self._config.memory_full_share * limit else 0
        if growth.full >= self._config.memory_full_samples:
            return 2
        if rss < self._config.memory_share * limit or growth.told or rss < _ABOVE * growth.harmless:
            growth.sure = 0
            return 0
        growth.sure = growth.sure + 1 if any(scale.reaches(limit) for scale in growth.scales) else 0
        return 1 if growth.sure >= self._config.memory_sure_samples else 0

    def forget(self, process: ProcessKey | None) -> None:
        """The process is gone."""
        if process is not None:
            self._processes.pop(process, None)

    def tick(self, world: World) -> None:
        """Let go of processes that no unit has any more."""
        running = {process.key for unit in world.units.values() for process in unit.processes}
        for gone in self._processes.keys() - running:
            del self._processes[gone]

    def _begin(self) -> _Growth:
        widths = (self._config.memory_fast_s, self._config.memory_slow_s)
        return _Growth(scales=tuple(_Scale(width_s=width, ahead=self._config.memory_ahead) for width in widths))


def _reaches(floors: list[float], ahead: float, limit: float) -> bool:
    third = len(floors) // 3
    first, middle, last = (_slope(part) for part in (floors[:third], floors[third:-third], floors[-third:]))
    if min(first, middle, last) <= 0:
        return False
    if sum(b > a for a, b in pairwise(floors)) < _RISING * (len(floors) - 1):
        return False
    growth, horizon = min(_slope(floors), last), ahead * len(floors)
    if last < first:  # it slows down: as a curve that levels off (1 - exp(-t / tau)), not as a line
        tau = 2 / 3 * len(floors) / math.log(first / last)
        horizon = tau * -math.expm1(-horizon / tau)
    return floors[-1] + growth * horizon >= limit


def _suspicion(sample: Signal, world: World) -> Suspicion:
    assert sample.unit is not None
    assert sample.process is not None
    series = world.past(sample.unit).samples.get(sample.process) or [sample]
    onset = _onset([*series, sample])
    symptoms = (onset, sample) if onset is not sample else (sample,)
    return Suspicion(fault=Fault.MEMORY_GROWTH, unit=sample.unit, began_at=onset.at, symptoms=symptoms)


def _onset(series: list[Signal]) -> Signal:
    """Return the last sample before memory left its floor: where the growth began."""
    sizes = [float(sample.data["rss"]) for sample in series]
    floor = min(sizes)
    nearly = floor + _ONSET * (sizes[-1] - floor)
    return next(sample for sample, size in zip(reversed(series), reversed(sizes), strict=True) if size <= nearly)


def _slope(floors: list[float]) -> float:
    """Return Theil and Sen's slope, bytes per bucket."""
    slopes = [(floors[b] - floors[a]) / (b - a) for a in range(len(floors)) for b in range(a + 1, len(floors))]
    return median(slopes) if slopes else 0.0
