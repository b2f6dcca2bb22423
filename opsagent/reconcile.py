"""After a crash of the agent: what was it in the middle of? The world decides, not the journal.

A step that was intended and never ended is looked at through its own goal: reached → it is done; not reached → it is
gone on with where that is safe, else what was done of the plan is taken back; cannot tell → a person is called. Nothing
is done twice. What was tried and found out before is not forgotten, a question that was asked stays the same question,
and a yes that was given stays a yes for as long as it would have held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opsagent.casefile import CaseFile, UnderWay
from opsagent.check import Checker
from opsagent.model import Attempt, CheckKind, Plan, Verdict
from opsagent.store.approvals import AGENT
from opsagent.store.journal import Journal
from opsagent.store.plans import UNDO
from opsagent.store.rows import ApprovalRow, IncidentRow, PlanRow, PlanStatus, StepRow, StepStatus
from opsagent.timeline import Timeline
from opsagent_tools.actions import ActionName

_LOOK_S = 5.0
_GOES_ON_S = 300.0
"""A plan whose last step was begun longer ago than this is not gone on with: it was made for another moment."""
_NEVER_AGAIN = frozenset({ActionName.RUN_RUNBOOK_COMMAND, ActionName.RUN_GUI_PROCEDURE, ActionName.END_SESSION})
"""What it would do a second time nobody can tell: it is not begun again where it is not known to be done."""


@dataclass(slots=True)
class _Looked:
    """What looking at unfinished steps showed."""

    unclear: dict[str | None, str] = field(default_factory=dict)
    """By incident: which step cannot be told about."""
    interrupted: set[str] = field(default_factory=set)
    """Ids of steps that were under way when the agent ended, and did not reach their goal."""


class Reconciler:
    """Closes the books of an earlier life of the agent."""

    def __init__(self, *, journal: Journal, checker: Checker, timeline: Timeline) -> None:
        self._journal = journal
        self._checker = checker
        self._timeline = timeline

    async def reconcile(self) -> Sequence[CaseFile]:
        """Settle every unfinished step by looking; return the incidents that go on."""
        looked = _Looked()
        for step in await asyncio.to_thread(self._journal.unfinished_steps):
            status = await self._settle(step)
            if status == "unknown":
                what = f"{step.step.action} was under way when the agent ended"
                looked.unclear[step.incident_id] = f"{what}; it cannot be told whether it is done"
                if step.incident_id is None:  # a person ordered it: nobody else comes back to it
                    told = f"{looked.unclear[None]}: look at {step.step.action.unit.name}"
                    await asyncio.to_thread(self._journal.record_change, "unclear", told, AGENT)
                    await self._timeline.tell("escalated", told, unit=step.step.action.unit)
            elif status == "failed":
                looked.interrupted.add(step.id)
        unfinished = await asyncio.to_thread(self._journal.unfinished_incidents)
        under_way = await self._begun({found.id for found in unfinished}, looked)
        files = []
        for found in unfinished:
            story = await asyncio.to_thread(self._journal.incident, found.id)
            file = _file_of(story)
            file.unclear = looked.unclear.get(found.id, "")
            file.under_way = under_way.get(found.id)
            await self._ask_on(file, story)
            await self._timeline.tell("resumed", "taken up again after a restart", incident=file.incident)
            files.append(file)
        return files

    async def _begun(self, goes_on: Collection[str], looked: _Looked) -> dict[str, UnderWay]:
        """Return the plans that are gone on with, or taken back, by incident; the others end here."""
        found = {}
        for row in await asyncio.to_thread(self._journal.begun_plans):
            mine = row.incident_id if row.incident_id in goes_on else None
            way = None
            if mine is not None and mine not in looked.unclear:
                way = _way_on(row, looked.interrupted, datetime.now(UTC), await self._yes(row))
            if way is None:
                await asyncio.to_thread(self._journal.end_plan, row.plan.id, *_end_of(row))
            elif mine is not None:
                found[mine] = way
        return found

    async def _yes(self, row: PlanRow) -> bool:
        """Tell whether a person's yes to this very plan still holds."""
        given = await asyncio.to_thread(self._given, row.plan)
        return given is not None

    def _given(self, plan: Plan) -> ApprovalRow | None:
        now = datetime.now(UTC)
        asked = [one for one in self._journal.approvals(pending=False) if one.plan_id == plan.id]
        return next((one for one in asked if one.status == "used" and one.expires_at > now), None)

    async def _ask_on(self, file: CaseFile, story: IncidentRow) -> None:
        """Go on with a plan that a person was asked about; a masked one cannot be run, and is asked about anew."""
        for row in story.plans:
            if row.status != "proposed" or row.steps:
                continue
            question = await asyncio.to_thread(self._journal.open_question, row.plan.id)
            if question is not None and not row.masked:
                file.left_over = row.plan
                continue
            given = await asyncio.to_thread(self._given, row.plan)
            if given is not None and not row.masked:  # the yes was taken, and nothing was begun by it
                file.left_over, file.agreed = row.plan, given.id
                continue
            if question is not None:
                await asyncio.to_thread(self._journal.expire_approval, question)
            await asyncio.to_thread(self._journal.end_plan, row.plan.id, "interrupted", "it was not begun")

    async def _settle(self, row: StepRow) -> StepStatus:
        undoing = row.rule == UNDO
        known = row.step.goal.kind is not CheckKind.ALWAYS  # which would say yes to whatever was not even begun
        reached = await self._checker.wait(row.step.goal, _LOOK_S) if known else None
        status: StepStatus = "unknown" if reached is None else "failed" if not reached else "done"
        if undoing:  # what takes back refuses by itself where there is nothing left to take back
            status = "undone" if reached else "failed"
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
    judged = tuple(row for row in story.plans if row.status in {"done", "failed"} and row.steps)
    return CaseFile(
        incident=story.incident,
        attempts=[
            Attempt(remedy=row.plan.remedy, unit=row.plan.unit, better=row.status == "done", why=row.detail)
            for row in judged
        ],
        evidence=list(story.evidence),
        hypotheses=story.hypotheses,
        probes=story.probes or 0,
        resumed=True,
        judged=tuple((row, _verdict_of(row, story)) for row in judged),
    )


