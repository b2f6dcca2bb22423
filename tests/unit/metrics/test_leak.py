"""Leaks under sawteeth, and what only looks like one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.metrics.leak import MIB, Leak, LeakFound
from tests.unit.metrics.weighing import numbers_held

HOUR, EVERY_S = 3600.0, 30.0
Floor = Callable[[float], float]


def teeth(
    floor: Floor, hours: float, *, period_s: float = 300.0, height: float = 40.0
) -> Iterator[tuple[float, float]]:
    random = Random(4)
    for number in range(int(hours * HOUR / EVERY_S)):
        now = number * EVERY_S
        tooth = height * (now % period_s) / period_s
        yield 1.7e9 + now, (100 + floor(now / HOUR) + tooth + random.gauss(0, 0.3)) * MIB


def told(floor: Floor, hours: float, **shape: float) -> list[LeakFound]:
    leak = Leak()
    found = [leak.add(at, value) for at, value in teeth(floor, hours, **shape)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("per_hour", [5.0, 20.0, 200.0])
@pytest.mark.parametrize("period_s", [60.0, 420.0, 1500.0])
def test_a_leak_under_teeth_is_found_within_four_hours(per_hour: float, period_s: float) -> None:
    found = told(lambda hour: max(0.0, hour - 2) * per_hour, 6, period_s=period_s)
    assert found
    assert found[0].per_hour / MIB == pytest.approx(per_hour, rel=0.35)
    assert found[0].since < found[0].at


def test_a_leak_that_goes_on_is_told_again_only_when_much_more_is_gone() -> None:
    found = told(lambda hour: 10 * hour, 40)
    assert 1 <= len(found) <= 4
    assert all(b.floor - a.floor > 3 * a.grown for a, b in pairwise(found))


HARMLESS: dict[str, Floor] = {
    "nothing": lambda hour: 0.0,
    "a deploy": lambda hour: 80.0 if hour > 3 else 0.0,
    "three deploys": lambda hour: 30.0 * sum(hour > when for when in (2, 4.5, 7)),
    "a nightly job": lambda hour: 150.0 if 4 < hour < 5.5 else 0.0,
    "a cache that fills": lambda hour: -120 * math.expm1(-hour / 0.7),
    "growth that levels off": lambda hour: 12 * math.log1p(hour / 0.1),
    "the load of the day": lambda hour: 3 * math.sin(2 * math.pi * hour / 24),
    "less and less": lambda hour: -4 * hour,
}


@pytest.mark.parametrize("period_s", [60.0, 420.0, 2400.0])
@pytest.mark.parametrize("floor", HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_a_leak_is_not_told(floor: Floor, period_s: float) -> None:
    assert not told(floor, 12, period_s=period_s)


def test_a_deploy_in_the_midst_of_it_does_not_hide_a_leak() -> None:
    assert told(lambda hour: max(0.0, hour - 2) * 8 + (60 if hour > 3.7 else 0), 6)


def test_what_comes_back_to_where_it_was_each_day_is_not_told_after_the_first() -> None:
    found = told(lambda hour: 60 * abs(math.sin(math.pi * hour / 24)), 96)
    assert all(one.at - 1.7e9 < 24 * HOUR for one in found)


def test_a_gap_and_a_clock_that_goes_back_begin_anew() -> None:
    leak, samples = Leak(), list(teeth(lambda hour: 10 * hour, 8))
    for half in range(0, len(samples), len(samples) // 4):  # two hours, then one of nothing
        for at, value in samples[half : half + len(samples) // 4]:
            assert leak.add(at + half * 30.0, value) is None
    back = Leak()
    for number, (at, value) in enumerate(samples):
        assert back.add(at - (7200 if number % 240 == 0 else 0), value) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=200))
def test_it_never_raises(samples: list[tuple[float, float]]) -> None:
    leak, steady = Leak(), Leak()
    for number, (at, value) in enumerate(samples):
        leak.add(at, value)
        steady.add(number * 600.0, value)


def test_what_it_keeps_does_not_grow() -> None:
    random, leak = Random(5), Leak()
    sizes = []
    for number in range(20_000):
        leak.add(number * 300.0, random.expovariate(1) * MIB)
        if number % 2000 == 1999:
            sizes.append(numbers_held(leak))
    assert max(sizes) < 100
    assert len(set(sizes)) == 1
