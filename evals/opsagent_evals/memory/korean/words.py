"""Which English word goes with a Korean one: counted over sentence pairs, without a grammar.

A Korean word stands for all its beginnings of two syllables or more, so that particles and endings fall off by
themselves. What goes together is judged by Dice's coefficient (L. R. Dice, Ecology 26, 1945) and by the share of the
Korean word's sentences that have the English one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from opsagent_memory.korean.gloss import PARTICLES

_WORD = re.compile(r"[a-z][a-z0-9'.-]*[a-z0-9]|[a-z]")
_RUN = re.compile(r"[가-힣]{2,}")
_LONGEST = 7
_SENTENCES = 4
"""A word seen in fewer sentences is not learnt."""
_SHARE = 0.45
_DICE = 0.15
_TOO_COMMON = 0.04
"""An English word in so large a share of all sentences says nothing."""
_DULL = frozenset(
    "the a an of to in on for with by from at as is are was were be been it its this that these those and or if you your "
    "will can has have had do does did may which when there all any other than then into out up so but use using used "
    "one two new set get".split()
)


def learn(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the English of Korean words, as far as the pairs (English, Korean) are of one mind."""
    together: dict[str, Counter[str]] = defaultdict(Counter)
    korean_seen: Counter[str] = Counter()
    english_seen: Counter[str] = Counter()
    shapes: dict[str, Counter[str]] = defaultdict(Counter)
    sentences = 0
    for english, korean in pairs:
        sentences += 1
        words = {_root(word): word for word in _WORD.findall(english.lower()) if word not in _DULL}
        for root, word in words.items():
            shapes[root][word] += 1
        english_seen.update(words.keys())
        beginnings = {begin for run in _RUN.findall(korean) for begin in _beginnings(run)}
        korean_seen.update(beginnings)
        for begin in beginnings:
            together[begin].update(words.keys())
    too_common = {root for root, seen in english_seen.items() if seen > _TOO_COMMON * sentences}
    learnt: dict[str, str] = {}
    for begin, seen in korean_seen.items():
        if seen < _SENTENCES:
            continue
        best = _best(together[begin], seen, english_seen, too_common)
        if best is not None:
            learnt[begin] = max(shapes[best].items(), key=lambda shape: (shape[1], shape[0]))[0]
    return _without_echoes(learnt)


def _best(counts: Counter[str], seen: int, english_seen: Counter[str], too_common: set[str]) -> str | None:
    judged = [  # of equals the last in the alphabet, whatever the order of the pairs
        (2 * count / (seen + english_seen[root]), root)
        for root, count in counts.items()
        if count >= _SENTENCES and count / seen >= _SHARE and root not in too_common and len(root) > 1
    ]
    dice, root = max(judged, default=(0.0, ""))
    return root if dice >= _DICE else None


def _without_echoes(learnt: dict[str, str]) -> dict[str, str]:
    """Leave out what a shorter beginning says already, and beginnings that end in a particle of such a word."""
    kept: dict[str, str] = {}
    for begin in sorted(learnt, key=len):
        shorter = next((begin[:cut] for cut in range(len(begin) - 1, 1, -1) if begin[:cut] in kept), None)
        if shorter is not None and (kept[shorter] == learnt[begin] or begin[len(shorter) :] in PARTICLES):
            continue
        kept[begin] = learnt[begin]
    return dict(sorted(kept.items()))


def _beginnings(run: str) -> list[str]:
    return [run[:length] for length in range(2, min(len(run), _LONGEST) + 1)]


def _root(word: str) -> str:
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 4 else word
