"""What memory is measured beside: plain Chroma, with and without its metadata filter, and sqlite-vec."""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIMIT = 5
_AT_ONCE = 1_000


class PlainChroma:
    """One collection with its defaults, cosine; the scope is metadata."""

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
        self._client: Any = chromadb.PersistentClient(folder, settings=settings)
        self._collection: Any = self._client.get_or_create_collection(
            "all", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

    def put(self, keys: Sequence[str], scopes: Sequence[str], vectors: NDArray[np.float32]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            metadata = [{"scope": scope} for scope in scopes[part]]
            self._collection.add(ids=list(keys[part]), embeddings=vectors[part], metadatas=metadata)

    def nearest(self, vector: NDArray[np.float32], scope: str | None = None) -> list[str]:
        where = {"where": {"scope": scope}} if scope else {}
        answer = self._collection.query(query_embeddings=[vector], n_results=LIMIT, include=["distances"], **where)
        keys: list[str] = answer["ids"][0]
        return keys

    def close(self) -> None:
        self._client.close()


class SqliteVec:
    """sqlite-vec, which compares with every vector; the scope is its partition key."""

    def __init__(self, file: Path) -> None:
        self._connection = connected(file)
        self._connection.execute(
            "create virtual table if not exists kept using vec0(scope text partition key,"
            " embedding float[384] distance_metric=cosine, +key text)"
        )

    def put(self, keys: Sequence[str], scopes: Sequence[str], vectors: NDArray[np.float32]) -> None:
        rows = ((scope, vector.tobytes(), key) for key, scope, vector in zip(keys, scopes, vectors, strict=True))
        with self._connection:
            self._connection.executemany("insert into kept(scope, embedding, key) values (?, ?, ?)", rows)

    def nearest(self, vector: NDArray[np.float32], scope: str | None) -> list[str]:
        found = self._connection.execute(
            "select key from kept where embedding match ? and k = ? and scope = ? order by distance",
            (vector.tobytes(), LIMIT, scope),
        )
        return [key for (key,) in found]

    def close(self) -> None:
        self._connection.close()


class NoSqliteVec(RuntimeError):
    """sqlite-vec cannot be loaded here."""


def connected(file: Path) -> sqlite3.Connection:
    """Connect with sqlite-vec, also where Python was built without `enable_load_extension`. Raises NoSqliteVec."""
    import sqlite_vec

    if hasattr(sqlite3.Connection, "enable_load_extension"):
        connection = sqlite3.connect(file, check_same_thread=False)
        connection.enable_load_extension(True)
        sqlite_vec.load(connection)
        return connection
    # Such a Python still uses a shared SQLite, which can: it is told to start the extension for a new connection.
    library = ctypes.CDLL(_shared_sqlite())
    start = ctypes.cast(ctypes.CDLL(f"{sqlite_vec.loadable_path()}.so").sqlite3_vec_init, ctypes.c_void_p)
    library.sqlite3_auto_extension.argtypes = library.sqlite3_cancel_auto_extension.argtypes = [ctypes.c_void_p]
    library.sqlite3_auto_extension(start)
    try:
        return sqlite3.connect(file, check_same_thread=False)
    finally:
        library.sqlite3_cancel_auto_extension(start)


def _shared_sqlite() -> str:
    """Return the path of the SQLite that this process has loaded."""
    try:
        loaded = Path("/proc/self/maps").read_text().split("\n")
    except OSError as error:
        raise NoSqliteVec(f"this Python loads no extensions, and there is no /proc: {error}") from None
    for line in loaded:
        if "libsqlite3.so" in line:
            return line.split(maxsplit=5)[5]
    raise NoSqliteVec("this Python loads no extensions, and brings an SQLite of its own")
