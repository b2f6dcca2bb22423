"""What stays replaced when the record that replaced it is forgotten. Works inside an open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from opsagent_memory import happenings, rows
from opsagent_memory.log import LogWriter
from opsagent_memory.records import Source
from opsagent_memory.schema import records

_WHY = "what took its place was forgotten, after something newer had taken the place of that"


def close_gaps(connection: sa.Connection, writer: LogWriter, gone: Sequence[Any], now: datetime) -> None:
    """End what rows that are about to be erased had replaced, where something newer replaced them in turn.

    A correction that is forgotten brings back what it corrected. In the middle of a row of corrections it must not:
    the newest of them holds, and the oldest would stand beside it.
    """
    going = {row.id for row in gone}
    passed, level = set(going), sorted(going)
    heads: list[Any] = []
    while level:
        found = [row for part in happenings.parts(level) for row in _after(connection, part)]
        heads += [row for row in found if row.forgotten_at is None and row.id not in going]
        level = sorted({row.id for row in found if row.forgotten_at is not None} - passed)
        passed.update(level)
    for head in heads:
        older, crossed = rows.find(connection, head.supersedes), False
        while older is not None and (older.id in going or older.forgotten_at is not None):
            crossed = crossed or older.id in going
            older = rows.find(connection, older.supersedes) if older.supersedes else None
        if older is not None and crossed and older.ended_at is None and _may_replace(head, older):
            happenings.end(connection, writer, older.id, ended_at=now, why=_WHY, now=now)


def _after(connection: sa.Connection, ids: Sequence[str]) -> Sequence[Any]:
    return connection.execute(sa.select(records).where(records.c.supersedes.in_(ids))).all()


def _may_replace(newer: Any, older: Any) -> bool:
    """Nobody but a person takes the place of a person's word, and no other memory that of this one."""
    by_person = newer.source == Source.PERSON.value or older.source != Source.PERSON.value
    return by_person and (newer.imported_at is None or older.imported_at is not None)
