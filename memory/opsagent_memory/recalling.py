"""From a question to recollections: found, ranked, near-doubles merged, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from opsagent_memory import database, ranking, rows, terms
from opsagent_memory.documents.words import origin
from opsagent_memory.finder import Finder
from opsagent_memory.keywords import Hit
from opsagent_memory.ranking import Memorable, why
from opsagent_memory.records import Kind, Recollection, Record, Source
from opsagent_memory.store import Store

NEAR_DOUBLE = 0.97
"""Texts with this cosine or more, about the same remedy, are one recollection."""
_NEIGHBOURS = 32
"""At least so many texts are looked at for one question."""
_DOUBLES = 4
"""For each recollection that is asked for, so many candidates are looked through for near-doubles."""
_FURTHER = 4
"""Where too few may be told (the rest is out of date, or says the same), so many times more are looked at."""
_FURTHEST = 4_096
_WORDS = re.compile(r"\w+")
_IDLE = frozenset("a an the is are was were be been".split())


def recall(
    store: Store, finder: Finder, query: str, *, scopes: Sequence[str], kinds: Sequence[Kind], now: datetime, limit: int
) -> list[Recollection]:
    """Return what comes to mind, best first."""
    neighbours = max(_NEIGHBOURS, _DOUBLES * limit)
    while True:
        found = finder.find(query, scopes=scopes, kinds=kinds, limit=neighbours)
        if not found.similarities:
            return []
        bonuses = {key: found.bonus(key) for key in found.similarities}
        with database.reading(store.engine) as connection:
            known = rows.candidates(connection, keys=found.similarities, scopes=scopes, kinds=kinds, now=now)
            ranked = ranking.memorable(known, found.similarities, now, bonuses)
            last = found.exhausted or neighbours >= _FURTHEST
            looked_at = ranked if last else ranked[: _DOUBLES * limit * (neighbours // _NEIGHBOURS)]
            vectors = store.vectors([item.text_key for item in looked_at], finder.embedder)
            chosen = distinct(looked_at, vectors, limit, same=_SameWords(connection, looked_at))
            if last or len(chosen) >= limit:
                records = rows.by_seq(connection, [item.seq for item in chosen])
                break
        neighbours *= _FURTHER
    hits = found.hits
    return [recollection(item, records[item.seq], hits.get(item.text_key)) for item in chosen if item.seq in records]


def distinct(
    ranked: Sequence[Memorable],
    vectors: Mapping[str, bytes],
    limit: int,
    *,
    same: Callable[[Memorable, Memorable], bool] = lambda one, other: True,
) -> list[Memorable]:
    """Return the best `limit` that differ; what says nearly the same adds to the counts of the one it resembles.

    `same` is asked about two facts or procedures that are near doubles: what holds may differ from what does not by a
    number or by one word, and to the model they are all but the same.
    """
    import numpy as np

    chosen: list[Memorable] = []
    absorbed: list[int] = []
    for item in ranked:
        double = None
        vector = np.frombuffer(vectors[item.text_key], dtype="<f4") if item.text_key in vectors else None
        for index, other in enumerate(chosen):
            if (other.kind, other.remedy) != (item.kind, item.remedy):
                continue
            if vector is not None and other.text_key in vectors:
                cosine = float(vector @ np.frombuffer(vectors[other.text_key], dtype="<f4"))
                if cosine >= NEAR_DOUBLE and (item.kind is Kind.EPISODE or same(other, item)):
                    double = index
                    break
        if double is not None:
            absorbed.append(max(chosen[double].rank_without_learning, item.rank_without_learning))
            chosen[double] = _merged(chosen[double], item)
        elif len(chosen) < limit:
            chosen.append(item)
    return [_placed(item, absorbed) for item in chosen]


def _placed(item: Memorable, absorbed: Sequence[int]) -> Memorable:
    """Return it with its place among what differs: doubles would not be told without learning either."""
    place = item.rank_without_learning
    return replace(item, rank_without_learning=place - sum(other < place for other in absorbed))


def recollection(item: Memorable, record: Record, hit: Hit | None = None) -> Recollection:
    """Return the record with what memory knows about it."""
    said_by = ""
    if record.source is Source.LOGS:
        said_by = "reconstructed from logs, "
    elif record.source is Source.DOCUMENT:
        said_by = f"{origin(record.fields)}, "
    keywords = tuple(dict.fromkeys(terms.written(record.text, term) for term in hit.terms)) if hit else ()
    return Recollection(
        record=record,
        similarity=item.similarity,
        score=item.score,
        why=said_by + why(item.similarity, item.tries, item.successes, item.last_worked, keywords),
        without_learning=item.similarity,
        rank_without_learning=item.rank_without_learning,
        keywords=keywords,
        tries=item.tries,
        successes=item.successes,
        last_worked=item.last_worked,
    )


class _SameWords:
    """Whether two records say the same in the same words, but for endings, articles and marks."""

    def __init__(self, connection: sa.Connection, looked_at: Sequence[Memorable]) -> None:
        self._connection = connection
        self._looked_at = looked_at
        self._said: dict[int, list[str]] | None = None

    def __call__(self, one: Memorable, other: Memorable) -> bool:
        if self._said is None:  # read when first needed, all at once
            seqs = [item.seq for item in self._looked_at if item.kind is not Kind.EPISODE]
            self._said = {seq: _words(record.text) for seq, record in rows.by_seq(self._connection, seqs).items()}
        return self._said.get(one.seq) == self._said.get(other.seq)


def _words(text: str) -> list[str]:
    return [terms.stem(word) for word in _WORDS.findall(text.casefold()) if word not in _IDLE]


def _merged(kept: Memorable, double: Memorable) -> Memorable:
    times = [time for time in (kept.last_worked, double.last_worked) if time is not None]
    return replace(
        kept,
        tries=kept.tries + double.tries,
        successes=kept.successes + double.successes,
        last_worked=max(times, default=None),
        rank_without_learning=min(kept.rank_without_learning, double.rank_without_learning),
    )
