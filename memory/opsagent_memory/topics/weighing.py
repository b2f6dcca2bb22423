"""How much it says that a text speaks of the same as a question.

    s     = Σ ln((n + 1) / (df(t) + 1/2)) / ln(n + 1)   over the topics t that both speak of
    bonus = MOST · s² / (1 + s²)

(n texts were looked at, df of which speak of the topic: its inverse document frequency, 0..1.) Common topics say
little, several shared ones much more than one. Where most texts of a shelf speak of no topic at all, it is about something
else than operations, its words fall upon topics by chance, and the frequencies are worth

    max(0, 2 · share of the texts that speak of any - 1)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from opsagent_memory import topics

MOST = 0.2
"""No sharing of topics is worth more similarity than this. Chosen on the development half of the memory suite."""
SAMPLE = 2_000
"""Frequencies are counted over at most so many texts of a shelf."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much topics say on a shelf."""

    by_topic: tuple[float, ...]
    worth: float
    """0..1: how far the shelf is about operations at all."""


def weights(sample: Iterable[int]) -> Weights:
    """Return how much each topic says among texts that speak of these."""
    counts = [0] * len(topics.names())
    texts = speaking = 0
    for spoken_of in sample:
        texts += 1
        speaking += bool(spoken_of)
        for place in topics.bits(spoken_of):
            if place < len(counts):
                counts[place] += 1
    longest = math.log(texts + 1) or 1.0
    worth = max(0.0, 2.0 * speaking / texts - 1.0) if texts else 0.0
    rarity = (max(0.0, math.log((texts + 1) / (count + 0.5)) / longest) for count in counts)
    return Weights(tuple(worth * rare for rare in rarity), worth)


def bonus(shared: int, weighed: Weights) -> float:
    """Return what the topics that are shared add to a similarity, 0..`MOST`."""
    strength = sum(weighed.by_topic[place] for place in topics.bits(shared)) ** 2
    return MOST * strength / (1 + strength)
