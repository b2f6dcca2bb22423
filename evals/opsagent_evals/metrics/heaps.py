"""Memory of a process as its allocator makes it: the generator that the leak detector was *not* developed on.

Where `teeth.py` draws curves, this one keeps books of a heap: requests arrive in bursts (more by day, none to speak of
at night, a few very large), allocate, live for a while and die; a young generation is collected when it is full, an old
one when it has grown by a share (V8), or objects are freed at once and arenas only now and then given back (CPython).
Caches are LRU with a bound and fill as keys come; a release exchanges the code; a nightly job takes a working set and
gives it back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from opsagent_evals.metrics.teeth import HOUR, MIB, Course


def heaps(course: Course) -> Iterator[tuple[float, float]]:
    """Yield (seconds, bytes), one sample per 10 to 60 s."""
    random = Random(course.seed)  # noqa: S311  # no secret: the same courses in every run
    every = random.choice((10.0, 20.0, 60.0))
    begin = 1.7e9 + random.uniform(0, 24 * HOUR)
    heap: _Collected | _Counted = _Collected(random) if random.random() < 0.6 else _Counted(random)
    rate, code = math.exp(random.uniform(math.log(0.02), math.log(2))), random.uniform(30, 250)
    cache, extra = _Cache(random, rate), _Extra(random, course.hours * HOUR)
    day = random.uniform(0, 24 * HOUR)
    now = 0.0
    while now < course.hours * HOUR:
        load = rate * (1.0 + 0.6 * math.sin(2 * math.pi * (now + day) / (24 * HOUR))) * random.gammavariate(3, 1 / 3)
        leaked = course.per_hour * max(0.0, now - course.leaks_from) / HOUR
        resident = heap.step(every, load) + cache.step(every * load) + leaked + code + extra.at(now)
        yield begin + now, resident * MIB
        now += every


class _Collected:
    """A heap with generations."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._live = random.uniform(10, 120)
        self._young = self._old = 0.0
        self._young_size = random.choice((2.0, 8.0, 16.0, 32.0))
        self._survive = random.uniform(0.02, 0.2)
        self._grow = random.uniform(1.2, 1.8)
        self._at_least, self._since = random.uniform(600, 3600), 0.0
        """V8's memory reducer: a quiet heap is collected, too."""

    def step(self, seconds: float, load: float) -> float:
        self._young += load * seconds * self._random.uniform(0.8, 1.2)
        if self._young >= self._young_size:
            self._old += self._survive * self._young
            self._young = 0.0
        self._since += seconds
        if self._old > self._live * (self._grow - 1) or self._since > self._at_least:
            self._since = 0.0
            self._old = self._live * abs(self._random.gauss(0, 0.02))
        return self._live + self._young + self._old


class _Counted:
    """Freed at once; arenas with a hole in them stay."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._live = random.uniform(10, 80)
        self._held = 0.0
        self._sticks = random.uniform(0.0, 0.5)

    def step(self, seconds: float, load: float) -> float:
        burst = load * self._random.expovariate(1 / 8)
        self._held += (max(burst, self._sticks * self._held) - self._held) * min(1.0, seconds / 60)
        return self._live + self._held + self._random.gauss(0, 0.1)


class _Cache:
    """Bounded; what is asked for often is in it soon, the rest takes ever longer."""

    def __init__(self, random: Random, rate: float) -> None:
        self._bound = random.choice((0.0, random.uniform(5, 100)))
        self._needs = rate * random.uniform(120, 3600)
        """Requests until it is half full."""
        self._asked = 0.0

    def step(self, requests: float) -> float:
        self._asked += requests
        return self._bound * self._asked / (self._asked + self._needs)


class _Extra:
    """Releases and nightly jobs."""

    def __init__(self, random: Random, span: float) -> None:
        self._releases = [
            (random.uniform(0, span), random.uniform(-15, 60)) for _ in range(random.choice((0, 0, 1, 3)))
        ]
        self._job = (random.uniform(0, span), random.uniform(600, 5400), random.choice((0.0, random.uniform(10, 150))))

    def at(self, now: float) -> float:
        value = sum(height for at, height in self._releases if now >= at)
        begin, length, size = self._job
        done = (now - begin) / length
        return value + (size * math.sin(math.pi * done) if 0 < done < 1 else 0.0)
