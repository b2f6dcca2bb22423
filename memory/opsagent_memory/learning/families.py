"""Families of like incidents, each a centre with counters.

A lesson joins the nearest family, or opens one where none is near enough. How near is near enough depends on the
surprise: what ended as expected may lie farther out, what did not must lie closer, so that families split where
outcomes differ. Counters forget as lessons come (`KEEP`) and as time passes (`HALF_LIFE_DAYS`). A failure that was not
expected gathers momentum against the remedy; the next one takes the remedy's evidence away by what was gathered:

    evidence ← evidence · exp(-HASTE · MOMENTUM · Mₜ₋₁),   Mₜ = MOMENTUM · Mₜ₋₁ + max(-surprise, 0)   (0 after a success)

after Titans' momentary and past surprise and its forgetting gate (arXiv 2501.00663), with counters for weights. Past
surprise alone forgets: one failure may be chance, a second in a row is seldom. A lesson takes away only what its own
source said before: nobody can talk another's experience into oblivion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsagent_memory.learning.evidence import Floats, Vector
from opsagent_memory.learning.words import Space

KEEP = 0.95
"""What a lesson leaves of its family's counts from before."""
HALF_LIFE_DAYS = 180.0
MOMENTUM = 0.6
HASTE = 0.3
SHARPNESS = 16.0
READ = 8
"""So many of the nearest families are read."""
STRICTER = 0.1
"""A surprise of one makes a family's radius so much narrower, as a share of what is left to one."""
LIMIT = 1_024
STALE_AFTER = 1.0
"""A remedy had so much evidence of success before it can become stale."""


