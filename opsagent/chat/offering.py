"""Offers as a conversation shows them: numbered, one key takes one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opsagent.chat.events import Event
from opsagent.chat.sayings import say
from opsagent.commands.reading import CommandStep, Language
from opsagent.commands.say import offer

_MOST = 9
"""Offers that one key can take."""

Choice = tuple[CommandStep, ...]


def distinct(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return the offers without those that would do the same as an earlier one."""
    found: dict[str, Choice] = {}
    for choice in choices:
        same = repr([(step.tool, step.target, sorted(step.args.items())) for step in choice])
        found.setdefault(same, choice)
    return tuple(found.values())[:_MOST]


def offers_event(question: str, choices: Sequence[Choice], language: Language, *, kind: str = "offer") -> Event:
    """Return a question back with what may have been meant."""
    texts = [offer(choice, language) for choice in choices]
    lines = [f"{number}. {text}" for number, text in enumerate(texts, 1)] if len(texts) > 1 else []
    if len(texts) == 1:
        if f"`{texts[0]}`" not in question:
            lines.append(f"`{texts[0]}`")
        lines.append(say("take_one", language))
    elif texts:
        lines.append(say("take_some", language, numbers=numbers(len(texts))))
    if question.endswith("`"):
        question += "?"
    data = {"ask": kind, "offers": [[step.to_json() for step in choice] for choice in choices]}
    return Event(kind="offers", text=question, lines=tuple(lines), data=data, language=language)


def numbers(count: int) -> str:
    """Return `1, 2, 3`."""
    return ", ".join(str(number) for number in range(1, count + 1))
