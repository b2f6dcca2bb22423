"""English and Korean, as operators write them, in the space of one English model.

Korean is said in English words (`opsagent_memory.korean`), and of the jargon in a text (ENOSPC, 502, inodes) the meaning
in plain English is mixed in (`opsagent_memory.jargon`):

    vector = unit(v(text) + SHARE · unit(Σ v(meaning)))

with v the English model. A text without Hangul and without jargon has exactly the vector that the model gives it.
"""

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

SHARE = 0.4
"""How much the meaning of jargon counts beside the text."""


class BilingualEmbedder:
    """What memory embeds with: MiniLM, behind a gloss of Korean and a glossary of jargon.

    Nothing is read before it is needed.
    """

    def __init__(self, english: Embedder | None = None) -> None:
        self._english = english or MiniLmEmbedder()
        self._meanings: dict[str, NDArray[np.float32]] = {}

    @cached_property
    def model_id(self) -> str:
        """Name of the model."""
        return f"{self._english.model_id}+operations"

    @cached_property
    def model_hash(self) -> str:
        """Digest of the English model, of both Korean lexicons and of the jargon."""
        from opsagent_memory import jargon, korean

        said = f"{self._english.model_hash} {korean.digest()} {jargon.digest()} {SHARE}"
        return hashlib.sha256(said.encode()).hexdigest()

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
        from opsagent_memory import jargon

        said = [_said_in_english(text) if HANGUL.search(text) else text for text in texts]
        vectors = self._english.embed(said)
        for row, text in enumerate(said):
            meanings = jargon.explained(text)
            if meanings:
                vectors[row] = _unit(vectors[row] + SHARE * self._meaning(meanings))
        return vectors

    def _meaning(self, meanings: list[str]) -> NDArray[np.float32]:
        """Return the vector of what jargon means; each meaning is embedded once."""
        new = [meaning for meaning in meanings if meaning not in self._meanings]
        if new:
            self._meanings.update(zip(new, self._english.embed(new), strict=True))
        total = self._meanings[meanings[0]].copy()
        for meaning in meanings[1:]:
            total += self._meanings[meaning]
        return _unit(total)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector


def _said_in_english(text: str) -> str:
    from opsagent_memory import korean

    said = korean.gloss(text)
    return said if any(map(str.isalnum, said)) else text
