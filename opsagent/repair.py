"""Handles one incident from its opening to its end: the sentence, from recall to learn.

A retry is a new pass with one attempt more; a refused plan flows on as an event. Waiting for people never holds
the group's lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from opsagent.act import Actor, Carried
from opsagent.books import Books
from opsagent.casefile import CaseFile
from opsagent.consent import Consent
from opsagent.detectors.saturation import lasts
from opsagent.episodes import Tried
from opsagent.guard import rule_on_plan
from opsagent.investigate import Investigator
from opsagent.learn import Learner
from opsagent.locks import GroupLocks
from opsagent.model import Act, Attempt, Escalate, Fault, LeaveAlone, Plan, Ruling, Verdict
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.quoting import Quotes
from opsagent.settle import Settled, Settler
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.verify import Verifier
from opsagent.world import World
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_RECHECK_S = 1.0
_QUIET_AFTER_ESCALATION_S = 5.0
_MAX_ATTEMPTS = 6
_NOT_OVER_WHEN_WELL = frozenset({Fault.BAD_RELEASE})
"""The old release serves all the time: a later reload ends the incident (`opsagent.bad_release`)."""

_FOR_A_PERSON = frozenset({"breaker", "budget", "protected", "foreign owner", "taught"})
"""Refused by one of these rules, the trouble stays: a person has to know."""

_Pass = Literal["again", "over", "wait"]


@dataclass(frozen=True, slots=True)
class _Asking:
    """A pass that ends with a question to a person."""

    plan: Plan
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that a repair needs, put together once."""

    journal: Journal
    timeline: Timeline
    world: World
    settler: Settler
    investigator: Investigator
    situations: Situations
    policy: Callable[[], Policy]
    actor: Actor
    verifier: Verifier
    learner: Learner
    consent: Consent
    locks: GroupLocks
    books: Books
    quotes: Quotes
    decided: Callable[[str], None]
    """Tells detect that a plan is under way for this incident."""


