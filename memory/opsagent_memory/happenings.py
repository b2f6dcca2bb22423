"""What is done to records that are there, and told in the log, inside an open transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from opsagent_memory import chain, rows
from opsagent_memory.chain import Event
from opsagent_memory.errors import RecordNotFound
from opsagent_memory.log import LogWriter
from opsagent_memory.records import Record
from opsagent_memory.schema import learners, meta, records, vectors

_ERASING = "erasing"
_AT_ONCE = 500
"""Databases limit the parameters of a statement."""


def end(
    connection: sa.Connection, writer: LogWriter, record_id: str, *, ended_at: datetime, why: str, now: datetime
) -> None:
    """Let a record count only before a time. Raises RecordNotFound: it is not there, or was forgotten."""
    row = rows.find(connection, record_id)
    if row is None or row.forgotten_at is not None:
        raise RecordNotFound(record_id)
    connection.execute(records.update().where(records.c.id == record_id).values(ended_at=ended_at))
    writer.tell(Event.END, record_id, now, {"ended_at": chain.stamp(ended_at), "why": why})


def archive(
    connection: sa.Connection, writer: LogWriter, record_ids: Sequence[str], *, why: str, now: datetime
) -> tuple[str, ...]:
    """Take live records out of recall; return the ids of those that were in it."""
    found = rows.by_ids(connection, record_ids)
    ids = [one for one in dict.fromkeys(record_ids) if one in found and _is_recalled(found[one])]
    for part in parts(ids):
        connection.execute(records.update().where(records.c.id.in_(part)).values(archived_at=now))
    for record_id in ids:
        writer.tell(Event.ARCHIVE, record_id, now, {"archived_at": chain.stamp(now), "why": why})
    return tuple(ids)


def erase(connection: sa.Connection, gone: Sequence[Any], now: datetime) -> None:
    """Take the payloads of these rows, vectors that nothing else needs, and what was learnt in their scopes."""
    nothing: dict[str, Any] = {
        "text": "",
        "text_key": "",
        "fields": {},
        "remedy": None,
        "outcome": None,
        "fault_class": None,
    }
    nothing |= {"family": None, "surprise": None, "forgotten_at": now}
    for part in parts([row.id for row in gone]):
        connection.execute(records.update().where(records.c.id.in_(part)).values(nothing))
    still_said = sa.exists().where(records.c.text_key == vectors.c.text_key, records.c.forgotten_at.is_(None))
    for part in parts(sorted({row.text_key for row in gone})):
        connection.execute(vectors.delete().where(vectors.c.text_key.in_(part), ~still_said))
    for part in parts(sorted({row.scope for row in gone})):
        connection.execute(learners.delete().where(learners.c.scope.in_(part)))


def note_erasing(connection: sa.Connection, unfinished: bool) -> None:
    """Note that something was erased whose traces may still stand in the file, or that they are gone."""
    connection.execute(meta.delete().where(meta.c.key == _ERASING))
    if unfinished:
        connection.execute(meta.insert().values(key=_ERASING, value="unfinished"))


def is_erasing(connection: sa.Connection) -> bool:
    """Say whether traces of what was erased may still stand in the file."""
    return connection.scalar(sa.select(meta.c.value).where(meta.c.key == _ERASING)) is not None


def brought(writer: LogWriter, record: Record, at: datetime) -> dict[str, Any]:
    """Tell, and return, what had happened to a record before it was imported."""
    if record.ended_at is not None:
        payload = {"ended_at": chain.stamp(record.ended_at), "why": "imported so"}
        writer.tell(Event.END, record.id, at, payload)
    if record.archived_at is not None:
        payload = {"archived_at": chain.stamp(record.archived_at), "why": "imported so"}
        writer.tell(Event.ARCHIVE, record.id, at, payload)
    return {"ended_at": record.ended_at, "archived_at": record.archived_at}


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values, not too many at once."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _is_recalled(row: Any) -> bool:
    return row.forgotten_at is None and row.archived_at is None
