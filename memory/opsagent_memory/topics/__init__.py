"""What a text speaks of: a full disk, a leak, a lock, whatever words it says that with.

A question and the record that answers it often share no word, and a small embedding model does not always know that
they are of one thing ("ran out of room" and ENOSPC). The list of topics is general knowledge of operations, written by
hand (`operations.txt`); Korean is looked up by its gloss. Pure, standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files

from opsagent_memory import terms
from opsagent_memory.korean import gloss
from opsagent_memory.korean.jamo import HANGUL

MOST_BYTES = 32
"""A set of topics, one bit each, fits into so many bytes."""
_LIST = "operations.txt"
_WORD = re.compile(r"[a-z0-9_]+")
_LOOKED_AT = 4_000
"""So many characters of a text are looked at."""
_Forms = Mapping[str, list[tuple[tuple[str, ...], int]]]


def of_text(text: str) -> int:
    """Return what a text speaks of, as a set of bits; `names` tells which is which."""
    text = text[:_LOOKED_AT]
    words = [_stem(word) for word in _WORD.findall((gloss(text) if HANGUL.search(text) else text).lower())]
    forms, found = _forms(), 0
    for at, word in enumerate(words):
        for rest, topic in forms.get(word, ()):
            if not rest or tuple(words[at + 1 : at + 1 + len(rest)]) == rest:
                found |= topic
    return found


def names() -> tuple[str, ...]:
    """Return the topics in the order of their bits."""
    return tuple(name for name, _ in _listed())


def bits(topics: int) -> Iterator[int]:
    """Yield the places of the bits that are set."""
    while topics:
        lowest = topics & -topics
        yield lowest.bit_length() - 1
        topics ^= lowest


@cache
def _listed() -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for line in files(__package__).joinpath(_LIST).read_text(encoding="utf-8").splitlines():
        name, colon, written = line.partition(":")
        if colon and not line.startswith("#"):
            found.append((name.strip(), tuple(form.strip() for form in written.split(","))))
    return tuple(found)


@cache
def _forms() -> _Forms:
    """First word → the words that follow, and the topic that they stand for together."""
    found: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for place, (_, written) in enumerate(_listed()):
        for form in written:
            first, *rest = (_stem(word) for word in _WORD.findall(form.lower()))
            found.setdefault(first, []).append((tuple(rest), 1 << place))
    return found


_stem = lru_cache(maxsize=20_000)(terms.stem)
