"""The one door into the store: every value that is written passes here, is redacted, and gets its entry in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, select

from opsagent.store import ledger
from opsagent.store.database import explained
from opsagent.store.errors import StoreReadOnly
from opsagent_tools.redact import redact, redact_data
from opsagent_tools.units import UnitId


def utc_now() -> datetime:
    """Return the time now, aware."""
    return datetime.now(UTC)


class Writer:
    """One transaction that writes."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now

    def insert(self, table: Table, row_id: str, **values: Any) -> None:
        """Write a new row."""
        cleaned = _cleaned(table, values)
        self.connection.execute(table.insert().values(id=row_id, salt=ledger.new_salt(), **cleaned))
        ledger.append(self.connection, table, row_id, self.now)

    def update(self, table: Table, row_id: str, **values: Any) -> None:
        """Change a row. Raises LookupError where there is none of that id."""
        changed = self.connection.execute(
            table.update().where(table.c.id == row_id).values(salt=ledger.new_salt(), **_cleaned(table, values))
        )
        if changed.rowcount != 1:
            raise LookupError(f"no {table.name.removesuffix('s')} {row_id}")
        ledger.append(self.connection, table, row_id, self.now)

    def put(self, table: Table, row_id: str, **values: Any) -> None:
        """Write a row, new or not."""
        if self.exists(table, row_id):
            self.update(table, row_id, **values)
        else:
            self.insert(table, row_id, **values)

    def remove(self, table: Table, row_id: str) -> None:
        """Delete a row; the ledger says so."""
        self.connection.execute(table.delete().where(table.c.id == row_id))
        ledger.append(self.connection, table, row_id, self.now, removed=True)

    def exists(self, table: Table, row_id: str) -> bool:
        """Return whether there is a row of that id."""
        return self.connection.execute(select(table.c.id).where(table.c.id == row_id)).first() is not None


class Store:
    """A database with its door. The parts of the journal build on it."""

    def __init__(self, engine: Engine, *, where: str, clock: Callable[[], datetime] = utc_now, writable: bool) -> None:
        self._engine = engine
        self._where = where
        self._clock = clock
        self._writable = writable

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self._where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[Writer]:
        """One short transaction; nothing of it is there if the block raises. `durable`: on the disk when it ends."""
        if not self._writable:
            raise StoreReadOnly(f"{self._where}: opened for reading only")
        engine = self._engine.execution_options(writing=True, durable=durable)
        with explained(self._where), engine.begin() as connection:
            yield Writer(connection, self._clock())


def _cleaned(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if table.c[name].info.get("opaque") else clean(value) for name, value in values.items()}


def clean(value: Any) -> Any:
    """Return the value as it may be stored: redacted, and without characters that databases do not take as text."""
    if isinstance(value, UnitId):
        return str(value)  # looks like an e-mail address, and must stay what it is
    if isinstance(value, str):
        return redact(value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00"))
    return value if isinstance(value, datetime) else redact_data(value)
