"""What a text speaks of: a full disk, a leak, a lock, whatever words it says that with.

A question and the record that answers it often share no word, and a small embedding model does not always know that
they are of one thing ("ran out of room" and ENOSPC). The list of topics is general knowledge of operations, written by
hand (`operations.txt`); Korean is looked up by its gloss. Pure, standard library only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

from opsagent_memory import terms
from opsagent_memory.korean import gloss
from opsagent_memory.korean.jamo import HANGUL

MOST_BYTES = 32
"""A set of topics, one bit each, fits into so many bytes."""
_LIST = "operations.txt"
_READING = 1
"""Raised whenever a text is read in another way: other stems, other words that do not count."""
_WORD = re.compile(r"[a-z0-9_'’]+")
_NOT = "!"
"""What every denial is."""
_DENIED = frozenset("not never cannot unable cant wont dont doesnt didnt isnt wasnt couldnt wouldnt".split())
_SKIPPED = frozenset(
    "a an the our its their your my his her this that these those it we they is are was were be been being am has have"
    " had having get gets got do does did can could will would shall should to just already completely totally entirely"
    " really suddenly all".split()
)
"""A form is the same with them and without."""
_APART = {
    **dict.fromkeys(("fill", "fills", "filled", "filling"), "fill"),
    **dict.fromkeys(("note", "notes", "noted"), "note"),
    **dict.fromkeys(("locale", "locales"), "locale"),
    **dict.fromkeys(("paste", "pasted", "pasting"), "paste"),
    **{
        word: word
        for word in (
            *("apply", "cors", "evening", "fastly", "https", "mining", "news", "nightly", "orders", "peering"),
            *("quite", "redos", "rounding", "staging", "stale", "stripe", "wall", "windows"),
        )
    },
}
"""What the stems would take for another word: a file, not, local, past, an app, a core, even, http, a stall, a window."""
_LOOKED_AT = 4_000
"""So many characters of a text are looked at."""


@dataclass(slots=True)
class _Node:
    """What the words that lead here stand for, and the words that may follow."""

    topics: int = 0
    next: dict[str, _Node] = field(default_factory=dict)


def of_text(text: str) -> int:
    """Return what a text speaks of, as a set of bits; `names` tells which is which."""
    text = text[:_LOOKED_AT]
    words = _words(gloss(text) if HANGUL.search(text) else text)
    first, found, end = _forms(), 0, len(words)
    for at, word in enumerate(words):
        node, following = first.get(word), at + 1
        while node:
            found |= node.topics
            node = node.next.get(words[following]) if following < end else None
            following += 1
    return found


@cache
def digest() -> str:
    """Return what tells one list, or one way to read it, from another."""
    return hashlib.sha256(f"{_READING} {_text()}".encode()).hexdigest()


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
    for line in _text().splitlines():
        name, colon, written = line.partition(":")
        if colon and not line.startswith("#"):
            found.append((name.strip(), tuple(form.strip() for form in written.split(","))))
    return tuple(found)


def _text() -> str:
    return files(__package__).joinpath(_LIST).read_text(encoding="utf-8")


@cache
def _forms() -> Mapping[str, _Node]:
    """First word → what it stands for, and the words that may follow."""
    root = _Node()
    for place, (_, written) in enumerate(_listed()):
        for form in written:
            node = root
            for word in _words(form):
                node = node.next.setdefault(word, _Node())
            node.topics |= 1 << place
    return root.next


def _words(text: str) -> list[str]:
    """Return the stems of the words that count."""
    return [term for word in _WORD.findall(text.lower()) if (term := _term(word))]


@lru_cache(maxsize=20_000)
def _term(word: str) -> str:
    word = word.replace("’", "'").strip("'")
    if word in _DENIED or word.endswith("n't"):
        return _NOT
    word = word.partition("'")[0]
    return "" if word in _SKIPPED else _APART.get(word) or terms.stem(word)
