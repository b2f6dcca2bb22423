"""Finding texts by meaning and by rare words: the model, the stored vectors and the indexes, held together and mended.

What is found never depends on the indexes alone: a small scope is searched exactly, from the vectors that SQL keeps,
a large one by Chroma or, while Chroma is not there, from the truth.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_memory import changing, database, rows, sentences
from opsagent_memory.changing import Move, Space
from opsagent_memory.embed import Embedder
from opsagent_memory.errors import EmbedderError
from opsagent_memory.keeper import Keeper
from opsagent_memory.keywords import STRONGEST, Hit
from opsagent_memory.records import Kind, Record, storable
from opsagent_memory.shelves import Shelf, Shelves
from opsagent_memory.store import Store
from opsagent_memory.wording import Wording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EMBEDDED_AT_ONCE = 32
"""Between these who waits is told, or gives up."""
_REMEMBERED_QUERIES = 128
EXACT_UP_TO = 20_000
"""Shelves with so many texts or fewer are searched exactly, from memory; Chroma's graph answers beyond."""
_WEIGHED = 128
"""The words and topics of so many of the nearest texts are looked at, whatever is asked for."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question, by the keys of the texts."""

    similarities: Mapping[str, float]
    hits: Mapping[str, Hit] = field(default_factory=dict)
    """Which of them hold rare words of the question."""
    topics: Mapping[str, float] = field(default_factory=dict)
    """What it adds to their similarity that they speak of what the question speaks of."""
    exhausted: bool = False
    """There are no more to be found."""

    def bonus(self, key: str) -> float:
        """Return what words and topics add to a text's similarity."""
        hit = self.hits.get(key)
        return (hit.bonus if hit else 0.0) + self.topics.get(key, 0.0)


