"""Memory of a garbage-collected process as a curve: the generator that the leak detector was developed on.

Teeth are drawn, not simulated (`heaps.py` simulates, and was not developed on): up from the floor, down at a
collection, with jitter in height, time and in what a collection leaves behind. Under the teeth lies the floor: constant,
with load over the day, steps, a cache that fills, growth that levels off; and, where there is one, the leak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

MIB = float(1 << 20)
HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What one process goes through."""

    seed: int
    hours: float
    per_hour: float = 0.0
    """MiB that leak in an hour; 0: it is well."""
    leaks_from: float = 0.0
    """Seconds after the first sample."""


def teeth(course: Course) -> Iterator[tuple[float, float]]:
    """Yield (seconds, bytes), one sample per 10 to 60 s."""
    random = Random(course.seed)  # noqa: S311  # no secret: the same courses in every run
    every = random.choice((10.0, 15.0, 30.0, 60.0))
    begin = 1.7e9 + random.uniform(0, 24 * HOUR)
    floor, tooth = _floor(random, course), _Tooth(random)
    base, noise = random.uniform(60, 400), random.uniform(0.05, 0.5)
    day, lift = random.uniform(0, 24 * HOUR), random.choice((0.0, random.uniform(0, 3)))
    now = 0.0
    while now < course.hours * HOUR:
        load = math.sin(2 * math.pi * (now + day) / (24 * HOUR))
        leaked = course.per_hour * max(0.0, now - course.leaks_from) / HOUR
        value = base + lift * load + leaked + floor(now) + tooth.step(every, 1.0 + 0.4 * load) + random.gauss(0, noise)
        yield begin + now, max(value, 1.0) * MIB
        now += every


class _Tooth:
    """What stands above the floor; a small heap has small, quick teeth, V8's old space slow ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._height = math.exp(random.uniform(math.log(4), math.log(120)))
        self._period = math.exp(random.uniform(math.log(20), math.log(2400)))
        self._leaves = random.uniform(0.0, 0.06)
        self._above = self._rest = 0.0
        self._turn()

    def step(self, seconds: float, load: float) -> float:
        self._above += self._climb * seconds * load
        if self._above >= self._peak:
            self._turn()
        return self._above

    def _turn(self) -> None:
        """Collect: a part of the height is left behind."""
        self._above = abs(self._random.gauss(0, self._leaves)) * self._height
        self._peak = self._height * self._random.uniform(0.8, 1.2)
        self._climb = self._peak / (self._period * self._random.uniform(0.8, 1.2))


@dataclass(slots=True)
class _Floor:
    """What moves the floor and is harmless."""

    steps: list[tuple[float, float]]
    jobs: list[tuple[float, float, float]]
    fills: tuple[float, float]
    levels_off: tuple[float, float]

    def __call__(self, now: float) -> float:
        value = sum(height for at, height in self.steps if now >= at)
        value += sum(height for begin, end, height in self.jobs if begin <= now < end)
        size, tau = self.fills
        value += size * -math.expm1(-now / tau)
        size, tau = self.levels_off
        return value + size * math.log1p(now / tau)


def _floor(random: Random, course: Course) -> _Floor:
    span = course.hours * HOUR
    steps = [(random.uniform(0, span), random.uniform(5, 100)) for _ in range(random.choice((0, 0, 1, 1, 2)))]
    jobs = []
    if random.random() < 0.4:
        begin = random.uniform(0, span)
        jobs.append((begin, begin + random.uniform(0.3, 1.5) * HOUR, random.uniform(20, 200)))
    fills = (random.choice((0.0, random.uniform(10, 150))), random.uniform(300, 3600))
    levels_off = (random.choice((0.0, random.uniform(3, 15))), random.uniform(120, 1200))
    return _Floor(steps=steps, jobs=jobs, fills=fills, levels_off=levels_off)
