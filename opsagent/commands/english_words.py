"""English words and phrases with their roles, read from a table; what is not in it is unknown. Pure once it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from opsagent.commands.tags import Role
from opsagent.commands.words import vocabulary

TABLE = Path(__file__).parent / "vocabulary" / "english.txt"
"""Headings `[role value form]`, each with its phrases below it, `|` between them."""

Meaning = tuple[Role, str, str]
"""Role, value and form of a phrase."""

OTHER = "deploy"
"""The verb that stands for everything that no tool does."""

NUMBERS: Mapping[str, int] = {
    word: number
    for number, word in enumerate(
        (
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
            "eighteen nineteen twenty"
        ).split(),
        start=1,
    )
} | {
    "zero": 0, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100, "a hundred": 100, "one hundred": 100, "two hundred": 200, "five hundred": 500, "a thousand": 1000,
    "a couple of": 2, "couple of": 2, "a dozen": 12, "dozen": 12, "a couple": 2, "a single": 1,
}  # fmt: skip

SOFT = vocabulary(
    "backend cluster daemon thing instance task microservice one server program "
    "active agent alive app application apps available backup box broken build cache check clean component "
    "console container core cores cpu dead deploy deployer details disk events export figures find flow healthy "
    "history host info instance instances job journal live load machine macro memory messages metrics monitor "
    "node nodes numbers online output past ping pods probe process processes program ram release replica replicas "
    "report reports reset routine script search server service services slow state stats storage stream stuck "
    "system task timeline trace traces log logs error errors status unit update updates version watch worker workers "
)
"""Words that a unit may well be called: there both are tried. Every other word of the table names a unit only in quotes."""

THINGS = frozenset({"log", "logs", "error", "errors", "status"})
"""What is looked at, whatever a service is called: a service of that name stands where only a name can."""
BESIDE = frozenset({"service", "process", "app", "unit", "daemon", "container"})
"""Words beside a name that say that it is one."""


@cache
def lexicon() -> Mapping[str, tuple[tuple[tuple[str, ...], tuple[Meaning, ...]], ...]]:
    """Return the phrases by their first word, longest first, each with everything that it may be."""
    found: dict[tuple[str, ...], list[Meaning]] = {}
    for phrase, meaning in _phrases(TABLE.read_text()):
        meanings = found.setdefault(tuple(phrase.split()), [])
        if meaning not in meanings:
            meanings.append(meaning)
    by_first: dict[str, list[tuple[tuple[str, ...], tuple[Meaning, ...]]]] = {}
    for words_, meanings in sorted(found.items(), key=lambda pair: -len(pair[0])):
        by_first.setdefault(words_[0], []).append((words_, tuple(meanings)))
    return {first: tuple(rows) for first, rows in by_first.items()}


def _phrases(table: str) -> Iterator[tuple[str, Meaning]]:
    """Yield the phrases of a table. The value `=` is the phrase itself."""
    role, value, form = Role.UNKNOWN, "", ""
    for line in table.splitlines():
        if line.startswith("["):
            said, value, form = (*line.strip("[]").split(" "), "")[:3]
            role, value = Role(said), "" if value == "-" else value
        elif line and not line.startswith("#"):
            for phrase in filter(None, (piece.strip("| ") for piece in line.split(" | "))):
                yield spaced(phrase), (role, phrase if value == "=" else value, form)


WHOLE = ("what's", "how's", "who's", "where's", "let's", "here's")
"""Words with an ending that stay one word."""
_JOINED = re.compile(r"(?i)(?<![\w-])(?!(?:what|how|who|where|let|here)')([\w-]+)('s|'re)(?![\w-])")


def spaced(text: str) -> str:
    """Return a text with `it's` and `api's` as two words."""
    return _JOINED.sub(r"\1 \2", text)


@cache
def words() -> frozenset[str]:
    """Return every single word that has a role."""
    return frozenset(phrase[0] for rows in lexicon().values() for phrase, _ in rows if len(phrase) == 1) | set(NUMBERS)
