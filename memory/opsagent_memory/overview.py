"""A memory at a glance, and how it came to be what it is: counted in SQL. All functions take an open connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from opsagent_memory.chain import Event
from opsagent_memory.records import Kind
from opsagent_memory.schema import log, records, vectors

_SPANS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The vectors of one model."""

    model_id: str
    model_hash: str
    dimensions: int
    vectors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one scope was taught."""

    lessons: int
    families: int
    """Families of like incidents that these lessons belong to."""
    surprise: float
    """Mean size of the surprise of its last lessons, 0..1."""
    weights: Mapping[str, float]
    """How far each expert was believed after the last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `Stats` does not count."""

    by_source: Mapping[str, int] = field(default_factory=dict)
    imported: int = 0
    superseded: int = 0
    ended: int = 0
    """Live ones whose validity is over."""
    spaces: tuple[Space, ...] = ()
    waiting: int = 0
    """Texts that can be recalled and are not embedded yet; that is done in batches, or with the next question."""
    learnt: Mapping[str, Taken] = field(default_factory=dict)
    """By scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One lesson of the past, as the log has it; lessons of what was forgotten are gone."""

    at: datetime
    record_id: str
    scope: str
    remedy: str
    outcome: str
    family: str
    surprise: float
    expected: float
    opened: bool
    stale: bool
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """How much there was at one moment."""

    at: datetime
    by_kind: Mapping[str, int]
    archived: int
    forgotten: int
    """In all until then."""


_LATELY = 20
"""Lessons that the mean surprise is taken of."""


def overview(connection: sa.Connection, now: datetime) -> Overview:
    """Count what `Stats` does not."""
    live = records.c.forgotten_at.is_(None)
    newer = records.alias("newer")
    replaced = sa.exists().where(newer.c.supersedes == records.c.id, newer.c.forgotten_at.is_(None))
    over = sa.or_(records.c.valid_to <= now, records.c.ended_at <= now)

    def count(*conditions: sa.ColumnElement[bool]) -> int:
        return connection.scalar(sa.select(sa.func.count()).select_from(records).where(live, *conditions)) or 0

    sources = sa.select(records.c.source, sa.func.count().label("many")).where(live).group_by(records.c.source)
    spaces = sa.select(
        vectors.c.model_id, vectors.c.model_hash, sa.func.max(vectors.c.dimensions), sa.func.count()
    ).group_by(vectors.c.model_id, vectors.c.model_hash)
    return Overview(
        by_source={row.source: row.many for row in connection.execute(sources.order_by(records.c.source))},
        imported=count(records.c.imported_at.is_not(None)),
        superseded=count(replaced),
        ended=count(over),
        spaces=tuple(
            Space(model_id=name, model_hash=hashed, dimensions=wide, vectors=many)
            for name, hashed, wide, many in connection.execute(spaces)
        ),
        waiting=_waiting(connection),
        learnt=_learnt(lessons(connection)),
    )


def _waiting(connection: sa.Connection) -> int:
    embedded = sa.exists().where(vectors.c.text_key == records.c.text_key)
    query = sa.select(sa.func.count(records.c.text_key.distinct())).where(
        records.c.forgotten_at.is_(None), records.c.archived_at.is_(None), ~embedded
    )
    return connection.scalar(query) or 0


def _learnt(told: tuple[Told, ...]) -> dict[str, Taken]:
    by_scope: dict[str, list[Told]] = {}
    for one in told:
        by_scope.setdefault(one.scope, []).append(one)
    return {
        scope: Taken(
            lessons=len(some),
            families=len({one.family for one in some}),
            surprise=sum(abs(one.surprise) for one in some[-_LATELY:]) / len(some[-_LATELY:]),
            weights=some[-1].weights,
        )
        for scope, some in sorted(by_scope.items())
    }


def lessons(connection: sa.Connection, scope: str | None = None) -> tuple[Told, ...]:
    """Return what was learnt, oldest first."""
    query = (
        sa.select(log.c.at, log.c.payload, records.c.id, records.c.scope, records.c.remedy, records.c.outcome)
        .select_from(log.join(records, records.c.id == log.c.record_id))
        .where(log.c.event == Event.LEARN.value, records.c.forgotten_at.is_(None))
        .order_by(log.c.seq)
    )
    if scope is not None:
        query = query.where(records.c.scope == scope)
    return tuple(
        Told(
            at=row.at,
            record_id=row.id,
            scope=row.scope,
            remedy=row.remedy or "",
            outcome=row.outcome or "",
            family=str(row.payload.get("family", "")),
            surprise=float(row.payload.get("surprise", 0.0)),
            expected=float(row.payload.get("expected", 0.0)),
            opened=bool(row.payload.get("opened")),
            stale=bool(row.payload.get("stale")),
            weights=row.payload.get("weights") or {},
        )
        for row in connection.execute(query)
        if row.payload
    )


def exemplars(connection: sa.Connection) -> dict[tuple[str, str], str]:
    """Return for each (scope, family) what its newest live record says."""
    newest = (
        sa.select(sa.func.max(records.c.seq))
        .where(records.c.family.is_not(None), records.c.forgotten_at.is_(None))
        .group_by(records.c.scope, records.c.family)
    )
    query = sa.select(records.c.scope, records.c.family, records.c.text).where(records.c.seq.in_(newest))
    return {(row.scope, row.family): row.text for row in connection.execute(query)}


def growth(connection: sa.Connection, spans: int = _SPANS) -> tuple[Grown, ...]:
    """Return how the memory grew and forgot, in so many equal spans of time at most."""
    first, last, many = connection.execute(
        sa.select(sa.func.min(log.c.at), sa.func.max(log.c.at), sa.func.count()).select_from(log)
    ).one()
    if not many:
        return ()
    query = (
        sa.select(log.c.at, log.c.event, records.c.kind)
        .select_from(log.join(records, records.c.id == log.c.record_id))
        .where(log.c.event.in_([Event.ADD.value, Event.ARCHIVE.value, Event.FORGET.value]))
        .order_by(log.c.seq)
    )
    count = max(1, min(spans, many)) if last > first else 1
    step = (last - first) / count
    kinds = dict.fromkeys(map(str, Kind), 0)
    done = {Event.ARCHIVE.value: 0, Event.FORGET.value: 0}
    found: dict[int, Grown] = {}
    for at, event, kind in connection.execute(query):
        if event in done:
            done[event] += 1
        kinds[kind] += {Event.ADD.value: 1, Event.FORGET.value: -1}.get(event, 0)
        span = min(count - 1, max(0, int((at - first) / step))) if step else 0
        ends = first + step * (span + 1)
        found[span] = Grown(
            at=ends, by_kind=dict(kinds), archived=done[Event.ARCHIVE.value], forgotten=done[Event.FORGET.value]
        )
    return tuple(_filled(found, count, first, step))


def _filled(found: Mapping[int, Grown], count: int, first: datetime, step: timedelta) -> list[Grown]:
    """Fill spans in which nothing happened with what there was before."""
    filled: list[Grown] = []
    for span in range(count):
        if span in found:
            filled.append(found[span])
        elif filled:
            filled.append(replace(filled[-1], at=first + step * (span + 1)))
    return filled
