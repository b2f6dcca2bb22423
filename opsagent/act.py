"""Carries out a plan, step by step: gate, guard, journal, hands, goal. The journal is written before and after.

What the journal says is what was intended and what was seen; after a crash `opsagent.reconcile` asks the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from opsagent.check import Checker
from opsagent.claims import Claimed, Claims
from opsagent.guard import rule_on_step, rule_on_undo
from opsagent.hands import Hands
from opsagent.model import Plan, Risk, Ruling, Step
from opsagent.planning import Way, kind_of, only_put_files, way_in
from opsagent.policy import Policy
from opsagent.ports import Progress, ProgressKind
from opsagent.serving import watching
from opsagent.situation import Situations, about
from opsagent.spent import Spent
from opsagent.store.changes import ChangeRow
from opsagent.store.journal import Journal
from opsagent.store.plans import UNDO
from opsagent.undoing import undo_of
from opsagent_tools.actions import ActionName
from opsagent_tools.supervisors.port import SupervisorError

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How far a plan came."""

    result: Literal["done", "failed", "asked", "refused"]
    done_steps: int
    why: str = ""
    ruling: Ruling | None = None
    begun: int = 0
    """Steps that were handed to the hands."""
    change: ChangeRow | None = None
    """What a restart, reload or change of scale cost; None where it was none, or nothing was begun."""
    unfit: str = ""
    """Why the release that a reload, or a restart one by one, brought is not fit; empty where that is not so."""


