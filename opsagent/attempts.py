"""One attempt: a plan is carried out, judged, taken back where it did not help, written down and learnt from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from opsagent.act import Carried
from opsagent.casefile import CaseFile
from opsagent.episodes import Tried
from opsagent.model import Attempt, Plan, Verdict
from opsagent.ports import Progress
from opsagent.store.incidents import REPAIRED
from opsagent.store.repairs import TRIAL
from opsagent.store.rows import PlanStatus
from opsagent.workshop import Workshop
from opsagent_tools.units import UnitId

_MAX_ATTEMPTS = 6

Pass = Literal["again", "over", "wait"]
"""How it goes on: with a new pass, not at all, or once there is news."""


class Attempts:
    """Carries plans of incidents to their end."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def attempt(self, file: CaseFile, plan: Plan, *, confirmed: bool, first: int = 0) -> Pass:
        shop = self._shop
        shop.decided(file.incident.id)
        others = [unit for unit in shop.world.units if unit != plan.unit]
        well_before = await shop.verifier.well_now(others)
        known = {"evidence": tuple(file.evidence), "hypotheses": file.hypotheses, "probes": file.probes}
        await asyncio.to_thread(shop.journal.set_incident, file.incident.id, status="repairing", **known)
        acted_at = datetime.now(UTC)
        carried = await shop.actor.carry_out(plan, confirmed=confirmed, tell=self.teller(file), first=first)
        if carried.result in ("asked", "refused"):
            await self._stopped_midway(file, plan, carried)
            return "wait"
        return await self.conclude(file, plan, carried, well_before, acted_at)

    async def conclude(
        self, file: CaseFile, plan: Plan, carried: Carried, well_before: frozenset[UnitId], acted_at: datetime | None
    ) -> Pass:
        """Judge what was done; take it back where it did not help."""
        shop = self._shop
        verdict = await self._judge(file, plan, carried, well_before)
        kind = "verified" if verdict.better else "unproven" if verdict.unproven else "not_better"
        await shop.timeline.tell(
            kind,
            verdict.why,
            incident=file.incident,
            remedy=plan.remedy,
            plan=plan.id,
            worse=verdict.worse,
            unproven=verdict.unproven,
        )
        if verdict.worse or not (verdict.better or verdict.helped or verdict.unproven):
            left = await shop.actor.undo(plan, carried.done_steps, self.teller(file))
            if left:
                verdict = replace(verdict, why="; ".join((verdict.why, *left)))
        return await self.noted(file, plan, carried, verdict, acted_at)

    async def noted(
        self, file: CaseFile, plan: Plan, carried: Carried, verdict: Verdict, acted_at: datetime | None
    ) -> Pass:
        """Write down how an attempt ended, learn from it, and say how it goes on."""
        shop, why = self._shop, carried.why or verdict.why
        status: PlanStatus = "done" if verdict.better else "interrupted" if verdict.unproven else "failed"
        await asyncio.to_thread(shop.journal.end_plan, plan.id, status, why)
        file.attempts.append(Attempt(remedy=plan.remedy, unit=plan.unit, better=verdict.better, why=why))
        tried = Tried(
            plan=plan,
            done_steps=carried.done_steps,
            begun_steps=carried.begun,
            acted_at=acted_at,
            ended_at=datetime.now(UTC),
        )
        learning = asyncio.create_task(shop.learner.learn(file, tried, verdict))
        file.learning.append(learning)
        if verdict.better:  # else the next attempt does not wait for it
            await learning
        file.mended = verdict.better
        trial = await asyncio.to_thread(shop.journal.was_trial, plan.id)
        if trial:
            said = "helped: the breaker is closed" if verdict.better else f"did not help: {why}"
            await shop.timeline.tell(TRIAL, f"one more try with {plan.remedy} {said}", incident=file.incident)
        if verdict.better:
            if plan.source == "model":
                await shop.learner.propose(file, plan, accept=shop.accepts(plan))
            await self._cause_was_at(file, plan)
            await shop.books.end(file, "resolved", REPAIRED, plan=plan, verdict=verdict)
            return "over"
        if verdict.unproven:
            await self.escalate(file, f"{plan.remedy} was done, and nobody can tell whether it helped: {verdict.why}")
            return "wait"
        await asyncio.to_thread(shop.missed, plan, why)
        if trial:
            await self.escalate(file, f"one more try with {plan.remedy} did not help: {why}")
            return "again"  # the breaker says how long it waits now
        if len(file.attempts) >= _MAX_ATTEMPTS:
            await self.escalate(file, f"{len(file.attempts)} attempts did not help")
            return "wait"
        return "again"

    async def _cause_was_at(self, file: CaseFile, plan: Plan) -> None:
        """Another unit than the incident's was treated, and that helped: the cause was there, and here it showed."""
        before = file.incident
        if plan.unit == before.unit:
            return
        affected = (before.affected | {before.unit}) - {plan.unit}
        file.update(replace(before, unit=plan.unit, affected=affected, why_root=plan.why))
        await asyncio.to_thread(self._shop.journal.update_incident, file.incident)

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
            await self.escalate(file, f"stopped{done}: {carried.why}")

    async def escalate(self, file: CaseFile, why: str) -> None:
        """Tell a person; what documents say of it follows when it is found."""
        await self._shop.books.escalate(file, why)
        self._shop.quotes.look_soon(file)
        self._shop.advice(file)

    def teller(self, file: CaseFile) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            self._shop.timeline.say(progress.kind, progress.text, incident=file.incident)

        return tell
