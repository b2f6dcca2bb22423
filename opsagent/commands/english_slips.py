"""Misspelt English words: the verb, or the thing to look at, that one was most likely meant to be. Never one to act on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from opsagent.commands import english_words
from opsagent.commands.english_words import Meaning
from opsagent.commands.tags import Role
from opsagent.commands.words import distance


@cache
def _verbs_by_word() -> Mapping[str, Meaning]:
    """Return single words worth mending, with what they are."""
    found: dict[str, Meaning] = {}
    for first, entries in english_words.lexicon().items():
        for phrase, meanings in entries:
            if len(phrase) == 1 and len(first) > 3:
                for role, value, form in meanings:
                    if (role is Role.VERB and form == "imperative" and value not in _NEVER_MEANT) or (
                        role is Role.NOUN and value in _MENDED
                    ):
                        found.setdefault(first, (role, value, "near" if role is Role.VERB else form))
    return found


@cache
def _verbs_by_letter() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for word in _verbs_by_word():
        found.setdefault(word[0], []).append(word)
    return {letter: tuple(every) for letter, every in found.items()}


_NEVER_MEANT = frozenset({"touch", "kill", english_words.OTHER, "teach", "approve", "deny"})
_MENDED = frozenset({"logs", "errors", "status", "incidents", "memory", "disk", "uptime", "services"})


def slip(word: str) -> Meaning | None:
    """Return what a misspelt word is nearest to; None where nothing is near, or two things are."""
    if len(word) < 4 or not word.isalpha():
        return None
    letters = set(word)
    far = {
        known: distance(word, known)
        for known in _verbs_by_letter().get(word[0], ())
        if abs(len(known) - len(word)) <= 2 and len(letters ^ set(known)) <= 3
    }
    least = min(far.values(), default=9)
    near = {_verbs_by_word()[known][:2]: _verbs_by_word()[known] for known, one in far.items() if one == least}
    return next(iter(near.values())) if len(near) == 1 and least <= (1 if len(word) < 6 else 2) else None
