"""The simulated world of `remedies`: incidents that come again, remedies that help or not, causes that drift.

A long tail of classes of incident, each with one remedy that mostly helps; the others help seldom. Whoever chooses sees
a vector, tries one remedy, and is told how that one ended: a contextual bandit. Many seeds are one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INCIDENTS = 1_000
CLASSES = 30
REMEDIES = 12
DIMENSIONS = 384
HOURS_BETWEEN = 6.0
"""Between two incidents: a thousand of them are eight months."""
TAIL = 1.05
"""Zipf's exponent: the class of rank k comes as often as 1 / k ** TAIL."""
HELPS = 0.85
"""How often the right remedy of a class helps."""
SELDOM = (0.05, 0.32)
"""How often any other does: even chances in this range, drawn per class and remedy."""
COMMON = 0.35
"""Share of what all incidents of a scope have in common, as texts of one service do."""
BLUR = 0.40
"""How far an incident lies from its class, as a share of its vector."""
NOISY_BLUR = 0.75
FLIPPED = 0.17
"""How often a noisy outcome says the contrary of what happened."""

SETTINGS = ("stationary", "drift", "drift_noisy_outcome", "drift_noisy_embedding")


@dataclass(frozen=True, slots=True)
class World:
    """A batch of simulated histories; the first axis of every array is the seed."""

    seeds: tuple[int, ...]
    vectors: NDArray[np.float32]
    """(seeds, incidents, dimensions), of length one."""
    cosines: NDArray[np.float32]
    """(seeds, incidents, incidents): of any two incidents."""
    classes: NDArray[np.int64]
    """(seeds, incidents)"""
    chances: NDArray[np.float64]
    """(seeds, incidents, remedies): how often each remedy would be seen to help."""
    luck: NDArray[np.float64]
    """(seeds, incidents): a remedy is seen to help if its chance lies above; the same luck for every design."""

    def outcomes(self, step: int, picks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what is seen of these remedies at this step, 1 or 0 for each seed."""
        chances = self.chances[np.arange(len(self.seeds)), step, picks]
        return np.asarray(self.luck[:, step] < chances, np.float64)


def world(seeds: Sequence[int], setting: str) -> World:
    """Return the histories of these seeds in a setting. The same seed gives the same history, whatever its batch."""
    if setting not in SETTINGS:
        raise ValueError(f"no setting {setting!r}: {', '.join(SETTINGS)}")
    parts = [_history(seed, setting) for seed in seeds]
    vectors = np.stack([part[0] for part in parts])
    return World(
        seeds=tuple(seeds),
        vectors=vectors,
        cosines=vectors @ vectors.transpose(0, 2, 1),
        classes=np.stack([part[1] for part in parts]),
        chances=np.stack([part[2] for part in parts]),
        luck=np.stack([part[3] for part in parts]),
    )


def _history(
    seed: int, setting: str
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    # One stream for each thing: what differs between settings then differs in that thing alone.
    names, looks, cures, fates = (np.random.default_rng([seed, stream]) for stream in range(4))
    frequency = 1.0 / np.arange(1, CLASSES + 1) ** TAIL
    classes = names.choice(CLASSES, INCIDENTS, p=frequency / frequency.sum())
    vectors = _vectors(looks, classes, NOISY_BLUR if setting == "drift_noisy_embedding" else BLUR)
    chances = _chances(cures, classes, drifts=setting != "stationary")
    if setting == "drift_noisy_outcome":
        chances = chances * (1 - FLIPPED) + (1 - chances) * FLIPPED
    return vectors, classes, chances, fates.random(INCIDENTS)


def _vectors(chance: np.random.Generator, classes: NDArray[np.int64], blur: float) -> NDArray[np.float32]:
    def directions(count: int) -> NDArray[np.float64]:
        drawn = chance.standard_normal((count, DIMENSIONS))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))

    common, centres, own = directions(1), directions(CLASSES), directions(len(classes))
    shared = np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * centres[classes]
    vectors = np.sqrt(1 - blur) * shared + np.sqrt(blur) * own
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _chances(chance: np.random.Generator, classes: NDArray[np.int64], *, drifts: bool) -> NDArray[np.float64]:
    before = chance.uniform(*SELDOM, (CLASSES, REMEDIES))
    after = before.copy()
    right = chance.integers(REMEDIES, size=CLASSES)
    moved = (right + chance.integers(1, REMEDIES, size=CLASSES)) % REMEDIES
    rows = np.arange(CLASSES)
    drifting = rows[1::2]
    before[rows, right] = HELPS
    if drifts:
        stays = np.setdiff1d(rows, drifting)
        after[stays, right[stays]] = HELPS
        after[drifting, moved[drifting]] = HELPS
    else:
        after = before
    late = np.arange(len(classes)) >= len(classes) // 2
    return np.where(late[:, None], after[classes], before[classes])
