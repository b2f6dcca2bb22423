"""Opening the truth: engine, durability, and a schema that is created, recognised or brought up to date."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from opsagent_memory import copies
from opsagent_memory.chain import START, head_text
from opsagent_memory.errors import MemoryOwned, MemoryStoreError
from opsagent_memory.schema import HEAD, VERSION_TABLE, meta, metadata, version

_BUSY_TIMEOUT_S = 5.0
_TURN_S = 300.0
"""So long a thread waits for another one of this process that writes: an import of 100,000 records takes a minute."""
_turns: WeakKeyDictionary[sa.Engine, threading.RLock] = WeakKeyDictionary()
_table = threading.Lock()
_JOURNAL_BYTES = 16_000_000
_WRITE = "opsagent_memory_write"
_CLAIM = int.from_bytes(b"opsmem", "big")
"""The number of PostgreSQL's advisory lock; each of its databases has locks of its own."""


def database_url(database: Path | str) -> sa.URL:
    """Return the SQLAlchemy URL of a path, or of what is a URL already."""
    if isinstance(database, str) and "://" in database:
        return sa.make_url(database)
    return sa.URL.create("sqlite", database=str(Path(database).absolute()))


def file_of(database: Path | str) -> Path | None:
    """Return the file that holds a database, None where it is not in a file of this machine."""
    url = database_url(database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def open_engine(database: Path | str) -> sa.Engine:
    """Return an engine for reading and writing; the file, where there is none, is made readable to its owner only."""
    url = database_url(database)
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    _touch_private(Path(url.database or ""))
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False})
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin)
    return engine


def open_reading_engine(database: Path | str) -> sa.Engine:
    """Return an engine that cannot write, and makes no file where there is none."""
    url = database_url(database)
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, execution_options={"postgresql_readonly": True})
    path = Path(url.database or "")

    def connect() -> sqlite3.Connection:
        uri = f"{path.as_uri()}?mode=ro{'&immutable=1' if _is_at_rest(path) else ''}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
        connection.isolation_level = None  # our own BEGIN: all that is read in one go is of one moment
        return connection

    engine = sa.create_engine(url, creator=connect)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _is_at_rest(path: Path) -> bool:
    """Say whether a database lies where nothing can be written, and nobody was writing it: SQLite wants to make files
    beside it even for reading, unless it is told that nothing will change.
    """
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to read from; what goes wrong is a `MemoryStoreError`."""
    with _translated(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction; when the block is left without an error it is on the disk.

    Threads wait for each other, also for a long import: SQLite itself would refuse the second one after some seconds,
    and what it had to say would be lost.
    """
    with (
        _one_at_a_time(engine),
        _translated(engine),
        engine.connect().execution_options(**{_WRITE: True}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _one_at_a_time(engine: sa.Engine) -> Iterator[None]:
    with _table:
        turn = _turns.setdefault(engine, threading.RLock())
    if not turn.acquire(timeout=_TURN_S):
        raise MemoryStoreError(f"{engine.url.database}: something else has been written for {_TURN_S:g} s; try again")
    try:
        yield
    finally:
        turn.release()


def claim(engine: sa.Engine) -> sa.Connection | None:
    """Own a database that is in no file of this machine (where it is, `lock` sees to it) until the connection closes.

    Raises:
        MemoryOwned: somebody else owns it.
    """
    if engine.dialect.name != "postgresql":
        return None
    with _translated(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_CLAIM))):
            return connection
        connection.close()
    raise MemoryOwned(Path(engine.url.database or ""), None)


def prepare(engine: sa.Engine) -> None:
    """Create the schema, or bring an older one up to date. Alembic is imported in the second case only."""
    with _translated(engine):
        found = _version(engine)
        if found is None:
            _create(engine)
        elif found != HEAD:
            _upgrade(engine, found)


