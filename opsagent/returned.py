"""Tells a fault that came back from a new one, and counts it against the repair that was thought to have ended it.

The same fault of the same unit within the hour is the same trouble again, as long as nobody else touched the service
meanwhile: a person's command, a deploy, or another life of its supervisor begins a new story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from opsagent.casefile import CaseFile
from opsagent.learn import Learner
from opsagent.model import Plan
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from opsagent.timeline import Timeline
from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.port import Supervisor, SupervisorError

WITHIN_S = 3600.0
SUPERVISOR = "supervisor"
"""Key in the impact of an incident: which life of the supervisor it was in (`pid@start`)."""
_SAME_S = 1.0
_DOES_NOT_LAST = 2
"""After so many returns that the same repair ended, a person is told that it does not last."""


class Returns:
    """Looks when an incident is opened, and counts once it is clear that the trouble is real."""

    def __init__(
        self,
        *,
        journal: Journal,
        timeline: Timeline,
        learner: Learner,
        supervisors: Mapping[str, Supervisor],
        missed: Callable[[Plan, str], None],
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._learner = learner
        self._supervisors = supervisors
        self._missed = missed

    async def look(self, file: CaseFile) -> None:
        """Find out whether this incident is an earlier one again, and write it down."""
        incident = file.incident
        since = datetime.now(UTC) - timedelta(seconds=WITHIN_S)
        before = await asyncio.to_thread(
            self._journal.mended_since, incident.unit, incident.fault, since, but=incident.id
        )
        if before is None or not await self._same_story(before):
            return
        file.returned = before
        await asyncio.to_thread(self._journal.set_incident, incident.id, returned_of=before.id)

    async def count(self, file: CaseFile) -> bool:
        """Count it against the repair, once; return whether there was something to count."""
        before, file.returned = file.returned, None
        plan = mended_by(before) if before is not None else None
        if before is None or plan is None or before.resolved_at is None:
            return False
        after_s = (file.incident.began_at - before.resolved_at).total_seconds()
        chain = await asyncio.to_thread(self._journal.returns_of, file.incident.id)
        times = len([one for one in chain if one.remedy == plan.remedy])
        said = f"as incident {before.id}, which {plan.remedy} ended {_minutes(after_s)} before"
        data: dict[str, Any] = {"of": before.id, "remedy": plan.remedy, "after_s": round(after_s, 1), "times": times}
        await self._timeline.tell("returned", f"it is back: {said}", incident=file.incident, **data)
        if times >= _DOES_NOT_LAST:
            lasting = f"{plan.remedy} does not last: it ended this {times} times, and it came back each time"
            await self._timeline.tell("does_not_last", lasting, incident=file.incident, **data)
        await self._learner.unlearn(file, before, plan, after_s)
        await asyncio.to_thread(self._missed, plan, f"its fault was back {_minutes(after_s)} later")
        return True

    async def _same_story(self, before: IncidentRow) -> bool:
        """Tell whether nobody but us touched the service since."""
        if not _is_same_life(
            str((before.impact or {}).get(SUPERVISOR, "")), await life_of(self._supervisors.get(before.unit.supervisor))
        ):
            return False
        assert before.resolved_at is not None  # it was mended
        return not await asyncio.to_thread(self._journal.touched_by_people, before.unit, before.resolved_at)


async def life_of(supervisor: Supervisor | None) -> str:
    """Return which life of its daemon a supervisor is in; empty where nobody can tell."""
    try:
        pid = (await supervisor.daemon()).pid if supervisor is not None else None
    except SupervisorError:
        return ""
    key = key_of(pid) if pid is not None else None
    return f"{key.pid}@{key.started:.2f}" if key is not None else ""


def mended_by(row: IncidentRow) -> Plan | None:
    """Return the plan that ended the incident."""
    return next((one.plan for one in reversed(row.plans) if one.status == "done"), None)


def _is_same_life(one: str, other: str) -> bool:
    """Compare pid and start; the kernel tells the latter anew whenever somebody sets the clock."""
    pids, starts = zip(*(life.split("@") for life in (one, other)), strict=True) if one and other else ((0, 1), (0, 0))
    return pids[0] == pids[1] and abs(float(starts[0]) - float(starts[1])) < _SAME_S


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{max(seconds, 0.0):.0f} s"
