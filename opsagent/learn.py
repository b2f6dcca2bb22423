"""Turns what was tried and verified into an episode. (`opsagent/recall.py` reads it back; nobody else.)"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from opsagent.casefile import CaseFile
from opsagent.episodes import Tried, fields_of, fields_proposed, fields_returned, fields_untried, text_of, trust_of
from opsagent.model import Fault, Plan, Verdict
from opsagent.recall import MemoryDesk, scope_of
from opsagent.store.rows import IncidentRow
from opsagent.timeline import Timeline
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent_memory import Episode, Memory, Outcome, Procedure

_LOG = logging.getLogger(__name__)
_NOTED_AGAIN_S, _MOST_NOTED = 600.0, 1000
_BY_POLICY = "the configuration ([model] accept)"
_LOGS_TRUST = 0.3
"""How far an episode is believed that only old logs tell of: below what moves any remedy."""


class Learner:
    """Writes verified outcomes into the memory; text from logs moves nothing by itself."""

    def __init__(self, desk: MemoryDesk, timeline: Timeline) -> None:
        self._desk = desk
        self._timeline = timeline
        self._noted: dict[tuple[str, str], float] = {}

    async def learn(self, file: CaseFile, tried: Tried, verdict: Verdict) -> bool:
        """Keep one attempt, once: the agent may have ended before it wrote that it did. Return whether it is new.

        A memory that cannot be written is told, and stops nothing.
        """
        from opsagent_memory import Episode, MemoryFailure

        if not self._desk.settings.learn:
            return False
        incident, remedy = file.incident, tried.plan.remedy
        outcome = outcome_of(tried, verdict)
        episode = Episode(
            id=f"ep-{tried.plan.id}",
            scope=scope_of(incident.unit),
            text=text_of(incident),
            created_at=tried.ended_at,
            trust=trust_of(incident),
            fields=fields_of(file, tried, verdict, outcome.value),
        )
        try:
            told = await self._desk.use(lambda memory: _keep(memory, episode))
        except MemoryFailure as error:
            _LOG.warning("could not remember %s: %s", remedy, error)
            await self._timeline.tell("not_learnt", str(error), incident=incident)
            return False
        if told is None:
            return False
        self._desk.warm_soon()
        await self._timeline.tell(
            "learnt",
            f"{remedy} {outcome.value}{told.said}",
            incident=incident,
            remedy=remedy,
            record=episode.id,
            surprise=told.surprise,
            family=told.family,
        )
        return True

    async def propose(self, file: CaseFile, plan: Plan, *, accept: bool) -> None:
        """Propose what a chat model worked out, a person approved and verification confirmed as a procedure, once.

        It helps the next time only once a person has accepted it; `accept`: the configuration says so for them.
        """
        from opsagent_memory import MemoryFailure, Procedure, Source

        if not self._desk.settings.learn:
            return
        incident, now = file.incident, datetime.now(UTC)
        procedure = Procedure(
            id=f"pr-{plan.id}",
            scope=scope_of(incident.unit),
            text=f"{plan.remedy} helps when: {text_of(incident)}",
            created_at=now,
            fields=fields_proposed(file, plan, now),
            source=Source.AGENT,
        )
        try:
            told = await self._desk.use(lambda memory: _propose(memory, procedure, accept=accept))
        except MemoryFailure as error:
            _LOG.warning("could not propose %s: %s", plan.remedy, error)
            return
        if told:
            await self._timeline.tell("procedure", told, incident=incident, record=procedure.id, remedy=plan.remedy)

    async def unlearn(self, file: CaseFile, before: IncidentRow, plan: Plan, after_s: float) -> None:
        """Keep, once, that a repair which was verified did not last: its fault came back after so many seconds.

        That counts against its remedy; what was learnt when it was verified stays.
        """
        from opsagent_memory import Episode, MemoryFailure, Outcome

        if not self._desk.settings.learn:
            return
        why = f"it came back {after_s / 60:.0f} min after it was mended"
        episode = Episode(
            id=f"ep-{plan.id}-returned",
            scope=scope_of(before.unit),
            text=text_of(before.incident),
            created_at=datetime.now(UTC),
            trust=trust_of(before.incident),
            fields=fields_returned(before, plan, Outcome.FAILED.value, why, after_s),
        )
        try:
            told = await self._desk.use(lambda memory: _keep(memory, episode))
        except MemoryFailure as error:
            _LOG.warning("could not remember that %s did not last: %s", plan.remedy, error)
            return
        if told is not None:
            await self._timeline.tell(
                "learnt", f"{plan.remedy} failed: {why}{told.said}", incident=file.incident, record=episode.id
            )

    async def note(self, file: CaseFile, outcome: Outcome) -> None:
        """Keep an incident that ended without the agent's doing; it counts for and against nothing.

        What comes again and again is noted now and then. Index and model are not loaded for it.
        """
        from opsagent_memory import Episode, MemoryFailure

        ended_at = datetime.now(UTC)
        key = (scope_of(file.incident.unit), text_of(file.incident))
        if not self._desk.settings.learn or monotonic() - self._noted.get(key, -math.inf) < _NOTED_AGAIN_S:
            return
        self._noted[key] = monotonic()
        if len(self._noted) > _MOST_NOTED:
            del self._noted[next(iter(self._noted))]
        fields = fields_untried(file, outcome.value, ended_at)
        episode = Episode(scope=key[0], text=key[1], created_at=ended_at, fields=fields)
        try:
            await self._desk.use(lambda memory: memory.add(episode))
        except MemoryFailure as error:
            _LOG.warning("could not note how %s ended: %s", file.incident.id, error)


def outcome_of(tried: Tried, verdict: Verdict) -> Outcome:
    """Return what is learnt of an attempt: only what was done whole, and verified, earns credit."""
    from opsagent_memory import Outcome

    if verdict.unproven:
        return Outcome.UNPROVEN
    if verdict.better:
        return Outcome.WORKED if tried.whole else Outcome.SELF_RECOVERED
    return Outcome.HARMED if verdict.worse else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class _Told:
    """What learning it did, for the timeline."""

    said: str = ""
    surprise: float = 0.0
    family: str = ""


def _keep(memory: Memory, episode: Episode) -> _Told | None:
    """Keep it and learn from it; None: it is kept already."""
    from opsagent_memory import RecordNotFound

    with suppress(RecordNotFound):
        memory.show(episode.id)
        return None
    learnt = memory.learn(episode)
    if not learnt.family:  # it taught nothing
        return _Told()
    said = f" (expected {learnt.expected:.2f}, surprise {learnt.surprise:+.2f}"
    said += ", unlike what was seen before)" if learnt.opened else ")"
    if learnt.stale:
        said += "; it used to work, and no longer does"
    return _Told(said, round(learnt.surprise, 4), learnt.family)


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


def _propose(memory: Memory, procedure: Procedure, *, accept: bool) -> str:
    """Keep a proposed procedure; return what to tell, nothing where it is kept already."""
    from opsagent import procedures
    from opsagent_memory import RecordNotFound

    with suppress(RecordNotFound):
        memory.show(procedure.id)
        return ""
    memory.add(procedure)
    if accept:
        procedures.accept(memory, procedure.id, by=_BY_POLICY)
        return f"{procedure.remedy} was accepted by the configuration's word: the next time needs no model"
    return f"{procedure.remedy} helped: accept it (opsagent memory accept {procedure.id}), and the next time needs no model"