class FamilyCounters:
    """All families of a scope."""

    def __init__(self, space: Space, *, decays: bool, momentum: bool) -> None:
        self._space = space
        self._decays = decays
        self._with_momentum = momentum
        self.size = 0
        self.sums: Vector = np.zeros((0, 0), np.float32)
        self.centres: Vector = np.zeros((0, 0), np.float32)
        self.classes = np.zeros(0, np.int32)
        self.numbers = np.zeros(0, np.uint64)
        self.lessons = np.zeros(0, np.int64)
        self.days = np.zeros(0)
        self.counts = np.zeros((0, 0, 0, 2))
        self.momentum = np.zeros((0, 0))
        self.stale = np.zeros((0, 0), bool)

    def cosines(self, vector: Vector) -> Vector:
        """Return how alike each family's centre is."""
        if not self.size:
            return np.zeros(0, np.float32)
        return np.asarray(self.centres[: self.size] @ vector)

    def read(self, cosines: Vector, day: float, fault_class: int | None, shape: tuple[int, int]) -> Floats:
        """Return weighed counts, (remedies, sources, 2), of the nearest families."""
        found = np.zeros((*shape, 2))
        near = np.flatnonzero(cosines >= self._space.floor)
        if fault_class is not None:
            near = near[self.classes[near] == fault_class]
        if near.size > READ:
            near = near[np.argpartition(-cosines[near], READ - 1)[:READ]]
        if near.size:
            alike = cosines[near].astype(np.float64)
            weights = np.exp(SHARPNESS * (alike - alike.max())) * self._fresh(near, day)
            counts = self.counts[near]
            found[: counts.shape[1], : counts.shape[2]] = np.einsum("f,frsk->rsk", weights, counts)
        return found

    def place(self, cosines: Vector, fault_class: int, surprise: float) -> int:
        """Return the family that takes a lesson, -1 where one has to be opened."""
        if not self.size:
            return -1
        alike = np.where(self.classes[: self.size] == fault_class, cosines, -2.0)
        nearest = int(alike.argmax())
        radius = self._space.radius + STRICTER * abs(surprise) * (1 - self._space.radius)
        return nearest if alike[nearest] >= radius else -1

    def join(self, family: int, vector: Vector, day: float) -> None:
        """Take an incident into a family."""
        self.sums[family] += vector
        self.centres[family] = self.sums[family] / np.linalg.norm(self.sums[family])
        self._age(family, day)
        self.lessons[family] += 1

    def open(self, vector: Vector, fault_class: int, day: float, shape: tuple[int, int], number: int) -> int:
        """Open a family; return its place."""
        if self.size >= LIMIT:
            self._drop(day)
        self._grow(vector.shape[0], shape)
        at = self.size
        self.sums[at] = self.centres[at] = vector
        self.classes[at], self.days[at], self.lessons[at], self.numbers[at] = fault_class, day, 1, number
        self.counts[at], self.momentum[at], self.stale[at] = 0.0, 0.0, False
        self.size += 1
        return at

    def count(self, family: int, labels: tuple[int, int], outcome: tuple[float, float], surprise: float) -> bool:
        """Count an outcome; return whether it made the remedy stale for this family."""
        remedy, source = labels
        counts = self.counts[family]
        if self._decays:
            counts[:, source] *= KEEP
        had = counts[remedy, :, 0].sum()
        was_stale = bool(self.stale[family, remedy])
        if outcome[1] == 0:
            self.momentum[family, remedy] = 0.0
            self.stale[family, remedy] = False
        else:
            past = MOMENTUM * self.momentum[family, remedy]
            self.momentum[family, remedy] = past + max(-surprise, 0.0)
            if self._with_momentum:
                counts[remedy, source] *= np.exp(-HASTE * past)
        counts[remedy, source] += outcome
        good, bad = counts[remedy].sum(axis=0)
        if had >= STALE_AFTER and bad >= good:
            self.stale[family, remedy] = True
        return bool(self.stale[family, remedy]) and not was_stale

    def is_stale(self, family: int, remedy: int) -> bool:
        """Say whether a remedy used to work for a family (-1: none) and no longer does."""
        return family >= 0 and remedy < self.stale.shape[1] and bool(self.stale[family, remedy])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state; `take` takes it up."""
        return {name: getattr(self, name)[: self.size] for name in _ARRAYS if name != "centres"}

    def take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state."""
        for name in _ARRAYS:
            if name != "centres":
                setattr(self, name, arrays[name])
        self.size = len(self.sums)
        self.centres = self.sums / np.maximum(np.linalg.norm(self.sums, axis=1, keepdims=True), 1e-12)

    def _age(self, family: int, day: float) -> None:
        self.counts[family] *= self._fresh(np.array([family]), day)[0]
        self.days[family] = max(day, self.days[family])

    def _fresh(self, families: NDArray[np.int64], day: float) -> Floats:
        if not self._decays:
            return np.ones(len(families))
        return np.asarray(0.5 ** (np.maximum(day - self.days[families], 0.0) / HALF_LIFE_DAYS))

    def _grow(self, dimensions: int, shape: tuple[int, int]) -> None:
        rows, (remedies, sources) = len(self.sums), shape
        wanted = max(rows, 2 * self.size, 16) if self.size == rows else rows
        if wanted == rows and self.counts.shape[1:3] == shape:
            return
        for name in ("sums", "centres"):
            setattr(self, name, _padded(getattr(self, name), (wanted, dimensions)))
        for name in ("classes", "numbers", "lessons", "days"):
            setattr(self, name, _padded(getattr(self, name), (wanted,)))
        self.widen(wanted, (remedies, sources))

    def widen(self, rows: int, shape: tuple[int, int]) -> None:
        """Make room for remedies and sources that were not known before."""
        remedies, sources = shape
        self.counts = _padded(self.counts, (rows, remedies, sources, 2))
        self.momentum = _padded(self.momentum, (rows, remedies))
        self.stale = _padded(self.stale, (rows, remedies))

    def _drop(self, day: float) -> None:
        """Close the families that say least."""
        places = np.arange(self.size)
        worth = self.counts[: self.size].sum(axis=(1, 2, 3)) * self._fresh(places, day)
        kept = np.sort(np.argsort(-worth, kind="stable")[: self.size - LIMIT // 8])
        for name in _ARRAYS:
            array = getattr(self, name)
            array[: len(kept)] = array[kept]
        self.size = len(kept)


_ARRAYS = ("sums", "centres", "classes", "numbers", "lessons", "days", "counts", "momentum", "stale")


def _padded(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    grown = np.zeros(shape, array.dtype)
    grown[tuple(slice(size) for size in array.shape)] = array
    return grown
