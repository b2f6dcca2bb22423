"""What memory made of records that are about to be forgotten, and what goes with them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from opsagent_memory import rows
from opsagent_memory.records import Kind, Source
from opsagent_memory.schema import records


def proposals(connection: sa.Connection, record_ids: Sequence[str]) -> list[str]:
    """Return the ids of the procedures that memory proposed in the words of these episodes, and that are not forgotten.

    What a person accepted is the person's, and stays.
    """
    said: dict[str, set[str]] = {}
    for row in rows.by_ids(connection, record_ids).values():
        if row.kind == Kind.EPISODE.value and row.forgotten_at is None:
            said.setdefault(row.scope, set()).add(row.text)
    query = sa.select(records.c.id, records.c.scope, records.c.fields).where(
        records.c.kind == Kind.PROCEDURE.value,
        records.c.source == Source.AGENT.value,
        records.c.scope.in_(sorted(said)),
        records.c.forgotten_at.is_(None),
    )
    asked = set(record_ids)
    return [
        record_id
        for record_id, scope, fields in (connection.execute(query) if said else ())
        if record_id not in asked and fields.get("looks_like") in said[scope]
    ]


def emptied(connection: sa.Connection, record_ids: Sequence[str]) -> list[str]:
    """Return the scopes that have no episode left without these."""
    going = rows.by_ids(connection, record_ids)
    found = []
    for scope in sorted({row.scope for row in going.values() if row.kind == Kind.EPISODE.value}):
        query = sa.select(records.c.id).where(
            records.c.scope == scope, records.c.kind == Kind.EPISODE.value, records.c.forgotten_at.is_(None)
        )
        if all(record_id in going for record_id in connection.scalars(query.limit(len(going) + 1))):
            found.append(scope)
    return found
