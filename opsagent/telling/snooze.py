"""When a snooze ends, and what it covers. Pure: rows of the journal in, the clock passed in.

It ends notifications, never repair. It covers its incident and the same trouble coming back; it ends by time, when the
trouble gets worse, or when the unit has another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from opsagent.store.rows import UNFINISHED, EventRow, IncidentRow
from opsagent.store.watches import WatchRow

SNOOZED = "snoozed"
"""Kind of the event that says who snoozed an incident; `data.affected`: how many units suffered then."""
WORSE = frozenset({"escalated", "not_better", "worse"})
"""Kinds of events after which the trouble counts as worse."""


def why_over(watch: WatchRow, rows: Sequence[IncidentRow], events: Iterable[EventRow], now: datetime) -> str:
    """Return why the snooze is over (`time`, `worse`, `another fault`, `gone`); empty while it holds."""
    if watch.until is not None and watch.until <= now:
        return "time"
    mine = next((row for row in rows if row.id == watch.incident_id), None)
    if mine is None:
        return "gone"
    if any(one.incident_id == mine.id and one.kind in WORSE and one.at > watch.at for one in events):
        return "worse"
    if len(mine.incident.affected) > _affected_then(watch, events, len(mine.incident.affected)):
        return "worse"
    if any(_another(row, mine, watch.at) for row in rows):
        return "another fault"
    return ""


def _affected_then(watch: WatchRow, events: Iterable[EventRow], otherwise: int) -> int:
    for one in events:
        if (
            one.kind == SNOOZED
            and one.incident_id == watch.incident_id
            and abs((one.at - watch.at).total_seconds()) < 5
        ):
            return int(one.data.get("affected", otherwise))
    return otherwise


def _another(row: IncidentRow, mine: IncidentRow, since: datetime) -> bool:
    return (
        row.unit == mine.unit
        and row.fault != mine.fault
        and row.status in UNFINISHED
        and row.incident.opened_at > since
    )


def covered(row: IncidentRow, snoozes: Iterable[WatchRow], rows: Sequence[IncidentRow]) -> WatchRow | None:
    """Return the snooze that an incident is covered by: its own, or that of the same trouble of the same unit."""
    by_id = {one.id: one for one in rows}
    for watch in snoozes:
        about = by_id.get(watch.incident_id)
        if watch.incident_id == row.id or (about is not None and (about.unit, about.fault) == (row.unit, row.fault)):
            return watch
    return None
