"""Finding texts by meaning: the model, the stored vectors and the index, held together and mended."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_memory import database, generations, rows
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import EmbedderError, MemoryStoreError
from opsagent_memory.records import Kind, Record, storable
from opsagent_memory.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from opsagent_memory.exact import ExactShelf
    from opsagent_memory.index import ChromaIndex, Shelf

_EMBEDDED_AT_ONCE = 256
_REMEMBERED_QUERIES = 128
EXACT_UP_TO = 2_000
"""Shelves with so many texts or fewer are searched exactly, from memory; Chroma's graph answers beyond."""
_PROOF = 24
"""So many texts are looked up when the index is opened."""
_log = logging.getLogger(__name__)


class Finder:
    """Opens the index when it is first needed, and builds it anew whenever it does not match the truth.

    Callable from any thread; one call at a time is served.
    """

    def __init__(self, store: Store, index_dir: Path, embedder: Embedder) -> None:
        self._store = store
        self._index_dir = index_dir
        self.embedder = embedder
        self._index: ChromaIndex | None = None
        self._sound = False
        self._serving = threading.RLock()
        self._queries: dict[str, NDArray[np.float32]] = {}
        self._known: set[str] = set()
        self._held: dict[Shelf, set[str]] = {}
        self._exact: dict[Shelf, ExactShelf] = {}

    def warm(self) -> None:
        """Load the model and open the index now."""
        with self._serving:
            self.vector("warm")
            self._sound_index()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a text; one that memory knows already needs no model."""
        import numpy as np

        with self._serving:
            text = storable(text)
            found = self._queries.get(text)
            if found is None:
                key = self._store.key(text)
                # Most questions were never asked before: a set in memory is quicker than asking the database.
                asked = not self._sound or key in self._known
                stored = self._store.vectors([key], self.embedder).get(key) if asked else None
                found = self.embedder.embed([text])[0] if stored is None else np.frombuffer(stored, dtype="<f4")
                if len(self._queries) >= _REMEMBERED_QUERIES:
                    self._queries.clear()
                self._queries[text] = found
            return found

    def nearest(self, text: str, *, scopes: Sequence[str], kinds: Sequence[Kind], limit: int) -> dict[str, float]:
        """Return the keys of the nearest texts with their cosine."""
        from opsagent_memory.index import IndexBroken

        with self._serving:
            vector = self.vector(text)
            try:
                return self._ask(vector, scopes, kinds, limit)
            except IndexBroken as error:
                _log.warning("the memory's index is broken and is built anew: %s", error)
                self._drop()
            try:
                return self._ask(vector, scopes, kinds, limit)
            except IndexBroken as error:
                raise self._hopeless(error) from error

    def embed_new(self, added: Iterable[Record]) -> dict[str, bytes]:
        """Return the vectors of texts that memory does not know yet, by key.

        Empty while the index is not needed, and where the model fails: the truth knows which vectors it lacks, and
        they are made good when the index is next needed.
        """
        with self._serving:
            if not self._sound:
                return {}
            texts = {self._store.key(record.text): record.text for record in added}
            known = self._store.vectors(list(texts), self.embedder)
            new = {key: text for key, text in texts.items() if key not in known}
            try:
                return self._embedded(new)
            except EmbedderError as error:
                self._sound = False
                _log.warning("kept, but not embedded yet: %s", error)
                return {}

    def take(self, added: Iterable[Record]) -> None:
        """Take up records that the truth holds already, as far as the index is open."""
        with self._serving:
            if not self._sound or self._index is None:
                return
            from opsagent_memory.index import IndexBroken, Shelf

            shelves: dict[Shelf, set[str]] = {}
            for record in added:
                shelves.setdefault(Shelf(record.scope, record.kind), set()).add(self._store.key(record.text))
            try:
                self._fill(self._index, shelves)
            except (IndexBroken, MemoryStoreError) as error:
                self._sound = False
                _log.warning("kept, but not indexed yet: %s", error)

    def rebuild(self) -> int:
        """Build the index anew from the truth, without what other models left; return how many texts it holds."""
        with self._serving:
            self._drop()
            self._store.prune_vectors(self.embedder)
            self._sound_index()
            with database.reading(self._store.engine) as connection:
                return sum(len(keys) for keys in rows.live_texts(connection).values())

    def erase(self) -> None:
        """Delete the index, files and all; it comes back from the truth when it is next needed."""
        with self._serving:
            self._drop()

    def close(self) -> None:
        """Let go of the files."""
        with self._serving:
            self._sound = False
            self._queries.clear()
            self._known.clear()
            self._held.clear()
            self._exact.clear()
            if self._index is not None:
                self._index.close()
                self._index = None

    def _ask(
        self, vector: NDArray[np.float32], scopes: Sequence[str], kinds: Sequence[Kind], limit: int
    ) -> dict[str, float]:
        from opsagent_memory.index import Shelf

        index = self._sound_index()
        found: dict[str, float] = {}
        for shelf in (Shelf(scope, kind) for scope in scopes for kind in kinds):
            held = self._held.get(shelf)
            if not held:
                continue
            if len(held) <= EXACT_UP_TO:
                found |= self._exactly(shelf, held).nearest(vector, limit)
            else:
                self._exact.pop(shelf, None)
                found |= index.nearest(shelf, vector, limit)
        return found

    def _exactly(self, shelf: Shelf, held: AbstractSet[str]) -> ExactShelf:
        from opsagent_memory.exact import ExactShelf

        if shelf not in self._exact:
            self._exact[shelf] = ExactShelf(self._store.vectors(sorted(held), self.embedder))
        return self._exact[shelf]

    def _hopeless(self, error: Exception) -> MemoryStoreError:
        return MemoryStoreError(f"{self._index_dir}: the index cannot be rebuilt: {error}")

    def _drop(self) -> None:
        self.close()
        try:
            generations.erase(self._index_dir)
        except OSError as error:
            raise MemoryStoreError(f"{self._index_dir}: the index cannot be deleted: {error}") from error

    def _sound_index(self) -> ChromaIndex:
        """Return the index, opened and holding exactly what the truth holds."""
        from opsagent_memory.index import IndexBroken

        if self._index is not None and self._sound:
            return self._index
        self._embed_missing()
        try:
            index = self._open_and_mend()
        except IndexBroken as error:
            _log.warning("the memory's index is broken and is built anew: %s", error)
            self._drop()
            try:
                index = self._open_and_mend()
            except IndexBroken as again:
                raise self._hopeless(again) from again
        self._sound = True
        return index

    def _open_and_mend(self) -> ChromaIndex:
        from opsagent_memory.index import ChromaIndex, Shelf

        self.close()
        index = self._index = ChromaIndex(self._index_dir, self.embedder)
        index.open()
        with database.reading(self._store.engine) as connection:
            wanted = {Shelf(*shelf): keys for shelf, keys in rows.live_texts(connection).items()}
        missing = index.missing(wanted)
        if missing is None:
            index.reset()
            missing = wanted
        if any(missing.values()):
            _log.info("the memory's index takes up %d texts", sum(map(len, missing.values())))
        self._fill(index, missing)
        for shelf, keys in wanted.items():
            self._hold(shelf, keys)
            sample = random.sample(sorted(keys), min(len(keys), _PROOF))
            index.prove(shelf, self._store.vectors(sample, self.embedder))
        index.scrub()
        return index

    def _fill(self, index: ChromaIndex, missing: Mapping[Shelf, set[str]]) -> None:
        for shelf, keys in missing.items():
            vectors = self._store.vectors(sorted(keys), self.embedder)
            index.put(shelf, vectors)
            if shelf in self._exact:
                self._exact[shelf].add(vectors)
            self._hold(shelf, keys)

    def _hold(self, shelf: Shelf, keys: AbstractSet[str]) -> None:
        self._held.setdefault(shelf, set()).update(keys)
        self._known.update(keys)

    def _embed_missing(self) -> None:
        """Embed the live texts that this model has not embedded yet (normally those just added)."""
        model = (self.embedder.model_id, self.embedder.model_hash)
        while True:
            with database.reading(self._store.engine) as connection:
                waiting = rows.texts_without_vector(connection, *model, limit=_EMBEDDED_AT_ONCE)
            if not waiting:
                return
            self._store.keep_vectors(self._embedded(dict(waiting)), self.embedder)

    def _embedded(self, texts: Mapping[str, str]) -> dict[str, bytes]:
        if not texts:
            return {}
        embedded = self.embedder.embed(list(texts.values()))
        return {key: vector.astype("<f4").tobytes() for key, vector in zip(texts, embedded, strict=True)}
