"""The lessons of the truth: what may teach a learner. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from opsagent_memory.learning.words import Lesson
from opsagent_memory.ranking import TRUST_FLOOR
from opsagent_memory.records import Episode, Kind, Outcome, Source
from opsagent_memory.schema import records, vectors

if TYPE_CHECKING:
    from opsagent_memory.embed import Embedder

REWARDS = {Outcome.WORKED: 1.0, Outcome.FAILED: 0.0, Outcome.HARMED: -1.0}
"""What an outcome is worth; one that is not here teaches nothing."""
TEACHERS = (Source.AGENT, Source.PERSON)
"""Whose word moves a learner. Imports, logs, documents and models are read only."""
_ROWS_AT_ONCE = 500
_OF_SCOPE = (records.c.scope == sa.bindparam("scope"), records.c.kind == Kind.EPISODE.value)
# Built once: putting a statement together takes longer than running it.
_NEWEST = sa.select(sa.func.max(records.c.seq)).where(*_OF_SCOPE)
_BETWEEN = (
    sa.select(records.c.seq)
    .where(*_OF_SCOPE, records.c.seq > sa.bindparam("after"), records.c.seq < sa.bindparam("before"))
    .limit(1)
)


def teaches(episode: Episode) -> bool:
    """Say whether an episode moves a learner: tried, proven, ours, and trusted."""
    return (
        episode.remedy is not None
        and episode.outcome in REWARDS
        and episode.source in TEACHERS
        and episode.trust >= TRUST_FLOOR
        and episode.imported_at is None
    )


def newest(connection: sa.Connection, scope: str) -> int:
    """Return the sequence number of the newest episode of a scope, 0 where there is none."""
    return connection.scalar(_NEWEST, {"scope": scope}) or 0


def between(connection: sa.Connection, scope: str, after: int, before: int) -> bool:
    """Say whether any episode of the scope came between these two, both left out."""
    return connection.execute(_BETWEEN, {"scope": scope, "after": after, "before": before}).first() is not None


def lack_vectors(connection: sa.Connection, scope: str, after: int, embedder: Embedder) -> bool:
    """Say whether anything that teaches and came after has no vector of this model yet."""
    embedded = sa.exists().where(
        vectors.c.text_key == records.c.text_key,
        vectors.c.model_id == embedder.model_id,
        vectors.c.model_hash == embedder.model_hash,
    )
    query = sa.select(records.c.seq).where(*_teaching(scope, after), ~embedded)
    return connection.execute(query.limit(1)).first() is not None


def following(
    connection: sa.Connection,
    scope: str,
    *,
    after: int,
    up_to: int,
    embedder: Embedder,
    most: int,
    only: Sequence[str] | None = None,
) -> Iterator[Lesson]:
    """Yield what teaches and came after, up to and with `up_to`, oldest first; at most so many of the newest.

    `only`: of these records, by their ids.
    """
    import numpy as np

    wanted = [*_teaching(scope, after), records.c.seq <= up_to]
    if only is not None:
        wanted.append(records.c.id.in_(only))
    total = connection.scalar(sa.select(sa.func.count()).where(*wanted)) or 0
    query = (
        sa.select(
            records.c.remedy,
            records.c.outcome,
            records.c.fault_class,
            records.c.source,
            records.c.trust,
            records.c.created_at,
            vectors.c.vector,
        )
        .join(
            vectors,
            sa.and_(
                vectors.c.text_key == records.c.text_key,
                vectors.c.model_id == embedder.model_id,
                vectors.c.model_hash == embedder.model_hash,
            ),
        )
        .where(*wanted)
        .order_by(records.c.seq)
        .offset(max(total - most, 0))
        .limit(most)
    )
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        yield Lesson(
            vector=np.frombuffer(row.vector, dtype="<f4", count=embedder.dimensions),
            remedy=row.remedy,
            reward=REWARDS[Outcome(row.outcome)],
            at=row.created_at,
            weight=row.trust,
            fault_class=row.fault_class,
            source=row.source,
        )


def _teaching(scope: str, after: int) -> tuple[sa.ColumnElement[bool], ...]:
    newer = records.alias("newer")
    superseded = sa.exists().where(
        newer.c.supersedes == records.c.id,
        newer.c.forgotten_at.is_(None),
        newer.c.imported_at.is_(None),
        newer.c.source.in_([source.value for source in TEACHERS]),  # who teaches nothing untaught nothing either
    )
    return (
        records.c.scope == scope,
        records.c.kind == Kind.EPISODE.value,
        records.c.seq > after,
        records.c.forgotten_at.is_(None),
        records.c.imported_at.is_(None),
        records.c.ended_at.is_(None),
        records.c.remedy.is_not(None),
        records.c.outcome.in_([outcome.value for outcome in REWARDS]),
        records.c.source.in_([source.value for source in TEACHERS]),
        records.c.trust >= TRUST_FLOOR,
        ~superseded,
    )
