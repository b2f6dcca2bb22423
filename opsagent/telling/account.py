"""An incident as JSON-like data: the one form that `--json`, pages, postmortems, issues and messages are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.recollected import recollections
from opsagent.store.outbox import Message
from opsagent.store.rows import ApprovalRow, EventRow, IncidentRow, PlanRow
from opsagent.store.watches import WatchRow
from opsagent.telling.recorder import cost_in
from opsagent_tools.text import UntrustedText


def brief(row: IncidentRow, watches: Iterable[WatchRow] = ()) -> dict[str, Any]:
    """Return an incident in the form of `incidents list --json`."""
    incident = row.incident
    mine = [one for one in watches if one.incident_id == row.id and one.ended_at is None]
    return {
        "id": row.id,
        "status": row.status,
        "fault": row.fault.value,
        "unit": str(row.unit),
        "name": row.unit.name,
        "affected": sorted(str(unit) for unit in incident.affected),
        "summary": incident.summary,
        "began_at": incident.began_at.isoformat(),
        "opened_at": incident.opened_at.isoformat(),
        "resolved_at": row.resolved_at.isoformat() if row.resolved_at is not None else None,
        "mttd_s": row.mttd_s,
        "mttr_s": row.mttr_s,
        "remedy": row.remedy,
        "remedy_source": row.remedy_source,
        "attempts": row.attempts,
        "probes": row.probes,
        "outcome": row.outcome,
        "cause": row.cause.value if row.cause is not None else None,
        "returned_of": row.returned_of,
        "acked": next((_watch(one) for one in reversed(mine) if one.kind == "ack"), None),
        "snoozed": next((_watch(one) for one in reversed(mine) if one.kind == "snooze"), None),
    }


def whole(
    row: IncidentRow,
    *,
    watches: Iterable[WatchRow] = (),
    approvals: Iterable[ApprovalRow] = (),
    messages: Iterable[Message] = (),
) -> dict[str, Any]:
    """Return an incident in the form of `incidents show --json`."""
    timeline = [
        {"at": event.at.isoformat(), "kind": event.kind, "text": event.text, "by": event.by, "data": plain(event.data)}
        for event in row.events
    ]
    return {
        **brief(row, watches),
        "why_root": row.incident.why_root,
        "symptoms": plain(row.incident.symptoms),
        "evidence": plain(row.evidence),
        "hypotheses": plain(
            row.hypotheses or next((one.hypotheses for one in reversed(row.plans) if one.hypotheses), ())
        ),
        "changed": plain(row.changed),
        "impact": plain(cost_in(row.impact)),
        "plans": [_plan(one) for one in row.plans],
        "approvals": [_approval(one) for one in approvals if one.incident_id == row.id],
        "told": [_told(one) for one in messages if one.incident_id == row.id],
        "recollections": recollections(timeline),
        "timeline": timeline,
    }


def _watch(row: WatchRow) -> dict[str, Any]:
    return {"by": row.by, "at": plain(row.at), "until": plain(row.until), "why": row.why}


def _approval(row: ApprovalRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "action": str(row.step.action),
        "status": row.status,
        "asked_at": plain(row.asked_at),
        "decided_by": row.decided_by,
        "decided_at": plain(row.decided_at),
    }


def _told(message: Message) -> dict[str, Any]:
    return {
        "kind": message.kind,
        "channel": message.channel,
        "at": plain(message.at),
        "sent_at": plain(message.sent_at) if message.sent else None,
        "error": message.error,
    }


def _plan(row: PlanRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "remedy": row.plan.remedy,
        "source": row.plan.source,
        "attempt": row.plan.attempt,
        "why": row.plan.why,
        "status": row.status,
        "detail": row.detail,
        "created_at": plain(row.created_at),
        "ended_at": plain(row.ended_at),
        "steps": [
            {
                "action": str(step.step.action),
                "unit": step.step.action.unit.name,
                "why": step.step.why,
                "status": step.status,
                "rule": step.rule,
                "intended_at": step.intended_at.isoformat(),
                "ended_at": step.ended_at.isoformat() if step.ended_at is not None else None,
                "detail": step.detail,
            }
            for step in row.steps
        ],
    }


def plain(value: Any) -> Any:
    """Return a value of the model as JSON knows it: times in ISO 8601, texts of strangers as they came."""
    from dataclasses import fields, is_dataclass
    from enum import Enum

    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UntrustedText):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def moment_of(value: object) -> datetime | None:
    """Return a time that stands as text there; None where there is none."""
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def likeliest(account: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the hypothesis that is weighed highest."""
    return max(account["hypotheses"], key=lambda one: float(one["weight"]), default=None)


