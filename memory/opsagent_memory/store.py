"""Writing the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import sqlalchemy as sa

from opsagent_memory import database, rows
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import MemoryStoreError, RecordExists, RecordNotFound
from opsagent_memory.records import Record
from opsagent_memory.schema import records, vectors

_KEYS_AT_ONCE = 500
"""Databases limit the parameters of a statement."""


class Store:
    """The owner's side of the truth: appends, forgets, and keeps the vectors. Callable from any thread."""

    def __init__(self, where: Path | str) -> None:
        self.engine = database.open_engine(where)
        try:
            database.prepare(self.engine)
            self._salt = database.salt(self.engine)
        except BaseException:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def key(self, text: str) -> str:
        """Return the digest under which this memory keeps a text and its vector."""
        return blake2b(text.encode(), key=self._salt, digest_size=16).hexdigest()

    def append(self, added: Sequence[Record], by_key: Mapping[str, bytes], embedder: Embedder) -> tuple[Record, ...]:
        """Append records, and the vectors of new texts as far as they are known, in one transaction.

        Returns those records that were new. On return they are on the disk.

        Raises:
            RecordExists: one of them is there already with another text or other fields; nothing was written.
            RecordNotFound: one supersedes a record that is not there; nothing was written.
        """
        new: list[Record] = []
        with database.writing(self.engine) as connection:
            for record in added:
                if self._is_there(connection, record):
                    continue
                if record.supersedes is not None and rows.find(connection, record.supersedes) is None:
                    raise RecordNotFound(record.supersedes)
                connection.execute(records.insert().values(self._row(record)))
                new.append(record)
            self._insert_vectors(connection, by_key, embedder)
        return tuple(new)

    def forget(self, record_id: str, now: datetime) -> bool:
        """Erase a record's payload, leaving a tombstone; return False if that was done before.

        The vector goes too, unless another live record says the same.
        """
        with database.writing(self.engine) as connection:
            row = rows.find(connection, record_id)
            if row is None:
                raise RecordNotFound(record_id)
            if row.forgotten_at is None:
                self._erase(connection, row.id, row.text_key, now)
        self._empty_journal()
        return row.forgotten_at is None

    def _erase(self, connection: sa.Connection, record_id: str, key: str, now: datetime) -> None:
        connection.execute(
            records.update()
            .where(records.c.id == record_id)
            .values(text="", text_key="", fields={}, remedy=None, outcome=None, fault_class=None, forgotten_at=now)
        )
        still_said = sa.exists().where(records.c.text_key == key, records.c.forgotten_at.is_(None))
        connection.execute(vectors.delete().where(vectors.c.text_key == key, ~still_said))

    def vectors(self, keys: Sequence[str], embedder: Embedder) -> dict[str, bytes]:
        """Return the stored vectors of these texts, in the embedder's space."""
        found: dict[str, bytes] = {}
        with database.reading(self.engine) as connection:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                part = keys[start : start + _KEYS_AT_ONCE]
                found |= rows.vectors_of(connection, part, embedder.model_id, embedder.model_hash)
        return found

    def keep_vectors(self, by_key: Mapping[str, bytes], embedder: Embedder) -> None:
        """Store vectors that are not stored yet."""
        with database.writing(self.engine) as connection:
            self._insert_vectors(connection, by_key, embedder)

    def prune_vectors(self, embedder: Embedder) -> None:
        """Delete the vectors of other models."""
        ours = sa.and_(vectors.c.model_id == embedder.model_id, vectors.c.model_hash == embedder.model_hash)
        with database.writing(self.engine) as connection:
            connection.execute(vectors.delete().where(~ours))

    def _insert_vectors(self, connection: sa.Connection, by_key: Mapping[str, bytes], embedder: Embedder) -> None:
        model = {"model_id": embedder.model_id, "model_hash": embedder.model_hash}
        keys = sorted(by_key)
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[start : start + _KEYS_AT_ONCE]
            known = rows.vectors_of(connection, part, **model)
            new = [
                {"text_key": key, "vector": by_key[key], "dimensions": embedder.dimensions, **model}
                for key in part
                if key not in known
            ]
            if new:
                connection.execute(vectors.insert(), new)

    def _is_there(self, connection: sa.Connection, record: Record) -> bool:
        row = rows.find(connection, record.id)
        if row is None:
            return False
        if row.forgotten_at is None and (row.text, row.fields) != (record.text, dict(record.fields)):
            raise RecordExists(record.id)
        return True

    def _row(self, record: Record) -> dict[str, object]:
        return {
            "id": record.id,
            "scope": record.scope,
            "kind": record.kind.value,
            "text": record.text,
            "text_key": self.key(record.text),
            "fields": dict(record.fields),
            "remedy": record.remedy,
            "outcome": record.outcome.value if record.outcome else None,
            "fault_class": record.fault_class,
            "source": record.source.value,
            "trust": record.trust,
            "created_at": record.created_at,
            "valid_from": record.valid_from,
            "valid_to": record.valid_to,
            "supersedes": record.supersedes,
        }

    def _empty_journal(self) -> None:
        """Write SQLite's journal back and cut it to nothing: it still holds pages from before."""
        if self.engine.dialect.name != "sqlite":
            return
        with database.reading(self.engine) as connection:
            connection.rollback()
            raw = connection.connection.dbapi_connection
            assert raw is not None
            blocked = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if blocked:
            raise MemoryStoreError("forgotten, but another process keeps old pages alive; run it again when it is done")
