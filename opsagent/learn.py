"""Turns what was tried and verified into an episode. (`opsagent/recall.py` reads it back; nobody else.)"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from opsagent.casefile import CaseFile
from opsagent.detectors.describe import symptom_text
from opsagent.model import Plan, Verdict
from opsagent.recall import MemoryDesk, scope_of
from opsagent.timeline import Timeline
from opsagent_tools.redact import redact

_LOG = logging.getLogger(__name__)


class Learner:
    """Writes verified outcomes into the memory; text from logs moves nothing by itself."""

    def __init__(self, desk: MemoryDesk, timeline: Timeline) -> None:
        self._desk = desk
        self._timeline = timeline

    async def learn(self, file: CaseFile, plan: Plan, verdict: Verdict) -> None:
        """Keep one attempt. A memory that cannot be written is told, and stops nothing."""
        from opsagent_memory import Episode, MemoryFailure, Outcome

        outcome = Outcome.WORKED if verdict.better else Outcome.HARMED if verdict.worse else Outcome.FAILED
        incident = file.incident
        episode = Episode(
            scope=scope_of(incident.unit),
            text=redact(symptom_text(incident)),
            created_at=datetime.now(UTC),
            fields={
                "class": incident.fault.value,
                "remedy": plan.remedy,
                "outcome": outcome.value,
                "incident": incident.id,
                "unit": str(incident.unit),
                "attempt": plan.attempt,
                "recovered_in_s": verdict.recovered_in_s,
                "why": redact(verdict.why),
            },
        )
        try:
            await self._desk.use(lambda memory: memory.add(episode))
        except MemoryFailure as error:
            _LOG.warning("could not remember %s: %s", plan.remedy, error)
            await self._timeline.tell("not_learnt", str(error), incident=incident)
            return
        self._desk.warm_soon()
        await self._timeline.tell("learnt", f"{plan.remedy} {outcome.value}", incident=incident, remedy=plan.remedy)
