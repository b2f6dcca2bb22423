"""Keeps the books of an incident: how it ended, or that a person has to see to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from opsagent.casefile import CaseFile
from opsagent.casenote import english
from opsagent.model import Cause, Hypothesis, Incident, Plan, Verdict
from opsagent.store.incidents import ROOT
from opsagent.store.journal import Journal
from opsagent.store.rows import SolvedBy
from opsagent.timeline import Timeline

_BY_OUTCOME: Mapping[str, SolvedBy] = {"recovered by itself": "itself"}
Cost = Callable[[CaseFile, datetime], Awaitable[Mapping[str, Any]]]
"""What the incident cost until then, as far as it was measured."""


async def _not_measured(_file: CaseFile, _until: datetime) -> Mapping[str, Any]:
    return {}


class Books:
    """Writes into the timeline first, then the status: whoever waits for the status finds the story complete."""

    def __init__(self, journal: Journal, timeline: Timeline, cost: Cost = _not_measured) -> None:
        self._journal = journal
        self._timeline = timeline
        self._cost = cost

    async def open(self, file: CaseFile) -> None:
        """Write down that the incident is there. One that is taken up again keeps what is written of it."""
        incident = file.incident  # what detect learns meanwhile is told by whoever hears of it
        await asyncio.to_thread(self._journal.open_incident, incident)
        await self._timeline.tell("opened", incident.summary, incident=incident)
        if incident.why_root:
            await self._timeline.tell(ROOT, incident.why_root, incident=incident)

    async def escalate(self, file: CaseFile, why: str) -> None:
        """Tell a person what is known; the agent changes nothing more until something is different."""
        reason, never, following = _in_parts(file, why)
        await self._timeline.tell("escalated", why, incident=file.incident, reason=reason, never=never, next=following)
        await self._set(file, status="escalated", outcome="escalated")

    async def end(
        self, file: CaseFile, status: str, outcome: str, *, plan: Plan | None = None, verdict: Verdict | None = None
    ) -> None:
        """Close the incident: `resolved` (with `plan`, if that helped) or `closed` (without the agent's doing)."""
        incident, now = file.incident, datetime.now(UTC)
        if plan is not None and status == "resolved" and plan.unit != incident.unit:
            await self._move(incident, plan)
        verified_s = plan.verify_s if plan is not None and verdict is not None else 0.0
        await self._timeline.tell(
            "resolved" if status == "resolved" else "closed",
            outcome,
            incident=incident,
            attempts=len(file.attempts),
            probes=file.probes,
            decision_s=round(file.decision_s, 4),
        )
        await self._set(
            file,
            status=status,
            outcome=outcome,
            remedy=plan.remedy if plan is not None else None,
            remedy_source=plan.source if plan is not None else None,
            solved_by=_solved_by(status, outcome, plan),
            mttd_s=(incident.opened_at - incident.began_at).total_seconds(),
            mttr_s=max(0.0, (now - incident.began_at).total_seconds() - verified_s),
            resolved_at=now,
            impact=dict(await self._cost(file, now)),
            **_what_it_was(plan if status == "resolved" else None),
        )

    async def _move(self, incident: Incident, plan: Plan) -> None:
        """What mended it was done to another unit: that is where the cause was. What is learnt keeps where it showed."""
        affected = (incident.affected | {incident.unit}) - {plan.unit}
        why = f"what mended it was done to {plan.unit.name}: {plan.why}"
        await self._timeline.tell(ROOT, why, incident=incident)
        moved = replace(incident, unit=plan.unit, affected=affected, why_root=why)
        await asyncio.to_thread(self._journal.update_incident, moved)

    async def _set(self, file: CaseFile, **values: Any) -> None:
        await asyncio.to_thread(
            self._journal.set_incident,
            file.incident.id,
            attempts=len(file.attempts),
            probes=file.probes,
            evidence=tuple(file.evidence),
            hypotheses=file.hypotheses,
            **{"cause": cause_of(file.hypotheses), **values},
        )


def _in_parts(file: CaseFile, why: str) -> tuple[str, str, str]:
    """Return why, what not to do and what to do next, for whoever tells it in other words (`opsagent.telling.messages`)."""
    note = file.note
    if note is None:
        return why, "", ""
    return (note.reason if why == english(note) else why), note.never, note.next_step


def _solved_by(status: str, outcome: str, plan: Plan | None) -> SolvedBy | None:
    """Return who found what ended it; None where it was not trouble, or nobody knows."""
    if status == "resolved" and plan is not None:
        return plan.source
    return _BY_OUTCOME.get(outcome)


def _what_it_was(plan: Plan | None) -> dict[str, str]:
    """Return what the remedy that helped is against: that proved it, whatever had seemed likelier before."""
    return {"cause": plan.cause.value} if plan is not None and plan.cause is not Cause.UNKNOWN else {}


def cause_of(hypotheses: Sequence[Hypothesis]) -> str | None:
    """Return the kind of the hypothesis that is weighed highest; None where there is none."""
    winner = max(hypotheses, key=lambda one: one.weight, default=None)
    return winner.kind.value if winner is not None else None
