"""The shelves that are searched exactly: loaded from the truth when they are asked for, the last used ones held."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from opsagent_memory import database, indexable, sentences
from opsagent_memory.embed import Embedder
from opsagent_memory.records import Kind
from opsagent_memory.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from opsagent_memory.exact import ExactShelf

HELD = 40_000
"""So many texts are held over all shelves (some 60 MB); beyond, the shelf that was asked least lately is let go."""
_SCANNED_AT_ONCE = 2_000


class Shelf(NamedTuple):
    """The texts of one kind in one scope."""

    scope: str
    kind: Kind


class Shelves:
    """Texts by shelf. One thread at a time; the owner sees to that."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._held: OrderedDict[Shelf, ExactShelf] = OrderedDict()
        self._sizes: dict[Shelf, int] | None = None
        self._counted: set[Shelf] = set()
        """Large ones, whose different texts were counted: that takes as long as to read them."""

    def sizes(self) -> dict[Shelf, int]:
        """Return how many texts each shelf holds, at most (what is said several times may count so often)."""
        if self._sizes is None:
            with database.reading(self._store.engine) as connection:
                self._sizes = {Shelf(*shelf): count for shelf, count in indexable.shelf_bounds(connection).items()}
        return self._sizes

    def exact(self, shelf: Shelf, up_to: int) -> ExactShelf | None:
        """Return a shelf with its vectors; None where it holds more than `up_to` texts."""
        held = self._held.get(shelf)
        if held is None and shelf not in self._counted and self.sizes().get(shelf, 0) > up_to:
            self._counted.add(shelf)
            with database.reading(self._store.engine) as connection:
                self.sizes()[shelf] = indexable.shelf_size(connection, *shelf)
        if self.sizes().get(shelf, 0) > up_to:
            self._held.pop(shelf, None)
            return None
        if held is None:
            held = self._held[shelf] = self._loaded(shelf)
            self.sizes()[shelf] = len(held)
        self._held.move_to_end(shelf)
        while len(self._held) > 1 and sum(map(len, self._held.values())) > HELD:
            self._held.popitem(last=False)
        return held

    def scan(self, shelf: Shelf, vector: NDArray[np.float32], limit: int) -> dict[str, float]:
        """Search a shelf of any size from the disk: slow and sure, for as long as no index can be asked."""
        from opsagent_memory.exact import ExactShelf

        best: dict[str, float] = {}
        dimensions = self._embedder.dimensions
        with database.reading(self._store.engine) as connection:
            for part in indexable.shelf_vectors(connection, *shelf, model=self._model(), at_once=_SCANNED_AT_ONCE):
                block = ExactShelf(dimensions)
                block.add(part)
                best |= block.nearest(vector, limit)
                best = dict(sorted(best.items(), key=lambda item: -item[1])[:limit])
        return best

    def likeness(self, keys: Sequence[str], vector: NDArray[np.float32]) -> dict[str, float]:
        """Return how like these texts are to a question, as far as their vectors are known."""
        read = {key: rows for held in self._held.values() for key, rows in held.vectors(keys).items()}
        kept = self._store.kept_vectors([key for key in keys if key not in read], self._embedder)
        read |= {key: sentences.rows(value, self._embedder.dimensions) for key, value in kept.items()}
        return {key: sentences.likeness(rows, vector) for key, rows in read.items() if len(rows)}

    def take(self, added: Mapping[Shelf, Mapping[str, bytes]]) -> None:
        """Take up texts that the truth holds already."""
        for shelf, kept in added.items():
            held = self._held.get(shelf)
            if held is not None:
                held.add(kept)
            if self._sizes is not None:
                self._sizes[shelf] = len(held) if held is not None else self._sizes.get(shelf, 0) + len(kept)

    def clear(self) -> None:
        """Forget all that is held; it is loaded anew when it is next asked for."""
        self._held.clear()
        self._counted.clear()
        self._sizes = None

    def _loaded(self, shelf: Shelf) -> ExactShelf:
        from opsagent_memory.exact import ExactShelf

        loaded = ExactShelf(self._embedder.dimensions)
        with database.reading(self._store.engine) as connection:
            for part in indexable.shelf_vectors(connection, *shelf, model=self._model(), at_once=HELD):
                loaded.add(part)
        return loaded

    def _model(self) -> tuple[str, str]:
        return self._embedder.model_id, self._embedder.model_hash