def changes(account: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what changed just before, each as `{"what", "diff", "at"}`: what was written down, and what probes found."""
    found = []
    for one in account.get("changed") or ():
        if isinstance(one, Mapping):
            found.append({"what": _change_words(one), "diff": str(one.get("diff") or ""), "at": _change_time(one)})
        elif str(one).strip():
            found.append({"what": str(one), "diff": "", "at": None})
    names = {str(one.get("name")) for one in account.get("changed") or () if isinstance(one, Mapping)}
    seen = any(isinstance(one, Mapping) and one.get("what") == "config" for one in account.get("changed") or ())
    for one in account["evidence"]:
        facts = one["facts"]
        if one["probe"] not in _OF_CHANGES or (seen and one["probe"] == "config_changed"):
            continue
        if str(facts.get("edited")) in names:
            continue
        if facts.get("said") and (facts.get("changed") is True or facts.get("edited")):
            diff = str(one["text"] or "") if one["probe"] == "release_changed" else ""
            at = _change_time({"changed_at": facts.get("changed_at") or facts.get("edited_at")})
            found.append({"what": str(facts["said"]), "diff": diff, "at": at})
    return list({one["what"]: one for one in found}.values())


_OF_CHANGES = frozenset(
    {"config_changed", "release_changed", "environment_changed", "modes_changed", "who_is_at_work", "changes"}
)


def _change_words(one: Mapping[str, Any]) -> str:
    said = str(one.get("said") or one.get("text") or "")
    if said:
        return said
    parts = [str(one[key]) for key in ("what", "name", "how") if one.get(key)]
    if one.get("was") or one.get("now"):
        parts.append(f"({one.get('was') or '-'} → {one.get('now') or '-'})")
    return " ".join(parts)


def _change_time(one: Mapping[str, Any]) -> datetime | None:
    from datetime import UTC

    at = one.get("at") or one.get("changed_at")
    if isinstance(at, (int, float)) and not isinstance(at, bool):
        return datetime.fromtimestamp(at, UTC) if at > 0 else None
    return moment_of(at)


def said(calls: Sequence[EventRow]) -> dict[str, str]:
    """Return why a person was called the last time, in parts where it was told in parts."""
    if not calls:
        return {"why": ""}
    data = calls[-1].data
    parts = {name: str(data.get(name) or "") for name in ("never", "next")}
    return {"why": str(data.get("reason", calls[-1].text) or ""), **parts}


def cost_of(accounts: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return what incidents cost together: down_s, failed_probes, failed_requests, errors, restarts; 0 where unknown."""
    total = dict.fromkeys(("down_s", "failed_probes", "failed_requests", "errors", "restarts"), 0.0)
    for one in accounts:
        impact = one.get("impact") or {}
        for key in total:
            value = impact.get(key)
            total[key] += float(value) if isinstance(value, (int, float)) else 0.0
        if not impact.get("down_s") and isinstance(one.get("mttr_s"), (int, float)) and one["fault"] in _DOWN:
            total["down_s"] += float(one["mttr_s"])
    return total


_DOWN = frozenset({"crash", "crash_loop", "hang", "dependency_down", "engine_down"})
"""Faults during which a service does not serve: where nothing was measured, as long as they last."""
