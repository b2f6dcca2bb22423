"""One scope's learner: what it expects of a remedy, and what an outcome teaches it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from opsagent_memory.learning.words import Family, LearningOptions, Learnt, Lesson, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEUTRAL = 0.5
_FLOOR = 0.80
_HARM = 3.0


class Learner:
    """Predicts, and learns from every lesson. Not for several threads at once."""

    def __init__(self, options: LearningOptions | None = None) -> None:
        self.options = options or LearningOptions()
        self._lessons: list[Lesson] = []

    def predict(
        self, vector: NDArray[np.float32], remedies: Sequence[str], at: datetime, fault_class: str | None = None
    ) -> dict[str, Prediction]:
        """Return what is expected of each of these remedies for something that looks like `vector`, at this time."""
        return {remedy: self._predicted(vector, remedy, fault_class) for remedy in remedies}

    def learn(self, lesson: Lesson) -> Learnt:
        """Take one outcome in."""
        expected = self._predicted(lesson.vector, lesson.remedy, lesson.fault_class).score
        self._lessons.append(lesson)
        worked = max(lesson.reward, 0.0)
        return Learnt(surprise=worked - expected, expected=expected, family="f0", opened=False, stale=False)

    def choose(
        self,
        vector: NDArray[np.float32],
        remedies: Sequence[str],
        at: datetime,
        chance: random.Random,
        fault_class: str | None = None,
    ) -> str:
        """Return the remedy to try: one of those passed in, which the caller knows to be safe; never another."""
        if not remedies:
            raise ValueError("there is nothing to choose from")
        predicted = self.predict(vector, remedies, at, fault_class)
        best = max(one.score for one in predicted.values())
        return chance.choice([remedy for remedy in remedies if predicted[remedy].score >= best])

    def families(self) -> tuple[Family, ...]:
        """Return the families of like incidents, the largest first."""
        return ()

    def dump(self) -> bytes:
        """Return the state, versioned; no pickle."""
        raise NotImplementedError

    def load(self, state: bytes) -> None:
        """Take up a state that `dump` returned.

        Raises:
            ValueError: it is broken, of another version, or was made with other options.
        """
        raise NotImplementedError

    def _predicted(self, vector: NDArray[np.float32], remedy: str, fault_class: str | None) -> Prediction:
        good = bad = 0.0
        for lesson in self._lessons:
            if lesson.remedy != remedy or lesson.fault_class != fault_class:
                continue
            weight = max(float(lesson.vector @ vector) - _FLOOR, 0.0) / (1.0 - _FLOOR) * lesson.weight
            good += weight * max(lesson.reward, 0.0)
            bad += weight * (_HARM if lesson.reward < 0 else 1.0 - lesson.reward)
        score = (_NEUTRAL + good) / (1.0 + good + bad)
        return Prediction(remedy=remedy, score=score, uncertainty=1 / (1 + good + bad), by_expert=_by(kernel=score))


def _by(**scores: float) -> Mapping[str, float]:
    return scores
