"""When something is used up: told where the rate is steady, and not where it only looks so."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from opsagent_tools.metrics.forecast import Filling, FillingSettings, Prospect

DAY = 86_400.0
QUICK = FillingSettings(widths=(2.0, 30.0, 600.0))
Level = Callable[[float], float]


def run(level: Level, seconds: float, *, step: float = 10.0, settings: FillingSettings | None = None) -> list[Prospect]:
    """Return all prospects of a level (of 100) that is looked at every `step` seconds."""
    filling, at = Filling(settings), 0.0
    found: list[Prospect] = []
    while at < seconds:
        prospect = filling.add(at, level(at), 100.0)
        if prospect is not None:
            found.append(prospect)
        at += step
    return found


def noisy(level: Level, by: float, seed: int = 1) -> Level:
    chance = random.Random(seed)
    return lambda at: max(0.0, level(at) + chance.gauss(0, by))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("per_hour", [20.0, 60.0, 300.0])
def test_what_grows_steadily_is_forecast_within_its_range(per_hour: float, seed: int) -> None:
    lasts_s = 50.0 / per_hour * 3600
    found = run(noisy(lambda at: 45 + per_hour * at / 3600, 0.05, seed), lasts_s)
    assert found
    last = found[-1]
    truly_s = (55.0 / per_hour * 3600) - last.at
    assert last.soonest_s <= last.full_in_s <= last.latest_s
    assert last.full_in_s == pytest.approx(truly_s, rel=0.25)
    assert last.rate == pytest.approx(per_hour / 3600, rel=0.25)


def test_it_is_told_within_minutes_and_looks_no_further_ahead_than_a_few_times_what_it_saw() -> None:
    found = run(lambda at: 60 + at / 60, 2400)
    assert found[0].at <= 600
    assert all(prospect.full_in_s <= 6 * prospect.seen_s for prospect in found)


def walk(seed: int) -> Level:
    chance, level = random.Random(seed), [50.0]

    def at(_: float) -> float:
        level[0] = min(90.0, max(10.0, level[0] + chance.gauss(0, 0.05)))
        return level[0]

    return at


NOT_STEADY: dict[str, tuple[Level, float]] = {
    "stands still": (noisy(lambda at: 97.0, 0.05), DAY),
    "one step": (lambda at: 30.0 if at < 3600 else 96.0, 3 * 3600),
    "three steps in a row": (lambda at: 30.0 + 20 * min(3, at // 60), 3 * 3600),
    "levels off": (lambda at: 30 + 50 * (1 - math.exp(-at / 3600)), 8 * 3600),
    "falls": (lambda at: max(5.0, 90 - at / 600), DAY / 4),
    "teeth": (lambda at: 40 + (at % 300) / 10, DAY / 2),
    "a random walk": (walk(7), 2 * DAY),
    "nothing to be used up": (lambda at: math.nan, 3600),
}


@pytest.mark.parametrize("name", NOT_STEADY)
def test_what_is_not_steady_is_not_forecast(name: str) -> None:
    level, seconds = NOT_STEADY[name]
    # the first tooth is not known for one yet
    assert [prospect for prospect in run(level, seconds) if prospect.at > 900] == []


@pytest.mark.parametrize("hours", [2, 8, 23])
def test_a_disk_that_is_emptied_every_day_is_known_after_the_first(hours: int) -> None:
    found = run(lambda at: 20 + 70 * min(1.0, (at % DAY) / (hours * 3600)), 3 * DAY, step=60)
    assert [prospect.at / DAY for prospect in found if prospect.at > 1.1 * DAY] == []


def test_above_where_it_came_down_from_it_is_forecast_again() -> None:
    found = run(
        lambda at: 20 + 60 * ((at % DAY) / DAY) if at < 2 * DAY else min(99.0, 20 + 79 * (at / DAY - 2)),
        3 * DAY,
        step=60,
    )
    late = [prospect for prospect in found if prospect.at > 2 * DAY]
    assert late
    assert all(prospect.share > 0.8 for prospect in late)


def test_room_that_was_made_after_it_was_told_is_no_habit_of_its_own() -> None:
    filling = Filling()
    for second in range(0, 2400, 10):
        if filling.add(second, 60 + second / 60, 100.0) is not None:
            filling.told = True
    assert filling.add(2400, 40, 100.0) is None
    later = [filling.add(second, 40 + (second - 2400) / 60, 100.0) for second in range(2410, 4400, 10)]
    assert any(prospect is not None and prospect.share < 0.7 for prospect in later)


def test_descriptors_that_leak_quickly_are_told_in_time() -> None:
    found = run(lambda at: 5 + at / 2, 190, step=1, settings=QUICK)
    assert found[0].share < 0.4
    assert found[-1].full_in_s == pytest.approx(found[-1].limit * 0.0 + (95 * 2 - found[-1].at), rel=0.2)


def test_what_is_told_of_seldom_because_it_hardly_moves_is_no_gap() -> None:
    found = run(lambda at: 50 + (at // 10) / 10, 3600, step=10, settings=QUICK)
    assert found


def test_a_clock_that_jumps_begins_anew() -> None:
    filling = Filling()
    for second in range(0, 1200, 10):
        filling.add(second, 50 + second / 100, 100.0)
    assert filling.add(-1e6, 60, 100.0) is None
    assert filling.add(1e9, 60, 100.0) is None
