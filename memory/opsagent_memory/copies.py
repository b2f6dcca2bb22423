"""The copies that a migration keeps beside the database: what is forgotten is forgotten there too."""

from __future__ import annotations

import glob
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from opsagent_memory.errors import MemoryStoreError

_MARK = ".before-memory-"
_log = logging.getLogger(__name__)
_ERASE = """
UPDATE memory_records SET text = '', text_key = '', fields = '{}', remedy = NULL, outcome = NULL, fault_class = NULL,
forgotten_at = coalesce(forgotten_at, CURRENT_TIMESTAMP) WHERE id = ?
"""
_ERASE_EVENTS = "UPDATE memory_log SET payload = NULL, salt = NULL WHERE record_id = ?"
_ERASE_VECTORS = """
DELETE FROM memory_vectors WHERE text_key NOT IN (SELECT text_key FROM memory_records WHERE forgotten_at IS NULL)
"""


def keep(path: Path, found: str, wanted: str) -> None:
    """Keep the database as it was before a migration from one schema to another, beside it.

    Raises:
        MemoryStoreError: there is too little room.
    """
    copy = path.with_name(f"{path.name}{_MARK}{wanted}-was-{found}")
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        raise MemoryStoreError(f"{path}: too little room for the copy that a migration keeps; free some space")
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("VACUUM")  # no traces of what was forgotten before, see `database.rewrite`


def of(path: Path) -> list[Path]:
    """Return the copies of a database."""
    found = path.parent.glob(f"{glob.escape(path.name)}{_MARK}*")
    return sorted(copy for copy in found if copy.is_file() and not copy.name.endswith(("-wal", "-shm", "-journal")))


def erase(path: Path, record_ids: Sequence[str]) -> None:
    """Erase records in all copies of a database, as they are erased in the database itself.

    Raises:
        MemoryStoreError: a copy cannot be written; names it.
    """
    for copy in of(path):
        try:
            with closing(sqlite3.connect(copy, timeout=5.0, isolation_level=None)) as connection:
                _erase(connection, record_ids)
        except sqlite3.Error as error:
            raise MemoryStoreError(
                f"forgotten, but {copy}, a copy from before an upgrade, still has it ({error}); delete that file"
            ) from error


def finish(path: Path, forgotten: Callable[[], Sequence[str]]) -> None:
    """Erase in all copies what was forgotten and is still in one: whoever forgot it was killed before that was done.

    `forgotten` returns the ids of all that was; it is asked only where there is a copy. A copy that cannot be cleaned is
    told in the log of the program: the memory can be used all the same.
    """
    found = of(path)
    if not found:
        return
    gone = set(forgotten())
    try:
        left = [gone.intersection(_live(copy)) for copy in found] if gone else []
        if any(left):
            erase(path, sorted(set().union(*left)))
    except (sqlite3.Error, MemoryStoreError) as error:
        _log.warning("a copy from before an upgrade may still hold what was forgotten: %s", error)


def _live(copy: Path) -> list[str]:
    with closing(sqlite3.connect(copy, timeout=5.0)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM memory_records WHERE forgotten_at IS NULL")]


def _erase(connection: sqlite3.Connection, record_ids: Sequence[str]) -> None:
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA journal_mode=DELETE")  # a journal of another kind would keep old pages
    has_log = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memory_log'").fetchone() is not None
    connection.execute("BEGIN IMMEDIATE")
    ids = [(record_id,) for record_id in record_ids]
    connection.executemany(_ERASE, ids)
    connection.execute(_ERASE_VECTORS)
    if has_log:
        connection.executemany(_ERASE_EVENTS, ids)
        connection.execute("DELETE FROM memory_learners")
    connection.execute("COMMIT")
    connection.execute("VACUUM")  # see `database.rewrite`
