"""Reading the truth: queries that need neither the index nor the model. All functions take an open connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from opsagent_memory.ranking import COUNTED_SOURCES, Candidate
from opsagent_memory.records import RECORD_TYPES, Kind, Outcome, Record, Source, Stats
from opsagent_memory.schema import records, vectors

_CANDIDATES = 5_000
"""At most so many of the newest rows are weighed for one question."""
_IDS_AT_ONCE = 500
"""Databases limit the parameters of a statement."""
_KINDS = {kind.value: kind for kind in Kind}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_SOURCES = {source.value: source for source in Source}


def _many(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, expanding=True)


_BY_ID = sa.select(records).where(records.c.id.in_(_many("ids"))).order_by(records.c.seq)
_BY_SEQ = sa.select(records).where(records.c.seq.in_(_many("seqs")), records.c.forgotten_at.is_(None))
_VECTORS = sa.select(vectors.c.text_key, vectors.c.vector, vectors.c.dimensions).where(
    vectors.c.text_key.in_(_many("keys")),
    vectors.c.model_id == sa.bindparam("model_id"),
    vectors.c.model_hash == sa.bindparam("model_hash"),
)


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
        ended_at=row.ended_at,
        archived_at=row.archived_at,
        imported_at=row.imported_at,
        family=row.family,
        surprise=row.surprise,
    )


def find(connection: sa.Connection, record_id: str) -> Any:
    """Return the row of a record, forgotten or not; None where there is none."""
    return connection.execute(sa.select(records).where(records.c.id == record_id)).first()


def by_ids(connection: sa.Connection, record_ids: Sequence[str]) -> dict[str, Any]:
    """Return the rows of records by their ids, forgotten or not, as far as they are there."""
    found: dict[str, Any] = {}
    for start in range(0, len(record_ids), _IDS_AT_ONCE):
        part = record_ids[start : start + _IDS_AT_ONCE]
        found |= {row.id: row for row in connection.execute(_BY_ID, {"ids": list(part)})}
    return found


def by_seq(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, Record]:
    """Return the records with these sequence numbers."""
    return {row.seq: record_of(row) for row in connection.execute(_BY_SEQ, {"seqs": list(seqs)})}


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
    """Return what is known under these texts, valid now and not superseded, newest first.

    `with_remedy`: only what was tried. What is archived and was tried is among them, marked as `archived`: it goes on
    counting where a text is found that it shares with others.
    """
    values = {"keys": list(keys), "scopes": list(scopes), "kinds": [kind.value for kind in kinds], "now": now}
    if fault_class is not None:
        values["fault_class"] = fault_class
    rows = connection.execute(_candidates(fault_class is not None, with_remedy), values)
    return [
        Candidate(
            seq=seq,
            kind=_KINDS[kind],
            text_key=key,
            remedy=remedy,
            outcome=_OUTCOMES[outcome] if outcome else None,
            source=_SOURCES[source],
            trust=trust,
            created_at=created_at,
            imported=imported_at is not None,
            archived=archived_at is not None,
        )
        for seq, kind, key, remedy, outcome, source, trust, created_at, imported_at, archived_at in rows
    ]


@cache
def _candidates(with_class: bool, with_remedy: bool) -> sa.Select[Any]:
    """Build the statement once: putting it together takes longer than running it."""
    columns, newer = records.c, records.alias("newer")
    witnesses = [source.value for source in COUNTED_SOURCES]
    superseded = sa.exists().where(
        newer.c.supersedes == columns.id,
        newer.c.forgotten_at.is_(None),
        sa.or_(newer.c.valid_from.is_(None), newer.c.valid_from <= sa.bindparam("now")),
        # What came from another memory replaces nothing of our own; nor does, of an outcome, who moves no remedy.
        sa.or_(newer.c.imported_at.is_(None), columns.imported_at.is_not(None)),
        *([newer.c.source.in_(witnesses)] if with_remedy else []),
    )
    query = sa.select(
        columns.seq,
        columns.kind,
        columns.text_key,
        columns.remedy,
        columns.outcome,
        columns.source,
        columns.trust,
        columns.created_at,
        columns.imported_at,
        columns.archived_at,
    ).where(
        columns.text_key.in_(_many("keys")),
        columns.scope.in_(_many("scopes")),
        # Not the bare column: SQLite would walk through all of a scope by its index, and not to the few texts by theirs.
        columns.kind.concat("").in_(_many("kinds")),
        columns.forgotten_at.is_(None),
        sa.or_(columns.valid_from.is_(None), columns.valid_from <= sa.bindparam("now")),
        sa.or_(columns.valid_to.is_(None), columns.valid_to > sa.bindparam("now")),
        sa.or_(columns.ended_at.is_(None), columns.ended_at > sa.bindparam("now")),
        ~superseded,
    )
    if with_class:
        query = query.where(columns.fault_class == sa.bindparam("fault_class"))
    if not with_remedy:
        query = query.where(sa.or_(columns.archived_at.is_(None), columns.remedy.is_not(None)))
    else:  # whoever is no witness must not use up the places of those who are
        query = query.where(columns.remedy.is_not(None), columns.source.in_(witnesses), columns.imported_at.is_(None))
    return query.order_by(columns.seq.desc()).limit(_CANDIDATES)


def live_texts(connection: sa.Connection) -> dict[tuple[str, Kind], set[str]]:
    """Return the keys of all texts that can be recalled, by scope and kind: what the index should hold."""
    found: dict[tuple[str, Kind], set[str]] = {}
    query = sa.select(records.c.scope, records.c.kind, records.c.text_key).where(
        records.c.forgotten_at.is_(None), records.c.archived_at.is_(None)
    )
    for scope, kind, key in connection.execute(query.distinct()):
        found.setdefault((scope, Kind(kind)), set()).add(key)
    return found


def texts_without_vector(
    connection: sa.Connection, model_id: str, model_hash: str, *, limit: int, after: str = ""
) -> list[tuple[str, str]]:
    """Return (key, text) of live texts that this model has not embedded yet, by key; of those after a key only."""
    embedded = sa.exists().where(
        vectors.c.text_key == records.c.text_key,
        vectors.c.model_id == model_id,
        vectors.c.model_hash == model_hash,
    )
    # What was archived is not looked for, but what was tried there goes on teaching.
    tried = sa.and_(records.c.kind == Kind.EPISODE.value, records.c.remedy.is_not(None))
    needed = sa.or_(records.c.archived_at.is_(None), tried)
    query = (
        sa.select(records.c.text_key, sa.func.min(records.c.text))
        .where(records.c.text_key > after, records.c.forgotten_at.is_(None), needed, ~embedded)
        .group_by(records.c.text_key)
        .order_by(records.c.text_key)
        .limit(limit)
    )
    return [(key, text) for key, text in connection.execute(query)]


def vectors_of(connection: sa.Connection, keys: Sequence[str], model_id: str, model_hash: str) -> dict[str, bytes]:
    """Return the stored vectors of these texts, each of the text as a whole."""
    values = {"keys": list(keys), "model_id": model_id, "model_hash": model_hash}
    return {row.text_key: row.vector[: 4 * row.dimensions] for row in connection.execute(_VECTORS, values)}


def kept_vectors_of(connection: sa.Connection, keys: Sequence[str], model_id: str, model_hash: str) -> dict[str, bytes]:
    """Return all that is stored of these texts: the vector of the whole, then those of its sentences."""
    values = {"keys": list(keys), "model_id": model_id, "model_hash": model_hash}
    return {row.text_key: row.vector for row in connection.execute(_VECTORS, values)}


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
        archived=connection.scalar(sa.select(sa.func.count()).where(live, records.c.archived_at.is_not(None))) or 0,
        vectors=connection.scalar(sa.select(sa.func.count()).select_from(vectors)) or 0,
        oldest=oldest,
        newest=newest,
    )
