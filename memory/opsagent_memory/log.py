"""Writing the log: each event gets its place in the chain, inside the transaction that does what it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from opsagent_memory import chain
from opsagent_memory.chain import Event
from opsagent_memory.records import Record
from opsagent_memory.schema import log, meta

_IDS_AT_ONCE = 500
"""Databases limit the parameters of a statement."""


class LogWriter:
    """Appends events in one transaction: `with LogWriter(connection) as writer: writer.tell(...)`.

    The transaction must be one that writes from its beginning (`database.writing`), so that nobody else appends
    meanwhile. The rows are written when the block is left without an error.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._seq, self._head = _head(connection)
        self._rows: list[dict[str, Any]] = []

    def added(self, record: Record, at: datetime, imported_at: datetime | None = None) -> None:
        """Tell that a record was added."""
        salt = chain.new_salt()
        committed = chain.commitment(salt, content_of(record, imported_at))
        self._append(Event.ADD, record.id, at, committed, salt=salt)

    def tell(self, event: Event, record_id: str, at: datetime, payload: Mapping[str, Any]) -> None:
        """Tell what was done to a record."""
        salt = chain.new_salt()
        self._append(event, record_id, at, chain.commitment(salt, payload), salt=salt, payload=dict(payload))

    def forgotten(self, record_ids: Sequence[str], at: datetime) -> None:
        """Tell that records were forgotten, and destroy what the log knew of them. Their rows stay, and the chain."""
        self.flush()
        for start in range(0, len(record_ids), _IDS_AT_ONCE):
            part = record_ids[start : start + _IDS_AT_ONCE]
            self._connection.execute(log.update().where(log.c.record_id.in_(part)).values(payload=None, salt=None))
        for record_id in record_ids:
            self._append(Event.FORGET, record_id, at, chain.NOTHING)

    def _append(
        self,
        event: Event,
        record_id: str,
        at: datetime,
        committed: bytes,
        *,
        salt: bytes | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        self._seq += 1
        self._head = chain.link(self._head, self._seq, event, record_id, at=at, committed=committed)
        self._rows.append(
            {
                "seq": self._seq,
                "event": event.value,
                "record_id": record_id,
                "at": at,
                "payload": payload,
                "salt": salt,
                "commitment": committed,
                "hash": self._head,
            }
        )

    def flush(self) -> None:
        """Write what was told so far."""
        if not self._rows:
            return
        self._connection.execute(log.insert(), self._rows)
        self._rows.clear()
        text = chain.head_text(self._seq, self._head)
        noted = self._connection.execute(meta.update().where(meta.c.key == "head").values(value=text))
        if not noted.rowcount:
            self._connection.execute(meta.insert().values(key="head", value=text))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()


def content_of(record: Any, imported_at: datetime | None) -> dict[str, Any]:
    """Return what the adding of a record (or of its row) commits to."""
    return chain.content(
        record_id=record.id,
        scope=record.scope,
        kind=record.kind,
        text=record.text,
        fields=record.fields,
        source=record.source,
        trust=record.trust,
        created_at=record.created_at,
        valid_from=record.valid_from,
        valid_to=record.valid_to,
        supersedes=record.supersedes,
        imported_at=imported_at,
    )


def _head(connection: sa.Connection) -> tuple[int, bytes]:
    """Return what the next event is tied to.

    Normally that is the newest event. Where the log was cut or its head was taken away, the next event is tied to the
    head that was noted, or to nothing: memory goes on, and the break stays where `verify` finds it.
    """
    noted = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "head"))
    newest: int = connection.scalar(sa.select(sa.func.max(log.c.seq))) or 0
    try:
        seq, hashed = chain.head_of(noted or "")
    except ValueError:
        seq, hashed = 0, chain.START
    return max(seq, newest), hashed
