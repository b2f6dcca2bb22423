"""Turns what was tried and verified into an episode. (`opsagent/recall.py` reads it back; nobody else.)"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsagent.casefile import CaseFile
from opsagent.detectors.describe import symptom_text
from opsagent.model import Fault, Plan, Verdict
from opsagent.recall import MemoryDesk, scope_of
from opsagent.timeline import Timeline
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent_memory import Episode, Memory

_LOG = logging.getLogger(__name__)
_LOGS_TRUST = 0.3
"""How far an episode is believed that only old logs tell of: below what moves any remedy."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstructed:
    """An incident of the past that only logs tell of."""

    id: str
    """Durable: the same incident has the same one whenever its logs are read again."""
    unit: UnitId
    fault: Fault
    text: str
    """What the memory knows it by, as of one that was seen live."""
    began_at: datetime
    summary: str
    lasted_s: float | None = None
    deaths: int = 0
    errors: int = 0


async def remember(desk: MemoryDesk, past: Sequence[Reconstructed]) -> Mapping[str, int]:
    """Keep what logs tell of the past, marked as that; what is kept already is not kept twice.

    Nothing was tried then as far as anybody knows: such an episode has no remedy and no outcome, moves no counter and
    authorises nothing (docs/security.md). Returns how many are new, and how many were known.
    Raises opsagent_memory.MemoryFailure.
    """
    episodes = [_reconstructed(one) for one in past]
    added = await desk.use(lambda memory: _add_new(memory, episodes)) if episodes else 0
    return {"added": added, "known": len(episodes) - added}


def _reconstructed(past: Reconstructed) -> Episode:
    from opsagent_memory import Episode, Source

    return Episode(
        id=f"ep-{past.id}",
        scope=scope_of(past.unit),
        text=redact(past.text),
        created_at=past.began_at,
        source=Source.LOGS,
        trust=_LOGS_TRUST,
        fields={
            "class": past.fault.value,
            "reconstructed": True,
            "unit": str(past.unit),
            "summary": redact(past.summary),
            "lasted_s": past.lasted_s,
            "deaths": past.deaths,
            "errors": past.errors,
        },
    )


def _add_new(memory: Memory, episodes: Sequence[Episode]) -> int:
    from opsagent_memory import RecordNotFound

    new = []
    for episode in episodes:
        try:
            memory.show(episode.id)
        except RecordNotFound:
            new.append(episode)
    before = memory.stats().records
    memory.add_many(new)  # one that was forgotten stays forgotten
    return memory.stats().records - before
