"""Repeated success becomes a procedure: a proposal, until a person accepts it. Pure.

A procedure's `fields`: `remedy`, `class`, `family`, `looks_like` (its preconditions: the kind of fault, and the words of
an episode), `steps`, `successes`, `failures`, `last_worked`, `version`, `status` (`proposed`, or what a person made of
it: `accepted`), `stale`. Only a person's own record accepts: this module never writes another status than `proposed`.
Where it marks one as stale that a person accepted (`accepted_before`), that person's word stands until another of
theirs; whoever decides sees both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsagent_memory.consolidation.reading import Past
from opsagent_memory.consolidation.words import JUDGED_BY, PROPOSED_AFTER, PROPOSED_RATE, STALE_AFTER
from opsagent_memory.ranking import TRUST_FLOOR
from opsagent_memory.records import Outcome, Procedure, Record, Source

PROPOSED = "proposed"
_PROVEN = frozenset({Outcome.WORKED, Outcome.FAILED, Outcome.HARMED})
_OURS = frozenset({Source.AGENT, Source.PERSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """How a remedy did for one family."""

    remedy: str
    fault_class: str | None
    family: str | None
    text_keys: frozenset[str]
    """Of all its episodes."""
    successes: int
    failures: int
    last_worked: datetime | None
    latest: str | None
    """Id of the newest episode in which it worked: the exemplar."""
    proven: bool
    """It worked often enough, and nearly always of late."""
    stale: bool
    """It used to work, and the last attempts did not help."""


def practices(groups: Iterable[Sequence[Past]]) -> list[Practice]:
    """Return how each remedy did for each family; episodes come oldest first."""
    found: list[Practice] = []
    for group in groups:
        by_remedy: dict[tuple[str, str | None], list[Past]] = {}
        for one in group:
            if _counts(one):
                assert one.candidate.remedy is not None
                by_remedy.setdefault((one.candidate.remedy, one.fault_class), []).append(one)
        found += [_practice(remedy, fault_class, tried) for (remedy, fault_class), tried in by_remedy.items()]
    return found


def matching(practice: Practice, procedures: Iterable[Record], keys: Mapping[str, str]) -> Record | None:
    """Return the procedure that is about this practice; `keys` are the keys of the texts they look like."""
    for procedure in procedures:
        fields = procedure.fields
        if (fields.get("remedy"), fields.get("class")) != (practice.remedy, practice.fault_class):
            continue
        looks_like = keys.get(str(fields.get("looks_like", "")))
        if looks_like in practice.text_keys or (practice.family and fields.get("family") == practice.family):
            return procedure
    return None


def proposal(practice: Practice, known: Record | None, exemplar: Record, now: datetime) -> Procedure | None:
    """Return the procedure to write, None where there is nothing new to say."""
    if known is None:
        return _procedure(practice, exemplar, now, None) if practice.proven and not practice.stale else None
    if practice.stale != bool(known.fields.get("stale")):
        if practice.stale or (known.source is Source.AGENT and practice.proven):
            return _procedure(practice, exemplar, now, known)
        return None
    if known.source is not Source.AGENT or known.fields.get("status") != PROPOSED or practice.stale:
        return None  # a person has spoken
    grown = practice.successes >= 2 * int(known.fields.get("successes", 0))
    other = practice.proven and _steps(exemplar) != known.fields.get("steps")
    return _procedure(practice, exemplar, now, known) if grown or other else None


def _counts(one: Past) -> bool:
    candidate = one.candidate
    return (
        candidate.remedy is not None
        and candidate.outcome in _PROVEN
        and candidate.source in _OURS
        and candidate.trust >= TRUST_FLOOR
        and not candidate.imported
    )


def _practice(remedy: str, fault_class: str | None, tried: Sequence[Past]) -> Practice:
    worked = [one for one in tried if one.candidate.outcome is Outcome.WORKED]
    of_late = tried[-JUDGED_BY:]
    good_of_late = sum(one.candidate.outcome is Outcome.WORKED for one in of_late)
    last = tried[-STALE_AFTER:]
    failing = len(last) == STALE_AFTER and not any(one.candidate.outcome is Outcome.WORKED for one in last)
    return Practice(
        remedy=remedy,
        fault_class=fault_class,
        family=tried[-1].family,
        text_keys=frozenset(one.candidate.text_key for one in tried),
        successes=len(worked),
        failures=len(tried) - len(worked),
        last_worked=max((one.candidate.created_at for one in worked), default=None),
        latest=worked[-1].id if worked else None,
        proven=len(worked) >= PROPOSED_AFTER and good_of_late >= PROPOSED_RATE * len(of_late),
        stale=bool(worked) and failing,
    )


def _procedure(practice: Practice, exemplar: Record, now: datetime, known: Record | None) -> Procedure:
    accepted = None
    if known is not None:
        accepted = known.id if known.source is Source.PERSON else known.fields.get("accepted_before")
    fields: dict[str, Any] = {
        "remedy": practice.remedy,
        "class": practice.fault_class,
        "family": practice.family,
        "looks_like": exemplar.text,
        "steps": _steps(exemplar),
        "successes": practice.successes,
        "failures": practice.failures,
        "last_worked": practice.last_worked.isoformat() if practice.last_worked else None,
        "version": int(known.fields.get("version", 0)) + 1 if known else 1,
        "status": PROPOSED,
        "stale": practice.stale,
        "accepted_before": accepted,
    }
    return Procedure(
        scope=exemplar.scope,
        text=f"{practice.remedy} helps when: {exemplar.text}",
        fields={key: value for key, value in fields.items() if value is not None},
        source=Source.AGENT,
        trust=exemplar.trust,
        created_at=now,
        supersedes=known.id if known else None,
    )


def _steps(exemplar: Record) -> list[Any]:
    """Return the actions that were done when it last worked, as the episode tells them."""
    actions = exemplar.fields.get("actions", ())
    if not isinstance(actions, list):
        return []
    return [one.get("action", one) if isinstance(one, dict) else one for one in actions if _done(one)]


def _done(action: Any) -> bool:
    return not isinstance(action, dict) or action.get("outcome", "done") == "done"
