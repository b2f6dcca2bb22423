"""Carries out what a person asked for: the same guard, act and verify as for the unattended agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from opsagent.act import Actor, Carried
from opsagent.aftercare import Aftercare, Usual
from opsagent.check import Checker
from opsagent.claims import Claimed, Claims
from opsagent.consent import APPROVAL_TTL_S
from opsagent.guard import Situation, rule_on_plan
from opsagent.locks import GroupLocks
from opsagent.model import CheckKind, Plan, Ruling
from opsagent.planning import kind_of
from opsagent.policy import Policy
from opsagent.ports import Progress, ProgressKind
from opsagent.preflight_items import Preflight
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent_tools.actions import NEEDS_PERSON, ActionName

_STAYS_WELL_S = 1.0
_GOALS_TO_WATCH = (CheckKind.HEALTHY, CheckKind.REPLACED, CheckKind.RUNNING)
_BRING_A_RELEASE = frozenset({"reload", "restart"})


class Preflights(Protocol):
    """Looks before anything is done (`opsagent.preflight_facts.PreflightDesk`)."""

    async def of(self, plan: Plan, *, by: str) -> Preflight | None:
        """Return what stands in the way and what it will cost; None where the plan needs no such look."""


class Releases(Protocol):
    """Is told what a change showed of the release that it brought (`opsagent.bad_release.BadReleases`)."""

    async def unfit(self, plan: Plan, why: str, told: str) -> str:
        """A new release is not fit, because of `why`; `told` says what is left. Return the id of the incident."""

    async def fit(self, plan: Plan) -> None:
        """What runs now is fit."""


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
        claims: Claims | None = None,
        preflights: Preflights | None = None,
        releases: Releases | None = None,
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._checker = checker
        self._situations = situations
        self._actor = actor
        self._locks = locks
        self._policy = policy
        self._claims = claims
        self._preflights = preflights
        self._releases = releases
        self._aftercare = Aftercare(checker)
        self._working: set[asyncio.Task[None]] = set()

    async def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        """Take a plan through guard, act and verify; yield what happens. Raises SupervisorError.

        A plan whose id the journal has is refused: what people said yes to, and what was done, is what stands there.
        """
        known = await asyncio.to_thread(self._journal.knows_plan, plan.id)
        if known or plan.origin != "person":
            anew = f"plan {plan.id} was submitted before: ask for it anew"
            yield _say("refused", anew if known else "only what a person wants is submitted")
            return
        async for item in self._submitted(plan, confirmed=confirmed, by=by):
            yield item

    async def _submitted(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        items: asyncio.Queue[Progress | None] = asyncio.Queue()

        async def work() -> None:
            try:
                await self._work(plan, confirmed=confirmed, by=by, tell=items.put_nowait)
            finally:
                items.put_nowait(None)

        # The work is a task of its own: a caller that goes away does not leave a step half done.
        task = asyncio.create_task(work())
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        while (item := await items.get()) is not None:
            yield item
        await task

    async def close(self) -> None:
        """End what is under way, and let it clean up: this process ends."""
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        """Carry out a person's stored plan behind an approval that was just given. LookupError: there is none."""
        plan = await asyncio.to_thread(self._journal.plan_of_approval, approval)
        if plan.origin != "person":
            yield _say("refused", "that is the agent's own question: it goes on by itself once it is answered")
            return
        binding = await self._situations.binding(plan)
        if not await asyncio.to_thread(self._journal.use_approval, approval, binding):
            yield _say("refused", f"{plan.unit.name} changed since it was asked; ask again")
            return
        async for item in self._submitted(plan, confirmed=True, by=by):
            yield item

    async def _work(self, plan: Plan, *, confirmed: bool, by: str, tell: Callable[[Progress], None]) -> None:
        with ExitStack() as claimed:
            try:
                self._claim(plan, claimed)  # before anything is waited for: a second one is refused, not queued
            except Claimed as taken:
                await asyncio.to_thread(self._journal.record_plan, plan, ())
                await asyncio.to_thread(self._journal.end_plan, plan.id, "skipped", str(taken))
                tell(_say("refused", str(taken), rule="busy"))
                return
            async with self._locks.of(plan.unit):
                ruling = await self._rule(plan, confirmed=confirmed, by=by, tell=tell)
                await asyncio.to_thread(self._journal.record_plan, plan, ())
                if ruling.verdict == "deny":
                    await asyncio.to_thread(self._journal.end_plan, plan.id, "skipped", ruling.why)
                    tell(_say("refused", ruling.why, rule=ruling.rule, risk=ruling.risk.value))
                elif ruling.verdict == "ask":
                    await self._ask(plan, ruling, by, tell)
                else:
                    await self._timeline.tell("command", f"{plan.why or plan.remedy} (by {by})", unit=plan.unit)
                    await self._carry_out(plan, confirmed=confirmed, tell=tell)

    def _claim(self, plan: Plan, claimed: ExitStack) -> None:
        kind = kind_of(plan)
        if kind and self._claims is not None:
            claimed.enter_context(self._claims.of(plan.unit, plan.id, f"{kind} of {plan.unit.name}"))

    async def _rule(self, plan: Plan, *, confirmed: bool, by: str, tell: Callable[[Progress], None]) -> Ruling:
        """Ask the guard; what it lets pass is looked at first, and judged by that too."""
        spent = await self._situations.spent(plan)
        situation = await self._situations.of(plan, spent, confirmed=confirmed)
        ruling = rule_on_plan(plan, situation, self._policy())
        if ruling.verdict == "deny" or self._preflights is None:
            return ruling
        preflight = await self._preflights.of(plan, by=by)
        if preflight is None:
            return ruling
        for progress in told(preflight):
            tell(progress)
        return rule_on_plan(plan, _with(situation, preflight), self._policy())

    async def _ask(self, plan: Plan, ruling: Ruling, by: str, tell: Callable[[Progress], None]) -> None:
        binding = await self._situations.binding(plan)
        # Whoever asked may confirm a disruptive command (`--yes` does just that); what cannot be undone
        # needs somebody else, unless the policy says that one person is enough.
        own = ruling.rule == "confirm" or not self._policy().two_person
        proposer = f"a command of {by.partition(' (')[0]}" if own else by  # who is no party to it: they may confirm it
        approval = await asyncio.to_thread(
            self._journal.ask, plan, 0, plan.steps[0], binding, APPROVAL_TTL_S, proposer, ruling.persons
        )
        tell(_say("asked", ruling.why, rule=ruling.rule, risk=ruling.risk.value, approval=approval))

    async def _carry_out(self, plan: Plan, *, confirmed: bool, tell: Callable[[Progress], None]) -> None:
        usual = await self._aftercare.usual(plan.unit) if kind_of(plan) else Usual(latency_s=None)
        carried = await self._actor.carry_out(plan, confirmed=confirmed, tell=tell)
        why = await self._stays_well(plan, usual, tell) if carried.result == "done" else carried.why
        if why and carried.result == "done" and kind_of(plan) in _BRING_A_RELEASE:
            carried = replace(carried, unfit=why)
        await self._finish(plan, carried, why, tell)

    async def _finish(self, plan: Plan, carried: Carried, why: str, tell: Callable[[Progress], None]) -> None:
        if carried.result == "done" and not why:
            if self._releases is not None and kind_of(plan) in _BRING_A_RELEASE:
                await self._releases.fit(plan)
            await asyncio.to_thread(self._journal.end_plan, plan.id, "done", "")
            await self._timeline.tell("command_done", plan.remedy, unit=plan.unit)
            if carried.change is not None:
                tell(_say("note", f"{carried.change.action} took {carried.change.cost}"))
            tell(_say("done", f"{carried.done_steps} of {len(plan.steps)} steps done"))
            return
        if carried.result in {"failed", "done"} and kind_of(plan) == "scale":
            await self._actor.undo(plan, carried.begun, tell)
        elif carried.done_steps and plan.steps[0].action.name is ActionName.ROLLBACK:
            await self._actor.undo(plan, 1, tell)  # it does not run with that release either: nothing was gained
        incident = {}
        if carried.unfit and self._releases is not None:
            incident = {"incident": await self._releases.unfit(plan, carried.unfit, why)}
        await asyncio.to_thread(self._journal.end_plan, plan.id, "failed", why)
        await self._timeline.tell("command_failed", why, unit=plan.unit)
        rule = carried.ruling.rule if carried.ruling is not None else ""
        kind: ProgressKind = "refused" if carried.result in {"asked", "refused"} else "failed"
        kind = "asked" if rule == NEEDS_PERSON else kind  # it waits for a yes to one of its own steps
        done = f"; {carried.done_steps} of {len(plan.steps)} steps were done" if len(plan.steps) > 1 else ""
        tell(_say(kind, why + done, rule=rule, data=incident))

    async def _stays_well(self, plan: Plan, usual: Usual, tell: Callable[[Progress], None]) -> str:
        """Return what is wrong shortly after the last step, compared with before the first; or nothing."""
        if plan.steps[-1].goal.kind not in _GOALS_TO_WATCH:
            return ""
        tell(_say("verifying", f"watching {plan.unit.name} for {_STAYS_WELL_S:g} s"))
        return await self._aftercare.trouble(plan.unit, usual, _STAYS_WELL_S)


def told(preflight: Preflight) -> tuple[Progress, ...]:
    """Return a preflight as progress: a line for each item, the whole of it with the first."""
    first, *others = preflight.lines()
    whole = _say("preflight", first, data=preflight.to_json())
    return (whole, *(_say("preflight", line) for line in others))


def _with(situation: Situation, preflight: Preflight) -> Situation:
    return replace(situation, blocked=preflight.blocked, costs=preflight.costs)


def _say(
    kind: ProgressKind,
    text: str,
    *,
    rule: str = "",
    risk: str = "",
    approval: str = "",
    data: Mapping[str, Any] | None = None,
) -> Progress:
    return Progress(
        kind=kind, at=datetime.now(UTC), text=text, rule=rule, risk=risk, approval=approval, data=data or {}
    )
