"""The question back: what keeps a text from being done, and what may have been meant. Offered, never run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsagent.commands import english_words
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.known import Known
from opsagent.commands.meaning import MAX_INSTANCES, Meant, Steps, meant
from opsagent.commands.reading import Ask, Context, Language, offer_text
from opsagent.commands.tags import NEAR, Role, Row, Tag
from opsagent.commands.words import Token, nearest
from opsagent_tools.registry import READING

__all__ = ["MAX_INSTANCES", "ask_back"]

_MAX_OFFERS = 3
_SILENT = frozenset({Why.FORBIDS, Why.SUPPOSES, Why.REPORTS})
"""Who forbids, supposes or reports is offered no change."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A text that is not done as it stands, with everything that was made of it."""

    text: str
    tokens: Sequence[Token]
    language: Language
    known: Known
    context: Context
    rows: Sequence[Row]
    found: Sequence[Meant]


def ask_back(looked: Looked) -> Ask:
    """Return the question back."""
    known, found = looked.known, looked.found
    quoted = word_and_name(looked.tokens, known)
    if quoted:
        return Ask(
            kind="unclear", question=f'{quoted!r} is a word and a service: put the service in quotes: "{quoted}"'
        )
    best = min(found, key=_rank, default=None)
    if best is None:
        return _lost(())
    shared = next((step.target for step in best.steps if step.target and len(known.named(step.target)) > 1), None)
    if shared is not None:
        return _which(shared, best, known)
    offers = tuple(_offers(looked))[:_MAX_OFFERS]
    unknown = _unknown_unit(looked.rows, best)
    if unknown:
        return _no_such(unknown, offers, known)
    if not best.doubts and len(found) > 1:
        return Ask(kind="unclear", question="That can be read in more than one way", offers=offers)
    if any(doubt.why is Why.FORBIDS for doubt in best.doubts) and not offers:
        return Ask(kind="unclear", question="That forbids something or tells me not to act; I do nothing")
    why = _why(best.doubts)
    if not offers:
        return _lost(best.doubts)
    return Ask(kind="unclear", question=f"{why}. Did you mean `{offer_text(offers[0])}`", offers=offers)


def _rank(one: Meant) -> tuple[bool, int]:
    return (not one.steps, len(one.doubts))


def word_and_name(tokens: Sequence[Token], known: Known) -> str:
    """Return a service's name that stands unquoted where a word of that spelling may be meant; empty: there is none."""
    words = english_words.words() - english_words.SOFT
    return next(
        (token.text for token in tokens if not token.quoted and token.text in known.names and token.word in words), ""
    )


def _which(name: str, best: Meant, known: Known) -> Ask:
    units = known.named(name)
    ids = ", ".join(str(unit.id) for unit in units)
    every = tuple((known.step(best.steps[0].tool, str(unit.id), best.steps[0].args),) for unit in units)
    return Ask(
        kind="ambiguous_unit",
        question=f"There is more than one {name} ({ids}); say which by its full id",
        offers=every if len(best.steps) == 1 and not _silent(best) else (),
    )


def _silent(one: Meant) -> bool:
    return any(doubt.why in _SILENT for doubt in one.doubts)


def _offers(looked: Looked) -> Iterator[Steps]:
    """Yield what may have been meant, likeliest first, each once."""
    seen: set[str] = set()
    mended = [one for row in looked.rows for one in _mended(row, looked)]
    for one in [*sorted(looked.found, key=_rank), *sorted(mended, key=_rank)]:
        for steps in (one.steps, *one.others):
            key = repr([step.to_json() for step in steps])
            fits = bool(steps) and key not in seen and (not _silent(one) or all(step.tool in READING for step in steps))
            if fits and not (_silent(one) and any(doubt.why is Why.FORBIDS for doubt in one.doubts)):
                seen.add(key)
                yield steps


def _mended(row: Row, looked: Looked) -> Iterator[Meant]:
    """Yield what the row comes to if an unknown word was a misspelt name."""
    if any(tag.role in {Role.UNIT, Role.GROUP} for tag in row):
        return
    for place, tag in enumerate(row):
        if tag.role is Role.UNKNOWN:
            for name in nearest(tag.value, looked.known.short_names)[:_MAX_OFFERS]:
                near = Tag(Role.UNIT, name, tag.start, tag.end, NEAR)
                mended = (*row[:place], near, *row[place + 1 :])
                yield meant(mended, looked.known, looked.context, verb_last=looked.language == "ko")
            return


def _unknown_unit(rows: Sequence[Row], best: Meant) -> str:
    """Return the word that seems to name a unit that is not there."""
    missing = [doubt for doubt in best.doubts if doubt.why is Why.NO_UNIT]
    if not missing or not rows:
        return ""
    named = [doubt.word for doubt in missing if doubt.word]
    words = [tag.value for tag in rows[0] if tag.role is Role.UNKNOWN]
    return named[0] if named else words[0] if words else ""


def _no_such(word: str, offers: tuple[Steps, ...], known: Known) -> Ask:
    there = ", ".join(known.short_names[:12]) or "none; `opsagent up FILE` starts some"
    hint = f"Did you mean `{offer_text(offers[0])}`" if offers else f"The units are: {there}"
    return Ask(kind="unknown_unit", question=f"There is no unit {word!r}. {hint}", offers=offers)


def _lost(doubts: Sequence[Doubt]) -> Ask:
    why = _why(doubts)
    return Ask(kind="unclear", question=f"{why}. Say for instance: reload NAME safely, logs NAME, why NAME, status")


def _why(doubts: Sequence[Doubt]) -> str:
    for doubt in doubts:
        match doubt.why:
            case Why.UNKNOWN if doubt.word:
                return f"I do not know {doubt.word!r}"
            case Why.SUPPOSES | Why.WHEN:
                return f"I do not act on {doubt.word!r}"
            case Why.ASKS:
                return "That is a question, and it names a change"
            case Why.WHOM | Why.NO_UNIT:
                return "It is not clear which service that means"
            case Why.COUNT:
                return f"A command takes 1 to {MAX_INSTANCES} instances" + (
                    f", not {doubt.word}" if doubt.word.isdigit() else ""
                )
            case Why.MANY_VERBS | Why.TWICE:
                return "That names more than one action"
    return "I do not understand that as a whole"
