"""The memory as its owner uses it. Heavy modules are loaded when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from opsagent_memory import database, following, quoted, ranking, recalling, rows
from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.changing import Space
from opsagent_memory.consolidation.words import Consolidated
from opsagent_memory.documents.words import TRUST_OF_DOCUMENTS, Ingested, IngestLimits, Redact, TellProgress
from opsagent_memory.embed import Embedder, MiniLmEmbedder
from opsagent_memory.errors import RecordNotFound
from opsagent_memory.finder import Finder
from opsagent_memory.learners import Learners
from opsagent_memory.learning.words import Family, Learnt
from opsagent_memory.lock import OwnerLock
from opsagent_memory.options import MemoryOptions
from opsagent_memory.overview import Told
from opsagent_memory.reader import MemoryReader
from opsagent_memory.records import (
    Episode,
    Fact,
    Imported,
    Kind,
    Recollection,
    Record,
    RemedyRecord,
    Source,
    Stats,
    Verification,
)
from opsagent_memory.store import Store

_NEIGHBOURS, _MOST_NEIGHBOURS = 64, 4096
"""Distinct texts that are looked at for one question; more where most of the nearest are no witness's."""
_WITNESSES = 16
"""So many texts of those who were there are enough."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Memory:
    """Adds, recalls, weighs remedies, forgets. One owner at a time; methods may be called from any thread.

    All methods block (SQL, and with the first question the model and the index are loaded): call them in a thread.
    Whatever goes wrong is a `MemoryFailure`.
    """

    def __init__(
        self,
        store: Store,
        finder: Finder,
        reader: MemoryReader,
        lock: OwnerLock,
        clock: Callable[[], datetime],
        *,
        options: MemoryOptions,
    ) -> None:
        self.options = options
        self._store = store
        self._learners = Learners(store, finder, options.learning)
        self._finder = finder
        self._reader = reader
        self._lock = lock
        self._clock = clock
        self._ingesting = threading.Lock()
        self._tidying = threading.Lock()

    @classmethod
    def open(
        cls,
        database: Path | str,
        index_dir: Path,
        *,
        embedder: Embedder | None = None,
        formers: Sequence[Embedder] = (),
        options: MemoryOptions | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> Self:
        """Open the memory whose truth is in `database` (a path, or an SQLAlchemy URL; made where there is none).

        `database` may hold other tables too; memory's begin with `memory_`. The index in `index_dir` and the
        model are opened when first needed, or by `warm`. Where another model than `embedder` embedded what is there, it
        is embedded anew behind, and until that is done `formers` and the built-in models may answer (see `space`).

        Raises:
            MemoryOwned: another process owns it, through this index folder or another.
            MemoryStoreError: it cannot be read or written.
        """
        lock = _locked(database, index_dir)
        try:
            store = Store(database)
        except BaseException:
            lock.release()
            raise
        known = (*formers, BilingualEmbedder(), MiniLmEmbedder())
        finder = Finder(store, index_dir, embedder or BilingualEmbedder(), known)
        return cls(store, finder, MemoryReader(database), lock, clock, options=options or MemoryOptions())

    def close(self) -> None:
        """Let go of everything; the next owner may come."""
        self._learners.close()
        self._finder.close()
        self._reader.close()
        self._store.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Load the model and the index now, so that the first question does not wait for them."""
        self._finder.warm()

    def add(self, record: Record) -> str:
        """Keep a record; when this returns it is on the disk. The same record a second time changes nothing.

        Raises:
            RecordExists: the id is taken by a record that says something else.
            RecordNotFound: it supersedes a record that is not there.
        """
        self.add_many((record,))
        return record.id

    def add_many(self, records: Sequence[Record]) -> None:
        """Keep all of these records, or none where one is refused."""
        vectors, space = self._finder.embed_new(records)
        with self._learners.relearning(record.scope for record in records if record.supersedes is not None):
            self._finder.take(self._store.append(records, vectors, space, at=self._clock()))

    def learn(self, episode: Episode) -> Learnt:
        """Keep an episode and learn from how it ended; when this returns it is on the disk.

        One that teaches nothing (unproven, over by itself, from a source that moves no remedy) is kept all the same;
        its `Learnt.family` is empty. `docs/learning.md` tells what is learnt, and how.

        Raises:
            RecordExists, RecordNotFound: as `add` does.
        """
        return self._learners.learn(episode, self._clock())

    def families(self, scope: str) -> tuple[Family, ...]:
        """Return the families of like incidents that were learnt of a scope, the largest first."""
        return self._learners.families(scope)

    def lessons(self, scope: str | None = None) -> tuple[Told, ...]:
        """Return what was learnt, and when, oldest first; what was forgotten is not among it."""
        return self._reader.lessons(scope)

    def add_fact(
        self,
        text: str,
        *,
        scope: str,
        source: Source = Source.PERSON,
        trust: float = 1.0,
        fields: Mapping[str, Any] | None = None,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        supersedes: str | None = None,
    ) -> str:
        """Keep what somebody said holds; return the fact's id."""
        return self.add(
            Fact(
                scope=scope,
                text=text,
                fields=fields or {},
                source=source,
                trust=trust,
                created_at=self._clock(),
                valid_from=valid_from,
                valid_to=valid_to,
                supersedes=supersedes,
            )
        )

    def recall(
        self, query: str, *, scope: str | Sequence[str], kind: Kind | None = None, limit: int = 5
    ) -> list[Recollection]:
        """Return what comes to mind, best first: similar, valid now, not superseded, no two that say the same."""
        scopes, kinds, now = _scopes(scope), (kind,) if kind else tuple(Kind), self._clock()
        return recalling.recall(self._store, self._finder, query, scopes=scopes, kinds=kinds, now=now, limit=limit)

    def remedies(
        self,
        query: str,
        *,
        scope: str | Sequence[str],
        fault_class: str | None = None,
        similarity_floor: float = ranking.SIMILARITY_FLOOR,
    ) -> list[RemedyRecord]:
        """Return what was tried when things were like this, what helped first.

        A score above `ranking.NEUTRAL` speaks for a remedy, one below against it. With `fault_class`, only episodes
        of that class count. What was never tried near is not told of: it has `ranking.NEUTRAL`.
        """
        scopes, now = _scopes(scope), self._clock()
        limit = _NEIGHBOURS
        while True:
            similarities = self._finder.nearest(query, scopes=scopes, kinds=(Kind.EPISODE,), limit=limit)
            near = {key: similarity for key, similarity in similarities.items() if similarity >= similarity_floor}
            if not near:
                return []
            with database.reading(self._store.engine) as connection:
                found = rows.candidates(
                    connection,
                    keys=near,
                    scopes=scopes,
                    kinds=(Kind.EPISODE,),
                    now=now,
                    fault_class=fault_class,
                    with_remedy=True,
                )
            told = len({candidate.text_key for candidate in found})
            if told >= _WITNESSES or len(near) < limit or limit >= _MOST_NEIGHBOURS:
                break
            limit *= 8  # what is nearest only talks of it; those who were there stand behind
        by_kernel = ranking.remedies(found, near, now, similarity_floor)
        return self._learners.weighed(query, by_kernel, scopes, now, fault_class)

    def show(self, record_id: str) -> Record:
        """Return a record.

        Raises:
            RecordNotFound: there is none with this id, or it was forgotten.
        """
        return self._reader.show(record_id)

    def show_many(self, record_ids: Sequence[str]) -> dict[str, Record]:
        """Return those of these records that are there and not forgotten, by id."""
        with database.reading(self._store.engine) as connection:
            return following.live(connection, record_ids)

    def superseding(self, record_id: str) -> tuple[str, ...]:
        """Return the ids of the live records that took its place, oldest first."""
        return self._reader.superseding(record_id)

    def changes(self, *, after: int = 0, scope_prefix: str = "") -> following.Changes:
        """Return what was added and forgotten since `Changes.up_to` of the last call (0: all that is there)."""
        with database.reading(self._store.engine) as connection:
            return following.changes(connection, after=after, scope_prefix=scope_prefix)

    def similarities(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return how near each of these texts is to a question: the cosine, -1..1."""
        from opsagent_memory.comparing import similarities

        return similarities(self._finder, self._store, query, texts)

    def now(self) -> datetime:
        """Return the time by this memory's clock."""
        return self._clock()

    def search(
        self, query: str, *, scope: str | Sequence[str] | None = None, kind: Kind | None = None, limit: int = 5
    ) -> list[Recollection]:
        """Recall for a person, who may look into all scopes (None). `MemoryReader.containing` finds words."""
        if scope is None:
            with database.reading(self._store.engine) as connection:
                scope = rows.scopes(connection)
        return self.recall(query, scope=scope, kind=kind, limit=limit)

    def space(self) -> Space:
        """Return by which model questions are answered, and how far a move to another model is."""
        return self._finder.space()

    def stats(self) -> Stats:
        """Count what is there."""
        return self._reader.stats()

    def reindex(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Build the index anew from the truth, without what other models left; return how many texts it holds.

        `progress` hears how many of how many texts are embedded; what it raises ends this, and what is done stays.
        """
        return self._finder.rebuild(progress)

    def give_up(self) -> None:
        """Have questions that wait for texts to be embedded fail soon, from any thread: `close` is about to be called."""
        self._finder.give_up()

    def verify(self, noted: str | None = None) -> Verification:
        """Compare all records with the log, as `MemoryReader.verify` does; nobody needs to own the memory for it."""
        return self._reader.verify(noted)

    def export(self, where: Path | str | BinaryIO, *, progress: Callable[[int], None] | None = None) -> int:
        """Write all live records as JSON Lines, as `MemoryReader.export` does; return how many."""
        return self._reader.export(where, progress=progress)

    def import_(
        self,
        where: Path | str | BinaryIO,
        *,
        mask: Callable[[str], str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Take in what a memory exported, all of it or nothing. It is read, and teaches and replaces nothing here.

        `mask` takes secrets out of texts before they are kept; `progress` hears how many lines are done.

        Raises:
            ImportRefused: a line is bad; says which and why.
            MemoryStoreError: it cannot be read, or there is no room for it.
        """
        from opsagent_memory import importing, portable

        with portable.to_read(where) as stream:
            imported = importing.import_lines(self._store, stream, now=self._clock(), mask=mask, progress=progress)
        self._finder.catch_up()
        return imported

    def end(self, record_id: str, at: datetime, why: str) -> None:
        """Let a record count only before `at`, because of something that happened; it stays readable.

        Raises:
            RecordNotFound: there is none with this id, or it was forgotten.
        """
        with self._learners.relearning(self._scopes_of((record_id,))):
            self._store.end(record_id, at, why, self._clock())

    def archive(self, record_ids: Sequence[str], why: str) -> int:
        """Take records out of recall; they stay readable and are exported. Return how many were in it."""
        archived = len(self._store.archive(record_ids, why, self._clock()))
        self._finder.refresh()
        return archived

    def revise(
        self, added: Sequence[Record], *, ended: Sequence[str] = (), archived: Sequence[Record] = (), why: str
    ) -> None:
        """Keep these records, and those of `archived` out of recall, and let others end: all in one transaction.

        Raises:
            RecordExists: as `add` does; nothing was changed.
            RecordNotFound: one to be ended, or superseded, is not there; nothing was changed.
        """
        (vectors, space), now = self._finder.embed_new(added), self._clock()
        with self._learners.relearning(self._scopes_of(ended)):
            new = self._store.revise(added, vectors, space, ended=ended, archived=archived, why=why, now=now)
        self._finder.take(new)

    def ingest(
        self,
        paths: Sequence[Path | str],
        *,
        scope: str,
        redact: Redact | None = None,
        progress: TellProgress | None = None,
        trust: float = TRUST_OF_DOCUMENTS,
        limits: IngestLimits | None = None,
        forget_vanished: bool = False,
    ) -> Ingested:
        """Take in the documents (Markdown, text, HTML, PDF) under these files and folders, or what changed of them.

        `redact` masks secrets before anything is kept. A document is in as a whole or not at all, whenever this is
        interrupted. Documents that are gone are forgotten for good; where more than half of a folder went at once
        they stay and are told as `vanished`, unless `forget_vanished`.

        Raises:
            DocumentsRefused: there are more than `limits.max_files`; nothing was changed.
        """
        from opsagent_memory.documents.ingesting import Ingestion
        from opsagent_memory.documents.library import Library

        with self._ingesting:
            ingestion = Ingestion(
                self,
                Library(self._store.engine, scope),
                scope=scope,
                clock=self._clock,
                redact=redact,
                progress=progress,
                trust=trust,
                limits=limits,
                forget_vanished=forget_vanished,
            )
            return ingestion.run(paths)

    def consolidate(self, now: datetime | None = None, budget_s: float = 5.0, *, dry_run: bool = False) -> Consolidated:
        """Put the memory in order while nothing else is to be done: repeats become counts, repeated success a proposed
        procedure, facts end that a newer one contradicts, old detail is archived, in the end erased.

        What goes when is `options.policy`, in words `consolidation.words.in_words`. `now` is the memory's own clock
        where it is not given; `dry_run` with a later `now` tells what will go by then. After `budget_s` seconds it stops
        after the scope at hand, and the next call goes on there.
        """
        from opsagent_memory.consolidation.consolidator import Consolidator

        embedder = self._finder.embedder
        space = (embedder.model_id, embedder.model_hash)
        with self._tidying:
            consolidator = Consolidator(
                self, self._store.engine, policy=self.options.policy, key=self._store.key, space=space
            )
            return consolidator.run(now or self._clock(), budget_s, dry_run=dry_run)

    def erase_archived(self, record_ids: Sequence[str]) -> int:
        """Erase archived records for good, as `forget_many` does, but keep what they taught. Return how many went."""
        scopes: dict[str, list[str]] = {}
        for record in self.show_many(record_ids).values():
            if record.archived_at is not None:
                scopes.setdefault(record.scope, []).append(record.id)
        for scope, ids in scopes.items():
            self._learners.settle(scope, ids)
        gone = [record_id for ids in scopes.values() for record_id in ids]
        return self._erase(gone) if gone else 0

    def forget(self, record_id: str) -> bool:
        """Erase a record for good, in the truth and in the index's files; a tombstone stays.

        Returns False where that was done before. The index is rebuilt from the truth when it is next needed.

        Raises:
            RecordNotFound: there is none with this id.
            MemoryStoreError: it is forgotten, but a reader still holds old pages of the database; call it again.
        """
        return self.forget_many((record_id,)) == 1

    def forget_many(self, record_ids: Sequence[str]) -> int:
        """Erase records for good, as `forget` does, with one rebuild of the index for all of them.

        What memory made of them goes too: procedures that it proposed in an episode's words and, once a scope has no
        episode left, what those had taught that were erased because they were old. Returns how many of `record_ids`
        were not erased before.

        Raises:
            RecordNotFound: there is none with one of these ids; nothing was erased.
            MemoryStoreError: they are forgotten, but a reader still holds old pages of the database; call it again.
        """
        with database.reading(self._store.engine) as connection:
            quoting = quoted.proposals(connection, record_ids)
            emptied = quoted.emptied(connection, record_ids)
        self._learners.give_up_ground(emptied)
        return self._erase([*record_ids, *quoting]) - len(quoting)

    def _erase(self, record_ids: Sequence[str]) -> int:
        with database.reading(self._store.engine) as connection:
            found = rows.by_ids(connection, record_ids)
        for record_id in record_ids:
            if record_id not in found:
                raise RecordNotFound(record_id)
        scopes = {row.scope for row in found.values()}
        with self._learners.relearning(scopes), self._finder.erasing():
            return self._store.forget(record_ids, self._clock())

    def _scopes_of(self, record_ids: Sequence[str]) -> set[str]:
        with database.reading(self._store.engine) as connection:
            return {row.scope for row in rows.by_ids(connection, record_ids).values()}


def _locked(where: Path | str, index_dir: Path) -> OwnerLock:
    return OwnerLock(index_dir, database.file_of(where))


def _scopes(scope: str | Sequence[str]) -> tuple[str, ...]:
    return (scope,) if isinstance(scope, str) else tuple(dict.fromkeys(scope))
