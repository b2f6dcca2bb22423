"""Embedding models that LangChain reaches, local or hosted, as a source of vectors.

Nobody knows what a served model is made of. So a space is known by the model's name and settings, the length of its
vectors, and the vector that it gives one text: a file keeps that vector, and a model that answers otherwise than it
did has another space.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opsagent_memory.errors import EmbedderError

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

ASKED_FOR_S = 10.0
"""A question waits so long for the model, then its words alone are looked for."""
_BATCH_S = 60.0
_AWAY_S = 30.0
"""So long after it failed the model is not asked again."""
_AT_ONCE = 64
_SAME = 0.999
"""Served models repeat themselves but nearly; below this cosine it is another one."""
_PROBE = "the disk of the database server is full"
_UNKNOWN = "unknown"
_SECRET = re.compile(r"key|token|secret|password|credential|headers", re.IGNORECASE)
"""Settings that may change while the space stays."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a space."""

    dimensions: int
    model_hash: str
    probe: list[float]


class LangChainEmbedder:
    """A model by LangChain's name for it, such as `ollama:nomic-embed-text`. Its package is loaded when first used."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        settings: Mapping[str, object] | None = None,
        redact: Callable[[str], str] | None = None,
        make: Callable[[], Embeddings] | None = None,
        asked_for_s: float = ASKED_FOR_S,
    ) -> None:
        """`make` returns a LangChain model of one's own instead of the one that `name` and `settings` say."""
        self.model_id = f"langchain:{name}"
        self._settings = dict(settings or {})
        self._redact = redact or str
        self._make = make or (lambda: _made(name, self._settings))
        self._asked_for_s = asked_for_s
        telling = {key: value for key, value in self._settings.items() if not _SECRET.search(key)}
        said = json.dumps([name, telling], sort_keys=True, default=str)
        self._said = said
        self._file = folder / f"embeddings-{hashlib.sha256(said.encode()).hexdigest()[:16]}.json"
        self._using = threading.RLock()
        self._model: Embeddings | None = None
        self._proven = False
        self._away_until = 0.0
        self._why_away = ""
        self._known = _read(self._file)

    @property
    def model_hash(self) -> str:
        """Digest of all that is known of the space; the same word for all where nothing is known yet."""
        return self._known.model_hash if self._known else _UNKNOWN

    @property
    def dimensions(self) -> int:
        """Length of a vector; asks the model where it was never asked before."""
        if self._known is None:
            self.embed([])
        assert self._known is not None
        return self._known.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text.

        Raises:
            EmbedderError: the model is away, too slow, or another one than the vectors on the disk are of.
        """
        import numpy as np

        with self._using:
            self._prove()
            parts = [self._asked(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), dtype=np.float32)

    def _prove(self) -> None:
        """See once whether the model is the one that it was."""
        import numpy as np

        if self._proven:
            return
        vector = self._asked([_PROBE])[0]
        known = self._known
        if known is not None and known.dimensions == len(vector) and float(np.dot(vector, known.probe)) >= _SAME:
            self._proven = True
            return
        digest = hashlib.sha256(f"{self.model_id} {self._said} {len(vector)} ".encode() + vector.tobytes()).hexdigest()
        new = _Known(len(vector), digest, [float(value) for value in vector])
        _write(self._file, new)
        if known is not None:
            raise EmbedderError(
                f"{self.model_id} is not the model that it was; with the next start all is embedded anew"
            )
        self._known, self._proven = new, True

    def _asked(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        if time.monotonic() < self._away_until:
            raise EmbedderError(f"{self.model_id} is away: {self._why_away}")
        try:
            if self._model is None:
                self._model = self._make()
            model, masked = self._model, [self._redact(text) for text in texts]
            seconds = self._asked_for_s if len(texts) == 1 else max(self._asked_for_s, _BATCH_S)
            vectors = np.asarray(_within(seconds, lambda: model.embed_documents(masked)), dtype=np.float32)
        except Exception as error:  # each provider raises types of its own
            # Providers repeat what they were sent, keys too.
            self._why_away = self._redact(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
            self._away_until = time.monotonic() + _AWAY_S
            raise EmbedderError(f"{self.model_id} is away: {self._why_away}") from error
        return self._checked(vectors, len(texts))

    def _checked(self, vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        import numpy as np

        dimensions = self._known.dimensions if self._proven and self._known else None
        if vectors.ndim != 2 or len(vectors) != count or dimensions not in {None, vectors.shape[1]}:
            raise EmbedderError(f"{self.model_id} answered {vectors.shape} for {count} texts")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise EmbedderError(f"{self.model_id} answered vectors that point nowhere")
        unit: NDArray[np.float32] = vectors / lengths
        return unit


def _made(name: str, settings: Mapping[str, Any]) -> Embeddings:
    from opsagent_memory.langchain.models import made

    return made(name, settings)


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """Return what a call returns, or give it up after so many seconds."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  # raised again by who waits
            errors.append(error)

    thread = threading.Thread(target=run, name="memory-embedding", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


def _read(file: Path) -> _Known | None:
    try:
        known = _Known(**json.loads(file.read_text(encoding="utf-8")))
        if len(known.probe) != known.dimensions or not all(math.isfinite(value) for value in known.probe):
            return None
    except (OSError, ValueError, TypeError):
        return None
    return known


def _write(file: Path, known: _Known) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(known)), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise EmbedderError(f"{file}: what is known of the embedding model cannot be kept: {error}") from error
