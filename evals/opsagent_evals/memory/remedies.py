"""Which memory picks the right remedy? A simulation, every design on the same histories, and the ablation.

`simulate(seeds)` runs the designs; `interval` says how sure a mean, or a difference of two designs, is. The constants of
`remedies_world` and `remedies_designs` were calibrated (seeds 100 to 139, 200 to 215) until the single designs came out as in the
measurements that the project began with; docs/learning.md has both. The mixture was tuned on seeds 300 to 319, and what was
tried afterwards on 300 to 339. Seeds 3000 and up were used to tune nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from opsagent_evals.memory import remedies_designs as designs
from opsagent_evals.memory.remedies_world import HOURS_BETWEEN, REMEDIES, SETTINGS, World, world
from opsagent_memory.learning.learner import Learner
from opsagent_memory.learning.words import LearningOptions, Lesson, Space

FRESH_SEEDS = tuple(range(3000, 3020))
"""Never used for tuning; what is reported."""
EVERY = 25
"""After so many incidents regret is noted, for a picture."""
MIXTURE = "mixture"
SPACE = Space(floor=0.15, radius=0.37, double=0.62)
"""What is alike in this world's vectors, as `opsagent_memory.learning.words.MINILM` says it of the model's."""
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

SINGLES: Mapping[str, Callable[[World, np.random.Generator], designs.Design]] = {
    "knn_plain": partial(designs.Neighbours, by="successes", neighbours=7),
    "knn_outcome": designs.Neighbours,
    "knn_outcome_recency": partial(designs.Neighbours, half_life=300),
    "knn_outcome_thompson": partial(designs.Neighbours, by="sampled"),
    "titans_linear": designs.TitansLinear,
    "titans_mlp": designs.TitansDeep,
    "linucb": designs.LinUcb,
    "linucb_discounted": partial(designs.LinUcb, keep=0.998),
    "families": designs.Families,
    "families_decay": partial(designs.Families, keep=0.97),
    "families_momentum": partial(designs.Families, momentum=True),
}
"""The designs that the mixture is measured against."""
REFERENCES: Mapping[str, Callable[[World, np.random.Generator], designs.Design]] = {
    "true_class": partial(designs.Families, label=True),
    "random": designs.Random,
}
"""No designs: one knows what nobody can know, the other nothing."""
ABLATION: Mapping[str, LearningOptions] = {
    "without kernel": LearningOptions(kernel=False),
    "without families": LearningOptions(families=False),
    "without linear": LearningOptions(linear=False),
    "without mixing": LearningOptions(mixing=False),
    "without decay": LearningOptions(decay=False),
    "without momentum": LearningOptions(momentum=False),
    "without gating": LearningOptions(gating=False),
    "without exploration": LearningOptions(exploration=False),
}
METHODS = (MIXTURE, *SINGLES, *REFERENCES)
_BY_NUMBER = {name: number for number, name in enumerate((*SINGLES, *REFERENCES))}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one design did in one setting, by seed."""

    regret: tuple[float, ...]
    """Successes that the best remedy would have brought beyond those expected of what was picked."""
    accuracy: tuple[float, ...]
    """Share of incidents in which the best remedy was picked."""
    over_time: tuple[float, ...] = ()
    """Mean regret so far, after every `EVERY` incidents."""


Results = Mapping[str, Mapping[str, Score]]
"""setting → method → score."""


def simulate(
    seeds: Sequence[int] = FRESH_SEEDS,
    settings: Sequence[str] = SETTINGS,
    methods: Sequence[str] = METHODS,
    *,
    progress: Progress | None = None,
) -> Results:
    """Run the methods (of `METHODS`, or names of `ABLATION`) over these seeds in each setting.

    Returns setting → method → `Score`, whose tuples are in the order of the seeds. `progress` is told a line before
    each run. The same seeds give the same figures.
    """
    results: dict[str, dict[str, Score]] = {}
    for setting in settings:
        histories = world(seeds, setting)
        results[setting] = {}
        for method in methods:
            if progress is not None:
                progress(f"{setting}: {method}")
            results[setting][method] = _run(method, histories)
    return results


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval: Student's t over seeds.

    Give it per-seed differences of two designs to compare them: both saw the same histories, so that the luck of a
    seed falls out (a paired interval).
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("-inf"), float("inf")
    half = _student(len(values) - 1) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half


def difference(results: Results, setting: str, method: str, other: str) -> tuple[float, float, float]:
    """Return by how much more regret `method` has than `other`, with the paired 95 % interval."""
    pair = zip(results[setting][method].regret, results[setting][other].regret, strict=True)
    return interval([ours - theirs for ours, theirs in pair])


def best_single(results: Results, setting: str) -> str:
    """Return the single design with the least mean regret in this setting."""
    return min(SINGLES, key=lambda name: float(np.mean(results[setting][name].regret)))


def ablation(
    seeds: Sequence[int] = FRESH_SEEDS, settings: Sequence[str] = SETTINGS, *, progress: Progress | None = None
) -> Results:
    """Run the mixture, and the mixture with one part switched off at a time."""
    return simulate(seeds, settings, (MIXTURE, *ABLATION), progress=progress)


def _run(method: str, histories: World) -> Score:
    if method == MIXTURE or method in ABLATION:
        options = ABLATION.get(method, LearningOptions())
        return _learner_run(histories, options)
    if method not in _BY_NUMBER:
        raise ValueError(f"no method {method!r}: {', '.join((*METHODS, *ABLATION))}")
    make = SINGLES.get(method) or REFERENCES[method]
    chance = np.random.default_rng([_BY_NUMBER[method], *histories.seeds])
    design = make(histories, chance)
    seeds, steps = len(histories.seeds), histories.classes.shape[1]
    picks = np.zeros((seeds, steps), np.int64)
    for step in range(steps):
        picks[:, step] = design.choose(step)
        design.learn(step, picks[:, step], histories.outcomes(step, picks[:, step]))
    return _score(histories, picks)


def _learner_run(histories: World, options: LearningOptions) -> Score:
    seeds, steps = len(histories.seeds), histories.classes.shape[1]
    names = [f"remedy-{number}" for number in range(REMEDIES)]
    picks = np.zeros((seeds, steps), np.int64)
    for row in range(seeds):
        learner, chance = Learner(options, space=SPACE), random.Random(histories.seeds[row])  # noqa: S311
        for step in range(steps):
            at = _BEGIN + timedelta(hours=HOURS_BETWEEN * step)
            vector = histories.vectors[row, step]
            picked = names.index(learner.choose(vector, names, at, chance))
            reward = float(histories.luck[row, step] < histories.chances[row, step, picked])
            learner.learn(Lesson(vector=vector, remedy=names[picked], reward=reward, at=at))
            picks[row, step] = picked
    return _score(histories, picks)


def _score(histories: World, picks: NDArray[np.int64]) -> Score:
    best = histories.chances.max(axis=2)
    got = np.take_along_axis(histories.chances, picks[..., None], axis=2)[..., 0]
    so_far = (best - got).mean(axis=0).cumsum()
    return Score(
        regret=tuple(float(value) for value in (best - got).sum(axis=1)),
        accuracy=tuple(float(value) for value in (got == best).mean(axis=1)),
        over_time=tuple(float(value) for value in so_far[EVERY - 1 :: EVERY]),
    )


def _student(degrees: int) -> float:
    """Return the two-sided 95 % quantile of Student's t (Cornish-Fisher expansion; Abramowitz & Stegun 26.7.5)."""
    z, n = 1.959964, float(degrees)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )
