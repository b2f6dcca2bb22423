"""Handles one incident from its opening to its end: the sentence, from recall to learn.

A retry is a new pass with one attempt more; a refused plan flows on as an event. Waiting for people never holds
the group's lock.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from opsagent.act import Carried
from opsagent.attempts import Attempts, Pass
from opsagent.casefile import CaseFile, UnderWay
from opsagent.episodes import tried_before
from opsagent.guard import rule_on_step, strictest
from opsagent.model import Act, Escalate, LeaveAlone, Plan, Ruling, Verdict
from opsagent.settle import Settled
from opsagent.situation import about
from opsagent.store.incidents import REPAIRED
from opsagent.waiting import Waiting
from opsagent.workshop import Workshop
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_TAKEN_S = 1.0
"""After so long it is decided again where another repair is at work on the unit with the cause."""
_FOR_A_PERSON = frozenset(
    {"breaker", "budget", "blast radius", "protected", "protected path", "foreign owner", "taught"}
)
"""Refused by one of these rules, the trouble stays: a person has to know."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A pass that ends with a question to a person."""

    plan: Plan
    ruling: Ruling


class Repairer:
    """Runs the passes of incidents, each in a task of its own."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._attempts = Attempts(shop)
        self._waiting = Waiting(shop.verifier, shop.world, shop.situations)

    async def handle(self, file: CaseFile) -> None:
        """Stay with the incident until it is over (resolved or closed)."""
        shop = self._shop
        if not file.resumed:
            await shop.books.open(file)
            await shop.returns.look(file)
        shop.investigator.get_ready(file)
        if file.unclear:
            await self._attempts.escalate(file, file.unclear)
            if await self._is_over_while_waiting(file):
                return
        elif await self._went_on(file):
            return
        while True:
            settled: Settled = await shop.settler.settle(file)
            if settled == "recovered":
                await self._untouched(file, "recovered by itself")
                return
            if settled == "withdrawn":
                await shop.books.end(file, "closed", file.withdrawn)
                return
            await self._count_return(file)
            async with shop.locks.of(file.incident.unit) as held:
                result = await self._pass(file, held)
            if isinstance(result, _Asking):
                result = await self._ask(file, result)
            if result == "over":
                return
            if result == "wait" and await self._is_over_while_waiting(file):
                return

    async def _count_return(self, file: CaseFile) -> None:
        """What came back within the hour counts against what was thought to have mended it; what is recalled knows it."""
        if await self._shop.returns.count(file):
            self._shop.investigator.get_ready(file)

    async def _went_on(self, file: CaseFile) -> bool:
        """Go on where an earlier life of the agent was; True when the incident is over."""
        shop = self._shop
        for row, verdict in file.judged:
            new = await shop.learner.learn(file, tried_before(row), verdict)
            if new and not verdict.better:  # else whoever keeps trust was told of it, too
                await asyncio.to_thread(shop.missed, row.plan, verdict.why)
        mended = next((row.plan for row, verdict in reversed(file.judged) if verdict.better), None)
        if mended is not None:  # it was verified, and its end not written any more
            file.mended = True
            if mended.source == "model":
                await shop.learner.propose(file, mended, accept=shop.accepts(mended))
            await shop.books.end(file, "resolved", REPAIRED, plan=mended)
            return True
        way, file.under_way = file.under_way, None
        if way is None:
            return False
        async with shop.locks.of(file.incident.unit):
            result = await self._go_on(file, way)
        if result == "wait":
            return await self._is_over_while_waiting(file)
        return result == "over"

    async def _go_on(self, file: CaseFile, way: UnderWay) -> Pass:
        shop = self._shop
        plan, concerned = way.plan, shop.verifier.concerned(file.incident)
        ended = await shop.actor.tidy(plan)
        if ended:
            said = f"{ended} instance{'s' * (ended != 1)} ended that the interrupted reload had left beside the others"
            await shop.timeline.tell("reconciled", said, incident=file.incident)
        if way.judged:
            return await self._taken_back(file, way, way.why)
        if way.what != "verify" and await shop.verifier.well_now(concerned) != concerned:
            if way.what == "undo":
                return await self._taken_back(file, way, "the agent ended in the middle of it")
            return await self._attempts.attempt(file, plan, confirmed=way.confirmed, first=way.done_steps)
        whole = way.done_steps == len(plan.steps)
        carried = Carried(
            result="done" if whole else "failed",
            done_steps=way.done_steps,
            begun=way.begun_steps,
            why="" if whole else way.why,
        )
        return await self._attempts.conclude(file, plan, carried, frozenset(), way.began_at)

    async def _taken_back(self, file: CaseFile, way: UnderWay, why: str) -> Pass:
        """Take back what an earlier life of the agent did of a plan; a pass of its own follows."""
        left = await self._shop.actor.undo(way.plan, way.done_steps, self._attempts.teller(file), way.undone)
        why = "; ".join((why, *left))
        if not way.judged:
            await asyncio.to_thread(self._shop.journal.end_plan, way.plan.id, "interrupted", why)
            return "again"
        carried = Carried(result="failed", done_steps=way.done_steps, begun=way.begun_steps, why=why)
        return await self._attempts.noted(file, way.plan, carried, Verdict(better=False, why=why), way.began_at)

    async def _ask(self, file: CaseFile, asking: _Asking) -> Pass:
        agreed, file.agreed = file.agreed, ""
        answer = await self._shop.consent.given(file, asking.plan, asking.ruling, agreed=agreed)
        if answer != "yes":
            return "again" if answer == "changed" else "wait"
        async with self._shop.locks.of(file.incident.unit):
            return await self._attempts.attempt(file, asking.plan, confirmed=True)

    async def _pass(self, file: CaseFile, held: frozenset[UnitId]) -> Pass | _Asking:
        shop = self._shop
        if file.left_over is not None:
            plan, file.left_over = file.left_over, None
            proposed = await self._propose(file, plan)
            question = await asyncio.to_thread(shop.journal.open_question, plan.id)
            if question is not None and not isinstance(proposed, _Asking):
                await asyncio.to_thread(shop.journal.expire_approval, question)
            return proposed
        if file.advised is not None:
            plan, file.advised = file.advised, None
            return await self._propose(file, plan)
        decision = await shop.investigator.decide(file)
        if not isinstance(decision, LeaveAlone) and shop.locks.group(file.incident.unit) - held:
            return "again"  # who else belongs to it was learnt meanwhile: another repair may be at the cause
        file.look_again_s = decision.look_again_s if isinstance(decision, LeaveAlone) else None
        file.ask_again_s = None
        match decision:
            case LeaveAlone(why=why):
                if why != file.left_alone:  # looked at again and again, told once
                    await shop.timeline.tell("left_alone", why, incident=file.incident)
                file.left_alone = why
                return "wait"
            case Escalate(why=why):
                await self._attempts.escalate(file, why)
                return "wait"
            case Act(plan=plan):
                async with shop.locks.also(plan.unit, held) as free:
                    if free:
                        return await self._propose(file, plan)
                await asyncio.sleep(_TAKEN_S)
                return "again"
        raise AssertionError(f"decide ended with {decision!r}")

    async def _propose(self, file: CaseFile, plan: Plan) -> Pass | _Asking:
        shop = self._shop
        await asyncio.to_thread(shop.journal.record_plan, plan, file.hypotheses)
        steps = ", then ".join(str(step.action) for step in plan.steps)
        await shop.timeline.tell(
            "planned", f"{steps}: {plan.why}", incident=file.incident, remedy=plan.remedy, source=plan.source
        )
        ruling = await self._rule(plan)
        if ruling.verdict != "allow":  # what it rests on is kept, for whoever is asked or tries a runbook on it
            known = {"evidence": tuple(file.evidence), "hypotheses": file.hypotheses, "probes": file.probes}
            await asyncio.to_thread(shop.journal.set_incident, file.incident.id, **known)
        if ruling.verdict == "deny":
            return await self._refused(file, plan, ruling)
        if ruling.verdict == "ask":
            await asyncio.to_thread(shop.journal.note_would_be, plan, "ask")
            return _Asking(plan, ruling)
        return await self._attempts.attempt(file, plan, confirmed=False)

    async def _rule(self, plan: Plan) -> Ruling:
        shop = self._shop
        spent, rulings = await shop.situations.spent(plan), []
        for unit in dict.fromkeys(step.action.unit for step in plan.steps):
            asked = about(plan, unit)
            situation = await shop.situations.of(asked, spent, confirmed=False)
            steps = (step for step in plan.steps if step.action.unit == unit)
            rulings += [rule_on_step(step, asked, situation, shop.policy()) for step in steps]
        return strictest(rulings)

    async def _refused(self, file: CaseFile, plan: Plan, ruling: Ruling) -> Pass:
        shop = self._shop
        await asyncio.to_thread(shop.journal.end_plan, plan.id, "skipped", f"{ruling.rule}: {ruling.why}")
        kind = "suggested" if ruling.rule == "suggest" else "refused"
        await shop.timeline.tell(kind, ruling.why, incident=file.incident, rule=ruling.rule, remedy=plan.remedy)
        if ruling.rule == "suggest":
            await asyncio.to_thread(shop.journal.note_would_be, plan, ruling.rule)
        file.ask_again_s = ruling.again_s
        if ruling.rule in _FOR_A_PERSON:
            await self._attempts.escalate(file, ruling.why)
        return "wait"

    async def _is_over_while_waiting(self, file: CaseFile) -> bool:
        """Wait for recovery or for news; True when the incident is over."""
        news = await self._waiting.for_news(file)
        if news == "recovered":
            await self._untouched(file, "recovered without the agent")
        elif news == "withdrawn":
            await self._shop.books.end(file, "closed", file.withdrawn)
        return news != "news"

    async def _untouched(self, file: CaseFile, outcome: str) -> None:
        """It is over, and nothing that was done helped: remembered all the same, with no credit for anybody."""
        from opsagent_memory import Outcome

        await asyncio.gather(*file.learning)
        await self._shop.books.end(file, "resolved" if file.attempts else "closed", outcome)
        if not file.attempts:
            alone = outcome == "recovered by itself"
            await self._shop.learner.note(file, Outcome.SELF_RECOVERED if alone else Outcome.UNPROVEN)
