"""The reading side: what a person asks while the owner runs. Needs no lock, no index, no model and no numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from opsagent_memory import database, histories, rows, spoken
from opsagent_memory.errors import RecordNotFound
from opsagent_memory.records import Happened, Kind, Record, Source, Stats, Verification

if TYPE_CHECKING:
    from datetime import datetime

    from opsagent_memory.overview import Grown, Overview, Told


class MemoryReader:
    """Reads the truth of a memory, whoever owns it. Where nothing was ever kept it is empty, and stays unmade.

    All methods raise `MemoryStoreError` where the database cannot be read.
    """

    def __init__(self, where: Path | str) -> None:
        self._engine = database.open_reading_engine(where)
        self._exists = False
        self._current = False

    def is_older(self) -> bool:
        """Tell whether the memory is laid out as an older version did it: its owner has to open it before it can be read."""
        return self._is_there() and not self._is_current()

    def is_newer(self) -> bool:
        """Tell whether a newer version laid the memory out: what it says cannot be read here."""
        return self._is_there() and not self._is_current() and database.is_newer(self._engine)

    def show(self, record_id: str) -> Record:
        """Return a record.

        Raises:
            RecordNotFound: there is none with this id, or it was forgotten.
        """
        row = None
        if self._is_there():
            with database.reading(self._engine) as connection:
                row = rows.find(connection, record_id)
        if row is None or row.forgotten_at is not None:
            raise RecordNotFound(record_id)
        return rows.record_of(row)

    def containing(
        self,
        words: str = "",
        *,
        scope: str | Sequence[str] | None = None,
        kind: Kind | None = None,
        source: Source | None = None,
        archived: bool = True,
        imported: bool = False,
        limit: int = 20,
    ) -> tuple[Record, ...]:
        """Return the newest records that contain all the words; None: of any scope, kind, source.

        `archived`: those too that are no longer recalled; `imported`: only what came from another memory.
        """
        if not self._is_there():
            return ()
        scopes = (scope,) if isinstance(scope, str) else scope
        with database.reading(self._engine) as connection:
            return histories.newest(
                connection,
                words=words,
                scopes=scopes,
                kind=kind,
                source=source,
                archived=archived,
                imported=imported,
                limit=limit,
            )

    def starting(self, beginning: str, limit: int = 20) -> tuple[Record, ...]:
        """Return the newest records whose id begins so."""
        if not self._is_there():
            return ()
        with database.reading(self._engine) as connection:
            return histories.starting(connection, beginning, limit)

    def history(self, record_id: str) -> tuple[Happened, ...]:
        """Return what the log tells of a record, oldest first; of one that is forgotten, that it was."""
        if not self._is_there():
            return ()
        with database.reading(self._engine) as connection:
            return histories.events_of(connection, record_id)

    def superseding(self, record_id: str) -> tuple[str, ...]:
        """Return the ids of the records that took its place."""
        if not self._is_there():
            return ()
        with database.reading(self._engine) as connection:
            return histories.superseding(connection, record_id)

    def mark(self) -> str:
        """Return what is different after every change of the memory; empty where there is none, or an older one."""
        if not self._is_current():
            return ""
        with database.reading(self._engine) as connection:
            return spoken.mark(connection)

    def by_people(self, kind: Kind, *, scope: str | None = None) -> tuple[Record, ...]:
        """Return what people said to this memory themselves (of one scope), and did not take back, oldest first."""
        if not self._is_current():
            return ()
        with database.reading(self._engine) as connection:
            return spoken.by_people(connection, kind, scope)

    def stats(self) -> Stats:
        """Count what is there."""
        if not self._is_there():
            return Stats(
                records=0, by_kind={}, by_scope={}, by_outcome={}, forgotten=0, vectors=0, oldest=None, newest=None
            )
        with database.reading(self._engine) as connection:
            return rows.stats(connection)

    def overview(self, now: datetime) -> Overview:
        """Count what `stats` does not: sources, models, and what each scope was taught."""
        from opsagent_memory import overview

        if not self._is_there():
            return overview.Overview()
        with database.reading(self._engine) as connection:
            return overview.overview(connection, now)

    def lessons(self, scope: str | None = None) -> tuple[Told, ...]:
        """Return what was learnt of one scope, or of all, oldest first."""
        from opsagent_memory import overview

        if not self._is_there():
            return ()
        with database.reading(self._engine) as connection:
            return overview.lessons(connection, scope)

    def exemplars(self) -> dict[tuple[str, str], str]:
        """Return for each (scope, family) what its newest record says."""
        from opsagent_memory import overview

        if not self._is_there():
            return {}
        with database.reading(self._engine) as connection:
            return overview.exemplars(connection)

    def growth(self) -> tuple[Grown, ...]:
        """Return how the memory grew and forgot over time."""
        from opsagent_memory import overview

        if not self._is_there():
            return ()
        with database.reading(self._engine) as connection:
            return overview.growth(connection)

    def count(self, *, scope: str | None = None) -> int:
        """Return how many live records there are."""
        if not self._is_there():
            return 0
        with database.reading(self._engine) as connection:
            return rows.count(connection, scope)

    def has_tried(self, scope: str) -> bool:
        """Tell whether any remedy was tried in this scope; True where only the owner can tell (an older layout)."""
        if not self._is_there():
            return False
        if not self._is_current():
            return True
        with database.reading(self._engine) as connection:
            return spoken.has_tried(connection, scope)

    def has_documents(self, scopes: Sequence[str]) -> bool:
        """Tell whether any document was let into these scopes."""
        if not self._is_current():
            return False
        with database.reading(self._engine) as connection:
            return spoken.has_documents(connection, scopes)

    def verify(self, noted: str | None = None) -> Verification:
        """Compare all records with the log; see `opsagent_memory.verifying` for what that finds and what it cannot.

        `noted`: a head that an earlier verification gave; it must still be part of the log.

        Raises:
            ValueError: `noted` is not a head.
        """
        from opsagent_memory import chain, verifying

        if not self._is_there():
            head = chain.head_text(0, chain.START)
            return Verification(records=0, events=0, head=head, problems=())
        with database.reading(self._engine) as connection:
            return verifying.verify(connection, noted)

    def export(self, where: Path | str | BinaryIO, *, progress: Callable[[int], None] | None = None) -> int:
        """Write all live records as JSON Lines (see `opsagent_memory.portable`); return how many.

        `where`: a file (0600, there whole or not at all) or a stream of bytes; `progress` hears how many are done.

        Raises:
            MemoryStoreError: it cannot be read, or the file cannot be written.
            OSError: the stream cannot be written.
        """
        from opsagent_memory import portable

        with portable.to_write(where) as stream:
            if not self._is_there():
                return 0
            with database.reading(self._engine) as connection:
                return portable.export(connection, stream, progress)

    def _is_there(self) -> bool:
        self._exists = self._exists or database.has_memory(self._engine)
        return self._exists

    def _is_current(self) -> bool:
        self._current = self._current or database.is_current(self._engine)
        return self._current

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
