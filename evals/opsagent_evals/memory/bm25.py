"""BM25, the yardstick of search by words (Robertson and Zaragoza 2009), with the idf that Lucene uses.

score(q, d) = Σ idf(t) · tf · (k₁ + 1) / (tf + k₁ · (1 - b + b · |d| / mean |d|)),   idf(t) = ln(1 + (N - n + ½) / (n + ½))
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

K1 = 1.2
B = 0.75
_RUN = re.compile(r"[가-힣]+|[^\W_가-힣]+")


def words(text: str) -> Iterator[str]:
    """Yield words in small letters; of Korean, whose words carry endings, the pairs of neighbouring syllables."""
    for run in _RUN.findall(text.lower()):
        if "가" <= run[0] <= "힣" and len(run) > 1:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run


class Bm25:
    """Ranks documents for a question."""

    def __init__(self, documents: Sequence[str]) -> None:
        counted = [Counter(words(document)) for document in documents]
        mean = sum(counts.total() for counts in counted) / max(len(counted), 1) or 1.0
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, counts in enumerate(counted):
            length = K1 * (1 - B + B * counts.total() / mean)
            for word, count in counts.items():
                self._postings[word].append((place, count * (K1 + 1) / (count + length)))
        self._documents = len(counted)

    def rank(self, question: str, limit: int) -> list[int]:
        """Return the places of the documents that share a word with the question, best first, `limit` at most."""
        scores: dict[int, float] = defaultdict(float)
        for word in words(question):
            found = self._postings.get(word, ())
            idf = math.log(1 + (self._documents - len(found) + 0.5) / (len(found) + 0.5))
            for place, weight in found:
                scores[place] += idf * weight
        return sorted(scores, key=lambda place: (-scores[place], place))[:limit]
