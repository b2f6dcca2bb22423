"""What the reader says back, in the language of the question: questions, reasons, and offers as commands. Pure.

An offer is shown as a command that the reader would take as it stands, in either language (a test reads each of them
back). The words of a language are in `say_en` and `say_ko`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from opsagent.commands import say_en, say_ko
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.reading import CommandStep, Language


class _Words(Protocol):
    """What a language has."""

    THEN: str
    SENTENCES: Mapping[str, str]

    def particles(self, text: str) -> str: ...

    def command(self, step: CommandStep) -> str: ...


_WORDS: Mapping[Language, _Words] = {"en": cast(_Words, say_en), "ko": cast(_Words, say_ko)}


def command(step: CommandStep, language: Language = "en") -> str:
    """Return a step as the command that the reader would take without asking."""
    return _WORDS[language].command(step)


def offer(steps: Sequence[CommandStep], language: Language = "en") -> str:
    """Return an offer as one line: `stop web, then start api`; `web 중지, 그 다음 api 시작`."""
    return _WORDS[language].THEN.join(command(step, language) for step in steps)


def say(key: str, language: Language, **values: object) -> str:
    """Return the sentence of that key. KeyError: there is none."""
    words = _WORDS[language]
    return words.particles(words.SENTENCES[key].format(**values))


def did_you_mean(why: str, steps: Sequence[CommandStep], language: Language) -> str:
    """Return the question that goes with the best offer."""
    return say("did you mean", language, why=why, offer=offer(steps, language))


def why(doubts: Sequence[Doubt], language: Language, *, most: int) -> str:
    """Return the first reason that can be told why a text is not done as it stands. `most`: instances that a command takes."""
    for doubt in doubts:
        key = _REASONS.get(doubt.why)
        if doubt.why is Why.COUNT:
            key = "count of" if doubt.word.isdigit() else "count"
        if doubt.why is Why.WHEN and doubt.word == "vague time":
            key = "vague"
        if key is None or ("{word" in say_en.SENTENCES[key] and not doubt.word):
            continue
        return say(key, language, word=doubt.word.split("|")[0], most=most)
    return say("not as a whole", language)


_REASONS = {
    Why.FORBIDS: "forbids",
    Why.SUPPOSES: "supposes",
    Why.ASKS: "asks",
    Why.REPORTS: "reports",
    Why.UNKNOWN: "unknown word",
    Why.NEAR: "near name",
    Why.SLIP: "slip",
    Why.WHOM: "whom",
    Why.NO_UNIT: "whom",
    Why.WHEN: "when",
    Why.EITHER: "either",
    Why.CORRECTED: "corrected",
    Why.RELATIVE: "relative",
    Why.MANY_VERBS: "many verbs",
    Why.TWICE: "many verbs",
    Why.LEFT_OUT: "left out",
    Why.MIXED: "mixed",
}
