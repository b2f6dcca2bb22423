"""What consolidation reads of the truth. All functions take an open connection."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from opsagent_memory import rows
from opsagent_memory.ranking import Candidate
from opsagent_memory.records import Kind, Outcome, Record, Source
from opsagent_memory.schema import meta, records

_KEYS_AT_ONCE = 500
_CURSOR = "consolidated"
"""In `memory_meta`: how far the round came, see `Cursor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An episode, as far as counting goes."""

    id: str
    candidate: Candidate
    fault_class: str | None
    family: str | None
    surprise: float | None
    archived: bool

    @property
    def group(self) -> tuple[str, str]:
        """What it repeats: its family; where it has none, whatever says the same."""
        return (self.family, "") if self.family else ("", self.candidate.text_key)


def episodes(connection: sa.Connection, scope: str) -> list[Past]:
    """Return all episodes of a scope that are neither forgotten nor ended nor superseded, oldest first."""
    newer = records.alias("newer")
    superseded = _replaced(newer)
    query = sa.select(
        records.c.seq,
        records.c.id,
        records.c.text_key,
        records.c.remedy,
        records.c.outcome,
        records.c.fault_class,
        records.c.source,
        records.c.trust,
        records.c.created_at,
        records.c.family,
        records.c.surprise,
        records.c.archived_at,
        records.c.imported_at,
    ).where(
        records.c.scope == scope,
        records.c.kind == Kind.EPISODE.value,
        records.c.forgotten_at.is_(None),
        records.c.ended_at.is_(None),
        ~superseded,
    )
    return [_past(row) for row in connection.execute(query.order_by(records.c.seq))]


def _past(row: Any) -> Past:
    return Past(
        id=row.id,
        candidate=Candidate(
            seq=row.seq,
            kind=Kind.EPISODE,
            text_key=row.text_key,
            remedy=row.remedy,
            outcome=Outcome(row.outcome) if row.outcome else None,
            source=Source(row.source),
            trust=row.trust,
            created_at=row.created_at,
            imported=row.imported_at is not None,
        ),
        fault_class=row.fault_class,
        family=row.family,
        surprise=row.surprise,
        archived=row.archived_at is not None,
    )


def held(connection: sa.Connection, scope: str, kind: Kind, now: datetime) -> list[Record]:
    """Return the facts or procedures of a scope that hold now, oldest first; of documents none."""
    newer = records.alias("newer")
    superseded = _replaced(newer)
    query = sa.select(records).where(
        records.c.scope == scope,
        records.c.kind == kind.value,
        records.c.source != Source.DOCUMENT.value,
        records.c.forgotten_at.is_(None),
        records.c.archived_at.is_(None),
        sa.or_(records.c.ended_at.is_(None), records.c.ended_at > now),
        sa.or_(records.c.valid_to.is_(None), records.c.valid_to > now),
        ~superseded,
    )
    return [rows.record_of(row) for row in connection.execute(query.order_by(records.c.seq))]


def _replaced(newer: sa.FromClause, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Say that a record was replaced; what came from another memory replaces nothing of this one."""
    return sa.exists().where(
        newer.c.supersedes == records.c.id,
        newer.c.forgotten_at.is_(None),
        sa.or_(newer.c.imported_at.is_(None), records.c.imported_at.is_not(None)),
        *conditions,
    )


def _may_replace(newer: sa.FromClause) -> sa.ColumnElement[bool]:
    """Nobody but a person takes the place of a person's word: it may not be put away for what somebody else said."""
    return sa.or_(newer.c.source == Source.PERSON.value, records.c.source != Source.PERSON.value)


def outlived(connection: sa.Connection, scope: str, before: datetime) -> list[str]:
    """Return the ids of facts and procedures that were superseded, or ended, before a time, and are not archived."""
    newer = records.alias("newer")
    holds = sa.or_(newer.c.valid_from.is_(None), newer.c.valid_from < before)
    superseded = _replaced(newer, _may_replace(newer), newer.c.created_at < before, holds)
    query = sa.select(records.c.id).where(
        records.c.scope == scope,
        records.c.kind != Kind.EPISODE.value,
        records.c.forgotten_at.is_(None),
        records.c.archived_at.is_(None),
        sa.or_(records.c.ended_at < before, records.c.valid_to < before, superseded),
    )
    return list(connection.scalars(query.order_by(records.c.seq)))


def archived(connection: sa.Connection, before: datetime | None, limit: int) -> list[str]:
    """Return the ids of the longest archived records that nothing needs any more, at most so many.

    Of what is archived, the contents of a document are needed, and a value that is kept without being indexed.
    """
    newer = records.alias("newer")
    superseded = _replaced(newer, _may_replace(newer))
    query = sa.select(records.c.id).where(
        records.c.forgotten_at.is_(None),
        records.c.archived_at.is_not(None),
        sa.or_(
            records.c.kind == Kind.EPISODE.value,
            records.c.ended_at.is_not(None),
            records.c.valid_to < records.c.archived_at,
            superseded,
        ),
    )
    if before is not None:
        query = query.where(records.c.archived_at < before)
    return list(connection.scalars(query.order_by(records.c.archived_at, records.c.seq).limit(limit)))


def counted(connection: sa.Connection) -> int:
    """Return how many live records the policy counts: all but those of documents, which come and go with their files."""
    query = sa.select(sa.func.count()).select_from(records)
    live = query.where(records.c.forgotten_at.is_(None), records.c.source != Source.DOCUMENT.value)
    return connection.scalar(live) or 0


def oldest(connection: sa.Connection, limit: int) -> list[str]:
    """Return the ids of the oldest episodes that can be recalled; first those that count for nothing."""
    witness = sa.and_(
        records.c.source.in_([Source.AGENT.value, Source.PERSON.value]),
        records.c.imported_at.is_(None),
        records.c.remedy.is_not(None),
    )
    query = sa.select(records.c.id).where(
        records.c.kind == Kind.EPISODE.value, records.c.forgotten_at.is_(None), records.c.archived_at.is_(None)
    )
    order = (sa.case((witness, 1), else_=0), records.c.created_at, records.c.seq)
    return list(connection.scalars(query.order_by(*order).limit(limit)))


def vectors(connection: sa.Connection, keys: Iterable[str], space: tuple[str, str]) -> dict[str, bytes]:
    """Return the stored vectors of these texts."""
    wanted, found = sorted(set(keys)), dict[str, bytes]()
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        found |= rows.vectors_of(connection, wanted[start : start + _KEYS_AT_ONCE], *space)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a round over all scopes came."""

    scope: str = ""
    """The scope that was looked through last; empty: a new round begins."""
    group: tuple[str, str] | None = None
    """The group of it that was looked at last; None: all of the scope was."""

    def leaves(self, scope: str) -> bool:
        """Say whether a scope is still to be looked through in this round."""
        return scope > self.scope or (scope == self.scope and self.group is not None)


def cursor(connection: sa.Connection) -> Cursor:
    """Return how far the round came that was begun last."""
    said = connection.scalar(sa.select(meta.c.value).where(meta.c.key == _CURSOR))
    if not said:
        return Cursor()
    scope, group = json.loads(said)
    return Cursor(scope=scope, group=tuple(group) if group else None)


def set_cursor(connection: sa.Connection, at: Cursor) -> None:
    """Note how far the round came."""
    connection.execute(meta.delete().where(meta.c.key == _CURSOR))
    if at.scope:
        connection.execute(meta.insert().values(key=_CURSOR, value=json.dumps([at.scope, at.group])))
