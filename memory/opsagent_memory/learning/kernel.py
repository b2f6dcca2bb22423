"""The episodic kernel: a vote of the incidents that are most alike, each with what its outcome was.

    weightᵢ = exp(SHARPNESS · (cosineᵢ - the nearest one's cosine)) · 2^(-ageᵢ / HALF_LIFE)      (Nadaraya-Watson)

over the `NEIGHBOURS` nearest above the space's floor. What repeats as expected is added to the incident it repeats;
so the store stays small. Beyond `LIMIT` incidents those that weigh least are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsagent_memory.learning.evidence import Floats, Vector
from opsagent_memory.learning.words import Space

NEIGHBOURS = 24
SHARPNESS = 16.0
HALF_LIFE_DAYS = 90.0
LIMIT = 2_048
_ARRAYS = ("vectors", "labels", "counts", "days")
_SPARE = 256
"""So many are dropped at once."""


class EpisodicKernel:
    """Incidents in full, each with counted outcomes of one remedy."""

    def __init__(self, space: Space, *, decays: bool) -> None:
        self._space = space
        self._decays = decays
        self.size = 0
        self.vectors: Vector = np.zeros((0, 0), np.float32)
        self.labels = np.zeros((0, 3), np.int32)
        """Numbers of remedy, source and fault class (-1: none)."""
        self.counts = np.zeros((0, 2))
        self.days = np.zeros(0)

    def cosines(self, vector: Vector) -> Vector:
        """Return how alike each incident is."""
        if not self.size:
            return np.zeros(0, np.float32)
        return np.asarray(self.vectors[: self.size] @ vector)

    def read(self, cosines: Vector, day: float, fault_class: int | None, shape: tuple[int, int]) -> Floats:
        """Return weighed counts, (remedies, sources, 2), of the nearest incidents."""
        found = np.zeros((*shape, 2))
        near = self._near(cosines, fault_class)
        if near.size:
            alike = cosines[near].astype(np.float64)
            weights = np.exp(SHARPNESS * (alike - alike.max())) * self._fresh(self.days[near], day)
            labels = self.labels[near]
            np.add.at(found, (labels[:, 0], labels[:, 1]), weights[:, None] * self.counts[near])
        return found

    def keep(self, vector: Vector, labels: tuple[int, int, int], outcome: tuple[float, float], day: float) -> None:
        """Keep an incident in full."""
        if self.size >= LIMIT:
            self._drop(day)
        if self.size == len(self.vectors):
            self._grow(vector.shape[0])
        at = self.size
        self.vectors[at], self.labels[at], self.counts[at], self.days[at] = vector, labels, outcome, day
        self.size += 1

    def repeat(self, cosines: Vector, labels: tuple[int, int, int], outcome: tuple[float, float], day: float) -> bool:
        """Add an outcome to the incident that it repeats; False where there is none."""
        alike = np.flatnonzero(cosines >= self._space.double)
        alike = alike[(self.labels[alike] == labels).all(axis=1)]
        if not alike.size:
            return False
        at = alike[cosines[alike].argmax()]
        self.counts[at] = self.counts[at] * self._fresh(self.days[at], day) + outcome
        self.days[at] = day
        return True

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state; `take` takes it up."""
        return {name: getattr(self, name)[: self.size] for name in _ARRAYS}

    def take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state."""
        for name in _ARRAYS:
            setattr(self, name, arrays[name])
        self.size = len(self.vectors)

    def _near(self, cosines: Vector, fault_class: int | None) -> NDArray[np.int64]:
        near = np.flatnonzero(cosines >= self._space.floor)
        if fault_class is not None:
            near = near[self.labels[near, 2] == fault_class]
        if near.size > NEIGHBOURS:
            near = near[np.argpartition(-cosines[near], NEIGHBOURS - 1)[:NEIGHBOURS]]
        return near

    def _fresh(self, since: Floats, day: float) -> Floats:
        if not self._decays:
            return np.ones_like(since)
        return np.asarray(0.5 ** (np.maximum(day - since, 0.0) / HALF_LIFE_DAYS))

    def _grow(self, dimensions: int) -> None:
        room = max(64, self.size)
        self.vectors = np.concatenate([self.vectors.reshape(-1, dimensions), np.zeros((room, dimensions), np.float32)])
        self.labels = np.concatenate([self.labels, np.zeros((room, 3), np.int32)])
        self.counts = np.concatenate([self.counts, np.zeros((room, 2))])
        self.days = np.concatenate([self.days, np.zeros(room)])

    def _drop(self, day: float) -> None:
        worth = self.counts[: self.size].sum(axis=1) * 0.5 ** (
            np.maximum(day - self.days[: self.size], 0.0) / HALF_LIFE_DAYS
        )
        kept = np.sort(np.argsort(-worth, kind="stable")[: self.size - _SPARE])
        for name in _ARRAYS:
            array = getattr(self, name)
            array[: len(kept)] = array[kept]
        self.size = len(kept)
