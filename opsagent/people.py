"""Carries out what a person asked for: the same guard, act and verify as for the unattended agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from opsagent.act import Actor, Carried
from opsagent.check import Checker
from opsagent.consent import APPROVAL_TTL_S
from opsagent.guard import rule_on_plan
from opsagent.locks import GroupLocks
from opsagent.model import Check, CheckKind, Plan
from opsagent.policy import Policy
from opsagent.ports import Progress, ProgressKind
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline

_STAYS_WELL_S = 1.0
_GOALS_TO_WATCH = (CheckKind.HEALTHY, CheckKind.REPLACED)


class People:
    """The desk where people's plans come in."""

    def __init__(
        self,
        *,
        journal: Journal,
        timeline: Timeline,
        checker: Checker,
        situations: Situations,
        actor: Actor,
        locks: GroupLocks,
        policy: Callable[[], Policy],
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._checker = checker
        self._situations = situations
        self._actor = actor
        self._locks = locks
        self._policy = policy

    async def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        """Take a plan through guard, act and verify; yield what happens. Raises SupervisorError."""
        items: asyncio.Queue[Progress | None] = asyncio.Queue()

        async def work() -> None:
            try:
                await self._work(plan, confirmed=confirmed, by=by, tell=items.put_nowait)
            finally:
                items.put_nowait(None)

        # The work is a task of its own: a caller that goes away does not leave a step half done.
        task = asyncio.create_task(work())
        while (item := await items.get()) is not None:
            yield item
        await task

    async def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        """Carry out the stored plan behind an approval that was just given. LookupError: there is none."""
        plan = await asyncio.to_thread(self._journal.plan_of_approval, approval)
        binding = await self._situations.binding(plan)
        if not await asyncio.to_thread(self._journal.use_approval, approval, binding):
            yield _say("refused", f"{plan.unit.name} changed since it was asked; ask again")
            return
        async for item in self.submit(plan, confirmed=True, by=by):
            yield item

    async def _work(self, plan: Plan, *, confirmed: bool, by: str, tell: Callable[[Progress], None]) -> None:
        async with self._locks.of(plan.unit):
            spent = await self._situations.spent(plan)
            situation = await self._situations.of(plan, spent, confirmed=confirmed)
            ruling = rule_on_plan(plan, situation, self._policy())
            await asyncio.to_thread(self._journal.record_plan, plan, ())
            if ruling.verdict == "deny":
                await asyncio.to_thread(self._journal.end_plan, plan.id, "skipped", ruling.why)
                tell(_say("refused", ruling.why, rule=ruling.rule, risk=ruling.risk.value))
                return
            if ruling.verdict == "ask":
                binding = await self._situations.binding(plan)
                # Whoever asked may confirm a disruptive command (`--yes` does just that); what cannot be undone
                # needs somebody else.
                proposer = f"a command of {by}" if ruling.rule == "confirm" else by
                approval = await asyncio.to_thread(
                    self._journal.ask, plan, 0, plan.steps[0], binding, APPROVAL_TTL_S, proposer
                )
                tell(_say("asked", ruling.why, rule=ruling.rule, risk=ruling.risk.value, approval=approval))
                return
            await self._timeline.tell("command", f"{plan.why or plan.remedy} (by {by})", unit=plan.unit)
            carried = await self._actor.carry_out(plan, confirmed=confirmed, tell=tell)
            why = await self._stays_well(plan, tell) if carried.result == "done" else carried.why
            await self._finish(plan, carried, why, tell)

    async def _finish(self, plan: Plan, carried: Carried, why: str, tell: Callable[[Progress], None]) -> None:
        if carried.result == "done" and not why:
            await asyncio.to_thread(self._journal.end_plan, plan.id, "done", "")
            await self._timeline.tell("command_done", plan.remedy, unit=plan.unit)
            tell(_say("done", f"{carried.done_steps} of {len(plan.steps)} steps done"))
            return
        await asyncio.to_thread(self._journal.end_plan, plan.id, "failed", why)
        await self._timeline.tell("command_failed", why, unit=plan.unit)
        refused = carried.result in ("asked", "refused")
        rule = carried.ruling.rule if carried.ruling is not None else ""
        done = f"; {carried.done_steps} of {len(plan.steps)} steps were done" if len(plan.steps) > 1 else ""
        tell(_say("refused" if refused else "failed", why + done, rule=rule))

    async def _stays_well(self, plan: Plan, tell: Callable[[Progress], None]) -> str:
        """Return what is wrong shortly after the last step, or nothing."""
        if plan.steps[-1].goal.kind not in _GOALS_TO_WATCH:
            return ""
        tell(_say("verifying", f"watching {plan.unit.name} for {_STAYS_WELL_S:g} s"))
        deadline = asyncio.get_running_loop().time() + _STAYS_WELL_S
        while asyncio.get_running_loop().time() < deadline:
            if await self._checker.holds(Check(kind=CheckKind.HEALTHY, unit=plan.unit)) is not True:
                return f"{plan.unit.name} did not stay healthy"
            await asyncio.sleep(0.1)
        return ""


def _say(kind: ProgressKind, text: str, *, rule: str = "", risk: str = "", approval: str = "") -> Progress:
    return Progress(kind=kind, at=datetime.now(UTC), text=text, rule=rule, risk=risk, approval=approval)
