"""Ends the snoozes that are over, in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from opsagent.store.watches import WatchRow
from opsagent.telling.snooze import SNOOZED, WORSE, why_over

BACK = timedelta(days=2)
"""Incidents that ended longer ago are not looked at, but for those that are snoozed."""
_SAID = {"time": "its time is over", "worse": "it got worse", "another fault": "it has another fault"}


def with_snoozed(journal: Journal, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
    """Return the incidents, and those that ended longer ago and of whose trouble somebody still wants to hear nothing."""
    known = {row.id for row in rows}
    found = list(rows)
    for incident_id in dict.fromkeys(one.incident_id for one in journal.watches() if one.kind == "snooze"):
        if incident_id not in known:
            with suppress(LookupError):
                found.append(journal.incident(incident_id))
    return found


def end_snoozes(journal: Journal, rows: Sequence[IncidentRow], now: datetime) -> list[WatchRow]:
    """End the snoozes that are over, say so in the timelines of their incidents, and return what stands. Blocks."""
    standing = journal.watches()
    if not any(one.kind == "snooze" for one in standing):
        return list(standing)
    since = min(one.at for one in standing) - timedelta(seconds=5)
    events = [event for kind in (*sorted(WORSE), SNOOZED) for event in journal.events_of_kind(kind, since)]
    left = []
    for watch in standing:
        over = why_over(watch, rows, events, now) if watch.kind == "snooze" else ""
        if not over:
            left.append(watch)
            continue
        journal.end_watch(watch.id)
        if over in _SAID:
            journal.add_event(watch.incident_id, "snooze_over", f"the snooze of {watch.by} ends: {_SAID[over]}")
    return left


def look(journal: Journal, now: datetime) -> None:
    """End what is over; where nobody is snoozed this costs next to nothing. Blocks."""
    if any(one.kind == "snooze" for one in journal.watches()):
        end_snoozes(journal, with_snoozed(journal, journal.incidents_since(now - BACK)), now)
