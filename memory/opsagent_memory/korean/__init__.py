"""Korean for an English model: a lexicon written by hand, words learnt from translated messages, and the gloss."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from opsagent_memory.korean.gloss import Lexicon

_HAND, _LEARNT = "lexicon.txt", "learnt.tsv"
_RULES = 1
"""Raised whenever `gloss.py` or `jamo.py` make another gloss of the same lexicon."""


@cache
def digest() -> str:
    """Return what tells one gloss from another: SHA-256 over both lexicons and the number of the rules."""
    hashed = hashlib.sha256(f"gloss {_RULES}".encode())
    for name in (_HAND, _LEARNT):
        hashed.update(hashlib.sha256(_text(name).encode()).digest())
    return hashed.hexdigest()


def gloss(text: str) -> str:
    """Return a text with its Korean in English; the lexicon is read when this is first called (0.1 s)."""
    return _lexicon().gloss(text)


@cache
def _lexicon() -> Lexicon:
    return Lexicon.read(_text(_HAND), dict(line.split("\t") for line in _text(_LEARNT).splitlines()))


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
