"""Incidents of one service are told apart by their text when their causes differ (the real model, held-out texts)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from opsagent_memory.embed import MiniLmEmbedder
from opsagent_memory.ranking import SIMILARITY_FLOOR
from tests.unit.memory.incidents import DEVELOPMENT, HELD_OUT, Causes


@pytest.fixture(scope="module")
def model() -> MiniLmEmbedder:
    return MiniLmEmbedder()


def pairs(causes: Causes, model: MiniLmEmbedder) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
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
def test_causes_are_told_apart(causes: Causes, leak: float, model: MiniLmEmbedder) -> None:
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
