"""A change of one unit: its plan, handed to the agent; what it costs is asked about once it is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from opsagent.carrying.events import Ending, Event
from opsagent.carrying.following import Ended, ended_as, follow
from opsagent.carrying.heeding import standing_against
from opsagent.carrying.working import Desk, Place

if TYPE_CHECKING:
    from opsagent.claims import Claim
    from opsagent.model import Plan
    from opsagent.ports import AgentPort, Progress

REPLACING = frozenset({"reload", "restart", "scale"})
"""What is looked at before it is done, and not done twice at a time."""


class Submits(Protocol):
    """The part of `AgentPort` that takes plans."""

    def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        """Take a person's plan."""

    def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        """Carry out a stored plan whose approval was given."""


async def change(desk: Desk, place: Place) -> Event:
    """Carry out one changing step. Raises UnknownService, SupervisorError, StoreError, ApiError, LockTaken."""
    from opsagent.home import LockTaken

    busy = _busy(desk, place)  # before anything is loaded or waited for
    seen: list[Claim] = []

    def taken() -> bool:  # another one that began in this very moment is not waited for
        seen.extend(filter(None, [_busy(desk, place)]))
        return bool(seen)

    if busy is None:
        try:
            async with desk.open_agent(taken) as agent:
                return await _submit(desk, place, agent)
        except LockTaken:
            busy = next(iter(seen), None) or _busy(desk, place)
            if busy is None:
                raise
    return place.ends("refused", str(busy), Ending.REFUSED, rule="busy")


def _busy(desk: Desk, place: Place) -> Claim | None:
    """Return the change of this unit that is under way, by whomever; None where there is none."""
    from opsagent.claims import Claims
    from opsagent.running import find

    if place.step.tool not in REPLACING:
        return None
    unit = find(place.step.target or "", desk.running.units, silent=desk.running.silent)
    return Claims(desk.home.claims_dir).held(unit.id)


async def _submit(desk: Desk, place: Place, agent: AgentPort) -> Event:
    plan = await asyncio.to_thread(plan_for, desk, place)
    return await submit(desk, place, agent, plan)


async def submit(desk: Desk, place: Place, agent: Submits, plan: Plan) -> Event:
    """Hand a plan to the agent, ask what the guard wants to be asked, and return how the step ended."""
    by, agreed = desk.person.name, desk.person.agreed
    against = await _against(desk, plan) if agreed else ""
    if against and desk.person.confirm is not None:
        agreed = False  # they can be shown it: their yes was none to that
    elif against:
        desk.tell(place.shown(desk.say("taught", rule=against)))
    ended = await follow(desk, place, agent.submit(plan, confirmed=agreed, by=by), plan=plan.id)
    if ended.result == "asked" and ended.rule == "confirm" and desk.person.confirm is not None:
        return await _confirmed(desk, place, agent, ended)
    return ended_as(place, ended, plan=plan.id)


async def _against(desk: Desk, plan: Plan) -> str:
    """Return the rule that somebody taught and that a plan would break; empty: none."""
    rule_of = await standing_against(desk.home)
    return next(filter(None, (rule_of(step.action.name.value, plan.unit) for step in plan.steps)), "")


def plan_for(desk: Desk, place: Place) -> Plan:
    """Return the plan of a step on its unit as it is now: an earlier step may have replaced its processes. Blocks."""
    from opsagent.commands.plans import plan_of
    from opsagent.config import Config
    from opsagent.running import find, look

    running = look(desk.home, daemon=desk.daemon)
    unit = find(place.step.target or "", running.with_daemons, silent=running.silent)
    canary_s = Config.load(desk.home).policy.canary_s
    plan = plan_of(place.step, unit, running.spec(unit.id), text=desk.said.text, canary_s=canary_s)
    wanted = desk.plan_id(place.number)
    return replace(plan, id=wanted) if wanted is not None else plan


async def _confirmed(desk: Desk, place: Place, agent: Submits, asked: Ended) -> Event:
    """Ask what the guard wants to be asked, now that it is known what it will cost."""
    by, yes = desk.person.name, False
    try:
        lines = (f"{desk.command(place.step)}: {asked.detail}",)
        yes = bool(await desk.confirmed(desk.say("go on"), lines, anew=True))
    finally:  # who leaves at the question has said no to it: it does not stay open
        await desk.write(lambda journal: journal.decide_approval(asked.approval, yes, by))
    if not yes:
        return place.declined(desk)
    return ended_as(place, await follow(desk, place, agent.approved(asked.approval, by=by), told=True))
