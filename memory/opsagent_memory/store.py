"""Writing the truth."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from opsagent_memory import copies, database, happenings, rows, succession
from opsagent_memory.chain import Event
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import MemoryStoreError, RecordExists, RecordNotFound
from opsagent_memory.learning.words import Learnt
from opsagent_memory.log import LogWriter
from opsagent_memory.records import Record
from opsagent_memory.schema import records, vectors

_log = logging.getLogger(__name__)
_KEYS_AT_ONCE = 500
"""Databases limit the parameters of a statement."""


class Store:
    """The owner's side of the truth: appends, forgets, and keeps the vectors. Callable from any thread."""

    def __init__(self, where: Path | str) -> None:
        self.engine = database.open_engine(where)
        self._claim: sa.Connection | None = None
        try:
            self._claim = database.claim(self.engine)
            database.prepare(self.engine)
            self._salt = database.salt(self.engine)
            self._finish_forgetting()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        if self._claim is not None:
            self._claim.invalidate()  # not back into the pool: the claim lives as long as the connection
            self._claim.close()
            self._claim = None
        self.engine.dispose()

    def _finish_forgetting(self) -> None:
        """Do what is left of a forgetting that was killed: old rows in the file, the record in a copy, old pages in the
        journal. Where there is no room for it, that is told in the log of the program, and tried with the next start.
        """
        with database.reading(self.engine) as connection:
            unfinished = happenings.is_erasing(connection)
        if unfinished:
            try:
                self._leave_nothing()
            except MemoryStoreError as error:
                _log.warning("the database may still hold what was forgotten: %s", error)
        if self.engine.dialect.name == "sqlite":
            copies.finish(Path(self.engine.url.database or ""), self._forgotten)
        database.empty_journal(self.engine)

    def _leave_nothing(self) -> None:
        database.rewrite(self.engine)
        with database.writing(self.engine) as connection:
            happenings.note_erasing(connection, False)

    def _forgotten(self) -> list[str]:
        with database.reading(self.engine) as connection:
            return list(connection.scalars(sa.select(records.c.id).where(records.c.forgotten_at.is_not(None))))

    def key(self, text: str) -> str:
        """Return the digest under which this memory keeps a text and its vector."""
        return blake2b(text.encode(), key=self._salt, digest_size=16).hexdigest()

    def append(
        self,
        added: Sequence[Record],
        by_key: Mapping[str, bytes],
        embedder: Embedder,
        *,
        at: datetime,
        learnt: Mapping[str, Learnt] | None = None,
    ) -> tuple[Record, ...]:
        """Append records, and the vectors of new texts as far as they are known, in one transaction.

        `learnt` is what a learner made of a record, by its id. Returns those records that were new. On return they are
        on the disk.

        Raises:
            RecordExists: one of them is there already with another text or other fields; nothing was written.
            RecordNotFound: one supersedes a record that is not there; nothing was written.
        """
        with database.writing(self.engine) as connection, LogWriter(connection) as writer:
            new = self.insert(connection, writer, added, at=at, learnt=learnt or {})
            self._insert_vectors(connection, by_key, embedder)
        return tuple(new)

    def insert(
        self,
        connection: sa.Connection,
        writer: LogWriter,
        added: Sequence[Record],
        *,
        at: datetime,
        learnt: Mapping[str, Learnt] | None = None,
        imported_at: datetime | None = None,
    ) -> list[Record]:
        """Insert what is new among these records, and its events, into an open transaction.

        Only what is imported (`imported_at`) brings its end and its archiving with it.
        """
        new = self._new_among(connection, added)
        inserted = []
        for record in new:
            lesson = (learnt or {}).get(record.id)
            inserted.append(self._row(record, lesson, imported_at))
            writer.added(record, at, imported_at)
            if lesson is not None:
                writer.tell(Event.LEARN, record.id, at, _lesson(lesson))
            if imported_at is not None:
                inserted[-1] |= happenings.brought(writer, record, at)
        if inserted:
            connection.execute(records.insert(), inserted)
        return new

    def end(self, record_id: str, ended_at: datetime, why: str, now: datetime) -> None:
        """Let a record count only before `ended_at`; it stays readable.

        Raises:
            RecordNotFound: there is none with this id, or it was forgotten.
        """
        with database.writing(self.engine) as connection, LogWriter(connection) as writer:
            happenings.end(connection, writer, record_id, ended_at=ended_at, why=why, now=now)

    def archive(self, record_ids: Sequence[str], why: str, now: datetime) -> tuple[str, ...]:
        """Take live records out of recall, in one transaction; return the ids of those that were in it."""
        with database.writing(self.engine) as connection, LogWriter(connection) as writer:
            return happenings.archive(connection, writer, record_ids, why=why, now=now)

    def revise(
        self,
        added: Sequence[Record],
        by_key: Mapping[str, bytes],
        embedder: Embedder,
        *,
        ended: Sequence[str],
        archived: Sequence[Record],
        why: str,
        now: datetime,
    ) -> tuple[Record, ...]:
        """Append records, some of them archived from the beginning, and end others, in one transaction.

        Returns those of `added` that were new.

        Raises:
            RecordExists: as `append` does; nothing was written.
            RecordNotFound: one to be ended, or superseded, is not there; nothing was written.
        """
        with database.writing(self.engine) as connection, LogWriter(connection) as writer:
            new = self.insert(connection, writer, added, at=now)
            self.insert(connection, writer, archived, at=now)
            for record_id in ended:
                happenings.end(connection, writer, record_id, ended_at=now, why=why, now=now)
            happenings.archive(connection, writer, [record.id for record in archived], why=why, now=now)
            self._insert_vectors(connection, by_key, embedder)
        return tuple(new)

    def forget(self, record_ids: Sequence[str], now: datetime) -> int:
        """Erase the payloads of records, leaving tombstones; return how many were not erased before.

        A vector goes too, unless another live record says the same; so do the salts and payloads of their events, and
        what was learnt in their scopes, which is learnt anew from the rest.

        Raises:
            RecordNotFound: there is none with one of these ids; nothing was erased.
            MemoryStoreError: it is forgotten, but traces of it in the file or its journal, or a copy from before an
                upgrade, could not be erased yet; call it again.
        """
        with database.writing(self.engine) as connection, LogWriter(connection) as writer:
            found = rows.by_ids(connection, record_ids)
            for record_id in record_ids:
                if record_id not in found:
                    raise RecordNotFound(record_id)
            gone = [row for row in found.values() if row.forgotten_at is None]
            succession.close_gaps(connection, writer, gone, now)
            happenings.erase(connection, gone, now)
            writer.forgotten([row.id for row in gone], now)
            if gone and self.engine.dialect.name == "sqlite":
                happenings.note_erasing(connection, True)
            unfinished = happenings.is_erasing(connection)
        if unfinished:
            try:
                self._leave_nothing()
            except MemoryStoreError as error:
                raise MemoryStoreError(f"forgotten, but its traces stay in the file ({error}); run it again") from error
        if self.engine.dialect.name == "sqlite":
            copies.erase(Path(self.engine.url.database or ""), record_ids)
        if not database.empty_journal(self.engine):
            raise MemoryStoreError("forgotten, but another process keeps old pages alive; run it again when it is done")
        return len(gone)

    def vectors(self, keys: Sequence[str], embedder: Embedder) -> dict[str, bytes]:
        """Return the stored vectors of these texts, each of the text as a whole, in the embedder's space."""
        kept = self.kept_vectors(keys, embedder)
        return {key: vector[: 4 * embedder.dimensions] for key, vector in kept.items()}

    def kept_vectors(self, keys: Sequence[str], embedder: Embedder) -> dict[str, bytes]:
        """Return all that is stored of these texts: the vector of the whole, then those of its sentences."""
        found: dict[str, bytes] = {}
        if not keys:
            return found
        with database.reading(self.engine) as connection:
            for part in happenings.parts(keys):
                found |= rows.kept_vectors_of(connection, part, embedder.model_id, embedder.model_hash)
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

    def _new_among(self, connection: sa.Connection, added: Sequence[Record]) -> list[Record]:
        """Return those that are not there yet; one that was forgotten stays so."""
        there = rows.by_ids(connection, [record.id for record in added])
        replaced = {record.supersedes for record in added if record.supersedes is not None}
        known = set(rows.by_ids(connection, sorted(replaced)))
        new: dict[str, Record] = {}
        for record in added:
            row = there.get(record.id) or new.get(record.id)
            if row is not None:
                if getattr(row, "forgotten_at", None) is None and (row.text, dict(row.fields)) != _said(record):
                    raise RecordExists(record.id)
                continue
            if record.supersedes is not None and record.supersedes not in known and record.supersedes not in new:
                raise RecordNotFound(record.supersedes)
            new[record.id] = record
        return list(new.values())

    def _row(self, record: Record, lesson: Learnt | None, imported_at: datetime | None) -> dict[str, object]:
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
            "imported_at": imported_at,
            "ended_at": None,
            "archived_at": None,
            "family": lesson.family if lesson else None,
            "surprise": lesson.surprise if lesson else None,
        }


def _said(record: Record) -> tuple[str, dict[str, Any]]:
    return record.text, dict(record.fields)


def _lesson(learnt: Learnt) -> dict[str, Any]:
    """Return what the log tells of a lesson."""
    return {
        "family": learnt.family,
        "surprise": float(learnt.surprise),
        "expected": float(learnt.expected),
        "opened": bool(learnt.opened),
        "stale": bool(learnt.stale),
        "weights": {name: round(float(weight), 4) for name, weight in learnt.weights.items()},
    }
