"""After a crash of the agent: what was it in the middle of? The world decides, not the journal.

A step that was intended and never ended is looked at through its own goal: reached → it is done; not reached → the
incident gets a new pass within its budget; cannot tell → it is looked at anew. Nothing is done twice. What was tried
and found out before is not forgotten, and a question that was asked stays the same question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from opsagent.casefile import CaseFile
from opsagent.check import Checker
from opsagent.model import Attempt
from opsagent.planning import new_id
from opsagent.store.journal import Journal
from opsagent.store.plans import UNDO
from opsagent.store.rows import IncidentRow, PlanRow, PlanStatus, StepRow, StepStatus
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
        unclear = {}
        for step in await asyncio.to_thread(self._journal.unfinished_steps):
            if await self._settle(step) == "unknown":
                what = f"{step.step.action} was under way when the agent ended"
                unclear[step.incident_id] = f"{what}; it cannot be told whether it is done"
        unfinished = await asyncio.to_thread(self._journal.unfinished_incidents)
        goes_on = {found.id for found in unfinished}
        begun = {}
        for row in await asyncio.to_thread(self._journal.begun_plans):
            if row.incident_id is not None:
                begun[row.incident_id] = row
            if row.incident_id not in goes_on or not _wants_verifying(row):  # else it ends when it is verified
                await asyncio.to_thread(self._journal.end_plan, row.plan.id, *_end_of(row))
        files = []
        for found in unfinished:
            story = await asyncio.to_thread(self._journal.incident, found.id)
            file = _file_of(story)
            file.unclear = unclear.get(found.id, "")
            if found.id in begun:
                _take_over(file, begun[found.id])
            else:
                await self._ask_on(file, story)
            await self._timeline.tell("resumed", "taken up again after a restart", incident=file.incident)
            files.append(file)
        return files

    async def _ask_on(self, file: CaseFile, story: IncidentRow) -> None:
        """Go on with a plan that a person was asked about; a masked one cannot be run, and is asked about anew."""
        for row in story.plans:
            if row.status != "proposed":
                continue
            question = await asyncio.to_thread(self._journal.open_question, row.plan.id)
            if question is not None and not row.masked:
                file.left_over = row.plan
                continue
            if question is not None:
                await asyncio.to_thread(self._journal.expire_approval, question)
            await asyncio.to_thread(self._journal.end_plan, row.plan.id, "interrupted", "it was not begun")

    async def _settle(self, row: StepRow) -> StepStatus:
        reached = await self._checker.wait(row.step.goal, _LOOK_S)
        status: StepStatus = "unknown" if reached is None else "done" if reached else "failed"
        detail = {
            True: "reached; seen after a restart of the agent",
            False: "not reached when the agent came back",
            None: "cannot be told after a restart of the agent",
        }[reached]
        await asyncio.to_thread(self._journal.end_step, row.id, status, detail)
        await self._timeline.tell("reconciled", f"{row.step.action}: {detail}", unit=row.step.action.unit)
        return status


def _file_of(story: IncidentRow) -> CaseFile:
    """Return the working papers as the earlier life left them."""
    return CaseFile(
        incident=story.incident,
        attempts=[
            Attempt(remedy=row.plan.remedy, unit=row.plan.unit, better=row.status == "done", why=row.detail)
            for row in story.plans
            if row.status in {"done", "failed"}
        ],
        evidence=list(story.evidence),
        hypotheses=story.hypotheses,
        probes=story.probes or 0,
        resumed=True,
    )


def _wants_verifying(row: PlanRow) -> bool:
    last = row.steps[-1]
    return last.status == "done" and last.rule != UNDO and last.ordinal == len(row.plan.steps) - 1


def _end_of(row: PlanRow) -> tuple[PlanStatus, str]:
    if row.steps[-1].rule == UNDO:
        return "failed", "it did not help; the agent ended while it was taken back"
    when = "before it was verified" if _wants_verifying(row) else "in the middle of it"
    return "interrupted", f"the agent ended {when}"


def _take_over(file: CaseFile, row: PlanRow) -> None:
    last = row.steps[-1]
    if _wants_verifying(row):
        file.carried_over = row.plan
    elif last.status == "done" and last.rule != UNDO and not row.masked:
        remaining = row.plan.steps[last.ordinal + 1 :]
        file.left_over = replace(row.plan, id=new_id(), steps=remaining, attempt=row.plan.attempt + 1)
