"""The memory itself, put to it: opened for real, filled by `add_many`, asked by `recall`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opsagent_memory import Episode, Memory
from opsagent_memory.embed import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(minutes=1)


class AroundEmbedder:
    """What stands around an embedder and is of its space: a subclass says how texts are embedded."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    @property
    def model_id(self) -> str:
        """Name of the model."""
        return self._embedder.model_id

    @property
    def model_hash(self) -> str:
        """Digest of all that the vectors depend on."""
        return self._embedder.model_hash

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._embedder.dimensions


class OnceEmbedder(AroundEmbedder):
    """An embedder that embeds each text once, however many of the methods ask for it."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(embedder)
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text."""
        import numpy as np

        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._embedder.embed(new), strict=True))
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([self._vectors[text] for text in texts])


class OwnMemory:
    """A memory in a folder of its own; each set of documents is a scope."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._now = BEGUN
        self._memory = Memory.open(folder / "memory.db", folder / "index", embedder=embedder, clock=lambda: self._now)

    def shelf(self, scope: str, documents: Sequence[str], times: Sequence[datetime] | None = None) -> OwnShelf:
        """Keep documents as episodes of a scope: a minute apart, or at these times. Asked is a day after the last."""
        if times is None:
            times = [BEGUN + at * _APART for at in range(len(documents))]
        self._memory.add_many(
            [
                Episode(id=f"{scope}#{at}", scope=scope, text=text, created_at=time)
                for at, (text, time) in enumerate(zip(documents, times, strict=True))
            ]
        )
        return OwnShelf(self, scope, max(times) + timedelta(days=1))

    def rank(self, question: str, scope: str, limit: int, now: datetime) -> list[int]:
        """Return the places of what comes to mind, best first."""
        self._now = now
        found = self._memory.recall(question, scope=scope, limit=limit)
        return [int(one.record.id.rpartition("#")[2]) for one in found]

    def close(self) -> None:
        """Let go of the files."""
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OwnShelf:
    """One scope."""

    def __init__(self, memory: OwnMemory, scope: str, now: datetime) -> None:
        self._memory, self._scope, self._now = memory, scope, now

    def rank(self, question: str, limit: int) -> list[int]:
        """Return the places of what comes to mind, best first."""
        return self._memory.rank(question, self._scope, limit, self._now)
