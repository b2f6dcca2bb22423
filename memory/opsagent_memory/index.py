"""The index: Chroma, in this module only.

It holds nothing but vectors under the keys of their texts, one collection for each model, scope and kind (Chroma's
metadata filters are what is slow). Because a key is a digest of the text, comparing keys with the truth tells
exactly what is missing or too much. Whatever Chroma throws becomes `IndexBroken`; the owner then rebuilds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings
from numpy.typing import NDArray

from opsagent_memory import generations, sentences
from opsagent_memory.embed import Embedder
from opsagent_memory.shelves import Shelf

Vector = NDArray[np.float32]
_BATCH = 1_000
_PART = "."
"""Between the key of a text and the number of a sentence of it."""
_SAME = 1e-3
"""A text and itself are nearer than this."""
_PROVEN = 0.9
"""Chroma's graph is searched approximately; a sound one may miss a few."""


class IndexBroken(Exception):
    """Chroma cannot read or write its folder."""


Holdings = Mapping[Shelf, AbstractSet[str]]
"""Keys of texts, by shelf."""


class ChromaIndex:
    """Nearest texts by cosine. One thread at a time; the owner sees to that."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._folder = folder
        self._dimensions = embedder.dimensions
        self._model = {"model_id": embedder.model_id, "model_hash": embedder.model_hash}
        self._client: Any = None
        self._collections: dict[str, Any] = {}
        self._names: set[str] = set()
        self._opened: Path | None = None

    def open(self) -> None:
        """Open the folder as it was left, or an empty one."""
        with _breaking():
            folder = generations.current(self._folder)
            if folder is not None and not generations.break_seal(folder):
                raise IndexBroken(f"{folder}: its files are not as they were left")
            self._start(folder or generations.fresh(self._folder))

    def reset(self) -> None:
        """Start again, empty, in a fresh folder; the files of the old one are deleted."""
        self.close()
        with _breaking():
            self._start(generations.fresh(self._folder))

    def close(self) -> None:
        """Let go of the files."""
        client, self._client = self._client, None
        self._collections.clear()
        if client is not None:
            with suppress(IndexBroken), _breaking():
                client.close()
                if self._opened is not None:
                    generations.scrub(self._opened)
                    generations.seal(self._opened)

    def missing(self, wanted: Holdings, tolerated: Holdings) -> dict[Shelf, set[str]] | None:
        """Return what the index lacks; None: it holds what it should not, so that it must be built anew.

        What is tolerated (archived texts) may be there, as long as it is not most of what is.
        """
        with _breaking():
            names = {self._name(shelf): shelf for shelf in (*wanted, *tolerated)}
            if not self._names <= names.keys():
                return None
            lacking: dict[Shelf, set[str]] = {}
            for name, shelf in names.items():
                ours, theirs = wanted.get(shelf, set()), tolerated.get(shelf, set())
                ids = self._collection(shelf).get(include=[])["ids"] if name in self._names else ()
                held = {key for key in ids if _PART not in key}
                if not held <= ours | theirs or len(held - ours) > len(held) / 2:
                    return None
                if not ours <= held:
                    lacking[shelf] = set(ours - held)
            return lacking

    def scrub(self) -> None:
        """Leave nothing in the files that is not in the index. Only right after a question, when Chroma is idle."""
        with _breaking():
            if self._opened is not None:
                generations.scrub(self._opened)

    def put(self, shelf: Shelf, kept: Mapping[str, bytes]) -> None:
        """Add the vectors of texts (see `sentences`) under their keys; those that are there already stay."""
        ids: list[str] = []
        parts = []
        for key, value in kept.items():
            rows = sentences.rows(value, self._dimensions)
            if not len(rows):
                continue
            ids += [key, *(f"{key}{_PART}{number}" for number in range(1, len(rows)))]
            parts.append(rows)
        if not ids:
            return
        table = np.concatenate(parts)
        with _breaking():
            for start in range(0, len(ids), _BATCH):
                end = start + _BATCH
                self._collection(shelf).upsert(ids=ids[start:end], embeddings=table[start:end])

    def prove(self, shelf: Shelf, sample: Mapping[str, bytes]) -> None:
        """Look for some texts that are there; find (nearly all of) them, or raise `IndexBroken`."""
        rows = np.concatenate(
            [
                np.empty((0, self._dimensions), dtype=np.float32),
                *(sentences.rows(kept, self._dimensions)[:1] for kept in sample.values()),
            ]
        )
        if not len(rows):
            return
        with _breaking():
            answer = self._collection(shelf).query(query_embeddings=rows, n_results=1, include=["distances"])
            found = sum(bool(row) and abs(row[0]) < _SAME for row in answer["distances"])
        if found < _PROVEN * len(rows):
            raise IndexBroken(f"found only {found} of {len(rows)} texts that are there")

    def nearest(self, shelf: Shelf, vector: Vector, limit: int) -> dict[str, float]:
        """Return the keys of the texts nearest to a question, with the cosine of what is nearest in them."""
        if self._name(shelf) not in self._names:
            return {}
        with _breaking():
            answer = self._collection(shelf).query(query_embeddings=[vector], n_results=limit, include=["distances"])
            keys: Sequence[str] = answer["ids"][0]
            distances: Sequence[float] = answer["distances"][0]
        found: dict[str, float] = {}
        for key, distance in zip(keys, distances, strict=True):
            found.setdefault(key.partition(_PART)[0], min(1.0, 1.0 - float(distance)))
        return found

    def _collection(self, shelf: Shelf) -> Any:
        name = self._name(shelf)
        if name not in self._collections:
            self._collections[name] = self._client.get_or_create_collection(
                name,
                metadata={**self._model, "kind": shelf.kind.value},
                configuration={"hnsw": {"space": "cosine"}},
                embedding_function=None,  # the default one downloads a model
            )
            self._names.add(name)
        return self._collections[name]

    def _name(self, shelf: Shelf) -> str:
        parts = "\0".join((*self._model.values(), shelf.scope, shelf.kind.value))
        return blake2b(parts.encode(), digest_size=16).hexdigest()

    def _start(self, folder: Path) -> None:
        # Everything that the environment or a .env file in the current directory could turn is said here.
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            anonymized_telemetry=False,
            chroma_otel_collection_endpoint="",
            chroma_api_impl="chromadb.api.rust.RustBindingsAPI",
            allow_reset=False,
        )
        self._client = chromadb.PersistentClient(folder, settings=settings)
        self._opened = folder
        self._names = {collection.name for collection in self._client.list_collections()}


@contextmanager
def _breaking() -> Iterator[None]:
    try:
        yield
    except IndexBroken:
        raise
    except Exception as error:
        raise IndexBroken(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Rust's panics do not descend from Exception
            raise
        raise IndexBroken(str(error)) from error
