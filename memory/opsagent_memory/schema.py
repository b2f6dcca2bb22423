"""The tables of the truth, and how times are kept. Nothing here that PostgreSQL could not hold.

What a record says never changes: a correction is a new record that supersedes the old one. What happens to a record
(its validity ends, it is archived, learnt from, forgotten) is an event of `memory_log`, append-only and chained
(`opsagent_memory.chain`); the columns that say so repeat the log. Only forgetting takes anything away: the payload
of the row, which stays as a tombstone, and the payloads and salts of its events.

`memory_vectors` holds one vector per distinct text and model, so that the index can be rebuilt without the model, and
text that repeats costs nothing. `memory_learners` keeps what was learnt up to a record, so that it need not be learnt
anew at every start. Both can be rebuilt from the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

HEAD = "0002"
"""The newest revision in `migrations/versions`; the schema below is what it leads to."""
VERSION_TABLE = "memory_schema_version"

metadata = sa.MetaData()


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC (SQLite keeps no time zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time in UTC, without its zone where the database keeps none."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Return the stored time as aware UTC."""
        if value is None:
            return None
        time: datetime = value
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


version = sa.Table(
    VERSION_TABLE,
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""Laid out as Alembic's own version table, so that a fresh database is stamped without importing Alembic."""

meta = sa.Table(
    "memory_meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""`salt`: hex; keys the digests of texts, so that nobody can guess a forgotten text from the index.
`head`: the newest event of the log, as `seq:hash`; without it a log whose end was cut off would look whole.
`consolidated`: how far the round that puts the memory in order came. `erasing`: traces of what was forgotten may still
stand in the file.
"""

records = sa.Table(
    "memory_records",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("scope", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("text_key", sa.String(32), nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("remedy", sa.String(255)),
    sa.Column("outcome", sa.String(32)),
    sa.Column("fault_class", sa.String(64)),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("trust", sa.Float, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("valid_from", UtcDateTime),
    sa.Column("valid_to", UtcDateTime),
    sa.Column("supersedes", sa.String(64), sa.ForeignKey("memory_records.id", name="memory_records_supersedes_fk")),
    sa.Column("forgotten_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("archived_at", UtcDateTime),
    sa.Column("imported_at", UtcDateTime),
    sa.Column("family", sa.String(64)),
    sa.Column("surprise", sa.Float),
    sa.Index("memory_records_by_text", "text_key", "scope"),
    sa.Index("memory_records_by_scope", "scope", "kind", "seq"),
    sa.Index("memory_records_by_supersedes", "supersedes"),
)
"""`remedy`, `outcome` and `fault_class` repeat what `fields` says, for counting. A record is valid before the earlier
of `valid_to` and `ended_at`; an archived one is in no index and not recalled; one with `imported_at` came from another
memory and teaches nothing. `family` and `surprise`: what the learner made of it when it came.
"""

log = sa.Table(
    "memory_log",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("record_id", sa.String(64), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("payload", sa.JSON(none_as_null=True)),
    sa.Column("salt", sa.LargeBinary(16)),
    sa.Column("commitment", sa.LargeBinary(32), nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    sa.Index("memory_log_by_record", "record_id"),
)
"""1, 2, 3, ... without a gap. `payload`: None for `add` (it is the record itself) and where it was forgotten; `salt`:
None for `forget` and where it was forgotten. `record_id` is no foreign key: the log tells of rows that were taken away.
"""

learners = sa.Table(
    "memory_learners",
    metadata,
    sa.Column("scope", sa.String(255), primary_key=True),
    sa.Column("up_to_seq", sa.BigInteger, nullable=False),
    sa.Column("options_hash", sa.String(64), nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)
"""`state`: as `Learner.dump` gave it after the record with `up_to_seq`, with the options of that hash."""

vectors = sa.Table(
    "memory_vectors",
    metadata,
    sa.Column("text_key", sa.String(32), primary_key=True),
    sa.Column("model_id", sa.String(128), primary_key=True),
    sa.Column("model_hash", sa.String(64), primary_key=True),
    sa.Column("dimensions", sa.Integer, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)
"""`vector`: float32, little endian, of length one; the whole text first, then its sentences (see `sentences`)."""
