"""NAB's way of scoring, by hand, and by what NAB itself publishes."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from opsagent_evals.metrics import corpus, nab
from opsagent_evals.metrics.scoring import (
    LOW_FN,
    LOW_FP,
    NOTHING,
    STANDARD,
    Place,
    at_threshold,
    normalised,
    places,
    probation,
    sweep,
)

TIMES = [f"2020-01-01 00:{minute:02d}:00" for minute in range(60)]
WINDOW = (TIMES[20], TIMES[29])


def curve(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def scored(*detections: int, score: float = 1.0) -> list[tuple[float, Place]]:
    """Return the points that count, with these detections."""
    there = places(TIMES, [WINDOW], "one")
    first = probation(len(TIMES))
    return [(score if number in detections else 0.0, there[number]) for number in range(first, len(TIMES))]


@pytest.mark.parametrize(("points", "judged_from"), [(60, 9), (4032, 604), (22_695, 750)])
def test_the_beginning_is_not_judged(points: int, judged_from: int) -> None:
    assert probation(points) == judged_from


def test_places_are_worth_more_the_earlier_in_the_window_and_cost_less_just_behind_it() -> None:
    there = places(TIMES, [WINDOW], "one")
    assert len(there) == len(TIMES)
    assert [place.window is None for place in there].count(False) == 10
    assert there[20].worth == pytest.approx(curve(-1.0))
    assert there[29].worth == pytest.approx(curve(-0.1))
    assert there[19].worth == -1.0
    assert there[30].worth == pytest.approx(curve(1 / 9))
    assert there[56].worth == pytest.approx(curve(27 / 9))
    assert there[57].worth == -1.0


def test_nothing_is_0_all_at_the_left_edge_is_100_and_silence_costs_as_much_as_it_weighs() -> None:
    for profile in (STANDARD, LOW_FP, LOW_FN):
        nothing, perfect = scored(), scored(20)
        assert normalised(at_threshold(nothing, profile, 0.5), nothing, 1, profile) == pytest.approx(0.0)
        assert normalised(at_threshold(perfect, profile, 0.5), perfect, 1, profile) == pytest.approx(100.0)
    assert at_threshold(scored(), LOW_FN, 0.5) == -2.0


def test_a_window_counts_once_by_the_best_place_and_false_alarms_count_each() -> None:
    late, both = scored(28), scored(24, 28)
    assert at_threshold(both, STANDARD, 0.5) == at_threshold(scored(24), STANDARD, 0.5)
    assert at_threshold(late, STANDARD, 0.5) < at_threshold(both, STANDARD, 0.5)
    alarms = scored(10, 12, 20)
    assert at_threshold(alarms, STANDARD, 0.5) == pytest.approx(1 - 2 * 0.11)
    assert at_threshold(alarms, LOW_FP, 0.5) == pytest.approx(1 - 2 * 0.22)


def test_the_sweep_takes_the_best_threshold_and_may_say_nothing() -> None:
    there = places(TIMES, [WINDOW], "one")
    given = [(0.9 if n == 20 else 0.5 if n in (12, 14, 16) else 0.1, there[n]) for n in range(9, 60)]
    best = sweep(given, STANDARD)
    assert best.threshold == 0.9
    assert best.raw == pytest.approx(1.0)
    assert best.raw == at_threshold(given, STANDARD, best.threshold)
    wrong = [(1.0 if place.window is None else 0.0, place) for _, place in given]
    assert sweep(wrong, STANDARD).threshold == NOTHING


def test_several_windows_are_scored_each_by_itself() -> None:
    windows = [(TIMES[20], TIMES[24]), (TIMES[40], TIMES[44])]
    there = places(TIMES, windows, "one")
    given = [(1.0 if number == 40 else 0.0, there[number]) for number in range(9, 60)]
    assert at_threshold(given, STANDARD, 0.5) == pytest.approx(0.0)
    assert normalised(0.0, given, 2, STANDARD) == pytest.approx(50.0)


@pytest.mark.skipif("NAB_DIR" not in os.environ, reason=f"NAB_DIR names no folder of NAB: {corpus.WHERE}")
def test_published_scores_come_out_of_published_results() -> None:
    folder = Path(os.environ["NAB_DIR"])
    series = corpus.read(folder)
    assert nab.wrongly_scored(folder, series) == []
    development, heldout = corpus.halves(series)
    assert (len(development), len(heldout)) == (31, 27)
    assert not {one.name for one in development} & {one.name for one in heldout}
