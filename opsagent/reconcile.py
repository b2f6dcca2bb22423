"""After a crash of the agent: what was it in the middle of? The world decides, not the journal.

A step that was intended and never ended is looked at through its own goal: reached → it is done; not reached → the
incident gets a new pass within its budget; cannot tell → a person is told. Nothing is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from opsagent.casefile import CaseFile
from opsagent.check import Checker
from opsagent.planning import new_id
from opsagent.store.journal import Journal
from opsagent.store.rows import StepRow, StepStatus
from opsagent.timeline import Timeline

_LOOK_S = 5.0


class Reconciler:
    """Closes the books of an earlier life of the agent."""

    def __init__(self, *, journal: Journal, checker: Checker, timeline: Timeline) -> None:
        self._journal = journal
        self._checker = checker
        self._timeline = timeline

    async def reconcile(self) -> Sequence[CaseFile]:
        """Settle every unfinished step by looking; return the incidents that go on."""
        interrupted: dict[str, StepRow] = {}
        for row in await asyncio.to_thread(self._journal.unfinished_steps):
            reached = await self._settle(row)
            if row.incident_id is not None and reached:
                interrupted[row.incident_id] = row
        files = []
        for found in await asyncio.to_thread(self._journal.unfinished_incidents):
            file = CaseFile(incident=found.incident, probes=found.probes or 0, resumed=True)
            if found.incident.id in interrupted:
                await self._take_over(file, interrupted[found.incident.id])
            await self._timeline.tell("resumed", "taken up again after a restart", incident=file.incident)
            files.append(file)
        return files

    async def _take_over(self, file: CaseFile, row: StepRow) -> None:
        plan = (await asyncio.to_thread(self._journal.plan, row.plan_id)).plan
        remaining = plan.steps[row.ordinal + 1 :]
        if remaining:
            file.left_over = replace(plan, id=new_id(), steps=remaining, attempt=plan.attempt + 1)
        else:
            file.carried_over = plan

    async def _settle(self, row: StepRow) -> bool:
        reached = await self._checker.wait(row.step.goal, _LOOK_S)
        status: StepStatus = "unknown" if reached is None else "done" if reached else "failed"
        detail = {
            True: "reached; seen after a restart of the agent",
            False: "not reached when the agent came back",
            None: "cannot be told after a restart of the agent",
        }[reached]
        await asyncio.to_thread(self._journal.end_step, row.id, status, detail)
        await asyncio.to_thread(self._journal.end_plan, row.plan_id, "interrupted", detail)
        await self._timeline.tell("reconciled", f"{row.step.action}: {detail}", unit=row.step.action.unit)
        return reached is True
