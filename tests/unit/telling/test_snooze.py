"""When a snooze ends, and what it covers: tables with the clock passed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsagent.model import Fault, Incident
from opsagent.store.rows import EventRow, IncidentRow
from opsagent.store.watches import WatchRow
from opsagent.telling.snooze import SNOOZED, covered, why_over
from opsagent_tools.units import UnitId

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
WEB, API = UnitId("circus", "web", "box"), UnitId("circus", "api", "box")
WATCH = WatchRow(id="w1", incident_id="inc-1", kind="snooze", at=NOW, until=NOW + timedelta(hours=2), by="ann", why="")


def row(
    name: str = "inc-1", *, unit: UnitId = WEB, fault: Fault = Fault.HANG, status: Any = "escalated",
    opened: timedelta = -timedelta(minutes=5), suffer: int = 1,
) -> IncidentRow:  # fmt: skip
    affected = frozenset(UnitId("circus", f"u{number}", "box") for number in range(suffer))
    incident = Incident(
        id=name, fault=fault, unit=unit, opened_at=NOW + opened, began_at=NOW + opened, affected=affected
    )
    return IncidentRow(incident=incident, status=status)


def event(kind: str, after_s: float, *, incident: str = "inc-1", **data: Any) -> EventRow:
    return EventRow(
        id=f"{kind}{after_s}", incident_id=incident, at=NOW + timedelta(seconds=after_s), kind=kind, text="", data=data
    )


SAID = event(SNOOZED, 0.1, affected=1)


@pytest.mark.parametrize(
    ("rows", "events", "later", "why"),
    [
        ([row()], [SAID], timedelta(minutes=1), ""),
        ([row()], [SAID], timedelta(hours=2), "time"),
        ([], [SAID], timedelta(minutes=1), "gone"),
        ([row()], [SAID, event("escalated", -60)], timedelta(minutes=1), ""),
        ([row()], [SAID, event("escalated", 60)], timedelta(minutes=2), "worse"),
        ([row()], [SAID, event("not_better", 60)], timedelta(minutes=2), "worse"),
        ([row()], [SAID, event("escalated", 60, incident="inc-2")], timedelta(minutes=2), ""),
        ([row(suffer=2)], [SAID], timedelta(minutes=1), "worse"),
        ([row(suffer=0)], [SAID], timedelta(minutes=1), ""),
        ([row(), row("inc-2", fault=Fault.CRASH, opened=timedelta(minutes=1))], [SAID], timedelta(minutes=2), "another fault"),
        ([row(), row("inc-2", fault=Fault.CRASH)], [SAID], timedelta(minutes=2), ""),
        ([row(), row("inc-2", fault=Fault.CRASH, opened=timedelta(minutes=1), status="resolved")], [SAID], timedelta(minutes=2), ""),
        ([row(), row("inc-2", unit=API, fault=Fault.CRASH, opened=timedelta(minutes=1))], [SAID], timedelta(minutes=2), ""),
        ([row(), row("inc-2", opened=timedelta(minutes=1))], [SAID], timedelta(minutes=2), ""),
    ],
)  # fmt: skip
def test_it_ends_by_time_by_worsening_and_by_another_fault(
    rows: list[IncidentRow], events: list[EventRow], later: timedelta, why: str
) -> None:
    assert why_over(WATCH, rows, events, NOW + later) == why


def test_one_without_an_end_lasts_until_something_ends_it() -> None:
    assert why_over(replace(WATCH, until=None), [row()], [SAID], NOW + timedelta(days=90)) == ""


@pytest.mark.parametrize(
    ("other", "silent"),
    [
        (row(), True),
        (row("inc-2", opened=timedelta(minutes=1)), True),
        (row("inc-2", fault=Fault.CRASH), False),
        (row("inc-2", unit=API), False),
    ],
)
def test_it_covers_the_incident_and_the_same_trouble_coming_back(other: IncidentRow, silent: bool) -> None:
    assert (covered(other, [WATCH], [row(status="resolved"), other]) is not None) is silent