def _verdict_of(row: PlanRow, story: IncidentRow) -> Verdict:
    """Return how the plan was judged, as far as it was written down."""
    told = next((event.data for event in reversed(story.events) if event.data.get("plan") == row.plan.id), {})
    return Verdict(
        better=row.status == "done",
        worse=told.get("worse") is True,
        unproven=told.get("unproven") is True,
        why=row.detail,
    )


def _way_on(row: PlanRow, interrupted: Collection[str], now: datetime, confirmed: bool) -> UnderWay | None:
    """Return how a plan that was begun goes on; None: it ends here, and the incident gets a new pass."""
    doing = {step.ordinal: step for step in row.steps if step.rule != UNDO}  # the latest of each
    done = next((n for n in range(len(row.plan.steps)) if n not in doing or doing[n].status != "done"), len(doing))
    undone = frozenset(step.ordinal for step in row.steps if step.rule == UNDO and step.status == "undone")
    last = doing[max(doing)]

    def way(what: str, *, judged: bool = False) -> UnderWay:
        return UnderWay(
            plan=row.plan,
            what=what,  # type: ignore[arg-type]  # one of the three
            done_steps=done,
            begun_steps=max(doing) + 1,
            undone=undone,
            judged=judged,
            confirmed=confirmed,
            began_at=min(step.intended_at for step in doing.values()),
            why=last.detail,
        )

    if any(step.rule == UNDO for step in row.steps):
        return None if row.masked else way("undo", judged=True)
    if done == len(row.plan.steps) or (last.status == "failed" and last.id not in interrupted):
        return way("verify")
    if row.masked:
        return None
    if (now - last.intended_at).total_seconds() <= _GOES_ON_S and _may_begin(row.plan, done, last, interrupted):
        return way("continue")
    return way("undo") if any(step.undo is not None for step in row.plan.steps[:done]) else None


def _may_begin(plan: Plan, done: int, last: StepRow, interrupted: Collection[str]) -> bool:
    """Tell whether the next step may be begun: what was begun already, and did not reach its goal, only where it is safe."""
    return last.id not in interrupted or plan.steps[done].action.name not in _NEVER_AGAIN


def _end_of(row: PlanRow) -> tuple[PlanStatus, str]:
    if row.steps[-1].rule == UNDO:
        return "failed", "it did not help; the agent ended while it was taken back"
    whole = all(step.status == "done" for step in row.steps) and len(row.steps) >= len(row.plan.steps)
    return "interrupted", f"the agent ended {'before it was verified' if whole else 'in the middle of it'}"
