"""A linear associative memory after Titans (arXiv 2501.00663, equations 8, 9, 13 and 14), one row for each remedy.

    loss  l(M; x, r) = (r - NEUTRAL - Mx)²              r: reward, x: the incident's vector
    Sₜ = MOMENTUM · Sₜ₋₁ + RATE · weight · (r - NEUTRAL - Mₜ₋₁x) xᵀ        (past surprise and momentary surprise)
    Mₜ = (1 - αₜ) Mₜ₋₁ + Sₜ,   αₜ = DECAY · (1 + HASTE · |surprise|)       (forgetting that depends on the data)

Each source has a matrix of its own, and what they say is averaged: however often one repeats itself, it has one voice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsagent_memory.learning.evidence import Floats, Vector
from opsagent_memory.ranking import NEUTRAL

RATE = 0.3
MOMENTUM = 0.5
DECAY = 0.0005
HASTE = 2.0


class LinearMemory:
    """Maps a vector to what is expected of each remedy."""

    def __init__(self, *, decays: bool, momentum: bool) -> None:
        self._decay = DECAY if decays else 0.0
        self._momentum = MOMENTUM if momentum else 0.0
        self._rate = RATE if momentum else RATE / (1 - MOMENTUM)
        self.matrix: Vector = np.zeros((0, 0, 0), np.float32)
        """(sources, remedies, dimensions)"""
        self.speed: Vector = np.zeros((0, 0, 0), np.float32)
        self.taught = np.zeros((0, 0))
        """(sources, remedies): how many lessons."""

    def read(self, vector: Vector, remedies: int) -> Floats:
        """Return the expected success of each remedy, in 0..1."""
        expected = np.full(remedies, NEUTRAL)
        sources, known, _ = self.matrix.shape
        if sources:
            said = (self.matrix.reshape(sources * known, -1) @ vector).reshape(sources, known)
            if sources == 1:
                expected[:known] += said[0]
                return np.asarray(expected.clip(0.0, 1.0))
            voices = np.minimum(self.taught, 1.0)
            expected[:known] += (said * voices).sum(axis=0) / np.maximum(voices.sum(axis=0), 1.0)
        return np.asarray(expected.clip(0.0, 1.0))

    def learn(self, vector: Vector, labels: tuple[int, int], reward: float, weight: float) -> None:
        """Take a gradient step."""
        remedy, source = labels
        self._grow((source + 1, remedy + 1, vector.shape[0]))
        error = (reward - NEUTRAL) - float(self.matrix[source, remedy] @ vector)
        self.speed[source] *= self._momentum
        self.speed[source, remedy] += np.float32(self._rate * weight * error) * vector
        if self._decay:
            self.matrix[source] *= np.float32(1 - self._decay * (1 + HASTE * min(abs(error), 1.0)))
        self.matrix[source] += self.speed[source]
        self.taught[source, remedy] += 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state; `take` takes it up."""
        return {"matrix": self.matrix, "speed": self.speed, "taught": self.taught}

    def take(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state."""
        self.matrix, self.speed, self.taught = arrays["matrix"], arrays["speed"], arrays["taught"]

    def _grow(self, least: tuple[int, int, int]) -> None:
        shape = tuple(max(pair) for pair in zip(self.matrix.shape, least, strict=True))
        if shape == self.matrix.shape:
            return
        old, self.matrix, speed, taught = self.matrix, np.zeros(shape, np.float32), self.speed, self.taught
        self.speed, self.taught = np.zeros(shape, np.float32), np.zeros(shape[:2])
        place = tuple(slice(size) for size in old.shape)
        self.matrix[place], self.speed[place], self.taught[place[:2]] = old, speed, taught
