"""Facts that contradict each other. Pure.

Two facts about the same thing (`fields["about"]`) with different values (`fields["value"]`) cannot both hold: the
newer one ends the older. Facts in words that only look alike are shown to a person; nothing is concluded from likeness.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from opsagent_memory.consolidation.words import ALIKE, PossibleContradiction
from opsagent_memory.records import Record, Source

_LOOKED_AT = 300
_SHOWN = 20
_SPEAKS = frozenset({Source.PERSON, Source.AGENT})
"""Who may end a fact. What documents, logs, models and other memories say stands beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A fact that no longer holds."""

    id: str
    at: datetime
    why: str


def ended(facts: Sequence[Record]) -> list[Ending]:
    """Return the facts that a newer one about the same thing ends; `facts` come oldest first."""
    about: dict[str, Record] = {}
    endings: list[Ending] = []
    for fact in sorted(facts, key=_since):
        key = _about(fact)
        if key is None:
            continue
        older = about.get(key)
        if older is not None and fact.fields["value"] == older.fields["value"]:
            continue
        if older is None or not _overlap(older, fact):
            about[key] = fact
        elif _may_end(fact, older):
            # The other's value is not told: this stays in the older one's log, also when the newer one is forgotten.
            why = f"{fact.id} says otherwise about {_short(key)}"
            endings.append(Ending(id=older.id, at=max(_since(fact), older.created_at), why=why))
            about[key] = fact
    return endings


def possible(facts: Sequence[Record], vectors: Mapping[str, bytes]) -> Iterator[PossibleContradiction]:
    """Yield pairs of facts in words that are much alike, the most alike first; `vectors` are by text."""
    said = [fact for fact in facts if fact.source in _SPEAKS and _about(fact) is None and fact.text in vectors]
    said = said[-_LOOKED_AT:]
    if len(said) < 2:
        return
    table = np.stack([np.frombuffer(vectors[fact.text], dtype="<f4") for fact in said])
    cosines = np.triu(table @ table.T, k=1)
    pairs = np.argwhere(cosines >= ALIKE)
    ranked = sorted(pairs.tolist(), key=lambda pair: -float(cosines[pair[0], pair[1]]))
    for older, newer in ranked[:_SHOWN]:
        if said[older].text != said[newer].text:
            yield PossibleContradiction(
                scope=said[older].scope,
                older=said[older].id,
                newer=said[newer].id,
                similarity=min(1.0, float(cosines[older, newer])),
            )


def _about(fact: Record) -> str | None:
    about = fact.fields.get("about")
    return _json(about) if about is not None and "value" in fact.fields and fact.imported_at is None else None


def _since(fact: Record) -> datetime:
    return fact.valid_from or fact.created_at


def _overlap(older: Record, newer: Record) -> bool:
    return older.valid_to is None or older.valid_to > _since(newer)


def _may_end(newer: Record, older: Record) -> bool:
    """Say whether a fact may end another: a person's always, the agent's only what no person said."""
    if newer.source not in _SPEAKS or newer.trust < older.trust:
        return False
    return newer.source is Source.PERSON or older.source is not Source.PERSON


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
