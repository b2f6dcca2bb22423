"""Jargon of operations in plain English: what ENOSPC, 502 or inodes mean, for a model that does not know."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_FILE = "jargon.txt"
_RULES = 1
"""Raised whenever `explained` finds other terms with the same file."""
_TOKEN = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
_Terms = Mapping[str, list[tuple[tuple[str, ...], str]]]


@cache
def digest() -> str:
    """Return what tells one jargon from another."""
    return hashlib.sha256(f"jargon {_RULES} {_text()}".encode()).hexdigest()


def explained(text: str) -> list[str]:
    """Return what the terms in a text mean, in their order, each meaning once; the file is read when first asked."""
    return meanings(text, _terms())


def meanings(text: str, terms: _Terms) -> list[str]:
    """Return what the terms in a text mean. A longer term goes before the shorter ones in it."""
    tokens = _TOKEN.findall(text.lower())
    found: dict[str, None] = {}
    place = 0
    while place < len(tokens):
        length = 1
        for term, meaning in terms.get(tokens[place], ()):
            if tuple(tokens[place : place + len(term)]) == term:
                found[meaning] = None
                length = len(term)
                break
        place += length
    return list(found)


def read(text: str) -> _Terms:
    """Read the file's text: terms by their first token, the longest first."""
    terms: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for line in text.splitlines():
        meaning, colon, written = line.partition(" : ")
        if not colon or line.startswith("#"):
            continue
        for said in written.split(","):
            term = tuple(_TOKEN.findall(said.lower()))
            terms.setdefault(term[0], []).append((term, meaning.strip()))
    for same in terms.values():
        same.sort(key=lambda entry: -len(entry[0]))
    return terms


@cache
def _terms() -> _Terms:
    return read(_text())


def _text() -> str:
    return files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
