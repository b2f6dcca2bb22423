"""Reading the truth: queries that need neither the index nor the model. All functions take an open connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from opsagent_memory.ranking import Candidate
from opsagent_memory.records import RECORD_TYPES, Kind, Outcome, Record, Source, Stats
from opsagent_memory.schema import records, vectors

_CANDIDATES = 5_000
"""At most so many of the newest rows are weighed for one question."""


def record_of(row: Any) -> Record:
    """Return the record that a full row holds."""
    return RECORD_TYPES[Kind(row.kind)](
        id=row.id,
        scope=row.scope,
        text=row.text,
        fields=row.fields,
        source=Source(row.source),
        trust=row.trust,
        created_at=row.created_at,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        supersedes=row.supersedes,
    )


def find(connection: sa.Connection, record_id: str) -> Any:
    """Return the row of a record, forgotten or not; None where there is none."""
    return connection.execute(sa.select(records).where(records.c.id == record_id)).first()


def by_seq(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, Record]:
    """Return the records with these sequence numbers."""
    rows = connection.execute(sa.select(records).where(records.c.seq.in_(seqs), records.c.forgotten_at.is_(None)))
    return {row.seq: record_of(row) for row in rows}


def listing(
    connection: sa.Connection, *, words: str, scope: str | None, kind: Kind | None, limit: int
) -> tuple[Record, ...]:
    """Return the newest live records that contain all the words."""
    query = sa.select(records).where(records.c.forgotten_at.is_(None))
    for word in words.split():
        query = query.where(records.c.text.icontains(word, autoescape=True))
    if scope is not None:
        query = query.where(records.c.scope == scope)
    if kind is not None:
        query = query.where(records.c.kind == kind.value)
    return tuple(record_of(row) for row in connection.execute(query.order_by(records.c.seq.desc()).limit(limit)))


def candidates(
    connection: sa.Connection,
    *,
    keys: Iterable[str],
    scopes: Sequence[str],
    kinds: Sequence[Kind],
    now: datetime,
    fault_class: str | None = None,
    with_remedy: bool = False,
) -> list[Candidate]:
    """Return what is known under these texts, valid now and not superseded, newest first."""
    newer = records.alias("newer")
    superseded = sa.exists().where(newer.c.supersedes == records.c.id, newer.c.forgotten_at.is_(None))
    columns = records.c
    query = sa.select(
        columns.seq,
        columns.kind,
        columns.text_key,
        columns.remedy,
        columns.outcome,
        columns.source,
        columns.trust,
        columns.created_at,
    ).where(
        columns.text_key.in_(list(keys)),
        columns.scope.in_(scopes),
        columns.kind.in_([kind.value for kind in kinds]),
        columns.forgotten_at.is_(None),
        sa.or_(columns.valid_from.is_(None), columns.valid_from <= now),
        sa.or_(columns.valid_to.is_(None), columns.valid_to > now),
        ~superseded,
    )
    if fault_class is not None:
        query = query.where(columns.fault_class == fault_class)
    if with_remedy:
        query = query.where(columns.remedy.is_not(None))
    rows = connection.execute(query.order_by(columns.seq.desc()).limit(_CANDIDATES))
    return [
        Candidate(
            seq=row.seq,
            kind=Kind(row.kind),
            text_key=row.text_key,
            remedy=row.remedy,
            outcome=Outcome(row.outcome) if row.outcome else None,
            source=Source(row.source),
            trust=row.trust,
            created_at=row.created_at,
        )
        for row in rows
    ]


def live_texts(connection: sa.Connection) -> dict[tuple[str, Kind], set[str]]:
    """Return the keys of all live texts by scope and kind: what the index should hold."""
    found: dict[tuple[str, Kind], set[str]] = {}
    query = sa.select(records.c.scope, records.c.kind, records.c.text_key).where(records.c.forgotten_at.is_(None))
    for scope, kind, key in connection.execute(query.distinct()):
        found.setdefault((scope, Kind(kind)), set()).add(key)
    return found


def texts_without_vector(
    connection: sa.Connection, model_id: str, model_hash: str, limit: int
) -> list[tuple[str, str]]:
    """Return (key, text) of live texts that this model has not embedded yet."""
    embedded = sa.exists().where(
        vectors.c.text_key == records.c.text_key,
        vectors.c.model_id == model_id,
        vectors.c.model_hash == model_hash,
    )
    query = (
        sa.select(records.c.text_key, sa.func.min(records.c.text))
        .where(records.c.forgotten_at.is_(None), ~embedded)
        .group_by(records.c.text_key)
        .limit(limit)
    )
    return [(key, text) for key, text in connection.execute(query)]


def vectors_of(connection: sa.Connection, keys: Sequence[str], model_id: str, model_hash: str) -> dict[str, bytes]:
    """Return the stored vectors of these texts."""
    query = sa.select(vectors.c.text_key, vectors.c.vector).where(
        vectors.c.text_key.in_(keys), vectors.c.model_id == model_id, vectors.c.model_hash == model_hash
    )
    return {row.text_key: row.vector for row in connection.execute(query)}


def count(connection: sa.Connection, scope: str | None) -> int:
    """Return how many live records there are."""
    query = sa.select(sa.func.count()).select_from(records).where(records.c.forgotten_at.is_(None))
    return connection.scalar(query if scope is None else query.where(records.c.scope == scope)) or 0


def scopes(connection: sa.Connection) -> tuple[str, ...]:
    """Return the scopes that have live records."""
    query = sa.select(records.c.scope).where(records.c.forgotten_at.is_(None)).distinct().order_by(records.c.scope)
    return tuple(connection.scalars(query))


def stats(connection: sa.Connection) -> Stats:
    """Count."""
    live = records.c.forgotten_at.is_(None)

    def count_by(column: sa.Column[Any]) -> dict[str, int]:
        query = sa.select(column, sa.func.count()).where(live, column.is_not(None)).group_by(column).order_by(column)
        return {str(value): count for value, count in connection.execute(query)}

    total, oldest, newest = connection.execute(
        sa.select(sa.func.count(), sa.func.min(records.c.created_at), sa.func.max(records.c.created_at)).where(live)
    ).one()
    return Stats(
        records=total,
        by_kind=count_by(records.c.kind),
        by_scope=count_by(records.c.scope),
        by_outcome=count_by(records.c.outcome),
        forgotten=connection.scalar(sa.select(sa.func.count()).where(~live)) or 0,
        vectors=connection.scalar(sa.select(sa.func.count()).select_from(vectors)) or 0,
        oldest=oldest,
        newest=newest,
    )
