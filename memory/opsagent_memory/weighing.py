"""What is told of a remedy: the kernel's record of it, mixed with what the other experts learnt. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsagent_memory.learning.words import Prediction
from opsagent_memory.ranking import NEUTRAL, PRIOR_WEIGHT
from opsagent_memory.records import RemedyRecord

_WORTH_TELLING = 0.05
"""A score that learning moved by less is told without a word on it."""


def weighed(record: RemedyRecord, prediction: Prediction, weights: Mapping[str, float]) -> RemedyRecord:
    """Mix what the kernel found in the truth with what the other experts learnt."""
    counted = (PRIOR_WEIGHT * NEUTRAL + record.successes) / (PRIOR_WEIGHT + record.tries)
    by_expert = {name: prediction.by_expert.get(name, NEUTRAL) for name in weights}
    if "kernel" in by_expert:
        by_expert["kernel"] = record.score
    score = sum(weights[name] * value for name, value in by_expert.items()) if by_expert else counted
    half = (NEUTRAL + record.score) / 2
    if not record.successes:
        score = min(score, half)
    elif record.successes == record.tries:
        score = max(score, half)
    said = [record.why]
    if prediction.stale:
        said.append("used to work here and no longer does")
    if abs(score - counted) >= _WORTH_TELLING:
        said.append(f"expected {score:.2f} (counting alone: {counted:.2f})")
    return replace(
        record,
        score=score,
        without_learning=counted,
        by_expert=by_expert,
        why=", ".join(said),
        stale=prediction.stale,
    )