class Finder:
    """Searches, and opens what it needs when it is first needed.

    Callable from any thread; one call at a time is served.
    """

    def __init__(self, store: Store, index_dir: Path, embedder: Embedder, formers: Sequence[Embedder] = ()) -> None:
        """`formers`: models that may go on answering while texts are embedded anew by `embedder`."""
        self._store = store
        self._wanted, self._formers = embedder, formers
        self._embedder = embedder
        self._settled = self._words_only = False
        self._move: Move | None = None
        self.around_change: Callable[[Callable[[], None]], None] = _at_once
        """Who holds vectors of the space that is left wraps the change; locks of theirs are taken before ours."""
        self._shelves = Shelves(store, embedder)
        self._wording = Wording(store, index_dir)
        self._keeper = Keeper(store, index_dir, embedder, self._wording.take_all)
        self._ready = False
        """Every text that can be recalled has its vector."""
        self._given_up = threading.Event()
        self._serving = threading.RLock()
        self._queries: dict[str, NDArray[np.float32]] = {}

    @property
    def embedder(self) -> Embedder:
        """The model in whose space questions are answered now."""
        if not self._settled:
            with self._serving:
                self._settle()
        return self._embedder

    def space(self) -> Space:
        """Return in which space questions are answered, and how far a move to another is."""
        with self._serving:
            serving = None if self._words_only else self.embedder.model_id
            error = self._move.error if self._move else ""
        waiting = changing.waiting(self._store, self._wanted)
        return Space(model_id=self._wanted.model_id, serving=serving, waiting=waiting, error=error)

    def warm(self) -> None:
        """Load the model, and open and mend the indexes now."""
        with self._serving:
            self.vector("warm")
            if self._words_only:
                return  # the indexes are opened when the move is done
            self._make_ready()
            for shelf in self._shelves.sizes():
                self._shelves.exact(shelf, EXACT_UP_TO)
        self._keeper.settle()
        self._keeper.start()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a text; one that memory knows already needs no model."""
        import numpy as np

        with self._serving:
            embedder, text = self.embedder, storable(text)
            found = self._queries.get(text)
            if found is None:
                key = self._store.key(text)
                stored = self._store.vectors([key], embedder).get(key)
                found = embedder.embed([text])[0] if stored is None else np.frombuffer(stored, dtype="<f4")
                if len(self._queries) >= _REMEMBERED_QUERIES:
                    self._queries.clear()
                self._queries[text] = found
            return found

    def nearest(self, text: str, *, scopes: Sequence[str], kinds: Sequence[Kind], limit: int) -> dict[str, float]:
        """Return the keys of the nearest texts with their likeness (see `sentences`)."""
        with self._serving:
            self._make_ready()
            vector = self.vector(text)
            self._keeper.start()
            found: dict[str, float] = {}
            for shelf in _shelves(scopes, kinds):
                found |= self._nearest(shelf, vector, limit)
            return found

    def find(self, text: str, *, scopes: Sequence[str], kinds: Sequence[Kind], limit: int) -> Found:
        """Return the nearest texts, and those that hold rare words of the question."""
        with self._serving:
            shelves = _shelves(scopes, kinds)
            try:
                similarities = self.nearest(text, scopes=scopes, kinds=kinds, limit=max(limit, _WEIGHED))
            except EmbedderError as error:
                hits = {} if self._given_up.is_set() else self._hits(text, shelves, ())
                if not hits:
                    raise
                _log.warning("only words were looked for: %s", error)
                return Found(dict.fromkeys(hits, 0.0), hits, exhausted=True)
            hits = self._hits(text, shelves, similarities)
            missed = [key for key in hits if key not in similarities]
            brought = self._shelves.likeness(missed, self.vector(text)) if missed else {}
            sizes = self._shelves.sizes()
            exhausted = all(sizes.get(shelf, 0) <= limit for shelf in shelves)
            return self._of_topic(text, shelves, Found({**similarities, **brought}, hits, exhausted=exhausted), limit)

    def _of_topic(self, text: str, shelves: Sequence[Shelf], found: Found, limit: int) -> Found:
        """Return the best of what was found, now that their topics are known."""
        keys = list(found.similarities)
        found = replace(found, topics=self._wording.topics(text, shelves, keys))
        best = sorted(keys, key=lambda key: -found.similarities[key] - found.bonus(key))[: limit + STRONGEST]
        return replace(found, similarities={key: found.similarities[key] for key in best})

    def embed_new(self, added: Iterable[Record]) -> tuple[dict[str, bytes], Embedder]:
        """Return the vectors of texts that memory does not know yet, by key, and the model whose they are.

        Empty before the first question, and where the model fails: the truth knows which vectors it lacks, and
        they are made good when they are next needed.
        """
        with self._serving:
            if not self._ready:
                return {}, self._embedder
            texts = {self._store.key(record.text): record.text for record in added}
            known = self._store.vectors(list(texts), self.embedder)
            try:
                return self._embedded({key: text for key, text in texts.items() if key not in known}), self._embedder
            except EmbedderError as error:
                self._ready = False
                _log.warning("kept, but not embedded yet: %s", error)
                return {}, self._embedder

    def take(self, added: Iterable[Record]) -> None:
        """Take up records that the truth holds already, as far as anybody has asked yet."""
        with self._serving:
            keys: dict[Shelf, set[str]] = {}
            for record in added:
                keys.setdefault(Shelf(record.scope, record.kind), set()).add(self._store.key(record.text))
            self._wording.behind = True
            if not self._ready:
                self._shelves.clear()
                return
            kept = {shelf: self._store.kept_vectors(sorted(wanted), self.embedder) for shelf, wanted in keys.items()}
            if any(len(kept[shelf]) < len(wanted) for shelf, wanted in keys.items()):
                self._ready = False  # they were embedded for the space that was just left
            self._shelves.take(kept)
            self._keeper.take(kept)

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Build the indexes anew from the truth, without what other models left; return how many texts they hold.

        `progress` hears how many of how many texts are embedded; what it raises ends this, and what is done stays.
        """
        with self.erasing():
            if self.embedder is self._wanted:
                self._store.prune_vectors(self.embedder)
        with self._serving:
            self._make_ready(progress)
        self._keeper.settle()
        with database.reading(self._store.engine) as connection:
            return sum(len(keys) for keys in rows.live_texts(connection).values())

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """Delete the indexes, files and all, and let nobody search or build them before the block is left.

        They come back from the truth.
        """
        with self._serving, self._keeper.erased():
            self._wording.erase()
            self._let_go()
            try:
                yield
            finally:
                self._let_go()

    def refresh(self) -> None:
        """Look anew at what can be recalled: something was archived."""
        with self._serving:
            self._shelves.clear()

    def catch_up(self) -> None:
        """Look anew at what can be recalled, when it is next needed: much was added, and not embedded yet."""
        with self._serving:
            self._let_go()
            self._keeper.fall_behind()

    def give_up(self) -> None:
        """Stop embedding what lacks a vector, whoever waits for it: this ends. What was embedded stays."""
        self._given_up.set()

    def close(self) -> None:
        """Let go of the files."""
        if self._move is not None:
            self._move.close()
        self._keeper.close()
        with self._serving:
            self._wording.close()
            self._let_go()

    def _settle(self) -> None:
        """Choose the space to answer in, once: the wanted one, or until it is complete a former one."""
        if self._settled:
            return
        self._settled = True
        if not changing.is_a_move(self._store, self._wanted):
            return
        former = changing.former(self._store, self._formers)
        if former is not None:
            self._serve(former)
        self._words_only = former is None
        _log.info("the memory moves to %s", self._wanted.model_id)
        arrive = partial(self.around_change, self._arrive)
        self._move = Move(self._store, self._wanted, keeping=self._serving, done=arrive)
        self._move.start()

    def _arrive(self) -> None:
        with self._serving:
            self._words_only = False
            self._serve(self._wanted)
        _log.info("the memory has moved to %s", self._wanted.model_id)

    def _serve(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._shelves = Shelves(self._store, embedder)
        self._queries.clear()
        self._ready = False
        self._keeper.change(embedder)

    def _let_go(self) -> None:
        self._wording.look_anew()
        self._ready = False
        self._queries.clear()
        self._shelves.clear()

    def _nearest(self, shelf: Shelf, vector: NDArray[np.float32], limit: int) -> dict[str, float]:
        if not self._shelves.sizes().get(shelf):
            return {}
        exact = self._shelves.exact(shelf, EXACT_UP_TO)
        if exact is not None:
            return exact.nearest(vector, limit)
        found = self._keeper.nearest(shelf, vector, limit)
        if found is None:
            self._keeper.start(at_once=True)
            return self._shelves.scan(shelf, vector, limit)
        return self._shelves.likeness(list(found), vector)

    def _hits(self, text: str, shelves: Sequence[Shelf], near: Collection[str]) -> dict[str, Hit]:
        hits = self._wording.hits(text, shelves, near)
        if self._wording.behind:
            self._keeper.start(at_once=True)
        return hits

    def _make_ready(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Embed the texts that this model has not embedded yet (normally those just added)."""
        if self._ready:
            return
        embedder = self.embedder
        if self._words_only:
            raise EmbedderError(f"the memory is being embedded anew by {embedder.model_id}; only words are looked for")
        model = (embedder.model_id, embedder.model_hash)
        done, of, after = 0, changing.waiting(self._store, embedder) if progress else 0, ""
        while True:
            if progress:
                progress(done, of)
            if self._given_up.is_set():
                raise EmbedderError("not all texts are embedded yet, and this memory is being closed")
            with database.reading(self._store.engine) as connection:
                waiting = rows.texts_without_vector(connection, *model, limit=_EMBEDDED_AT_ONCE, after=after)
            if not waiting:
                break
            self._store.keep_vectors(self._embedded(dict(waiting)), self.embedder)
            self._shelves.clear()
            done, after = done + len(waiting), waiting[-1][0]
        self._ready = True

    def _embedded(self, texts: Mapping[str, str]) -> dict[str, bytes]:
        return sentences.embedded(texts, self.embedder.embed, self._queries) if texts else {}


def _at_once(change: Callable[[], None]) -> None:
    change()


def _shelves(scopes: Sequence[str], kinds: Sequence[Kind]) -> list[Shelf]:
    return [Shelf(scope, kind) for scope in scopes for kind in kinds]