def has_memory(engine: sa.Engine) -> bool:
    """Say whether there is a database with memory's tables in it."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return False
    with _translated(engine):
        return _version(engine) is not None


def is_current(engine: sa.Engine) -> bool:
    """Say whether there is a memory, laid out as this version lays it out."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return False
    with _translated(engine):
        return _version(engine) == HEAD


def is_newer(engine: sa.Engine) -> bool:
    """Say whether there is a memory, laid out as no version up to this one does it."""
    from opsagent_memory.migrations import known

    with _translated(engine):
        found = _version(engine)
    return found is not None and found not in known()


def salt(engine: sa.Engine) -> bytes:
    """Return the secret that keys this memory's digests of texts."""
    with reading(engine) as connection:
        value = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "salt"))
    if value is None:
        raise MemoryStoreError(f"{engine.url.database}: the memory has lost its salt; restore a backup")
    return bytes.fromhex(value)


def rewrite(engine: sa.Engine) -> None:
    """Write SQLite's file anew, with nothing in it but what is there: when it shares out a page among others it leaves
    copies of rows in the room between, and `secure_delete` does not reach them.

    Needs as much room again for a moment. Readers go on.
    """
    if engine.dialect.name != "sqlite":
        return
    with _one_at_a_time(engine), reading(engine) as connection:
        connection.rollback()
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.cursor().execute("VACUUM").close()


def empty_journal(engine: sa.Engine) -> bool:
    """Write SQLite's journal back and cut it to nothing: it still holds pages from before.

    Returns False where a reader holds old pages, so that it could not be done.
    """
    if engine.dialect.name != "sqlite":
        return True
    with reading(engine) as connection:
        connection.rollback()
        raw = connection.connection.dbapi_connection
        assert raw is not None
        blocked = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not blocked


def _version(engine: sa.Engine) -> str | None:
    if not sa.inspect(engine).has_table(VERSION_TABLE):
        return None
    with engine.connect() as connection:
        found: str | None = connection.scalar(sa.select(version.c.version_num))
        return found


def _create(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        if sa.inspect(connection).has_table(VERSION_TABLE):
            return  # somebody else was faster
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="salt", value=secrets.token_hex(16)))
        connection.execute(meta.insert().values(key="head", value=head_text(0, START)))
        connection.execute(version.insert().values(version_num=HEAD))


def _upgrade(engine: sa.Engine, found: str) -> None:
    from opsagent_memory.migrations import known, upgrade

    if found not in known():
        raise MemoryStoreError(f"{engine.url.database}: written by a newer version (memory schema {found}); upgrade")
    if engine.dialect.name == "sqlite" and engine.url.database:
        copies.keep(Path(engine.url.database), found, HEAD)
    with writing(engine) as connection:
        upgrade(connection)
    rewrite(engine)  # older versions left traces of what they forgot


def _touch_private(path: Path) -> None:
    """Make the file where there is none. One that is there is not opened: somebody in this process may have it open,
    and to close a second descriptor would let go of all locks that the process has on it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise MemoryStoreError(f"{path}: the memory cannot be opened: {error.strerror}") from error


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Every connection: our own BEGIN, and what durability and forgetting need."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        # FULL, not NORMAL: in WAL mode NORMAL may lose the last commits in a power cut, and what was acknowledged
        # must not be lost. A record is written every few minutes at most, an fsync costs milliseconds.
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # forgotten text is overwritten, not only unlinked
        f"journal_size_limit={_JOURNAL_BYTES}",  # after a large import it would stay as large for good
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that first reads, then writes, fails at once when another process wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITE) else "BEGIN")


@contextmanager
def _translated(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR and _is_full(engine):
            cause = f"the disk is full ({cause}): free some space; the index may be deleted, it is built anew"
        raise MemoryStoreError(f"{engine.url.database}: the memory cannot be read or written: {cause}") from error


def _is_full(engine: sa.Engine) -> bool:
    """Say whether the disk has no room: SQLite, which needs some for reading too, only speaks of an error then."""
    try:
        disk = os.statvfs(Path(engine.url.database or "").parent)
    except OSError:
        return False
    return disk.f_bavail == 0
