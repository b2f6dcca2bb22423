"""Fakes that ship with the product, for the tests of those who use this memory. Never used in earnest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PLACES = 8


class HashEmbedder:
    """A FAKE embedder: hashed words instead of a language model. Fast, and blind to meaning."""

    model_id = "fake-hashed-words"
    model_hash = "0" * 64
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text; texts that share words are similar."""
        import numpy as np

        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[0] = 0.1
            for word in re.findall(r"\w+", text.lower()):
                # Eight places with a sign each: two words all but never fall together.
                digest = blake2b(word.encode(), digest_size=8 * _PLACES).digest()
                for start in range(0, len(digest), 8):
                    number = int.from_bytes(digest[start : start + 8], "little")
                    row[1 + (number >> 1) % (self.dimensions - 1)] += 1.0 if number & 1 else -1.0
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows
