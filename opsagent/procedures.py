"""Procedures: what worked again and again, proposed by the memory, and accepted by a person or not.

A proposed one is shown and changes nothing. An accepted one puts its remedy first for such incidents, where the remedy's
own condition holds; it gives no autonomy: guard and mode rule as before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.memory_forms import unit_of
from opsagent.model import Fault, RemedyOdds
from opsagent_memory.errors import MemoryFailure

if TYPE_CHECKING:
    from opsagent_memory import Memory, Record

STATUS, PROPOSED, ACCEPTED = "status", "proposed", "accepted"
_NEUTRAL = 0.5


class NotAcceptable(MemoryFailure):
    """It is nothing that a person could accept. The text says why."""


def accept(memory: Memory, record_id: str, *, by: str) -> Record:
    """Keep a person's word that this is the way to do it here; return the procedure as it stands then.

    Raises:
        NotAcceptable: it is no proposed procedure of this memory, or of no remedy that a runbook knows.
        opsagent_memory.MemoryFailure: there is no such record, or the memory cannot be written.
    """
    from opsagent_memory import Procedure, Source

    proposed = memory.show(record_id)
    _check(proposed)
    newer = [one for one in memory.superseding(proposed.id) if memory.show(one).imported_at is None]
    if newer:
        raise NotAcceptable(f"{proposed.id} is no longer what is proposed: {newer[-1]} took its place")
    now = datetime.now(UTC)
    accepted = Procedure(
        scope=proposed.scope,
        text=proposed.text,
        fields={**proposed.fields, STATUS: ACCEPTED, "accepted_by": by, "accepted_at": now.isoformat()},
        source=Source.PERSON,
        created_at=now,
        supersedes=proposed.id,
    )
    memory.add(accepted)
    return accepted


def _check(proposed: Record) -> None:
    from opsagent.runbooks import RUNBOOKS, learnt
    from opsagent_memory import Kind, Source

    if proposed.kind is not Kind.PROCEDURE:
        raise NotAcceptable(f"{proposed.id} is a {proposed.kind.value}, not a procedure")
    if proposed.fields.get(STATUS) != PROPOSED:
        raise NotAcceptable(f"{proposed.id} is not proposed: it is {proposed.fields.get(STATUS, 'only a text')}")
    if proposed.source is not Source.AGENT or proposed.imported_at is not None:
        raise NotAcceptable(f"{proposed.id} did not grow in this memory; it is proposed here once it worked here")
    if proposed.ended_at is not None:
        raise NotAcceptable(f"{proposed.id} no longer holds")
    if proposed.fields.get("stale"):
        raise NotAcceptable(f"{proposed.id}: {proposed.remedy} used to work, and no longer does")
    known = {remedy.name for runbook in RUNBOOKS.values() for remedy in runbook.remedies}
    if proposed.remedy not in known and learnt.parsed(proposed.remedy or "") is None:
        raise NotAcceptable(f"{proposed.id}: no runbook has a remedy {proposed.remedy!r}")


def accepted_in(procedures: Iterable[Record], scope: str, fault: Fault, now: datetime) -> tuple[str, ...]:
    """Return the remedies that people accepted for such incidents. `procedures`: what people said themselves."""
    return tuple(
        str(one.remedy)
        for one in procedures
        if one.scope == scope
        and one.remedy
        and one.fields.get(STATUS) == ACCEPTED
        and one.fault_class in {None, fault.value}
        and (one.valid_to is None or now < one.valid_to)
        and (one.ended_at is None or now < one.ended_at)
    )


def ceased_in(procedures: Iterable[Record], newest_first: Iterable[Record]) -> frozenset[str]:
    """Return the remedies that people accepted and of which the memory found since that they no longer help.

    `procedures`: what people said themselves; `newest_first`: what the memory proposed and marked.
    """
    marked: dict[str, bool] = {}
    for one in newest_first:
        if one.imported_at is None:
            marked.setdefault(str(one.fields.get("accepted_before")), bool(one.fields.get("stale")))
    said = [(str(one.remedy), marked.get(one.id, False)) for one in procedures if one.fields.get(STATUS) == ACCEPTED]
    return frozenset(remedy for remedy, _ in said) - {remedy for remedy, ceased in said if not ceased}


def with_accepted(
    odds: Iterable[RemedyOdds], accepted: Iterable[str], ceased: frozenset[str] = frozenset()
) -> tuple[RemedyOdds, ...]:
    """Return the odds with what was accepted marked; what nothing is known of any more stands there all the same.

    `ceased`: what no longer helped where it was accepted; where nothing else is known of it, it does not come first.
    """
    names = tuple(dict.fromkeys(accepted))
    marked = [replace(one, accepted=True) if one.remedy in names else one for one in odds]
    missing = [name for name in names if all(one.remedy != name for one in marked)]
    return (*marked, *(_only_accepted(name, stale=name in ceased) for name in missing))


def _only_accepted(remedy: str, *, stale: bool) -> RemedyOdds:
    return RemedyOdds(
        remedy=remedy,
        similarity=0.0,
        tries=0,
        successes=0,
        score=_NEUTRAL,
        accepted=True,
        stale=stale,
        why="a person accepted it" + (", and it no longer helps" if stale else ""),
    )


def form(procedure: Record) -> dict[str, Any]:
    """Return what was accepted, as JSON carries it."""
    return {
        "id": procedure.id,
        "scope": procedure.scope,
        "of": unit_of(procedure.scope),
        "remedy": procedure.remedy,
        "class": procedure.fault_class,
        "status": ACCEPTED,
        "accepts": procedure.supersedes,
    }
