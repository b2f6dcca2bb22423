"""The log, what learning keeps, and the columns of what happens to a record. Old records enter the log as they are."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from opsagent_memory import chain

revision = "0002"
down_revision: str | None = "0001"

_TIME = sa.DateTime(timezone=True)
_ROWS_AT_ONCE = 1_000
_NEW_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("ended_at", _TIME),
    ("archived_at", _TIME),
    ("imported_at", _TIME),
    ("family", sa.String(64)),
    ("surprise", sa.Float),
)
_records = sa.table(
    "memory_records",
    *(sa.column(name) for name in ("seq", "id", "scope", "kind", "text", "source", "trust", "supersedes")),
    sa.column("fields", sa.JSON),
    *(sa.column(name, _TIME) for name in ("created_at", "valid_from", "valid_to", "forgotten_at")),
)


def upgrade() -> None:
    """Add columns and tables, and write the log of what is there."""
    for name, kind in _NEW_COLUMNS:
        op.add_column("memory_records", sa.Column(name, kind))
    log = op.create_table(
        "memory_log",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("record_id", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True)),
        sa.Column("salt", sa.LargeBinary(16)),
        sa.Column("commitment", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("memory_log_by_record", "memory_log", ["record_id"])
    op.create_table(
        "memory_learners",
        sa.Column("scope", sa.String(255), primary_key=True),
        sa.Column("up_to_seq", sa.BigInteger, nullable=False),
        sa.Column("options_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    seq, head = _log_all(op.get_bind(), log)
    meta = sa.table("memory_meta", sa.column("key"), sa.column("value"))
    op.execute(meta.insert().values(key="head", value=chain.head_text(seq, head)))


def _log_all(connection: sa.Connection, log: sa.Table) -> tuple[int, bytes]:
    """Write the log of all records, in the order in which they came; return its head."""
    now, last, seq, head = datetime.now(UTC), -1, 0, chain.START
    while True:
        query = sa.select(_records).where(_records.c.seq > last).order_by(_records.c.seq).limit(_ROWS_AT_ONCE)
        found = connection.execute(query).all()
        if not found:
            return seq, head
        entries = []
        for row in found:
            for event, at, salt, committed in _events(row, now):
                seq += 1
                head = chain.link(head, seq, event, row.id, at=at, committed=committed)
                kept = _stored(at, connection)
                entries.append(
                    {
                        "seq": seq,
                        "event": event,
                        "record_id": row.id,
                        "at": kept,
                        "payload": None,
                        "salt": salt,
                        "commitment": committed,
                        "hash": head,
                    }
                )
        connection.execute(log.insert(), entries)
        last = found[-1].seq


def _events(row: Any, now: datetime) -> list[tuple[str, datetime, bytes | None, bytes]]:
    """Return (event, at, salt, commitment) of one record: it came and, where it is a tombstone, it went."""
    if row.forgotten_at is not None:
        gone = _aware(row.forgotten_at)
        # Nobody knows any more what it said: the commitment is one that nobody can open.
        return [("add", now, None, secrets.token_bytes(32)), ("forget", gone, None, chain.NOTHING)]
    salt = chain.new_salt()
    content = chain.content(
        record_id=row.id,
        scope=row.scope,
        kind=row.kind,
        text=row.text,
        fields=json.loads(row.fields) if isinstance(row.fields, str) else row.fields,
        source=row.source,
        trust=row.trust,
        created_at=_aware(row.created_at),
        valid_from=_aware(row.valid_from) if row.valid_from else None,
        valid_to=_aware(row.valid_to) if row.valid_to else None,
        supersedes=row.supersedes,
        imported_at=None,
    )
    return [("add", now, salt, chain.commitment(salt, content))]


def _aware(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _stored(time: datetime, connection: sa.Connection) -> datetime:
    """SQLite keeps no time zone."""
    return time.replace(tzinfo=None) if connection.dialect.name == "sqlite" else time


def downgrade() -> None:
    """Take the log and the new columns away."""
    op.drop_table("memory_learners")
    op.drop_table("memory_log")
    for name, _ in _NEW_COLUMNS:
        op.drop_column("memory_records", name)
    op.execute("DELETE FROM memory_meta WHERE key = 'head'")
