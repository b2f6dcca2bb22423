"""Looking through what is kept, and at what became of a record. All functions take an open connection."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from opsagent_memory.records import Happened, Kind, Record, Source
from opsagent_memory.rows import record_of
from opsagent_memory.schema import log, records


def events_of(connection: sa.Connection, record_id: str) -> tuple[Happened, ...]:
    """Return what the log tells of a record, oldest first; of a forgotten one only that it happened."""
    query = sa.select(log.c.event, log.c.at, log.c.payload).where(log.c.record_id == record_id).order_by(log.c.seq)
    return tuple(
        Happened(event=str(row.event), at=row.at, payload=row.payload or {}) for row in connection.execute(query)
    )


def newest(
    connection: sa.Connection,
    *,
    words: str = "",
    scopes: Sequence[str] | None = None,
    kind: Kind | None = None,
    source: Source | None = None,
    archived: bool = True,
    imported: bool = False,
    limit: int = 20,
) -> tuple[Record, ...]:
    """Return the newest live records that contain all the words; None: of any scope, kind, source.

    `imported`: only what came from another memory.
    """
    query = sa.select(records).where(records.c.forgotten_at.is_(None))
    for word in words.split():
        query = query.where(records.c.text.icontains(word, autoescape=True))
    if scopes is not None:
        query = query.where(records.c.scope.in_(scopes))
    if kind is not None:
        query = query.where(records.c.kind == kind.value)
    if source is not None:
        query = query.where(records.c.source == source.value)
    if imported:
        query = query.where(records.c.imported_at.is_not(None))
    if not archived:
        query = query.where(records.c.archived_at.is_(None))
    return tuple(record_of(row) for row in connection.execute(query.order_by(records.c.seq.desc()).limit(limit)))


def starting(connection: sa.Connection, beginning: str, limit: int) -> tuple[Record, ...]:
    """Return the newest live records whose id begins so."""
    query = (
        sa.select(records)
        .where(records.c.id.startswith(beginning, autoescape=True), records.c.forgotten_at.is_(None))
        .order_by(records.c.seq.desc())
        .limit(limit)
    )
    return tuple(record_of(row) for row in connection.execute(query))


def superseding(connection: sa.Connection, record_id: str) -> tuple[str, ...]:
    """Return the ids of the live records that took its place, oldest first."""
    query = (
        sa.select(records.c.id)
        .where(records.c.supersedes == record_id, records.c.forgotten_at.is_(None))
        .order_by(records.c.seq)
    )
    return tuple(connection.scalars(query))
