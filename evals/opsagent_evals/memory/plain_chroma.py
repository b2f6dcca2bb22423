"""Plain Chroma, the yardstick of search by vectors: its defaults, cosine, no ranking of ours.

Its own embedding function would download a model, so that it gets the vectors that memory gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opsagent_memory.embed import Embedder

_AT_ONCE = 1_000


class PlainChroma:
    """Ranks documents for a question. Its files stay in `folder`."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
        self._client: Any = chromadb.PersistentClient(folder, settings=settings)
        self._embedder = embedder
        self._shelves = 0

    def shelf(self, documents: Sequence[str]) -> PlainShelf:
        """Put documents into a collection of their own."""
        self._shelves += 1
        space = {"hnsw": {"space": "cosine"}}
        collection = self._client.create_collection(
            f"shelf-{self._shelves}", configuration=space, embedding_function=None
        )
        for start in range(0, len(documents), _AT_ONCE):
            part = documents[start : start + _AT_ONCE]
            places = [str(start + at) for at in range(len(part))]
            collection.add(ids=places, embeddings=self._embedder.embed(part))
        return PlainShelf(collection, self._embedder)

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PlainShelf:
    """One collection."""

    def __init__(self, collection: Any, embedder: Embedder) -> None:
        self._collection, self._embedder = collection, embedder

    def rank(self, question: str, limit: int) -> list[int]:
        """Return the places of the nearest documents, nearest first."""
        answer = self._collection.query(query_embeddings=self._embedder.embed([question]), n_results=limit, include=[])
        return [int(place) for place in answer["ids"][0]]
