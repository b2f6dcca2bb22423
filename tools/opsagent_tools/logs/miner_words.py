"""When templates that differ in some words are one: by how many different words were seen there, and of what kind.

A leaf. Nothing is merged over a word that says how something went (`masks.POLAR`): an error never hides in a success.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from opsagent_tools.logs.masks import POLAR

WILD = "<*>"
"""Stands for every value in the text that a key is made of."""

_EDGES = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)
_LETTERS = re.compile(r"[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2}")
_PLAIN = re.compile(r"[A-Z]?[a-z]+(?:['-][a-z]+)?|[A-Z][A-Z_]*")
_BEFORE_NAMES = frozenset(
    "for from to of by user users host hosts node server service services file directory device module driver job task"
    " queue topic table key class name named called process program client group account domain interface".split()
)
"""Words before which names stand."""


@lru_cache(maxsize=4096)
def edges(token: str) -> str:
    """Return the punctuation around a token, with a gap for what is in between."""
    found = _EDGES.fullmatch(token.replace(WILD, "0"))
    return f"{found[1]}\0{found[3]}" if found else "\0"


@lru_cache(maxsize=4096)
def polar(token: str) -> bool:
    """Tell whether a token says how something went, or which way."""
    return any(part.lower() in POLAR for part in _LETTERS.findall(token)) or "5xx" in token


@lru_cache(maxsize=4096)
def wordy(token: str) -> bool:
    """Tell whether a token has a word in it that is not a value's type."""
    return _WORD.search(token.replace(WILD, "")) is not None


def is_value(token: str) -> bool:
    """Tell whether a token is nothing but a value already."""
    return WILD in token and not wordy(token)


def ripe(values: Sequence[set[str]], places: tuple[int, ...], rest: Sequence[str]) -> bool:
    """Tell whether what was seen at these places of a template is values, not words. `rest`: its other tokens."""
    words = sum(map(wordy, rest))
    if len(places) > 1 and words > 0 and all(any(map(is_value, seen)) and len(seen) >= 3 for seen in values):
        return True
    return words > 0 and all(
        _ripe(seen, place, rest[place - number - 1] if place > number else "", words)
        for number, (seen, place) in enumerate(zip(values, places, strict=True))
    )


def _ripe(seen: set[str], place: int, before: str, words: int) -> bool:
    known = any(is_value(token) for token in seen)
    plain = [token for token in seen if _PLAIN.fullmatch(token.strip(".,;:()[]{}<>\"'"))]
    others = len(seen) - len(plain)
    named = before.strip("(:").lower() in _BEFORE_NAMES
    if known and (not plain or named or words >= 4):
        return len(seen) > 1
    enough = 3 if named and words > 1 else 4 if words >= 4 else 6 if words > 1 else 12
    if place == 0:
        enough *= 2
    return len(plain) + others >= enough
