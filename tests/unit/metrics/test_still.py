"""A series that hardly moves: another level is told once, a moment outside is not."""

from __future__ import annotations

import math
from collections.abc import Iterable

from opsagent_tools.metrics.still import Shift, Still


def run(values: Iterable[float]) -> list[Shift]:
    still = Still(16)
    return [shift for at, value in enumerate(values) if (shift := still.add(at * 15, value)) is not None]


def test_another_level_is_told_once_and_learnt() -> None:
    (shift,) = run([10] * 100 + [80] * 400)
    assert (shift.value, shift.low, shift.high, shift.since) == (80, 10, 10, 1500)
    assert len(run([10] * 100 + [80] * 200 + [10] * 200)) == 2


def test_what_is_near_or_short_is_not_told() -> None:
    assert run([10 + at % 7 for at in range(1000)] + [30] * 500) == []
    assert run([10] * 100 + ([90] * 5 + [10] * 20) * 20) == []
    assert run([10] * 30 + [500] * 1000) == []
    assert run([math.nan, math.inf] * 100) == []
