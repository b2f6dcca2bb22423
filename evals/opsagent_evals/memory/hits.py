"""Recall at k: how much of what a question means is among the first k answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

AT = (1, 5, 10)
_Z = 1.96


class Ranker(Protocol):
    """Documents, in some order of their own for each question."""

    def rank(self, question: str, limit: int) -> list[int]:
        """Return the places of documents, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question and what each method answered."""

    text: str
    language: str
    half: str
    right: Collection[int]
    """Places of the documents that answer it; one, or several."""
    ranks: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By method: the ranks, from 1, of the right documents that were among its first answers."""

    def share(self, method: str, at: int) -> float:
        """Return how much of what is right is among the first `at`, 0..1."""
        return sum(rank <= at for rank in self.ranks[method]) / len(self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How well a method did over many questions."""

    questions: int
    at: Mapping[int, float]
    """Mean share, 0..1, by k."""

    def interval(self, at: int) -> tuple[float, float]:
        """Return Wilson's 95 % interval."""
        if not self.questions:
            return 0.0, 1.0
        count, rate = self.questions, self.at[at]
        middle = (rate + _Z * _Z / (2 * count)) / (1 + _Z * _Z / count)
        wide = _Z * math.sqrt(rate * (1 - rate) / count + _Z * _Z / (4 * count * count)) / (1 + _Z * _Z / count)
        return max(middle - wide, 0.0), min(middle + wide, 1.0)


def ask(
    questions: Iterable[tuple[str, str, str, Collection[int]]],
    rankers: Mapping[str, Ranker],
    told: Callable[[int], None] = lambda count: None,
) -> tuple[Asked, ...]:
    """Put each (text, language, half, right places) to every method; `told` hears how many were asked so far."""
    answers: list[Asked] = []
    for text, language, half, right in questions:
        ranks = {
            name: [rank for rank, place in enumerate(ranker.rank(text, max(AT)), 1) if place in right]
            for name, ranker in rankers.items()
        }
        answers.append(Asked(text=text, language=language, half=half, right=right, ranks=ranks))
        told(len(answers))
    return tuple(answers)


def recall(asked: Sequence[Asked], method: str) -> Recall:
    """Return a method's mean over these questions."""
    count = len(asked)
    at = {k: sum(one.share(method, k) for one in asked) / count if count else 0.0 for k in AT}
    return Recall(questions=count, at=at)
