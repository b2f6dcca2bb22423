"""What one value costs the detectors of series, beside a plain running mean and deviation in the same run."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from random import Random
from typing import Any

from opsagent_tools.metrics.leak import MIB, Leak
from opsagent_tools.metrics.series import SeriesDetector
from tests.benchmarks.conftest import Figure

VALUES = 20_000
ROUNDS = 5


class Plain:
    """The least that a detector can do: a mean and a deviation that forget."""

    def __init__(self) -> None:
        self.mean = self.off = 0.0

    def add(self, at: float, value: float) -> float:
        distance = value - self.mean
        self.mean += 0.02 * distance
        far = abs(distance) / (self.off + 1e-12)
        self.off += 0.02 * (abs(distance) - self.off)
        return far


def us_per_value(make: Callable[[], Any], samples: list[tuple[float, float]]) -> float:
    """Return the least of some rounds, microseconds of this process's own time per value."""
    best = math.inf
    for _ in range(ROUNDS):
        add = make().add
        gc.collect()
        began = time.process_time()
        for at, value in samples:
            add(at, value)
        best = min(best, time.process_time() - began)
    return 1e6 * best / len(samples)


def bench_a_value(benchmark: Any, figure: Figure) -> None:
    random = Random(1)
    day = [(300.0 * n, 50 + 20 * math.sin(n / 46) + random.gauss(0, 3)) for n in range(VALUES)]
    memory = [(15.0 * n, (100 + n % 40 + random.random()) * MIB) for n in range(VALUES)]
    measured: dict[str, float] = {}

    def measure() -> None:
        measured["plain"] = us_per_value(Plain, day)
        measured["series"] = us_per_value(SeriesDetector, day)
        measured["leak"] = us_per_value(Leak, memory)

    benchmark.pedantic(measure, rounds=1)
    against = "times a running mean and deviation in the same run"
    figure("a value in the series detector, CPU", measured["series"], "µs", bar=20.0)
    figure("a value in the series detector", measured["series"] / measured["plain"], "×", bar=70.0, note=against)
    figure("a sample in the leak detector, every 15 s, CPU", measured["leak"], "µs", bar=20.0)
