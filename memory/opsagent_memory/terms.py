"""Text to the terms that the keyword index knows. Pure, standard library only.

A term is an identifier (`econnrefused`, `/var/log/api.log`, `web-3`, `handlerequest`), a plain word without its ending,
a pair of Hangul syllables, or a concept: what several spellings mean (`errno 111`, `ECONNREFUSED` and `connection
refused` are all `=econnrefused`). Korean glues particles to its words (`서버가`, `서버를`), and pairs of syllables are
what such forms share.
"""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus

IDENTIFIER = 1.0
"""How much a term says when it is an identifier, or a concept."""
WORD = 0.6
PAIR = 0.4
"""One word of Korean is several pairs."""

_LONGEST = 80
"""Longer terms are noise: encoded data, whole lines without a space."""
_MOST = 600
"""So many terms of one text are enough."""

_TOKEN = re.compile(r"[a-z0-9_][a-z0-9_./:@#+-]*[a-z0-9_]|[a-z0-9_]", re.IGNORECASE)
_OTHER = re.compile(r"[^\W\d_a-zA-Z]+")
_HANGUL = re.compile(r"[가-힣]")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_SHOUTED = re.compile(r"[A-Z][A-Z0-9]{2,}")
_WORDS = re.compile(r"[a-z0-9]+")
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}(?::\d+)?")
_PLACEHOLDER = re.compile(r"<[a-z_]+>")
_COMMON = frozenset(
    "a about after again all also am an and any are as at be because been before being but by can could did do does"
    " doing down during each ever few for from further had has have having he her here hers him his how i if in into is"
    " it its just me more most my no nor not now of off on once only or other our out over own same she should so some"
    " such than that the their them then there these they this those through to too under until up us very was we were"
    " what when where which while who whom why will with would you your".split()
)
_SIGNALS = {"SIGKILL": "killed", "SIGTERM": "terminated", "SIGSEGV": "segmentation fault", "SIGABRT": "aborted"}
_SHORT = {
    "oom": ("oom", "out of memory", "oomkilled", "OutOfMemoryError", "oomkill", "heap space"),
    "tls": ("tls", "ssl"),
    "certificate": ("certificate", "certificates", "cert", "certs"),
    "database": ("database", "databases", "db", "dbs"),
    "kubernetes": ("kubernetes", "k8s"),
    "postgres": ("postgres", "postgresql", "psql", "pgsql"),
    "configuration": ("configuration", "config", "conf", "cfg"),
    "dns": ("dns", "name resolution", "getaddrinfo"),
    "sigsegv": ("segfault", "segmentation fault"),
}
"""Spellings of one thing that people and programs mix."""


def of_text(text: str) -> dict[str, float]:
    """Return the terms of a text, each with how much it says: `IDENTIFIER`, `WORD` or `PAIR`."""
    found: dict[str, float] = {}
    for term, weight in _terms(text):
        if len(term) <= _LONGEST:
            found[term] = max(weight, found.get(term, 0.0))
            if len(found) >= _MOST:
                break
    return found


def _terms(text: str) -> Iterator[tuple[str, float]]:
    text = _PLACEHOLDER.sub(" ", text)
    for concept in concepts(text):
        yield concept, IDENTIFIER
    for match in _TOKEN.finditer(text):
        yield from _of_token(match[0])
    for match in _OTHER.finditer(text):
        yield from _of_other(match[0])


def _of_token(token: str) -> Iterator[tuple[str, float]]:
    if is_identifier(token):
        yield token.lower(), IDENTIFIER
        parts = [part.lower() for part in _PARTS.findall(token)]
        if len(parts) < 2:
            return
        for part in parts:
            if len(part) > 1 and not part.isdigit() and part not in _COMMON:
                yield stem(part), WORD
        return
    for word in _WORDS.findall(token.lower()):
        if word not in _COMMON and (len(word) > 1 or word.isdigit()):
            yield stem(word), WORD


def _of_other(word: str) -> Iterator[tuple[str, float]]:
    """Letters that are not ASCII: pairs for Hangul, the word itself for the rest."""
    if not _HANGUL.search(word):
        yield word.lower(), WORD
        return
    for start in range(len(word) - 1):
        yield word[start : start + 2], PAIR


def is_identifier(token: str) -> bool:
    """Say whether this is a name that somebody gave, and not a word: what has digits among letters, or a form."""
    if len(token) < 3:
        return False
    if _DOTTED.fullmatch(token):  # an address, a version
        return True
    if any(mark in token[1:-1] for mark in "_./:@") and re.search(r"[A-Za-z]", token):
        return True
    if re.search(r"[A-Za-z]", token) and re.search(r"\d", token):
        return True
    return bool(_CAMEL.search(token) or _SHOUTED.fullmatch(token))


def stem(word: str) -> str:
    """Return an English word without its commonest endings; the same for its usual forms, not always a word."""
    if len(word) <= 3 or not word.isalpha() or not word.isascii():
        return word
    for ending, instead in (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word


def concepts(text: str) -> list[str]:
    """Return the names of what is meant, whatever it is called, each with a `=` before it."""
    words = _WORDS.findall(text.lower())
    found: dict[str, None] = {}
    for at, word in enumerate(words):
        for rest, name in _spellings().get(word, ()):
            if tuple(words[at + 1 : at + 1 + len(rest)]) == rest:
                found[f"={name}"] = None
    return list(found)


def written(text: str, term: str) -> str:
    """Return how a text writes a term that it holds; the term itself where that cannot be told."""
    words: list[str] = _WORDS.findall(text.lower())
    for at, word in enumerate(words):
        if not term.startswith("="):
            if term == stem(word):
                return word
            continue
        for rest, name in _spellings().get(word, ()):
            if term == f"={name}" and tuple(words[at + 1 : at + 1 + len(rest)]) == rest:
                return " ".join((word, *rest))
    return term.removeprefix("=")


@cache
def _spellings() -> Mapping[str, list[tuple[tuple[str, ...], str]]]:
    """First word → the words that follow, and what they mean together."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, forms in _known():
        for form in forms:
            first, *rest = _WORDS.findall(form.lower())
            found.setdefault(first, []).append((tuple(rest), name))
    return found


def _known() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the standard library knows of errors, signals and HTTP, and a short list of our own."""
    for number, name in errno.errorcode.items():
        yield name.lower(), (name, f"errno {number}", f"os error {number}", os.strerror(number))
    for name, said in _SIGNALS.items():
        number = signal.Signals[name].value
        ended = f"exit {128 + number}", f"exit code {128 + number}", f"exited with code {128 + number}"
        yield name.lower(), (name, f"signal {number}", f"kill -{number}", f"signal {said}", *ended)
    for status in HTTPStatus:
        if status >= HTTPStatus.BAD_REQUEST:
            numbers = (f"{before} {status.value}" for before in ("http", "status", "code", "error", "answered"))
            yield f"http{status.value}", (status.phrase, f"{status.value} {status.phrase}", *numbers)
    yield from _SHORT.items()
