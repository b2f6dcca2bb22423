"""The single designs that the mixture is measured against. All seeds of a batch at once: the first axis is the seed.

Each learns from what it tried alone. Those that count outcomes hold a remedy that was never tried for even odds, so
that they try what they do not know before they repeat what failed; ties are broken by chance.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opsagent_evals.memory.remedies_world import REMEDIES, World

Picks = NDArray[np.int64]
Rewards = NDArray[np.float64]
Scores = NDArray[np.float64]

NEIGHBOURS = 16
SHARPNESS = 16.0
"""An incident weighs exp(SHARPNESS · (cosine - the nearest one's cosine))."""
RADIUS = 0.37
"""Families take what is at least as similar as this."""
PRIOR = 1.0
EVEN = 0.5


class Design(Protocol):
    """Something that picks remedies and is told how they ended."""

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""


def best(scores: Scores, chance: np.random.Generator) -> Picks:
    """Return the best of each row; ties are broken by chance."""
    return np.asarray((scores + chance.random(scores.shape) * 1e-6).argmax(axis=1))


class Random:
    """Any remedy."""

    def __init__(self, world: World, chance: np.random.Generator) -> None:
        self._seeds, self._chance = len(world.seeds), chance

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        return self._chance.integers(REMEDIES, size=self._seeds)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Forget it."""


class Neighbours:
    """A vote of the nearest incidents; `by` says of what."""

    def __init__(
        self,
        world: World,
        chance: np.random.Generator,
        *,
        by: str = "outcome",
        neighbours: int = NEIGHBOURS,
        half_life: float | None = None,
    ) -> None:
        self._world, self._chance, self._by, self._half_life = world, chance, by, half_life
        self._neighbours = neighbours
        seeds, steps = world.classes.shape
        self._rows = np.arange(seeds)[:, None]
        self._picks = np.zeros((seeds, steps), np.int64)
        self._rewards = np.zeros((seeds, steps))

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        good, bad = self._votes(step)
        if self._by == "successes":
            return best(good, self._chance)
        if self._by == "sampled":
            return best(self._chance.beta(EVEN * PRIOR + good, EVEN * PRIOR + bad), self._chance)
        return best((EVEN * PRIOR + good) / (PRIOR + good + bad), self._chance)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""
        self._picks[:, step], self._rewards[:, step] = picks, rewards

    def _votes(self, step: int) -> tuple[Scores, Scores]:
        seeds = len(self._world.seeds)
        good, bad = np.zeros((seeds, REMEDIES)), np.zeros((seeds, REMEDIES))
        if step == 0:
            return good, bad
        cosines = self._world.cosines[:, step, :step]
        count = min(self._neighbours, step)
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.take_along_axis(cosines, near, axis=1).astype(np.float64)
        weights = np.exp(SHARPNESS * (weights - weights.max(axis=1, keepdims=True)))
        if self._half_life is not None:
            weights *= 0.5 ** ((step - near) / self._half_life)
        picks = np.take_along_axis(self._picks, near, axis=1)
        rewards = np.take_along_axis(self._rewards, near, axis=1)
        np.add.at(good, (self._rows, picks), weights * rewards)
        np.add.at(bad, (self._rows, picks), weights * (1 - rewards))
        return good, bad


class Families:
    """Online clusters with counters; `label` takes the true class instead of the vector (a reference, not a design)."""

    def __init__(
        self,
        world: World,
        chance: np.random.Generator,
        *,
        radius: float = RADIUS,
        keep: float = 1.0,
        momentum: bool = False,
        label: bool = False,
    ) -> None:
        self._world, self._chance, self._radius, self._keep = world, chance, radius, keep
        self._with_momentum, self._label = momentum, label
        seeds, steps, dimensions = world.vectors.shape
        self._rows = np.arange(seeds)
        self._sums = np.zeros((seeds, 64, dimensions), np.float32)
        self._centres = np.zeros_like(self._sums)
        self._used = np.zeros(seeds, np.int64)
        self._counts = np.zeros((seeds, steps, REMEDIES, 2))
        self._momentum = np.zeros((seeds, steps, REMEDIES))
        self._family = np.zeros(seeds, np.int64)
        self._is_new = np.zeros(seeds, bool)

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        if self._label:
            self._family = self._world.classes[:, step]
        else:
            self._find(step)
        return best(self._expected(), self._chance)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""
        rows, family = self._rows, self._family
        if not self._label:
            self._join(step)
        surprise = rewards - self._expected()[rows, picks]
        self._counts[rows, family] *= self._keep
        if self._with_momentum:
            moved = 0.6 * self._momentum[rows, family, picks] + np.maximum(-surprise, 0.0)
            moved = np.where(rewards > 0, 0.0, moved)
            self._momentum[rows, family, picks] = moved
            self._counts[rows, family, picks] *= np.exp(-0.8 * moved)[:, None]
        self._counts[rows, family, picks, (rewards < 0.5).astype(np.int64)] += 1.0

    def _expected(self) -> Scores:
        counts = self._counts[self._rows, self._family]
        return np.asarray((EVEN * PRIOR + counts[..., 0]) / (PRIOR + counts.sum(axis=-1)))

    def _find(self, step: int) -> None:
        open_to = int(self._used.max())
        cosines = np.einsum("sfd,sd->sf", self._centres[:, :open_to], self._world.vectors[:, step])
        cosines = np.where(np.arange(open_to) < self._used[:, None], cosines, -2.0)
        nearest = cosines.argmax(axis=1) if open_to else np.zeros(len(self._rows), np.int64)
        near = cosines.max(axis=1) if open_to else np.full(len(self._rows), -2.0)
        self._is_new = near < self._radius
        self._family = np.where(self._is_new, self._used, nearest)

    def _join(self, step: int) -> None:
        if int(self._used.max()) + 1 >= self._sums.shape[1]:
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)], axis=1)
            self._centres = np.concatenate([self._centres, np.zeros_like(self._centres)], axis=1)
        rows, family = self._rows, self._family
        self._sums[rows, family] += self._world.vectors[:, step]
        joined = self._sums[rows, family]
        self._centres[rows, family] = joined / np.linalg.norm(joined, axis=1, keepdims=True)
        self._used += self._is_new


class TitansLinear:
    """A matrix that maps a vector to expected rewards: gradient steps with momentum, and decay (arXiv 2501.00663)."""

    def __init__(
        self,
        world: World,
        chance: np.random.Generator,
        *,
        rate: float = 0.3,
        momentum: float = 0.5,
        decay: float = 0.0005,
    ) -> None:
        self._world, self._chance = world, chance
        self._rate, self._momentum, self._decay = rate, momentum, decay
        seeds, _, dimensions = world.vectors.shape
        self._rows = np.arange(seeds)
        self._matrix = np.zeros((seeds, REMEDIES, dimensions), np.float32)
        self._speed = np.zeros_like(self._matrix)

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        return best(self._read(step), self._chance)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""
        error = (rewards - EVEN) - self._read(step)[self._rows, picks]
        self._speed *= self._momentum
        self._speed[self._rows, picks] += (self._rate * error[:, None] * self._world.vectors[:, step]).astype(
            np.float32
        )
        self._matrix *= 1 - self._decay
        self._matrix += self._speed

    def _read(self, step: int) -> Scores:
        return np.asarray(np.einsum("srd,sd->sr", self._matrix, self._world.vectors[:, step]), np.float64)


class TitansDeep:
    """The same with one hidden layer."""

    def __init__(
        self,
        world: World,
        chance: np.random.Generator,
        *,
        hidden: int = 64,
        rate: float = 0.2,
        momentum: float = 0.5,
        decay: float = 0.004,
    ) -> None:
        self._world, self._chance = world, chance
        self._rate, self._momentum, self._decay = rate, momentum, decay
        seeds, _, dimensions = world.vectors.shape
        self._rows = np.arange(seeds)
        self._first = (chance.standard_normal((seeds, hidden, dimensions)) * np.sqrt(2.0 / hidden)).astype(np.float32)
        self._second = np.zeros((seeds, REMEDIES, hidden), np.float32)
        self._speeds = [np.zeros_like(self._first), np.zeros_like(self._second)]
        self._hidden = np.zeros((seeds, hidden), np.float32)
        self._scores = np.zeros((seeds, REMEDIES))

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        self._hidden = np.maximum(np.einsum("shd,sd->sh", self._first, self._world.vectors[:, step]), 0)
        self._scores = np.einsum("srh,sh->sr", self._second, self._hidden).astype(np.float64)
        return best(self._scores, self._chance)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""
        rows = self._rows
        error = ((rewards - EVEN) - self._scores[rows, picks]).astype(np.float32)
        back = error[:, None] * self._second[rows, picks] * (self._hidden > 0)
        self._speeds[0] *= self._momentum
        self._speeds[1] *= self._momentum
        self._speeds[0] += self._rate * back[:, :, None] * self._world.vectors[:, step][:, None, :]
        self._speeds[1][rows, picks] += self._rate * error[:, None] * self._hidden
        self._first += self._speeds[0]
        self._second *= 1 - self._decay
        self._second += self._speeds[1]


class LinUcb:
    """LinUCB with one ridge regression for each remedy (Li and others 2010), on a random projection of the vectors;
    `keep` below 1 discounts the past (after Russac and others 2019).
    """

    def __init__(
        self,
        world: World,
        chance: np.random.Generator,
        *,
        dimensions: int = 64,
        width: float = 0.4,
        ridge: float = 0.3,
        keep: float = 1.0,
    ) -> None:
        self._chance, self._width, self._ridge, self._keep = chance, width, ridge, keep
        seeds, _, full = world.vectors.shape
        lens = np.random.default_rng(0).standard_normal((full, dimensions)).astype(np.float32) / np.sqrt(dimensions)
        self._seen = world.vectors @ lens
        self._rows = np.arange(seeds)
        self._eye = np.eye(dimensions, dtype=np.float32)
        self._moments = np.zeros((seeds, REMEDIES, dimensions, dimensions), np.float32)
        self._sums = np.zeros((seeds, REMEDIES, dimensions), np.float32)
        self._inverse = np.broadcast_to(self._eye / ridge, self._moments.shape).copy()

    def choose(self, step: int) -> Picks:
        """Return a remedy for each seed's incident at this step."""
        seen = self._seen[:, step]
        turned = np.einsum("srde,se->srd", self._inverse, seen)
        spread = np.sqrt(np.maximum(np.einsum("srd,sd->sr", turned, seen), 0))
        return best(np.einsum("srd,srd->sr", turned, self._sums) + self._width * spread, self._chance)

    def learn(self, step: int, picks: Picks, rewards: Rewards) -> None:
        """Take in how they ended."""
        rows, seen = self._rows, self._seen[:, step]
        if self._keep < 1:
            self._moments *= self._keep
            self._sums *= self._keep
        self._moments[rows, picks] += seen[:, :, None] * seen[:, None, :]
        self._sums[rows, picks] += (rewards.astype(np.float32))[:, None] * seen
        if self._keep < 1 and step % 50 == 49:
            self._inverse = np.linalg.inv(self._moments + self._ridge * self._eye)
        self._inverse[rows, picks] = np.linalg.inv(self._moments[rows, picks] + self._ridge * self._eye)
