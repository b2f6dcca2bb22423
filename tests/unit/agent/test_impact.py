"""What an incident cost is counted, never estimated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsagent.impact import Toll
from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent_tools.units import UnitId

API, STORE = UnitId.local("fake", "api"), UnitId.local("fake", "store")
T = datetime(2026, 1, 1, tzinfo=UTC)
OK, FAILED = SignalKind.PROBE_OK, SignalKind.PROBE_FAILED
DEATH, SPAWNED, ERROR = SignalKind.DEATH, SignalKind.SPAWNED, SignalKind.LOG_ERROR

Seen = Sequence[tuple[float, SignalKind, UnitId]]


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def toll(seen: Seen, *, count: int = 1) -> Toll:
    found = Toll()
    for seconds, kind, unit in seen:
        data: dict[str, Scalar] = {"count": count} if kind is ERROR else {}
        found.observe(Signal(kind=kind, unit=unit, at=at(seconds), evidence=EvidenceKind.PROBE, data=data))
    return found


@pytest.mark.parametrize(
    ("seen", "cost"),
    [
        ([], {"units": 2}),
        (
            [(1, OK, API), (3, FAILED, API), (5, FAILED, API), (9, OK, API)],
            {"units": 2, "failed_probes": 2, "down_s": 6},
        ),
        ([(-5, FAILED, API), (4, OK, API)], {"units": 2, "down_s": 4}),  # what was before it is not its cost
        ([(3, FAILED, API)], {"units": 2, "failed_probes": 1, "down_s": 7}),  # and it goes on
        ([(2, DEATH, STORE), (4.5, SPAWNED, STORE)], {"units": 2, "deaths": 1, "starts": 1, "down_s": 2.5}),
        # who has a probe is away for as long as that fails, whatever lives
        (
            [(1, OK, STORE), (2, DEATH, STORE), (3, SPAWNED, STORE), (3.5, FAILED, STORE), (6, OK, STORE)],
            {"units": 2, "deaths": 1, "starts": 1, "failed_probes": 1, "down_s": 2.5},
        ),
        # of several, the one that was away for the longest
        (
            [(1, FAILED, API), (2, FAILED, STORE), (3, OK, API), (9, OK, STORE)],
            {"units": 2, "failed_probes": 2, "down_s": 7},
        ),
        ([(2, FAILED, UnitId.local("fake", "other"))], {"units": 2}),
    ],
)
def test_only_what_was_seen_and_only_of_those_concerned(seen: Seen, cost: dict[str, Any]) -> None:
    assert toll(seen).of(STORE, [API], T, at(10)) == cost


def test_a_line_may_stand_for_many() -> None:
    assert toll([(1, ERROR, API), (2, ERROR, API)], count=50).of(API, [], T, at(10)) == {"units": 1, "error_lines": 100}
