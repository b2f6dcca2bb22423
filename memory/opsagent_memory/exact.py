"""Exact search over a few vectors: quicker than any index, and never approximate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class ExactShelf:
    """The vectors of one shelf, in memory."""

    def __init__(self, vectors: Mapping[str, bytes]) -> None:
        self._keys = list(vectors)
        self._rows = _stacked(vectors)

    def add(self, vectors: Mapping[str, bytes]) -> None:
        """Take up vectors; those that are there already stay."""
        held = set(self._keys)
        new = {key: vector for key, vector in vectors.items() if key not in held}
        if new:
            self._keys += new
            self._rows = np.concatenate([self._rows, _stacked(new)])

    def nearest(self, vector: NDArray[np.float32], limit: int) -> dict[str, float]:
        """Return the keys of the nearest texts with their cosine, nearest first."""
        cosines = self._rows @ vector
        order = np.argsort(-cosines)[:limit]
        return {self._keys[at]: min(1.0, float(cosines[at])) for at in order}


def _stacked(vectors: Mapping[str, bytes]) -> NDArray[np.float32]:
    return np.stack([np.frombuffer(vector, dtype="<f4") for vector in vectors.values()])
