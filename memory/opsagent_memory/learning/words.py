"""The vocabulary of learning. Standard library only (vectors are numpy arrays, named for the type checker)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningOptions:
    """Which parts are on. Each can be switched off by itself; the ablation table is made of these."""

    kernel: bool = True
    """The episodic kernel: a weighted vote of the episodes that are most alike."""
    families: bool = True
    """Counters of families of like incidents."""
    linear: bool = True
    """The linear associative memory, after Titans."""
    mixing: bool = True
    """Experts are weighted by their running loss; off: all alike."""
    decay: bool = True
    """Counters and the linear memory forget with time."""
    momentum: bool = True
    """Negative surprise, with momentum, hastens the forgetting of what it contradicts."""
    gating: bool = True
    """Low surprise adds to a counter, high surprise keeps the incident in full and opens a family sooner; off: every
    incident is kept in full, and families open by distance alone.
    """
    exploration: bool = True
    """`choose` tries what is unknown before what mostly failed; off: it takes the best of what was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What is alike in a space of vectors; every embedding model has its own scale of cosines."""

    floor: float = 0.80
    """What is less alike says nothing (`ranking.SIMILARITY_FLOOR`)."""
    radius: float = 0.81
    """A family takes what is at least so like its centre, when the outcome is as expected."""
    double: float = 0.97
    """Incidents as alike as this are the same one again (`recalling.NEAR_DOUBLE`)."""


MINILM = Space()
"""Of all-MiniLM-L6-v2, chosen on the development half of tests/unit/memory/incidents.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One attempt whose outcome was proven."""

    vector: NDArray[np.float32]
    """What it looked like; of length one."""
    remedy: str
    reward: float
    """1: it worked; 0: it did not; below 0: it did harm."""
    at: datetime
    """When; aware."""
    weight: float = 1.0
    """0..1: how far it is believed."""
    fault_class: str | None = None
    """Lessons of different classes are never of one family."""
    source: str = ""
    """Who says so; no source outvotes another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What is expected of a remedy."""

    remedy: str
    score: float
    """0..1: expected success. `ranking.NEUTRAL` where nothing is known."""
    uncertainty: float
    """0..1: how little is known; 1: nothing."""
    by_expert: Mapping[str, float] = field(default_factory=dict)
    stale: bool = False
    """It used to work for incidents like this, and no longer does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a lesson did."""

    surprise: float
    """Reward less what was expected, -1..1."""
    expected: float
    family: str
    """Id of the family that took it; empty where nothing was learnt."""
    opened: bool
    """Whether that family is new."""
    stale: bool
    """Whether the remedy that used to work for this family no longer does."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """The experts' weights afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Incidents that are alike, as counters."""

    id: str
    fault_class: str | None
    centre: NDArray[np.float32]
    lessons: int
    """How many it took."""
    remedies: Mapping[str, tuple[float, float]]
    """Decayed counts of successes and failures."""
    stale: frozenset[str]
    """Remedies that used to work and no longer do."""
    last_at: datetime
