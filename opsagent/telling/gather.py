"""Reads from the journal what a text for people is made of. Looks only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from opsagent.store.journal import Journal
from opsagent.store.rows import UNFINISHED, ApprovalRow, DeployRow, HoldRow, IncidentRow
from opsagent.store.schedules import ScheduleRow
from opsagent.telling.account import brief, plain, said, whole
from opsagent.telling.recorder import cost_in

_ACTIONS_OF_CHANGE = frozenset({"reload", "restart", "scale"})


def account_of(journal: Journal, id_or_prefix: str) -> dict[str, Any]:
    """Return all that is known of one incident. LookupError: none, or more than one."""
    row = journal.incident(id_or_prefix)
    return whole(
        row,
        watches=journal.standing_watches(),
        approvals=journal.approvals(pending=False),
        messages=[one for one in journal.messages(waiting=False) if one.incident_id == row.id],
    )


def same_as(journal: Journal, id_or_prefix: str) -> list[dict[str, Any]]:
    """Return the incidents that are the same trouble, ended by the same remedy, newest first."""
    return [costed(row) for row in journal.repaired_alike(journal.incident(id_or_prefix))]


def costed(row: IncidentRow) -> dict[str, Any]:
    """Return an incident in brief, with what it cost."""
    impact = plain(cost_in(row.impact))
    if impact is not None:
        impact.pop("series", None)
    return {**brief(row), "impact": impact}


def handover_of(journal: Journal, since: datetime, now: datetime) -> dict[str, Any]:
    """Return what `opsagent handover --json` has: what is open, held, pending, repaired and changed since then."""
    watches = journal.standing_watches()
    rows = journal.incidents_since(since)
    calls = journal.events_of_kind("escalated", _earliest(rows, since))
    unfinished = [
        {
            **costed(row),
            **brief(row, watches),
            "hypotheses": plain(row.hypotheses),
            **said([call for call in calls if call.incident_id == row.id]),
        }
        for row in rows
        if row.status in UNFINISHED
    ]
    pause = journal.paused()
    return {
        "at": now.isoformat(),
        "since": since.isoformat(),
        "paused": {"by": pause.by, "why": pause.why, "at": plain(pause.at)} if pause is not None else None,
        "open": [one for one in unfinished if one["snoozed"] is None],
        "snoozed": [one for one in unfinished if one["snoozed"] is not None],
        "held": [_held(row) for row in journal.holds(now)],
        "pending": [_pending(row) for row in journal.approvals()],
        "scheduled": [_scheduled(row) for row in journal.schedules(since=since)],
        "repaired": [costed(row) for row in rows if row.status == "resolved" and row.remedy],
        "solved": dict(Counter(row.solved_by for row in rows if row.status == "resolved" and row.solved_by is not None)),
        "ended": [costed(row) for row in rows if row.status == "closed" or (row.status == "resolved" and not row.remedy)],
        "deploys": [_deploy(row) for row in reversed(journal.deploys(limit=200)) if _recent(row, since)],
        "changes": [
            {
                "unit": str(one.unit),
                "name": one.unit.name,
                "text": one.action if one.done else f"{one.action} ✗ {one.why}",
                "cost": one.cost,
                "at": plain(one.at),
            }
            for one in journal.changes_since(since, _ACTIONS_OF_CHANGE)
        ],
        "orders": [*_orders(journal, since), *_answers(journal, since), *_unclear(journal, since)],
        "grants": [plain(one) for one in journal.grants_since(since)],
        "would_be": dict(Counter(row.verdict or "open" for row in journal.would_bes(since=since))),
        "recurring": [one for row in _repaired_of_late(rows) for one in [costed(one) for one in journal.repaired_alike(row)]],
    }  # fmt: skip


def _orders(journal: Journal, since: datetime) -> Iterator[dict[str, Any]]:
    for row in journal.plans_of_people(since):
        if row.status in {"proposed", "skipped"}:  # asked about, or refused: nothing was changed
            continue
        yield {
            "at": plain(row.created_at),
            "by": "",
            "text": row.plan.why or row.plan.remedy,
            "unit": str(row.plan.unit),
            "name": row.plan.unit.name,
            "status": row.status,
        }


def _unclear(journal: Journal, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield what people ordered, and of which nobody can tell how far it came, since the agent ended in the middle of it."""
    for row in journal.said_of_kind("unclear", since):
        yield {"at": plain(row.at), "by": "", "text": row.text, "unit": "", "name": "unclear", "status": "unclear"}


def _answers(journal: Journal, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield what people said to the agent's questions."""
    for row in journal.approvals(pending=False):
        if row.decided_at is not None and row.decided_at >= since and row.decided_by:
            word = "denied" if row.status == "denied" else "approved"
            yield {
                "at": plain(row.decided_at),
                "by": row.decided_by,
                "text": f"{word}: {row.step.action}",
                "unit": str(row.unit),
                "name": row.unit.name,
                "status": row.status,
            }


def _earliest(rows: Iterable[IncidentRow], since: datetime) -> datetime:
    return min([since, *(row.incident.opened_at for row in rows)])


def _repaired_of_late(rows: Iterable[IncidentRow]) -> list[IncidentRow]:
    """Return one repaired incident of each kind: what came before it is looked up."""
    found: Mapping[tuple[object, ...], IncidentRow] = {
        (row.unit, row.fault, row.remedy): row for row in rows if row.status == "resolved" and row.remedy
    }
    return list(found.values())


def _recent(row: DeployRow, since: datetime) -> bool:
    return row.began_at >= since or row.ended_at is None or row.ended_at >= since


def _held(row: HoldRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "unit": str(row.unit),
        "name": row.unit.name,
        "at": plain(row.at),
        "until": plain(row.until),
        "by": row.by,
        "why": row.why,
    }


def _pending(row: ApprovalRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "action": str(row.step.action.name.value),
        "unit": str(row.unit),
        "name": row.unit.name,
        "why": row.step.why,
        "asked_at": plain(row.asked_at),
        "expires_at": plain(row.expires_at),
        "incident": row.incident_id,
    }


def _scheduled(row: ScheduleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "text": row.text,
        "by": row.by,
        "at": row.at_text,
        "zone": row.zone,
        "next_at": plain(row.next_at),
        "state": row.state,
        "last_at": plain(row.last_at),
        "last_result": row.last_result,
    }


def _deploy(row: DeployRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "unit": str(row.unit),
        "name": row.unit.name,
        "began_at": plain(row.began_at),
        "ended_at": plain(row.ended_at),
        "by": row.by,
        "why": row.why,
        "result": row.result,
    }
