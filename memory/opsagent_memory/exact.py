"""Exact search over the vectors of one shelf, held in memory: quicker than any index up to some 20,000 texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from opsagent_memory import sentences

Vector = NDArray[np.float32]
_ROOM = 1.25
"""A table that is full grows by this factor, so that adding one text rarely copies them all."""


class ExactShelf:
    """The vectors of one shelf: those of a text lie one after the other, the whole first."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._table = np.empty((0, dimensions), dtype=np.float32)
        self._used = 0
        self._keys: list[str | None] = []
        self._at: dict[str, int] = {}
        self._begins = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: str) -> bool:
        return key in self._at

    def add(self, kept: Mapping[str, bytes]) -> None:
        """Take up the vectors of texts; those that are there already stay."""
        new = {key: sentences.rows(value, self._dimensions) for key, value in kept.items() if key not in self._at}
        if not new:
            return
        self._make_room(sum(map(len, new.values())))
        begins = []
        for key, rows in new.items():
            if not len(rows):
                continue
            self._at[key] = len(self._keys)
            self._keys.append(key)
            begins.append(self._used)
            self._table[self._used : self._used + len(rows)] = rows
            self._used += len(rows)
        self._begins = np.concatenate([self._begins, np.array(begins, dtype=np.int64)])

    def drop(self, keys: Iterable[str]) -> None:
        """Let go of texts; their room is used again when the shelf is next loaded."""
        for key in keys:
            place = self._at.pop(key, None)
            if place is not None:
                self._keys[place] = None

    def vectors(self, keys: Iterable[str]) -> dict[str, Vector]:
        """Return the vectors of those of these texts that are here."""
        places = {key: self._at[key] for key in keys if key in self._at}
        ends = {key: self._begins[at + 1] if at + 1 < len(self._begins) else self._used for key, at in places.items()}
        return {key: self._table[self._begins[at] : ends[key]] for key, at in places.items()}

    def nearest(self, vector: Vector, limit: int) -> dict[str, float]:
        """Return the keys of the nearest texts with their likeness, nearest first."""
        if not self._keys:
            return {}
        likeness = self._likeness(vector)
        dropped = len(self._keys) - len(self._at)
        wanted = min(limit + dropped, len(likeness))
        best = np.argpartition(-likeness, wanted - 1)[:wanted]
        found: dict[str, float] = {}
        for at in best[np.argsort(-likeness[best], kind="stable")]:
            key = self._keys[at]
            if key is not None and len(found) < limit:
                found[key] = min(1.0, float(likeness[at]))
        return found

    def _likeness(self, vector: Vector) -> Vector:
        cosines = self._table[: self._used] @ vector
        if self._used == len(self._begins):
            return cosines
        best = np.maximum.reduceat(cosines, self._begins)
        mixed = (1 - sentences.SHARE) * cosines[self._begins] + sentences.SHARE * best
        return mixed.astype(np.float32, copy=False)

    def _make_room(self, rows: int) -> None:
        if self._used + rows <= len(self._table):
            return
        larger = np.empty((max(self._used + rows, int(len(self._table) * _ROOM)), self._dimensions), dtype=np.float32)
        larger[: self._used] = self._table[: self._used]
        self._table = larger
