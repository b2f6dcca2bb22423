"""Keeping Chroma: opened, mended and filled by a thread behind, so that neither a question nor a record waits for it.

It may be asked when it holds what the truth holds, but for some records that wait here and are searched exactly.
Where it may not (it is being opened, it broke, it is far behind), the truth is searched instead.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_memory import database, generations, indexable, rows
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import MemoryFailure, MemoryStoreError
from opsagent_memory.records import Kind
from opsagent_memory.shelves import Shelf
from opsagent_memory.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from opsagent_memory.exact import ExactShelf
    from opsagent_memory.index import ChromaIndex

OPENED_AFTER_S = 2.0
"""A memory that is used only for a moment (a command) never loads Chroma."""
_WRITTEN_AFTER_S = 2.0
"""A record waits so long for others that are written with it."""
_AGAIN_AFTER_S = 60.0
"""So long after it could not be mended it is tried again."""
_AT_ONCE = 256
_WAITING = 4_096
"""When more records wait, they are left to the truth: what Chroma lacks is looked up there."""
_PROOF = 24
"""So many texts are looked up when the index is opened."""
_log = logging.getLogger(__name__)


class Keeper:
    """Owns Chroma. Callable from any thread."""

    def __init__(
        self, store: Store, index_dir: Path, embedder: Embedder, chore: Callable[[Callable[[], bool]], None]
    ) -> None:
        """`chore` is done with each round; it is given what tells that it should stop."""
        self._store = store
        self._chore = chore
        self._index_dir = index_dir
        self._embedder = embedder
        self._index: ChromaIndex | None = None
        self._sound = False
        self._waiting: dict[Shelf, ExactShelf] = {}
        self._kept: dict[Shelf, dict[str, bytes]] = {}
        self._using = threading.RLock()
        """Held while Chroma is used, and what waits is changed; never for long."""
        self._mending = threading.RLock()
        """Held while it is opened and filled; taken before the other."""
        self._gathers = False
        """While it is filled, and nothing that came meanwhile was left out."""
        self._asked = threading.Event()
        self._woken = threading.Event()
        self._gives_way = threading.Event()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def sound(self) -> bool:
        """Whether Chroma holds what the truth holds, but for what waits."""
        return self._sound

    def start(self, *, at_once: bool = False) -> None:
        """Have it opened (mended, filled) by another thread, soon or at once."""
        if at_once:
            self._asked.set()
            self._woken.set()
        if self._thread is None and not self._ends.is_set():
            self._thread = threading.Thread(target=self._keep, name="memory-index", daemon=True)
            self._thread.start()

    def settle(self) -> None:
        """Open and mend it now; on return all is written.

        Raises:
            MemoryStoreError: it cannot be built, not even anew.
        """
        with self._mending:
            self._chore(self._stops)
            if not self._sound:
                self._make_sound()
            self._write()

    def nearest(self, shelf: Shelf, vector: NDArray[np.float32], limit: int) -> dict[str, float] | None:
        """Return the keys of the texts nearest to a question, with their cosine; None where it may not be asked."""
        with self._using:
            if not self._sound or self._index is None:
                return None
            from opsagent_memory.index import IndexBroken

            try:
                found = self._index.nearest(shelf, vector, limit)
            except IndexBroken as error:
                self._broke(error)
                return None
            waiting = self._waiting.get(shelf)
            return found | waiting.nearest(vector, limit) if waiting else found

    def take(self, added: Mapping[Shelf, Mapping[str, bytes]]) -> None:
        """Let texts wait that the truth holds already; they are found from now on."""
        from opsagent_memory.exact import ExactShelf

        with self._using:
            if not self._sound and not self._gathers:
                return
            for shelf, kept in added.items():
                self._kept.setdefault(shelf, {}).update(kept)
                self._waiting.setdefault(shelf, ExactShelf(self._embedder.dimensions)).add(kept)
            if sum(map(len, self._kept.values())) > _WAITING:
                self._sound = False
                self._nothing_waits()
            self._woken.set()

    def fall_behind(self) -> None:
        """Be asked no more before it was compared with the truth, which has more now."""
        with self._using:
            self._sound = False
            self._nothing_waits()

    @contextmanager
    def erased(self) -> Iterator[None]:
        """Delete the index, files and all; it does not come back before the block is left."""
        self._gives_way.set()
        with self._mending, self._using:
            self._gives_way.clear()
            self._close()
            try:
                generations.erase(self._index_dir)
            except OSError as error:
                raise MemoryStoreError(f"{self._index_dir}: the index cannot be deleted: {error}") from error
            try:
                yield
            finally:
                if self._thread is not None:
                    self.start(at_once=True)

    def change(self, embedder: Embedder) -> None:
        """Keep the vectors of another model from now on; those of the former leave the index when it is opened."""
        self._gives_way.set()
        with self._mending, self._using:
            self._gives_way.clear()
            self._close()
            self._embedder = embedder
            if self._thread is not None:
                self.start(at_once=True)

    def close(self) -> None:
        """End the thread and let go of the files; what waits is written when it is next opened."""
        self._ends.set()
        self._asked.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._mending, self._using:
            self._close()

    def _keep(self) -> None:
        pause = OPENED_AFTER_S
        while True:
            self._asked.wait(pause)
            if self._ends.is_set():
                return
            pause = _WRITTEN_AFTER_S
            self._woken.clear()
            self._asked.clear()
            try:
                self.settle()
            except MemoryFailure as error:
                _log.warning("the memory is searched without its index: %s", error)
                pause = _AGAIN_AFTER_S
            except Exception:  # noqa: BLE001
                # The thread has nobody to tell; without it the truth is searched, slowly and surely.
                _log.exception("the memory's index cannot be kept")
                return
            else:
                self._woken.wait()

    def _stops(self) -> bool:
        return self._ends.is_set() or self._gives_way.is_set()

    def _make_sound(self) -> None:
        from opsagent_memory.index import IndexBroken

        try:
            self._open_and_mend()
        except IndexBroken as error:
            if self._ends.is_set():
                return
            _log.warning("the memory's index is broken and is built anew: %s", error)
            try:
                with self.erased():
                    pass
                self._open_and_mend()
            except IndexBroken as again:
                raise MemoryStoreError(f"{self._index_dir}: the index cannot be rebuilt: {again}") from again

    def _open_and_mend(self) -> None:
        from opsagent_memory.index import ChromaIndex

        with self._using:
            self._close()
            index = self._index = ChromaIndex(self._index_dir, self._embedder)
            index.open()
        overflowed = True
        while overflowed:
            with self._using:
                self._gathers = True  # from here on, what comes waits
            with database.reading(self._store.engine) as connection:
                wanted = _shelves(rows.live_texts(connection))
                archived = _shelves(indexable.archived_texts(connection))
            missing = index.missing(wanted, archived)
            if missing is None:
                with self._using:
                    index.reset()
                missing = wanted
            if any(missing.values()):
                _log.info("the memory's index takes up %d texts", sum(map(len, missing.values())))
            proofs = {shelf: self._proof(keys) for shelf, keys in wanted.items()}
            if not self._fill(index, missing):
                return  # the rest is looked up in the truth when it is next opened
            for shelf, proof in proofs.items():
                index.prove(shelf, proof)
            index.scrub()
            with self._using:
                overflowed = not self._gathers
                self._sound = not overflowed

    def _proof(self, keys: set[str]) -> dict[str, bytes]:
        """Return the vectors of some texts. Asked for before the index is filled: what gets its vector meanwhile (after
        an import) is not in it yet, which is no damage.
        """
        return self._store.kept_vectors(random.sample(sorted(keys), min(len(keys), _PROOF)), self._embedder)

    def _fill(self, index: ChromaIndex, missing: Mapping[Shelf, set[str]]) -> bool:
        for shelf, keys in missing.items():
            for part in _batched(sorted(keys), _AT_ONCE):
                if self._stops():
                    return False
                index.put(shelf, self._store.kept_vectors(part, self._embedder))
        return True

    def _write(self) -> None:
        """Write what waits."""
        from opsagent_memory.index import IndexBroken

        while True:
            with self._using:
                if not self._sound or self._index is None or not self._kept:
                    return
                shelf, kept = next(iter(self._kept.items()))
                part = dict(islice(kept.items(), _AT_ONCE))
                try:
                    self._index.put(shelf, part)
                except IndexBroken as error:
                    self._broke(error)
                    return
                for key in part:
                    del kept[key]
                if not kept:
                    del self._kept[shelf], self._waiting[shelf]

    def _broke(self, error: Exception) -> None:
        _log.warning("the memory's index is broken and is built anew: %s", error)
        self._sound = False
        self._nothing_waits()
        self.start(at_once=True)

    def _nothing_waits(self) -> None:
        self._gathers = False
        self._kept.clear()
        self._waiting.clear()

    def _close(self) -> None:
        self._sound = False
        self._nothing_waits()
        if self._index is not None:
            self._index.close()
            self._index = None


def _shelves(texts: Mapping[tuple[str, Kind], set[str]]) -> dict[Shelf, set[str]]:
    return {Shelf(*shelf): keys for shelf, keys in texts.items()}


def _batched(values: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), count):
        yield values[start : start + count]