class Actor:
    """Carries out plans. One plan per unit at a time: the caller sees to that."""

    def __init__(
        self,
        *,
        hands: Hands,
        checker: Checker,
        situations: Situations,
        journal: Journal,
        policy: Callable[[], Policy],
        claims: Claims | None = None,
    ) -> None:
        self._hands = hands
        self._checker = checker
        self._situations = situations
        self._journal = journal
        self._policy = policy
        self._claims = claims

    async def carry_out(self, plan: Plan, *, confirmed: bool, tell: Tell, first: int = 0) -> Carried:
        """Do the steps in order, as far as gates, guard and goals let it. One that changes instances is measured.

        `first`: ordinal of the step to begin with, where an earlier life of the agent did those before it.
        """
        kind = kind_of(plan)
        if not kind:
            return await self._steps(plan, confirmed=confirmed, tell=tell, first=first)
        with ExitStack() as claimed:
            try:
                if self._claims is not None:
                    claimed.enter_context(self._claims.of(plan.unit, plan.id, f"{kind} of {plan.unit.name}"))
            except Claimed as taken:
                return _refused("busy", str(taken))
            return await self._measured(plan, kind, confirmed=confirmed, tell=tell, first=first)

    async def _measured(self, plan: Plan, kind: str, *, confirmed: bool, tell: Tell, first: int) -> Carried:
        loop = asyncio.get_running_loop()
        began, unfit = loop.time(), ""
        unit = await self._checker.unit(plan.unit)
        try:
            async with watching(self._checker, unit, self._checker.spec(plan.unit)) as serving:
                carried = await self._steps(plan, confirmed=confirmed, tell=tell, first=first)
        finally:
            unfit = await self._hands.finished(plan.unit)
        if only_put_files(plan, carried.begun):
            return carried  # no instance was touched: it was no reload, and cost nothing
        seen = serving.seen
        change = ChangeRow(
            unit=plan.unit,
            action=kind,
            done=carried.result == "done",
            at=datetime.now(UTC),
            took_s=round(loop.time() - began, 3),
            down_s=seen.down_s,
            asked=seen.asked,
            failed=seen.failed,
            seen_by=seen.by,
            why=carried.why,
            way=way_in(plan, unit).value,
        )
        await asyncio.to_thread(self._journal.note_change, change)
        # Who restarts it outright, and in vain, may have tried to mend something else.
        outright = kind == "restart" and change.way == Way.RESTART
        return replace(carried, change=change, unfit="" if outright else unfit)

    async def _steps(self, plan: Plan, *, confirmed: bool, tell: Tell, first: int) -> Carried:
        progress = _Narrator(plan, tell)
        budget = await self._situations.spent(plan)
        for ordinal, step in enumerate(plan.steps[first:], first):
            asked = about(plan, step.action.unit)
            situation = await self._situations.of(asked, budget, confirmed=confirmed)
            ruling = rule_on_step(step, asked, situation, self._policy())
            if ruling.verdict != "allow":
                result: Literal["asked", "refused"] = "asked" if ruling.verdict == "ask" else "refused"
                return Carried(result=result, done_steps=ordinal, why=ruling.why, ruling=ruling, begun=ordinal)
            if step.gate is not None and await self._checker.wait(step.gate, step.timeout_s) is not True:
                why = f"stopped before {step.action}: {step.gate.kind} of {step.gate.unit.name} does not hold"
                return Carried(result="failed", done_steps=ordinal, why=why, begun=ordinal)
            failure, refused = await self._do(plan, ordinal, step, ruling, progress)
            if refused and not ordinal and plan.origin == "person":  # an unattended attempt counts as one that failed
                return _refused(refused, failure, ruling.risk)
            if failure:
                return Carried(result="failed", done_steps=ordinal, why=failure, begun=ordinal + 1)
        return Carried(result="done", done_steps=len(plan.steps), begun=len(plan.steps))

    async def _do(self, plan: Plan, ordinal: int, step: Step, ruling: Ruling, progress: _Narrator) -> tuple[str, str]:
        """Do one step; return why it failed, or nothing, and what its supervisor refused it for, if it did."""
        before = await self._state_of(step)
        step_id = await asyncio.to_thread(self._journal.intend_step, plan, ordinal, step, before, ruling.rule)
        progress.say("step_started", f"{step.action}{f' ({step.why})' if step.why else ''}", ordinal, ruling)
        outcome = await self._hands.do(step.action, progress.note)
        reached = await self._checker.wait(step.goal, step.timeout_s) if outcome.done else False
        if reached is True:
            await asyncio.to_thread(self._journal.end_step, step_id, "done", outcome.detail)
            progress.say("step_done", outcome.detail, ordinal, ruling)
            return "", ""
        detail = outcome.detail
        if outcome.done:
            seen = f"{outcome.detail}, but {step.goal.kind} was not reached"
            detail = await self._hands.why_not(step.action, seen)
        await asyncio.to_thread(self._journal.end_step, step_id, "failed", detail)
        progress.say("step_failed", detail, ordinal, ruling)
        return detail, outcome.refused

    async def tidy(self, plan: Plan) -> int:
        """End what this plan, broken off by the agent's death, left beside the wanted instances; return how many."""
        if not any(step.action.name is ActionName.RELOAD for step in plan.steps):
            return 0
        try:
            return await self._hands.left_over(plan.unit)
        except SupervisorError:
            return 0

    async def undo(self, plan: Plan, done_steps: int, tell: Tell, undone: Collection[int] = ()) -> tuple[str, ...]:
        """Take back the steps that were done and can be undone, last first; `undone`: those that are already.

        Undoing is journalled like doing, and people's orders bind it. Return why steps could not be taken back; empty
        where all were that can be.
        """
        progress, failures = _Narrator(plan, tell), []
        for undo in undo_of(plan, done_steps, undone):
            kept = await self._kept_from(plan, undo.step)
            if kept:
                failures.append(f"{plan.steps[undo.ordinal].action} is not taken back: {kept}")
                progress.say("refused", failures[-1], undo.ordinal)
                continue
            before = await self._state_of(undo.step)
            step_id = await asyncio.to_thread(self._journal.intend_step, plan, undo.ordinal, undo.step, before, UNDO)
            outcome = await self._hands.do(undo.step.action)
            reached = outcome.done and await self._checker.wait(undo.step.goal, undo.step.timeout_s) is not False
            await asyncio.to_thread(self._journal.end_step, step_id, "undone" if reached else "failed", outcome.detail)
            progress.say("undone" if reached else "step_failed", outcome.detail, undo.ordinal)
            if not reached:
                failures.append(f"{plan.steps[undo.ordinal].action} could not be taken back: {outcome.detail}")
        return tuple(failures)

    async def _kept_from(self, plan: Plan, step: Step) -> str:
        """Return what keeps a step from being taken back: people's orders, now. Empty where nothing does."""
        asked = about(plan, step.action.unit)
        try:
            situation = await self._situations.of(asked, Spent(), confirmed=False)
        except SupervisorError:  # files may be put back all the same; what people ordered stands in the journal
            [(hold, deploy)] = await asyncio.to_thread(self._situations.wanted, (asked.unit,))
            return hold or deploy
        ruling = rule_on_undo(step, asked, situation, self._policy())
        return ruling.why if ruling.verdict != "allow" else ""

    async def _state_of(self, step: Step) -> dict[str, str | int | float | bool]:
        try:
            unit = await self._checker.unit(step.action.unit)
        except SupervisorError as error:
            return {"unknown": str(error)}
        pids = ",".join(str(process.pid) for process in unit.processes)
        return {"state": unit.state.value, "pids": pids, "instances": unit.instances, "restarts": unit.restarts}


def _refused(rule: str, why: str, risk: Risk = Risk.DISRUPTIVE) -> Carried:
    ruling = Ruling(verdict="deny", risk=risk, rule=rule, why=why)
    return Carried(result="refused", done_steps=0, why=why, ruling=ruling)


class _Narrator:
    """Puts what happens to a plan into words."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell

    def note(self, text: str, approval: str = "") -> None:
        """Say something while a step goes on; `approval`: id of the question that it waits for."""
        self._tell(
            Progress(
                kind="note",
                at=datetime.now(UTC),
                text=text,
                approval=approval,
            )
        )

    def say(self, kind: ProgressKind, text: str, ordinal: int | None = None, ruling: Ruling | None = None) -> None:
        self._tell(
            Progress(
                kind=kind,
                at=datetime.now(UTC),
                text=text,
                step=ordinal,
                steps=len(self._plan.steps),
                risk=ruling.risk.value if ruling is not None else "",
            )
        )
