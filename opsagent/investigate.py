"""Brings recall, evidence and decide together: asks decide, runs the probes that it wants, and asks again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from opsagent.casefile import CaseFile
from opsagent.decide import Case, decide
from opsagent.evidence import gather
from opsagent.model import Act, Decision, Escalate, Investigate
from opsagent.recall import Recall
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.supervisors.port import Supervisor

_MAX_ROUNDS = 8


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
    ) -> None:
        self._last_good_dir = last_good_dir
        self._world = world
        self._supervisors = supervisors
        self._recall = recall
        self._timeline = timeline

    async def get_ready(self, file: CaseFile) -> None:
        """Begin what takes long while it is not yet clear whether anything has to be decided."""
        await self._recall.get_ready(file.incident.unit)

    async def decide(self, file: CaseFile) -> Decision:
        """Return Act, Escalate or LeaveAlone. Evidence is gathered afresh for every attempt."""
        began, since = monotonic(), datetime.now(UTC)
        file.evidence.clear()
        file.odds = await self._recall.odds(file.incident)
        if file.odds and not file.attempts:
            await self._timeline.tell("recalled", file.odds[0].why, incident=file.incident, remedy=file.odds[0].remedy)
        try:
            return await self._until_clear(file, since)
        finally:
            file.decision_s += monotonic() - began

    async def _until_clear(self, file: CaseFile, since: datetime) -> Decision:
        for _ in range(_MAX_ROUNDS):
            decision = decide(self._case(file, since))
            if not isinstance(decision, Investigate):
                if isinstance(decision, Act | Escalate):
                    file.hypotheses = decision.hypotheses
                return decision
            file.probes += len(decision.requests)
            now = datetime.now(UTC)
            found = await gather(
                decision.requests, self._world, self._supervisors, now, last_good_dir=self._last_good_dir
            )
            file.evidence.extend(found)
            names = ", ".join(f"{request.probe} of {request.unit.name}" for request in decision.requests)
            await self._timeline.tell("probed", names, incident=file.incident, probes=len(decision.requests))
        return Escalate(why="the investigation did not come to an end", hypotheses=file.hypotheses)

    def _case(self, file: CaseFile, since: datetime) -> Case:
        return Case.of(
            file.incident,
            self._world,
            evidence=tuple(file.evidence),
            odds=file.odds,
            tried=tuple(file.attempts),
            fresh_since=since,
            now=datetime.now(UTC),
        )