class Repairer:
    """Runs the passes of incidents, each in a task of its own."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def handle(self, file: CaseFile) -> None:
        """Stay with the incident until it is over (resolved or closed)."""
        shop = self._shop
        shop.investigator.get_ready(file)
        if not file.resumed:
            await shop.books.open(file)
        if file.unclear:
            await self._escalate(file, file.unclear)
            if await self._recovers_while_waiting(file):
                return
        while True:
            settled: Settled | Literal["repaired"] = await shop.settler.settle(file)
            if file.carried_over is not None:
                settled = await self._carry_over(file, file.carried_over, settled)
            if settled == "recovered":
                await self._untouched(file, "recovered by itself")
                return
            if settled == "repaired":
                return
            if settled == "withdrawn":
                await shop.books.end(file, "closed", file.withdrawn)
                return
            async with shop.locks.of(file.incident.unit) as held:
                result = await self._pass(file, held)
            if isinstance(result, _Asking):
                result = await self._ask(file, result)
            if result == "over":
                return
            if result == "wait" and await self._recovers_while_waiting(file):
                return

    async def _carry_over(self, file: CaseFile, plan: Plan, settled: str) -> Literal["stays", "repaired"]:
        """Judge a plan that an earlier life of the agent had carried out but not verified."""
        file.carried_over = None
        verdict = Verdict(better=settled == "recovered", why="looked at after a restart of the agent")
        await asyncio.to_thread(
            self._shop.journal.end_plan, plan.id, "done" if verdict.better else "failed", verdict.why
        )
        file.attempts.append(Attempt(remedy=plan.remedy, unit=plan.unit, better=verdict.better, why=verdict.why))
        steps = len(plan.steps)
        tried = Tried(plan=plan, done_steps=steps, begun_steps=steps, acted_at=None, ended_at=datetime.now(UTC))
        await self._shop.learner.learn(file, tried, verdict)
        file.mended = verdict.better
        if not verdict.better:
            return "stays"
        await self._shop.books.end(file, "resolved", "repaired", plan=plan)
        return "repaired"

    async def _ask(self, file: CaseFile, asking: _Asking) -> _Pass:
        answer = await self._shop.consent.given(file, asking.plan, asking.ruling)
        if answer != "yes":
            return "again" if answer == "changed" else "wait"
        async with self._shop.locks.of(file.incident.unit):
            return await self._attempt(file, asking.plan, confirmed=True)

    async def _pass(self, file: CaseFile, held: frozenset[UnitId]) -> _Pass | _Asking:
        shop = self._shop
        if file.left_over is not None:
            plan, file.left_over = file.left_over, None
            proposed = await self._propose(file, plan)
            question = await asyncio.to_thread(shop.journal.open_question, plan.id)
            if question is not None and not isinstance(proposed, _Asking):
                await asyncio.to_thread(shop.journal.expire_approval, question)
            return proposed
        decision = await shop.investigator.decide(file)
        if not isinstance(decision, LeaveAlone) and shop.locks.group(file.incident.unit) - held:
            return "again"  # who else belongs to it was learnt meanwhile: another repair may be at the cause
        file.look_again_s = decision.look_again_s if isinstance(decision, LeaveAlone) else None
        match decision:
            case LeaveAlone(why=why):
                if why != file.left_alone:  # looked at again and again, told once
                    await shop.timeline.tell("left_alone", why, incident=file.incident)
                file.left_alone = why
                return "wait"
            case Escalate(why=why):
                await self._escalate(file, why)
                return "wait"
            case Act(plan=plan):
                return await self._propose(file, plan)
        raise AssertionError(f"decide ended with {decision!r}")

    async def _propose(self, file: CaseFile, plan: Plan) -> _Pass | _Asking:
        shop = self._shop
        await asyncio.to_thread(shop.journal.record_plan, plan, file.hypotheses)
        steps = ", then ".join(str(step.action) for step in plan.steps)
        await shop.timeline.tell(
            "planned", f"{steps}: {plan.why}", incident=file.incident, remedy=plan.remedy, source=plan.source
        )
        ruling = await self._rule(plan)
        if ruling.verdict == "deny":
            return await self._refused(file, plan, ruling)
        if ruling.verdict == "ask":
            return _Asking(plan, ruling)
        return await self._attempt(file, plan, confirmed=False)

    async def _rule(self, plan: Plan) -> Ruling:
        shop = self._shop
        spent = await shop.situations.spent(plan)
        situation = await shop.situations.of(plan, spent, confirmed=False)
        return rule_on_plan(plan, situation, shop.policy())

    async def _refused(self, file: CaseFile, plan: Plan, ruling: Ruling) -> _Pass:
        shop = self._shop
        await asyncio.to_thread(shop.journal.end_plan, plan.id, "skipped", f"{ruling.rule}: {ruling.why}")
        kind = "suggested" if ruling.rule == "suggest" else "refused"
        await shop.timeline.tell(kind, ruling.why, incident=file.incident, rule=ruling.rule, remedy=plan.remedy)
        if ruling.rule in _FOR_A_PERSON:
            await self._escalate(file, ruling.why)
        return "wait"

    async def _attempt(self, file: CaseFile, plan: Plan, *, confirmed: bool) -> _Pass:
        shop = self._shop
        shop.decided(file.incident.id)
        others = [unit for unit in shop.world.units if unit != plan.unit]
        well_before = await shop.verifier.well_now(others)
        known = {"evidence": tuple(file.evidence), "hypotheses": file.hypotheses, "probes": file.probes}
        await asyncio.to_thread(shop.journal.set_incident, file.incident.id, status="repairing", **known)
        acted_at = datetime.now(UTC)
        carried = await shop.actor.carry_out(plan, confirmed=confirmed, tell=self._teller(file))
        if carried.result in ("asked", "refused"):
            await self._stopped_midway(file, plan, carried)
            return "wait"
        verdict = await self._judge(file, plan, carried, well_before)
        await shop.timeline.tell(
            "verified" if verdict.better else "not_better", verdict.why, incident=file.incident, remedy=plan.remedy
        )
        if verdict.worse or not (verdict.better or verdict.helped):
            await shop.actor.undo(plan, carried.done_steps, self._teller(file))
        await asyncio.to_thread(
            shop.journal.end_plan, plan.id, "done" if verdict.better else "failed", carried.why or verdict.why
        )
        file.attempts.append(
            Attempt(remedy=plan.remedy, unit=plan.unit, better=verdict.better, why=carried.why or verdict.why)
        )
        tried = Tried(
            plan=plan,
            done_steps=carried.done_steps,
            begun_steps=carried.begun,
            acted_at=acted_at,
            ended_at=datetime.now(UTC),
        )
        await shop.learner.learn(file, tried, verdict)
        file.mended = verdict.better
        if verdict.better:
            await shop.books.end(file, "resolved", "repaired", plan=plan, verdict=verdict)
            return "over"
        if len(file.attempts) >= _MAX_ATTEMPTS:
            await self._escalate(file, f"{len(file.attempts)} attempts did not help")
            return "wait"
        return "again"

    async def _judge(self, file: CaseFile, plan: Plan, carried: Carried, well_before: frozenset[UnitId]) -> Verdict:
        shop = self._shop
        if carried.result == "failed":
            concerned = shop.verifier.concerned(file.incident)
            if await shop.verifier.well_now(concerned) != concerned:
                return Verdict(better=False, why=carried.why)
        return await shop.verifier.verify(file.incident, plan, well_before)

    async def _stopped_midway(self, file: CaseFile, plan: Plan, carried: Carried) -> None:
        shop = self._shop
        await asyncio.to_thread(shop.journal.end_plan, plan.id, "skipped", carried.why)
        rule = carried.ruling.rule if carried.ruling is not None else ""
        done = f" after {carried.done_steps} of {len(plan.steps)} steps" if carried.done_steps else ""
        await shop.timeline.tell("refused", carried.why + done, incident=file.incident, rule=rule)
        if carried.done_steps:
            await self._escalate(file, f"stopped{done}: {carried.why}")

    async def _recovers_while_waiting(self, file: CaseFile) -> bool:
        """Wait for recovery or for news; True when the incident is over."""
        shop = self._shop
        loop = asyncio.get_running_loop()
        well_since: float | None = None
        before = await self._circumstances(file)
        look_again_at = loop.time() + file.look_again_s if file.look_again_s is not None else None
        while not file.withdrawn:
            if look_again_at is not None:
                if loop.time() >= look_again_at:
                    return False
                await asyncio.sleep(min(_RECHECK_S, max(look_again_at - loop.time(), 0.0)))
                continue
            concerned = shop.verifier.concerned(file.incident)
            lasting = lasts(file.incident, shop.world, datetime.now(UTC))
            well = not lasting and await shop.verifier.well_now(concerned) == concerned
            well_since = (
                (well_since or loop.time()) if well and file.incident.fault not in _NOT_OVER_WHEN_WELL else None
            )
            if well_since is not None and loop.time() - well_since >= _QUIET_AFTER_ESCALATION_S:
                await self._untouched(file, "recovered without the agent")
                return True
            if not well and await self._circumstances(file) != before:
                return False
            await asyncio.sleep(_RECHECK_S)
        await shop.books.end(file, "closed", file.withdrawn)
        return True

    async def _escalate(self, file: CaseFile, why: str) -> None:
        """Tell a person; what documents say of it follows when it is found."""
        await self._shop.books.escalate(file, why)
        self._shop.quotes.look_soon(file)

    async def _untouched(self, file: CaseFile, outcome: str) -> None:
        """It is over, and nothing that was done helped: remembered all the same, with no credit for anybody."""
        from opsagent_memory import Outcome

        await self._shop.books.end(file, "resolved" if file.attempts else "closed", outcome)
        if not file.attempts:
            alone = outcome == "recovered by itself"
            await self._shop.learner.note(file, Outcome.SELF_RECOVERED if alone else Outcome.UNPROVEN)

    async def _circumstances(self, file: CaseFile) -> object:
        """What would make deciding again worth while: another cause, or other orders by people."""
        shop = self._shop
        try:
            situation = await shop.situations.orders(file.incident.unit)
        except SupervisorError:
            situation = None
        unit, now = file.incident.unit, datetime.now(UTC)
        windows = [shop.world.in_maintenance(near, now) for near in (unit, *shop.world.all_upstream(unit))]
        taught = await asyncio.to_thread(shop.situations.taught)
        return (file.incident.fault, unit, situation, windows, taught)

    def _teller(self, file: CaseFile) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            self._shop.timeline.say(progress.kind, progress.text, incident=file.incident)

        return tell
