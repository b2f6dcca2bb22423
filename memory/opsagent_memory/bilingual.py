"""English and Korean in one space: Korean is said to an English model in English words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from opsagent_memory.embed import Embedder, MiniLmEmbedder
from opsagent_memory.korean.jamo import HANGUL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class BilingualEmbedder:
    """MiniLM, which knows English, behind a gloss of Korean (`opsagent_memory.korean`): what memory embeds with.

    A text without Hangul has exactly the vector that MiniLM gives it. Nothing is read before it is needed.
    """

    def __init__(self, english: Embedder | None = None) -> None:
        self._english = english or MiniLmEmbedder()

    @cached_property
    def model_id(self) -> str:
        """Name of the model."""
        return f"{self._english.model_id}+korean"

    @cached_property
    def model_hash(self) -> str:
        """Digest of the English model and of both lexicons."""
        from opsagent_memory import korean

        return hashlib.sha256(f"{self._english.model_hash} {korean.digest()}".encode()).hexdigest()

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._english.dimensions

    @property
    def loaded(self) -> bool:
        """Whether the English model is in memory."""
        return bool(getattr(self._english, "loaded", True))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one per text; loads what it needs when first called."""
        return self._english.embed([_said_in_english(text) if HANGUL.search(text) else text for text in texts])


def _said_in_english(text: str) -> str:
    from opsagent_memory import korean

    said = korean.gloss(text)
    return said if any(map(str.isalnum, said)) else text
