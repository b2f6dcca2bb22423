"""Following a memory: what came and what was forgotten since one last looked. For views of it that others keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from opsagent_memory import rows
from opsagent_memory.chain import Event
from opsagent_memory.records import Record
from opsagent_memory.schema import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened to the records of some scopes."""

    up_to: int
    """Ask for what came after this next time."""
    added: tuple[Record, ...]
    """Live ones, in the order in which they came."""
    forgotten: tuple[str, ...]
    """Ids, of any scope: what is forgotten has none."""


def changes(connection: sa.Connection, *, after: int, scope_prefix: str) -> Changes:
    """Return what the log tells after its event number `after`."""
    told = (Event.ADD.value, Event.FORGET.value)
    query = sa.select(log.c.seq, log.c.event, log.c.record_id).where(log.c.seq > after)
    happened = connection.execute(query.order_by(log.c.seq)).all()
    added = [row.record_id for row in happened if row.event == told[0]]
    forgotten = tuple(row.record_id for row in happened if row.event == told[1])
    return Changes(
        up_to=happened[-1].seq if happened else after,
        added=tuple(one for one in live(connection, added).values() if one.scope.startswith(scope_prefix)),
        forgotten=forgotten,
    )


def live(connection: sa.Connection, record_ids: Sequence[str]) -> dict[str, Record]:
    """Return those of these records that are not forgotten, in their order."""
    found = rows.by_ids(connection, record_ids)
    return {key: rows.record_of(row) for key, row in found.items() if row.forgotten_at is None}
