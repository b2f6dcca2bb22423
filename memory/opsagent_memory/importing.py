"""Taking in what another memory exported: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import sqlalchemy as sa

from opsagent_memory import database, rows
from opsagent_memory.errors import ImportRefused, RecordExists, RecordNotFound
from opsagent_memory.log import LogWriter
from opsagent_memory.portable import Mask, Progress, lines
from opsagent_memory.records import Imported, Record
from opsagent_memory.store import Store

_LINES_AT_ONCE = 1_000


def import_lines(
    store: Store, stream: BinaryIO, *, now: datetime, mask: Mask | None = None, progress: Progress | None = None
) -> Imported:
    """Import records in one transaction; a thousand lines at a time are held in memory.

    Raises:
        ImportRefused: a line is bad; nothing was written.
    """
    batch: list[tuple[int, Record]] = []
    with database.writing(store.engine) as connection, LogWriter(connection) as writer:
        taker = _Taker(store, connection, writer, now)
        for numbered in lines(stream, mask):
            batch.append(numbered)
            if len(batch) >= _LINES_AT_ONCE:
                taker.take(batch)
                batch.clear()
                if progress is not None:
                    progress(taker.lines)
        taker.take(batch)
    if progress is not None:
        progress(taker.lines)
    known = taker.lines - taker.added - taker.forgotten
    return Imported(added=taker.added, known=known, forgotten=taker.forgotten)


class _Taker:
    """Takes in one batch of lines after the other, in one transaction."""

    def __init__(self, store: Store, connection: sa.Connection, writer: LogWriter, now: datetime) -> None:
        self.lines = 0
        self.added = 0
        self.forgotten = 0
        self._store = store
        self._connection = connection
        self._writer = writer
        self._now = now

    def take(self, batch: Sequence[tuple[int, Record]]) -> None:
        """Insert what is new among these lines."""
        brought = [record for _, record in batch]
        there = rows.by_ids(self._connection, [record.id for record in brought])
        try:
            new = self._store.insert(self._connection, self._writer, brought, at=self._now, imported_at=self._now)
        except RecordExists as error:
            number = next(number for number, record in reversed(batch) if record.id == error.record_id)
            raise ImportRefused(number, str(error)) from error
        except RecordNotFound as error:
            number = next(number for number, record in batch if record.supersedes == error.record_id)
            raise ImportRefused(number, f"it supersedes {error.record_id}, which no line before it is") from error
        self._writer.flush()
        self.lines += len(batch)
        self.added += len(new)
        self.forgotten += sum(row.forgotten_at is not None for row in there.values())
