"""Reading the truth for the indexes: what can be recalled, shelf by shelf and record by record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from opsagent_memory.records import Kind
from opsagent_memory.schema import records, vectors

if TYPE_CHECKING:
    from opsagent_memory.keywords import Entry

_RECALLED = sa.and_(records.c.forgotten_at.is_(None), records.c.archived_at.is_(None))
_OURS = sa.and_(
    vectors.c.text_key == records.c.text_key,
    vectors.c.model_id == sa.bindparam("model_id"),
    vectors.c.model_hash == sa.bindparam("model_hash"),
)
_SHELF = sa.and_(records.c.scope == sa.bindparam("scope"), records.c.kind == sa.bindparam("kind"), _RECALLED)
_BOUNDS = sa.select(records.c.scope, records.c.kind, sa.func.count()).group_by(records.c.scope, records.c.kind)
_SIZE = sa.select(sa.func.count(records.c.text_key.distinct())).where(_SHELF)
_VECTORS = sa.select(records.c.text_key, vectors.c.vector).join(vectors, _OURS).where(_SHELF)
_AFTER = (
    sa.select(records.c.seq, records.c.scope, records.c.kind, records.c.text_key, records.c.text)
    .where(records.c.seq > sa.bindparam("after"), _RECALLED)
    .order_by(records.c.seq)
    .limit(sa.bindparam("most"))
)
_ARCHIVED = (
    sa.select(records.c.scope, records.c.kind, records.c.text_key)
    .where(records.c.forgotten_at.is_(None), records.c.archived_at.is_not(None))
    .distinct()
)
_KEY_AT = sa.select(records.c.text_key).where(records.c.seq == sa.bindparam("seq"))


def archived_texts(connection: sa.Connection) -> dict[tuple[str, Kind], set[str]]:
    """Return the keys of archived texts by shelf: an index may still hold them."""
    found: dict[tuple[str, Kind], set[str]] = {}
    for scope, kind, key in connection.execute(_ARCHIVED):
        found.setdefault((scope, Kind(kind)), set()).add(key)
    return found


def shelf_bounds(connection: sa.Connection) -> dict[tuple[str, Kind], int]:
    """Return how many records each scope has of each kind, recalled or not: no shelf holds more texts."""
    return {(scope, Kind(kind)): count for scope, kind, count in connection.execute(_BOUNDS)}


def shelf_size(connection: sa.Connection, scope: str, kind: Kind) -> int:
    """Return how many different texts of this kind can be recalled in this scope."""
    return connection.scalar(_SIZE, {"scope": scope, "kind": kind.value}) or 0


def shelf_vectors(
    connection: sa.Connection, scope: str, kind: Kind, *, model: tuple[str, str], at_once: int
) -> Iterator[dict[str, bytes]]:
    """Yield the vectors of a shelf by key, so many at once; a text that was said again may come again.

    `model` is its id and its hash.
    """
    values = {"scope": scope, "kind": kind.value, "model_id": model[0], "model_hash": model[1]}
    for part in connection.execution_options(yield_per=at_once).execute(_VECTORS, values).partitions():
        yield {key: vector for key, vector in part}  # noqa: C416 (rows are not pairs to the type checker)


def after(connection: sa.Connection, seq: int, most: int) -> list[Entry]:
    """Return the next records that can be recalled, in the order in which they were kept."""
    from opsagent_memory.keywords import Entry

    found = connection.execute(_AFTER, {"after": seq, "most": most})
    return [Entry(seq, scope, Kind(kind), key, text) for seq, scope, kind, key, text in found]


def key_at(connection: sa.Connection, seq: int) -> str | None:
    """Return the key of this record's text ("": it was forgotten); None where there is no such record."""
    key: str | None = connection.scalar(_KEY_AT, {"seq": seq})
    return key
