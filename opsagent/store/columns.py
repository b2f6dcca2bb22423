"""What all tables are made of: the metadata, times in UTC, columns that are never redacted, a key and a salt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Dialect, MetaData, String, Table, TypeDecorator
from sqlalchemy.schema import SchemaItem


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite forgets the zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"},
)


def opaque(name: str, length: int = 64, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    """An id, a hash or a word of a closed list: made by the agent, never from anybody's text, so never redacted."""
    return Column(name, String(length), nullable=nullable, index=index, info={"opaque": True})


def table(name: str, *columns: SchemaItem, later: tuple[Column[Any], ...] = ()) -> Table:
    """A table with its key `id` and the salt of its commitment in the ledger (None: forgotten).

    `later` are columns that a migration added. They may be NULL, and are then no part of a row's commitment: what was
    committed to before there was such a column still holds.
    """
    for column in later:
        column.nullable = True
        column.info["later"] = True
    key, salt = Column("id", String(64), primary_key=True), Column("salt", String(64))
    return Table(name, metadata, key, *columns, salt, *later)
