"""Opens the database: SQLite in WAL mode at the home, or any URL of SQLAlchemy's. Errors become one line each.

`synchronous` is NORMAL for most transactions: in WAL mode a killed process loses nothing that was committed, and a
power cut may lose the latest commits but never harms the file. What must be there whatever happens (a step that is
about to run, an approval that is used up, what people ordered) is written with FULL, which waits for the disk.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, inspect, text
from sqlalchemy.pool import StaticPool

from opsagent.store.errors import StoreError, StoreNewer
from opsagent.store.schema import REVISION, VERSION_TABLE, metadata

_BUSY_S = 5.0
_LEDGER_LOCK = 0x0B5A6E47
"""Key of the advisory lock under which PostgreSQL's ledger grows; SQLite has one writer anyway."""


def open_database(where: Path | str) -> Engine:
    """Return an engine for the file or URL, its schema made or brought up to date. Raises StoreError."""
    if isinstance(where, str):
        engine = _engine(where)
        name = engine.url.render_as_string(hide_password=True)
    else:
        _touch_private(where)
        engine, name = _engine(f"sqlite:///{where}"), str(where)
    try:
        with explained(name):
            _bring_up_to_date(engine, name)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_for_reading(path: Path) -> Engine:
    """Return an engine that cannot write; an empty one where there is no database yet. Raises StoreError."""
    if not path.exists():
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        metadata.create_all(engine)
        return engine
    engine = _engine(f"sqlite:///file:{_quoted(path)}?mode=ro&uri=true", writing=False)
    try:
        with explained(str(path)), engine.connect() as connection:
            found = _revision(connection)
    except BaseException:
        engine.dispose()
        raise
    if found == REVISION:
        return engine
    engine.dispose()
    raise _other_schema(str(path), found)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn the database's errors into a StoreError that says what to do."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        raise StoreError(f"{where}: {_sentence(error)}") from error


def lock_ledger(connection: Connection) -> None:
    """Make sure that nobody else appends to the ledger before this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LEDGER_LOCK})


def _engine(url: str, *, writing: bool = True) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})
    event.listen(engine, "connect", _on_connect_writing if writing else _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: see _on_begin


def _on_connect_writing(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_size_limit=4194304")


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writing"):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
    # A transaction that begins as a reader and then writes can fail without waiting; this one waits its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _touch_private(path: Path) -> None:
    """Make the file, readable to its owner only, where there is none; one that is there is not opened.

    To close a second descriptor of a database is to let go of all locks that this process has on it: others would
    then take away the log under the connections that are open.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StoreError(
                f"{path}: cannot be written (no plain file): move it away, make the home writable"
            ) from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}): make the home writable") from error


def _bring_up_to_date(engine: Engine, name: str) -> None:
    with engine.connect() as connection:
        found = _revision(connection)
    if found == REVISION:
        return
    if found is not None:
        from opsagent.store.migrate import known_revisions, migrate

        if found not in known_revisions():
            raise _other_schema(name, found)
        migrate(engine, found)
        return
    with engine.connect().execution_options(writing=True, durable=True) as connection, connection.begin():
        if _revision(connection) is None:  # another process may have been quicker
            metadata.create_all(connection)
            connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:revision)"), {"revision": REVISION})  # noqa: S608


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  # a constant
    return None if found is None else str(found)


def _other_schema(name: str, found: str | None) -> StoreError:
    if found is None or found < REVISION:
        return StoreError(f"{name}: written by an older opsagent ({found}): run `opsagent watch` once, it updates it")
    return StoreNewer(f"{name}: written by a newer opsagent ({found}, this one knows {REVISION}): update opsagent")


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _sentence(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    known = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    said = " ".join(str(cause).split())
    return f"{known[0]} ({said}): {known[1]}" if known else f"the database refused: {said}"


_SENTENCES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space there"),
    sqlite3.SQLITE_IOERR: ("the disk does not read or write", "check its free space and its health"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "make the home writable"),
    sqlite3.SQLITE_PERM: ("no right to it", "give the home back to its user"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "make the home writable"),
    sqlite3.SQLITE_BUSY: (f"another process writes for more than {_BUSY_S:.0f} s", "end it, or try again"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "restore a backup, or move it away to begin anew"),
    sqlite3.SQLITE_NOTADB: ("is no database", "restore a backup, or move it away to begin anew"),
}


def copy_of(path: Path, to: Path) -> None:
    """Copy a SQLite database while others may use it; the copy is private and complete or not there."""
    partial = to.with_name(to.name + ".part")
    partial.unlink(missing_ok=True)
    _touch_private(partial)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.replace(to)
