"""What the agent asks on its quick ways, straight from the truth: no model, no index. All take an open connection.

Only what a person said to this memory counts: what another memory, a document, a log or a model claims does not, whatever
source it names, nor can any of those take the place of a person's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from opsagent_memory.records import Kind, Record, Source
from opsagent_memory.rows import record_of
from opsagent_memory.schema import meta, records


def mark(connection: sa.Connection) -> str:
    """Return what is different after every change of the memory, and the same until then."""
    return connection.scalar(sa.select(meta.c.value).where(meta.c.key == "head")) or ""


def by_people(connection: sa.Connection, kind: Kind, scope: str | None = None) -> tuple[Record, ...]:
    """Return the live records of people (of one scope) that no later word of a person replaces, oldest first.

    Their validity is for the caller to look at: it may begin or end at any moment. One that is replaced by what holds
    from a certain time only is valid until then.
    """
    newer = records.alias("newer")
    replaces = sa.and_(
        newer.c.supersedes == records.c.id,
        newer.c.source == Source.PERSON.value,
        newer.c.imported_at.is_(None),
        newer.c.forgotten_at.is_(None),
    )
    replaced = sa.exists().where(replaces, newer.c.valid_from.is_(None))
    until = sa.select(sa.func.min(newer.c.valid_from)).where(replaces).scalar_subquery()
    query = sa.select(records, until.label("until")).where(
        records.c.kind == kind.value,
        records.c.source == Source.PERSON.value,
        records.c.imported_at.is_(None),
        records.c.forgotten_at.is_(None),
        ~replaced,
    )
    if scope is not None:
        query = query.where(records.c.scope == scope)
    return tuple(_until(record_of(row), row.until) for row in connection.execute(query.order_by(records.c.seq)))


def _until(record: Record, replaced_at: datetime | None) -> Record:
    ends = [at for at in (record.valid_to, replaced_at) if at is not None]
    return replace(record, valid_to=min(ends)) if replaced_at is not None else record


def has_tried(connection: sa.Connection, scope: str) -> bool:
    """Tell whether any remedy was tried in this scope."""
    tried = sa.select(sa.literal(1)).where(
        records.c.scope == scope,
        records.c.kind == Kind.EPISODE.value,
        records.c.remedy.is_not(None),
        records.c.forgotten_at.is_(None),
    )
    return connection.execute(tried.limit(1)).first() is not None


def has_documents(connection: sa.Connection, scopes: Sequence[str]) -> bool:
    """Tell whether any document was let into these scopes."""
    cut = sa.select(sa.literal(1)).where(
        records.c.scope.in_(list(scopes)),
        records.c.kind == Kind.FACT.value,
        records.c.source == Source.DOCUMENT.value,
        records.c.forgotten_at.is_(None),
    )
    return connection.execute(cut.limit(1)).first() is not None
