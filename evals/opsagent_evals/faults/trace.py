"""What the agent did, read from its journal. Reading needs no lock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow, PlanRow, StepRow
from opsagent_evals.faults.score import OracleCall, Run, SeenIncident, SeenStep

_INCIDENTS_READ = 200
_TELLS_A_PERSON = {"escalated", "asked"}
"""Kinds of events: a question that waits for an answer tells a person as well."""


class Trace:
    """The part of one home's journal that belongs to one run."""

    def __init__(self, home: Home, since: datetime) -> None:
        """What happened before `since` belongs to earlier runs of the same home."""
        self._journal = Journal.read(home)
        self._since = since

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return the run as it looks now."""
        recent = [row for row in self._journal.incidents(limit=_INCIDENTS_READ) if self._is_new(row)]
        rows = [self._journal.incident(row.id) for row in reversed(recent)]
        steps = [step for row in rows for plan in row.plans for step in _steps(plan) if step.at >= self._since]
        return Run(
            injected_at=injected_at,
            ended_at=now,
            oracle=tuple(oracle),
            incidents=tuple(_incident(row, self._since) for row in rows),
            steps=tuple(sorted(steps, key=lambda step: step.at)),
            error=error,
        )

    def is_calm(self) -> bool:
        """Tell whether no incident is open, of this run or an earlier one."""
        return not self._journal.unfinished_incidents()

    def _is_new(self, row: IncidentRow) -> bool:
        return row.incident.opened_at >= self._since or row.resolved_at is None or row.resolved_at >= self._since


def _incident(row: IncidentRow, since: datetime) -> SeenIncident:
    told = [event.at for event in row.events if event.kind in _TELLS_A_PERSON and event.at >= since]
    return SeenIncident(
        id=row.id,
        fault=row.fault.value,
        unit=row.unit.name,
        opened_at=row.incident.opened_at,
        escalated_at=min(told) if told else None,
        closed_at=row.resolved_at,
        probes=row.probes or 0,
    )


def _steps(plan: PlanRow) -> list[SeenStep]:
    if plan.plan.origin != "agent":
        return []
    return [_step(plan, row) for row in plan.steps if row.status != "skipped"]


def _step(plan: PlanRow, row: StepRow) -> SeenStep:
    return SeenStep(
        action=row.step.action.name.value,
        unit=row.step.action.unit.name,
        at=row.intended_at,
        ended_at=row.ended_at,
        plan=plan.id,
        incident=plan.incident_id,
        source=plan.plan.source,
        remedy=plan.plan.remedy,
    )
