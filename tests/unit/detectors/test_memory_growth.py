"""Growing towards a memory limit: leaks are found in time, what is benign is left alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from tests.support.histories import MB, History, service

LIMIT = 300 * MB


def run(level: Callable[[int], float], seconds: int, *, young: bool = False) -> tuple[History, float]:
    """Sample once a second; return the history and the share of the limit at which it was told (0: never)."""
    history = History(service("api", max_memory=LIMIT))
    if young:
        history.put("api", processes=())
        history.spawn("api")
    for second in range(seconds):
        rss = level(second)
        history.sample("api", rss)
        if history.opened:
            return history, rss / LIMIT
        history.wait(1, step=1)
    return history, 0.0


def noisy(level: Callable[[int], float], seed: int = 1) -> Callable[[int], float]:
    chance = random.Random(seed)
    return lambda second: level(second) + chance.uniform(0, 2) * MB


@pytest.mark.parametrize("mb_per_s", [0.5, 1, 2, 5, 10])
def test_a_leak_is_told_before_the_limit(mb_per_s: float) -> None:
    history, share = run(noisy(lambda s: (60 + mb_per_s * s) * MB), 600)
    assert history.open == ["memory_growth of api"]
    assert 0.6 <= share < 0.95


def test_a_leak_under_a_sawtooth_is_told() -> None:
    _, share = run(noisy(lambda s: (100 + 1.0 * s + (s % 5) * 6) * MB), 400)
    assert 0.6 <= share < 1.0


BENIGN: dict[str, Callable[[int], float]] = {
    "flat and high": lambda s: 250 * MB,
    "warm-up": lambda s: 255 * MB * (1 - math.exp(-s / 15)),
    "warm-up that takes long": lambda s: 255 * MB * (1 - math.exp(-s / 60)),
    "one step": lambda s: (80 if s < 60 else 240) * MB,
    "three steps": lambda s: (100 + 50 * min(s // 40, 3)) * MB,
    "a spike": lambda s: (290 if s == 60 else 200) * MB,
    "grows and stays below": lambda s: min(60 + s, 170) * MB,
    "a garbage collector's teeth": lambda s: (150 + (s % 8) * 10) * MB,
    "falls": lambda s: max(280 - s, 50) * MB,
}


@pytest.mark.parametrize("name", BENIGN)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_benign_is_left_alone(name: str, seed: int) -> None:
    history, share = run(noisy(BENIGN[name], seed), 400, young=name.startswith("warm-up"))
    assert (history.open, share) == ([], 0.0)


def test_at_the_limit_no_forecast_is_needed() -> None:
    history, _ = run(lambda s: 290 * MB if s >= 20 else 100 * MB, 40)
    assert history.open == ["memory_growth of api"]


def test_without_a_limit_nothing_is_forecast() -> None:
    history = History(service("api"))
    for second in range(200):
        history.sample("api", second * 10 * MB)
        history.wait(1, step=1)
    assert history.told == []


def test_it_is_told_once_for_a_process() -> None:
    history, _ = run(lambda s: (100 + 2 * s) * MB, 200)
    history.mend(mended=False)
    for second in range(30):
        history.sample("api", (220 + second) * MB)
        history.wait(1, step=1)
    assert len(history.opened) == 1


def test_every_worker_by_itself() -> None:
    history = History(service("api", max_memory=LIMIT, instances=2))
    for second in range(200):
        history.sample("api", (100 + 2 * second) * MB)
        history.wait(1, step=1)
    assert len(history.opened) == 1
    assert len({symptom.process for symptom in history.only().symptoms}) == 2


def test_zombies_have_no_memory() -> None:
    history = History(service("api", max_memory=LIMIT))
    for _ in range(50):
        history.sample("api", 299 * MB, state="Z")
    assert history.told == []
