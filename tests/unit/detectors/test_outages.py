"""Outages made up by chance (`tests/support/outages.py`): one incident for each cause, at its unit, whatever it brings along.

The seeds are fixed. The floors stand a little below what was measured (docs/detection.md); a cause that lies below another
one and brings only what that one would bring is told once that one is repaired.
"""

from __future__ import annotations

import random

import pytest

from tests.support.outages import Outage


def outage(seed: int, causes: int) -> Outage:
    chance = random.Random(1000 * causes + seed)
    made_up = Outage.of(chance, causes)
    made_up.run(chance)
    return made_up


@pytest.mark.parametrize(
    ("causes", "cases", "at_once", "in_the_end"), [(1, 12, 0.95, 0.95), (2, 15, 0.9, 0.9), (3, 5, 0.8, 0.8)]
)
def test_one_incident_for_each_cause_at_its_unit(causes: int, cases: int, at_once: float, in_the_end: float) -> None:
    tellable, right, found = 0, 0, 0
    for seed in range(cases):
        made_up = outage(seed, causes)
        broken = sorted(cause.unit for cause in made_up.causes)
        if not made_up.hidden():
            tellable += 1
            right += made_up.roots == broken
        made_up.repair()
        found += made_up.found == broken
    assert tellable >= cases // 6
    assert right / tellable >= at_once
    assert found / cases >= in_the_end


def test_nothing_is_opened_where_nothing_broke() -> None:
    for seed in range(5):
        made_up = outage(seed, 0)
        assert made_up.history.opened == []
