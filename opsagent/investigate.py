"""Brings recall, evidence and decide together: asks decide, runs the probes that it wants, and asks again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from opsagent import recollected
from opsagent.casefile import CaseFile
from opsagent.casenote import why
from opsagent.decide import Case, decide
from opsagent.detectors.describe import symptom_text
from opsagent.evidence import gather
from opsagent.model import Act, Attempt, Decision, Escalate, Fault, Incident, Investigate, LeaveAlone, RemedyOdds
from opsagent.recall import Recall
from opsagent.releases.keeper import Keeper
from opsagent.runbooks.case import MayTry
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent.runbooks.library.card import Card

_MAX_ROUNDS = 16
"""Of questions; each is answered within the time of its slowest probe."""


def _nothing(_incident: Incident) -> tuple[Attempt, ...]:
    return ()


class Investigator:
    """Comes to one decision about an incident, by reading only."""

    def __init__(
        self,
        *,
        world: World,
        supervisors: Mapping[str, Supervisor],
        recall: Recall,
        timeline: Timeline,
        last_good_dir: Path | None = None,
        releases: Keeper | None = None,
        may_try: MayTry | None = None,
        people: Callable[[UnitId], tuple[str, str]] | None = None,
        own: Callable[[], tuple[Card, ...]] = tuple,
        beside: Callable[[Incident], tuple[Attempt, ...]] = _nothing,
    ) -> None:
        """`people`: says why a unit is on hold, and who deploys it; `own`: people's own runbooks; `beside`: what was done on
        an incident's unit since it began. All may block.
        """
        self._may_try = may_try
        self._people = people
        self._own = own
        self._beside = beside
        self._last_good_dir = last_good_dir
        self._releases = releases
        self._world = world
        self._supervisors = supervisors
        self._recall = recall
        self._timeline = timeline

    def get_ready(self, file: CaseFile) -> None:
        """Begin to recall while it is not yet clear whether anything has to be decided."""
        incident = file.incident
        file.recalling = (_question(incident), asyncio.create_task(self._recall.odds(incident)))

    async def decide(self, file: CaseFile) -> Decision:
        """Return Act, Escalate or LeaveAlone. Evidence is gathered afresh for every attempt."""
        began, since = monotonic(), datetime.now(UTC)
        file.evidence.clear()
        own = await asyncio.to_thread(self._own)
        if self._world.in_maintenance(file.incident.unit, since):  # looked at again and again: nothing is recalled
            standing = decide(self._case(file, since, own))
            if isinstance(standing, LeaveAlone):
                return standing
        file.beside = await asyncio.to_thread(self._beside, file.incident)
        file.odds = await self._odds(file)
        if file.odds and not file.attempts:
            for odds in file.odds[: recollected.MOST]:
                self._timeline.say(
                    recollected.KIND, recollected.line_of(odds), incident=file.incident, **recollected.data_of(odds)
                )
        try:
            return await self._until_clear(file, since, own)
        finally:
            file.decision_s += monotonic() - began

    async def _odds(self, file: CaseFile) -> tuple[RemedyOdds, ...]:
        """Return what was recalled beforehand, if it was asked for the incident as it is known now.

        After an attempt nothing is recalled anew: what that showed decide knows, and the memory may be busy learning it.
        """
        wanted = _question(file.incident)
        if file.recalling is not None:
            (question, task), file.recalling = file.recalling, None
            if question == wanted:
                file.recalled_for = wanted
                return await task
        if file.attempts and file.recalled_for == wanted:
            return file.odds
        file.recalled_for = wanted
        return await self._recall.odds(file.incident)

    async def _until_clear(self, file: CaseFile, since: datetime, own: tuple[Card, ...]) -> Decision:
        for _ in range(_MAX_ROUNDS):
            decision = decide(self._case(file, since, own))
            if not isinstance(decision, Investigate):
                if isinstance(decision, Act | Escalate):
                    self._keep(file, decision)
                return decision
            file.probes += len(decision.requests)
            now = datetime.now(UTC)
            found = await gather(
                decision.requests,
                self._world,
                self._supervisors,
                now,
                last_good_dir=self._last_good_dir,
                releases=self._releases,
                people=self._people,
            )
            file.evidence.extend(found)
            names = ", ".join(f"{request.probe} of {request.unit.name}" for request in decision.requests)
            self._timeline.say("probed", names, incident=file.incident, probes=len(decision.requests))
        return Escalate(why="the investigation did not come to an end", hypotheses=file.hypotheses)

    def _keep(self, file: CaseFile, decision: Act | Escalate) -> None:
        """Keep what is known for whoever tells of it, and say why it is done what is done."""
        file.hypotheses, file.note = decision.hypotheses, decision.note
        if not isinstance(decision, Act):
            return
        meant = (one for one in decision.hypotheses if one.kind is decision.plan.cause)
        likely = next(meant, next(iter(decision.hypotheses), None))
        if likely is not None:
            self._timeline.say(
                "understood",
                why(likely),
                incident=file.incident,
                cause=likely.kind.value,
                weight=likely.weight,
                about=str(likely.unit),
            )

    def _case(self, file: CaseFile, since: datetime, own: tuple[Card, ...]) -> Case:
        return Case.of(
            file.incident,
            self._world,
            evidence=tuple(file.evidence),
            odds=file.odds,
            tried=tuple(file.attempts),
            beside=file.beside,
            fresh_since=since,
            may_try=self._may_try,
            own=own,
            now=datetime.now(UTC),
        )


def _question(incident: Incident) -> tuple[Fault, UnitId, str]:
    return incident.fault, incident.unit, symptom_text(incident)
