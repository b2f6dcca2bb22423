"""What is unusual in one series."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.metrics.novelty import Novelty
from opsagent_tools.metrics.rarity import GENERATION, Rarity
from opsagent_tools.metrics.series import QUIET, Finding, FindingKind, SeriesDetector, SeriesSettings
from tests.unit.metrics.weighing import numbers_held

EVERY_S = 300.0
DAY = 288


def told(detector: SeriesDetector, values: list[float], begin: int = 0) -> list[Finding]:
    found = [detector.add((begin + number) * EVERY_S, value) for number, value in enumerate(values)]
    return [one for one in found if one is not None]


def noise(count: int, seed: int = 1, around: float = 50.0, width: float = 2.0) -> list[float]:
    random = Random(seed)
    return [random.gauss(around, width) for _ in range(count)]


def by_day(count: int, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [50 + 20 * math.sin(2 * math.pi * number / DAY) + random.gauss(0, 1) for number in range(count)]


def test_a_spike_is_told_once_and_as_one() -> None:
    detector = SeriesDetector(QUIET)
    assert not told(detector, noise(2000))
    (found,) = told(detector, [400.0, 420.0, 410.0, *noise(50, seed=2)], begin=2000)
    assert found.kind is FindingKind.SPIKE
    assert (found.at, found.since, found.value) == (2006 * EVERY_S, 2000 * EVERY_S, 400.0)
    assert found.low < 50 < found.high < 100
    assert 0.5 <= found.score <= 1


@pytest.mark.parametrize("level", [60.0, 75.0, 5.0])
def test_another_level_is_told_as_one_and_since_when(level: float) -> None:
    detector = SeriesDetector(QUIET)
    assert not told(detector, noise(2000))
    (found,) = told(detector, [level] * 100, begin=2000)
    assert found.kind is FindingKind.LEVEL_SHIFT
    assert (found.since, found.value) == (2000 * EVERY_S, level)
    assert 2000 * EVERY_S < found.at <= 2030 * EVERY_S


def test_by_default_a_finding_is_told_at_once() -> None:
    detector = SeriesDetector()
    told(detector, [7.0] * 2000)
    found = detector.add(2000 * EVERY_S, 9.0)
    assert found is not None
    assert (found.kind, found.at) == (FindingKind.SPIKE, 2000 * EVERY_S)


def test_what_breaks_a_pattern_within_the_usual_range_is_told_as_context() -> None:
    pattern = [10.0, 20.0, 30.0, 40.0]
    detector = SeriesDetector()
    assert not told(detector, pattern * 500)
    (found,) = told(detector, [10.0, 40.0, 10.0, 40.0, 20.0, 40.0, *[25.0] * 60], begin=2000)
    assert found.kind is FindingKind.CONTEXT


def test_the_same_value_at_another_time_of_day_is_more_unusual() -> None:
    usual, unusual = Novelty(), Novelty()
    values = by_day(DAY * 6)
    for number, value in enumerate(values):
        usual.add(number * EVERY_S, value)
        unusual.add(number * EVERY_S, value)
    begin = DAY * 6
    morning, evening = values[: DAY // 2], values[DAY // 2 : DAY]
    as_always = sum(usual.add((begin + number) * EVERY_S, value) for number, value in enumerate(morning))
    not_so = sum(unusual.add((begin + number) * EVERY_S, value) for number, value in enumerate(evening))
    assert not_so > 1.5 * as_always


@pytest.mark.parametrize("make", [noise, by_day], ids=["noise", "days"])
def test_what_is_as_always_is_told_of_at_most_rarely(make: Callable[[int, int], list[float]]) -> None:
    assert sum(len(told(SeriesDetector(), make(DAY * 7, seed))) for seed in range(8)) <= 24  # in 56 days
    assert not sum(len(told(SeriesDetector(QUIET), make(DAY * 7, seed))) for seed in range(8))


def test_a_series_that_does_not_move_is_never_told_and_its_first_move_is() -> None:
    detector = SeriesDetector()
    assert not told(detector, [7.0] * 3000)
    assert told(detector, [9.0] * 30, begin=3000)


def test_nothing_is_told_in_the_warm_up() -> None:
    assert not told(SeriesDetector(SeriesSettings(warmup=500)), [*noise(400), 1e6, 1e6, -1e6])


def test_nothing_is_told_in_the_refractory_time() -> None:
    wild = [Random(number).choice((1.0, 900.0 + number)) for number in range(600)]
    detector = SeriesDetector(SeriesSettings(refractory=200))
    told(detector, noise(1000))
    found = told(detector, wild, begin=1000)
    assert found
    assert all(b.at - a.at > 200 * EVERY_S for a, b in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=300))
def test_it_never_raises(samples: list[tuple[float, float]]) -> None:
    detector = SeriesDetector(SeriesSettings(warmup=0, refractory=0, digits=0.1))
    patient = SeriesDetector(SeriesSettings(warmup=0, refractory=3, digits=0.1, wait=2))
    for at, value in samples:
        found = detector.add(at, value)
        patient.add(at, value)
        assert 0 <= detector.score <= 1
        assert found is None or (found.at, found.value) == (at, value)


def test_gaps_and_a_clock_that_goes_back_change_nothing_but_the_time_of_day() -> None:
    straight, jumping = SeriesDetector(), SeriesDetector()
    for number, value in enumerate(noise(500)):
        straight.add(0.0, value)
        jumping.add(86_400.0 * (-1) ** number * number, value)
    assert straight.score == jumping.score


def test_what_it_keeps_does_not_grow() -> None:
    random, detector = Random(3), SeriesDetector()
    sizes = []
    for number in range(3 * GENERATION):
        detector.add(number * EVERY_S, random.expovariate(1) * 10 ** random.randint(-6, 6))
        if number % 4000 == 3999:
            sizes.append(numbers_held(detector))
    assert max(sizes) < 3000
    assert sizes[-1] <= 1.2 * max(sizes[: len(sizes) // 2])


def test_how_rare_an_error_is_is_counted_in_digits_and_forgotten_by_halves() -> None:
    rarity = Rarity()
    assert rarity.of(1.0) == 0.0
    for _ in range(998):
        rarity.of(1.0)
    assert rarity.of(100.0) == pytest.approx(3.0, abs=0.01)
    assert rarity.of(1.0) < 0.01
    assert rarity.of(0.0) == pytest.approx(0.0, abs=0.001)
    for _ in range(5 * GENERATION):
        rarity.of(1.0)
    assert rarity.of(100.0) == pytest.approx(math.log10(2 * GENERATION), abs=0.35)
