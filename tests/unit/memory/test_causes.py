"""Incidents of one service are told apart by their text when their causes differ (the real model, held-out texts)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.learning.learner import Learner
from opsagent_memory.learning.words import Lesson
from opsagent_memory.ranking import NEUTRAL, SIMILARITY_FLOOR, Candidate, remedies
from opsagent_memory.records import Kind, Outcome, Source
from opsagent_memory.weighing import weighed
from tests.unit.memory.incidents import DEVELOPMENT, HELD_OUT, Causes


@pytest.fixture(scope="module")
def model() -> BilingualEmbedder:
    return BilingualEmbedder()


def pairs(causes: Causes, model: BilingualEmbedder) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return the similarities of pairs with the same cause, with different causes, and how often the nearest is right.

    Only texts of the same service are compared: memory keeps a scope for each.
    """
    same: list[float] = []
    different: list[float] = []
    right = total = 0
    for by_cause in causes.values():
        labelled = [(cause, text) for cause, texts in by_cause.items() for text in texts]
        vectors = model.embed([text for _, text in labelled])
        cosines = vectors @ vectors.T
        for row, (cause, _) in enumerate(labelled):
            others = [(float(cosines[row, at]), other == cause) for at, (other, _) in enumerate(labelled) if at != row]
            same += [cosine for cosine, alike in others if alike]
            different += [cosine for cosine, alike in others if not alike]
            right += max(others)[1]
            total += 1
    return np.array(same, np.float32), np.array(different, np.float32), right / total


@pytest.mark.parametrize(("causes", "leak"), [(DEVELOPMENT, 0.0), (HELD_OUT, 0.02)], ids=["development", "held out"])
def test_causes_are_told_apart(causes: Causes, leak: float, model: BilingualEmbedder) -> None:
    same, different, nearest_right = pairs(causes, model)
    assert nearest_right >= 0.95
    assert np.mean(same >= SIMILARITY_FLOOR) >= 0.8
    assert np.mean(different >= SIMILARITY_FLOOR) <= leak


def test_both_halves_are_a_few_dozen_texts_that_share_nothing() -> None:
    halves = [
        {text for by_cause in half.values() for texts in by_cause.values() for text in texts}
        for half in (DEVELOPMENT, HELD_OUT)
    ]
    assert all(len(half) >= 36 for half in halves)
    assert not halves[0] & halves[1]


REMEDIES = ("a", "b", "c", "d", "e")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def mistakes(
    by_cause: Mapping[str, tuple[str, ...]], vectors: Mapping[str, NDArray[np.float32]], seed: int
) -> list[int]:
    """Return how often the wrong remedy was taken: by the kernel alone, and as learnt. Half-way half the causes drift."""
    counted = []
    for learns in (False, True):
        chance, learner, tried = random.Random(seed), Learner(), list[Candidate]()
        right = {cause: chance.choice(REMEDIES) for cause in by_cause}
        counted.append(0)
        for step in range(60):
            if step == 30:
                right |= {cause: chance.choice(REMEDIES) for cause in list(right)[::2]}
            now, cause = BEGIN + timedelta(hours=12 * step), chance.choice(list(by_cause))
            vector = vectors[text := chance.choice(by_cause[cause])]
            cosines = {one.text_key: min(float(vectors[one.text_key] @ vector), 1.0) for one in tried}
            near = {key: cosine for key, cosine in cosines.items() if cosine >= SIMILARITY_FLOOR}
            found = remedies([one for one in tried if one.text_key in near], near, now) if near else []
            if learns:
                expected = learner.predict(vector, [one.remedy for one in found], now)
                found = [weighed(one, expected[one.remedy], learner.weights) for one in found]
            scores = dict.fromkeys(REMEDIES, NEUTRAL) | {one.remedy: one.score for one in found}
            pick = max(REMEDIES, key=lambda remedy: (scores[remedy], remedy))
            counted[-1] += pick != right[cause]
            worked = chance.random() < (0.9 if pick == right[cause] else 0.1)
            learner.learn(Lesson(vector=vector, remedy=pick, reward=float(worked), at=now))
            tried.append(
                Candidate(
                    seq=step,
                    kind=Kind.EPISODE,
                    text_key=text,
                    remedy=pick,
                    outcome=Outcome.WORKED if worked else Outcome.FAILED,
                    source=Source.AGENT,
                    trust=1.0,
                    created_at=now,
                )
            )
    return counted


def test_learning_takes_no_more_wrong_remedies_than_counting(model: BilingualEmbedder) -> None:
    """On texts that nothing was tuned on."""
    total = np.zeros(2)
    for by_cause in HELD_OUT.values():
        texts = [text for some in by_cause.values() for text in some]
        vectors = dict(zip(texts, model.embed(texts), strict=True))
        total += np.sum([mistakes(by_cause, vectors, seed) for seed in range(5)], axis=0)
    by_kernel, learnt = total
    assert learnt <= 1.05 * by_kernel
