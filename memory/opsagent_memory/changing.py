"""Moving a memory to another model: behind, while the space that it had goes on answering; never two spaces mixed.

Every vector is on the disk under the name and hash of its model, so that a move that is killed goes on where it was.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa

from opsagent_memory import database, rows, sentences
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import MemoryFailure
from opsagent_memory.schema import records, vectors
from opsagent_memory.store import Store

AT_ONCE = 256
"""So few texts are embedded while a question waits; for more, the move goes on behind."""
_BATCH = 32
_AGAIN_AFTER_S = 60.0
"""So long after the new model failed it is asked again."""
_ENDS_WITHIN_S = 5.0
"""A served model that does not answer is not waited for longer; what it says then is not kept."""
_GIVES_WAY = 10
"""Niceness of the thread, where the system has one for each thread."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """In which space a memory answers, and how far the move to another is."""

    model_id: str
    """The model that is wanted."""
    serving: str | None
    """The model whose vectors answer now; None: only words are looked for."""
    waiting: int
    """Live texts that the wanted model has not embedded yet."""
    error: str = ""
    """Why the wanted model could not embed when last asked."""

    @property
    def moving(self) -> bool:
        """Whether another space answers until the wanted one is complete."""
        return self.serving != self.model_id


def few_lack(store: Store, embedder: Embedder) -> bool:
    """Return whether a space is complete, but for texts that may be embedded while a question waits."""
    with database.reading(store.engine) as connection:
        lacking = rows.texts_without_vector(connection, *_space(embedder), limit=AT_ONCE + 1)
    return len(lacking) <= AT_ONCE


def is_a_move(store: Store, wanted: Embedder) -> bool:
    """Return whether the memory was embedded by another model until now."""
    if few_lack(store, wanted):
        return False
    model_id, model_hash = _space(wanted)
    others = sa.select(1).where((vectors.c.model_id != model_id) | (vectors.c.model_hash != model_hash)).limit(1)
    with database.reading(store.engine) as connection:
        return connection.scalar(others) is not None


def former(store: Store, candidates: Sequence[Embedder]) -> Embedder | None:
    """Return the model that can go on answering; None where no candidate's space is complete."""
    return next((candidate for candidate in candidates if few_lack(store, candidate)), None)


class Move:
    """Embeds what a model lacks, in a thread of its own. `done` is called, in that thread, when all is there.

    Nothing is forgotten while `keeping` is held: a vector is kept of what is still said only.
    """

    def __init__(
        self, store: Store, wanted: Embedder, *, keeping: AbstractContextManager[object], done: Callable[[], None]
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._keeping = keeping
        self._done = done
        self._ends = threading.Event()
        self.error = ""
        self._thread = threading.Thread(target=self._run, name="memory-move", daemon=True)

    def start(self) -> None:
        """Begin, or go on where an earlier move was ended."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; what it embedded stays."""
        self._ends.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(_ENDS_WITHIN_S)

    def _run(self) -> None:
        if sys.platform.startswith("linux"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GIVES_WAY)
        while not self._ends.is_set():
            try:
                if self._step():
                    self._done()
                    return
                self.error = ""
            except MemoryFailure as error:
                self.error = str(error)
                _log.warning("the memory cannot be moved to %s yet: %s", self._wanted.model_id, error)
                self._ends.wait(_AGAIN_AFTER_S)
            except Exception:  # noqa: BLE001
                # The thread has nobody to tell; the former space goes on answering.
                _log.exception("the memory cannot be moved to %s", self._wanted.model_id)
                return

    def _step(self) -> bool:
        """Embed a batch; return whether nothing was left."""
        with database.reading(self._store.engine) as connection:
            texts = dict(rows.texts_without_vector(connection, *_space(self._wanted), limit=_BATCH))
        if not texts:
            return not self._ends.is_set()
        embedded = sentences.embedded(texts, self._wanted.embed)
        with self._keeping:
            if not self._ends.is_set():
                said = _still_said(self._store, list(embedded))
                self._store.keep_vectors({key: embedded[key] for key in said}, self._wanted)
        return False


def waiting(store: Store, embedder: Embedder) -> int:
    """Count the live texts that a model has not embedded yet."""
    with database.reading(store.engine) as connection:
        return len(rows.texts_without_vector(connection, *_space(embedder), limit=sys.maxsize))


def _still_said(store: Store, keys: list[str]) -> list[str]:
    query = sa.select(records.c.text_key).where(records.c.text_key.in_(keys), records.c.forgotten_at.is_(None))
    with database.reading(store.engine) as connection:
        return list(connection.scalars(query.distinct()))


def _space(embedder: Embedder) -> tuple[str, str]:
    return embedder.model_id, embedder.model_hash
