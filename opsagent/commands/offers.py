"""What may have been meant: the reading nearest to a text that was not understood. Offered, never run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsagent.commands import english, korean
from opsagent.commands.known import Known
from opsagent.commands.reading import Ask, CommandStep, Language, offer_text
from opsagent.commands.words import Token, nearest, vocabulary
from opsagent.model import Scalar
from opsagent_tools.registry import READING

_MAX_OFFERS = 3
MAX_INSTANCES = 32
"""More than this in a command is asked back: it is more likely a slip than a wish."""
_EVERYTHING = vocabulary("all everything every everyone services 모두 전부 전체 모든 다")
_MANNER = vocabulary("safely gracefully safe graceful rolling 안전하게 무중단으로")


def ask_back(
    text: str,
    tokens: tuple[Token, ...],
    language: Language,
    known: Known,
    understood: tuple[tuple[CommandStep, ...], ...],
) -> Ask:
    """Return the question for a text that was not understood, or in more than one way."""
    if understood:
        return Ask(kind="unclear", question="That can be read in more than one way", offers=understood[:_MAX_OFFERS])
    words = korean.split(tokens, known.names) if language == "ko" else tokens
    doubtful = next((word.text for word in words if _is_word_and_name(word, known)), "")
    if doubtful:
        return Ask(
            kind="unclear", question=f'{doubtful!r} is a word and a service: put the service in quotes: "{doubtful}"'
        )
    verbs = _verbs(words, language)
    targets, unknown = _targets(words, known, language)
    forbidden = _forbids(text, words, language)
    offers = () if forbidden else _offers(verbs, targets, words, known)
    if forbidden:
        return Ask(kind="unclear", question="That forbids something or tells me not to act; I do nothing")
    if unknown and (verbs or targets) and not any(word.text in known.names for word in words):
        return _unknown_unit(unknown, offers, known)
    why = _why_unclear(text, [word for word in words if word.text not in known.names], verbs, language)
    if not offers:
        return Ask(kind="unclear", question=f"{why}. Say for instance: reload NAME safely, logs NAME, why NAME, status")
    return Ask(kind="unclear", question=f"{why}. Did you mean `{offer_text(offers[0])}`", offers=offers)


def _is_word_and_name(token: Token, known: Known) -> bool:
    return token.text in known.names and token.word in english.GRAMMAR.words | korean.GRAMMAR.words


def _unknown_unit(word: str, offers: tuple[tuple[CommandStep, ...], ...], known: Known) -> Ask:
    there = ", ".join(known.short_names[:12]) or "none; `opsagent up FILE` starts some"
    hint = f"Did you mean `{offer_text(offers[0])}`" if offers else f"The units are: {there}"
    return Ask(kind="unknown_unit", question=f"There is no unit {word!r}. {hint}", offers=offers)


def _verbs(words: tuple[Token, ...], language: Language) -> tuple[str, ...]:
    """Return the tools that words of the text hint at, in their order, each once."""
    found: list[str] = []
    for token in words:
        tool = english.VERBS.get(token.word)
        if tool is None and language == "ko" and token.word:
            tool = next((tool for start, tool in korean.VERBS.items() if token.word.startswith(start)), None)
        if tool is None and len(token.word) > 3 and token.word not in english.GRAMMAR.words:
            near = nearest(token.word, [verb for verb in english.VERBS if len(verb) > 3])
            tool = english.VERBS[near[0]] if near else None
        if tool is not None:
            found.append(tool)
    return tuple(dict.fromkeys(found))


def _targets(words: tuple[Token, ...], known: Known, language: Language) -> tuple[tuple[str, ...], str]:
    """Return the units that the text names or nearly names, and the first word that may be a misspelt name."""
    exact = tuple(dict.fromkeys(token.text for token in words if token.text in known.names))
    unexplained = [token.text for token in words if not _explained(token, language)]
    if exact:
        return exact, ""
    for word in unexplained:
        spoken = next((name for sound, name in korean.SPOKEN.items() if word.startswith(sound)), word)
        near = nearest(spoken, known.short_names)
        if near:
            return near[:_MAX_OFFERS], word
    if any(token.word in _EVERYTHING for token in words):
        return (), ""
    return (), unexplained[0] if unexplained else ""


def _explained(token: Token, language: Language) -> bool:
    grammar = english.GRAMMAR
    if token.word in english.VERBS or token.word in grammar.words | grammar.nouns | grammar.things:
        return True
    if not token.text.strip(".,!?;") or token.text.isdigit() or token.word in english.NEGATIONS | english.CONDITIONS:
        return True
    return language == "ko" and (
        token.word in korean.GRAMMAR.words or any(token.word.startswith(verb) for verb in korean.VERBS)
    )


def _offers(
    verbs: tuple[str, ...], targets: tuple[str, ...], words: tuple[Token, ...], known: Known
) -> tuple[tuple[CommandStep, ...], ...]:
    """Return the likeliest readings. Without a verb, looking at the unit is offered: that changes nothing."""
    number = next((int(token.text[:6]) for token in words if token.text.isascii() and token.text.isdigit()), None)
    named = [token.text for token in words if token.text in known.names]
    if any(token.word in _EVERYTHING for token in words) and not targets and verbs:
        every = tuple(known.step(verbs[0], name, _args(verbs[0], number)) for name in known.short_names)
        return (every,) if every and (verbs[0] != "scale" or number) else ()
    tools = verbs or ("describe_process",)
    if "restart" in tools and any(token.word in _MANNER for token in words):
        tools = tuple(dict.fromkeys("reload" if tool == "restart" else tool for tool in tools))
    offers: list[tuple[CommandStep, ...]] = []
    for tool in tools:
        args = _args(tool, number)
        if tool == "scale" and not 1 <= int(args.get("instances", 0)) <= MAX_INSTANCES:
            continue
        steps = tuple(known.step(tool, name, args) for name in targets)
        offers.extend([steps] if len(set(named)) > 1 and len(tools) == 1 else [(step,) for step in steps])
    return tuple(offers[:_MAX_OFFERS])


def _args(tool: str, number: int | None) -> Mapping[str, Scalar]:
    if tool == "scale":
        return {"instances": number} if number is not None else {}
    if tool == "tail_logs" and number:
        return {"lines": number}
    return {"safely": True} if tool == "reload" else {}


def _forbids(text: str, words: tuple[Token, ...], language: Language) -> bool:
    if any(token.word.replace("’", "'") in english.NEGATIONS for token in words):
        return True
    return language == "ko" and korean.FORBIDDING.search(text) is not None


def _why_unclear(text: str, words: Sequence[Token], verbs: tuple[str, ...], language: Language) -> str:
    supposing = next((token.text for token in words if token.word in english.CONDITIONS), "")
    if supposing:
        return f"I do not act on {supposing!r}"
    if language == "ko" and korean.SUPPOSING.search(text):
        return "That sounds like a condition or a question"
    changing = [verb for verb in verbs if verb not in READING]
    if len(changing) > 1:
        return "That names more than one action"
    unexplained = [token.text for token in words if not _explained(token, language)]
    if unexplained:
        return f"I do not know {unexplained[0]!r}"
    return "I do not understand that as a whole"
