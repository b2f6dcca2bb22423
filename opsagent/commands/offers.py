"""The question back: what keeps a text from being done, and what may have been meant. Offered, never run. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsagent.commands import english_words, say
from opsagent.commands.clauses import Doubt, Why
from opsagent.commands.known import Known
from opsagent.commands.likely import UNLIKELY, doubts_reading, likely
from opsagent.commands.meaning import MAX_INSTANCES, Meant, Steps, meant
from opsagent.commands.reading import Ask, Context, Language
from opsagent.commands.tags import NEAR, Role, Row, Tag
from opsagent.commands.words import Token, nearest
from opsagent_tools.registry import READING

__all__ = ["MAX_INSTANCES", "ask_back"]

_MAX_OFFERS = 3
_TIMED = re.compile(
    r"\b(?:at|by) \d{1,2}(?::\d\d| ?[ap]m)\b|\b(?:in|after) \d+ ?(?:s|sec|seconds?|m|mins?|minutes?|h|hours?|d|days?|weeks?)\b"
    r"|\d{1,4}(?:시|분|초|일) ?(?:에|뒤|후)"
)
_SILENT = frozenset({Why.FORBIDS, Why.SUPPOSES, Why.REPORTS})
"""Who forbids, supposes or reports is offered no change by the rules."""
_CONDITIONAL = frozenset("if when whenever once unless until till after before while provided soon every each".split())
_CONDITIONAL_KO = ("후", "이후", "면", "거든", "마다", "때", "전에", "후에", "뒤에", "까지")
_FORBIDDING = frozenset({"deny", "hold", "pause"})
"""What may be meant by a text that forbids."""


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


def ask_back(looked: Looked) -> tuple[Ask, bool]:
    """Return the question back, in the language of the text, and whether the intent model was asked for it."""
    known, language = looked.known, looked.language
    quoted = word_and_name(looked.tokens, known) if language == "en" else ""
    if quoted:
        return Ask(kind="unclear", question=say.say("word and name", language, word=quoted)), False
    best = min(looked.found, key=_rank, default=None)
    if best is None:
        return _lost((), language), False
    shared = next((step.target for step in best.steps if step.target and len(known.named(step.target)) > 1), None)
    if shared is not None:
        return _which(shared, best, looked), False
    ruled = tuple(_offers(looked))
    guessed = not ruled or all(step.tool in READING for step in ruled[0])
    return _asked(_likeliest_first(ruled, best, looked)[:_MAX_OFFERS], best, looked), guessed


def _asked(offers: tuple[Steps, ...], best: Meant, looked: Looked) -> Ask:
    """Return the question back that has these offers."""
    found, language = looked.found, looked.language
    thing = next(
        (doubt.word for doubt in best.doubts if doubt.why is Why.WHOM and doubt.word in english_words.THINGS), ""
    )
    if thing:
        return Ask(kind="unclear", question=say.say("word and name", language, word=thing), offers=offers)
    unknown = _unknown_unit(looked.rows, best)
    if unknown:
        return _no_such(unknown, offers, looked)
    if not best.doubts and len(found) > 1:
        return Ask(kind="unclear", question=say.say("more than one way", language), offers=offers)
    if any(doubt.why is Why.FORBIDS for doubt in best.doubts) and not offers:
        return Ask(kind="unclear", question=say.say("forbids and nothing else", language))
    if not offers:
        return _lost(best.doubts, language)
    why = say.why(best.doubts, language, most=MAX_INSTANCES)
    return Ask(kind="unclear", question=say.did_you_mean(why, offers[0], language), offers=offers)


def _rank(one: Meant) -> tuple[bool, int]:
    return (not one.steps, len(one.doubts))


def word_and_name(tokens: Sequence[Token], known: Known) -> str:
    """Return a service's name that stands unquoted where a word of that spelling may be meant; empty: there is none."""
    named = [token for token in tokens if not token.quoted and token.text in known.names]
    words = english_words.words() if named else frozenset()
    return next((one.text for one in named if one.word in words and one.word not in english_words.SOFT), "")


def _which(name: str, best: Meant, looked: Looked) -> Ask:
    known = looked.known
    units = known.named(name)
    ids = ", ".join(str(unit.id) for unit in units)
    every = tuple((known.step(best.steps[0].tool, str(unit.id), best.steps[0].args),) for unit in units)
    return Ask(
        kind="ambiguous_unit",
        question=say.say("more than one unit", looked.language, word=name, ids=ids),
        offers=every if len(best.steps) == 1 and not _silent(best) else (),
    )


def _silent(one: Meant) -> bool:
    """Tell whether no change is offered; what was to be done at a time that nobody can tell is not offered for now."""
    return any(doubt.why in _SILENT or (doubt.why is Why.WHEN and doubt.word == "vague time") for doubt in one.doubts)


def _offers(looked: Looked) -> Iterator[Steps]:
    """Yield what may have been meant, likeliest first, each once."""
    seen: set[str] = set()
    mended = [one for row in looked.rows for one in _mended(row, looked)]
    for one in [*sorted(looked.found, key=_rank), *sorted(mended, key=_rank)]:
        for steps in (one.steps, *one.others):
            key = repr([step.to_json() for step in steps])
            fits = bool(steps) and key not in seen and (not _silent(one) or all(step.tool in READING for step in steps))
            no = bool(steps) and key not in seen and all(step.tool in _FORBIDDING for step in steps)  # deny 8, not now
            if fits and _loses_time(steps, looked.tokens):
                continue
            if no or (fits and not (_silent(one) and any(doubt.why is Why.FORBIDS for doubt in one.doubts))):
                seen.add(key)
                yield steps


def _loses_time(steps: Steps, tokens: Sequence[Token]) -> bool:
    """Tell whether steps would change something now although the text says a time, be it one that there is not."""
    said = " ".join(token.text.lower() for token in tokens)
    kept = any({"at", "for", "since"} & set(step.args) for step in steps)
    return not kept and any(step.tool not in READING for step in steps) and _TIMED.search(said) is not None


def _likeliest_first(offers: tuple[Steps, ...], best: Meant, looked: Looked) -> tuple[Steps, ...]:
    """Put before the offers what the intent model sees, where the rules have none, or one to read that it doubts."""
    row, tokens = looked.rows[0], looked.tokens
    if offers and any(step.tool not in READING for step in offers[0]):
        return offers
    if offers and not doubts_reading(offers[0], row, tokens, UNLIKELY):
        return offers
    seen = likely(row, tokens, looked.known, sure=_silent(best))
    if not seen or (seen[0].tool not in READING and _loses_meaning(seen, best, row, tokens)):
        return offers
    return (seen, *(offer for offer in offers if offer != seen))


def _loses_meaning(seen: Steps, best: Meant, row: Row, tokens: Sequence[Token]) -> bool:
    """Tell whether a change would be offered without what forbids it, or without its time or condition."""
    reasons = {doubt.why for doubt in best.doubts}
    denied = {tag.value for tag in row if tag.role is Role.VERB and tag.form == "negated"}
    if seen[0].tool in denied or ((Why.FORBIDS in reasons or denied) and seen[0].tool not in _FORBIDDING):
        return True
    said = [token.word for token in tokens]
    conditional = any(word in _CONDITIONAL or word.endswith(_CONDITIONAL_KO) for word in said)
    conditional |= ("should", "it") in itertools.pairwise(said)
    if _loses_time(seen, tokens):
        return True
    return (Why.WHEN in reasons and "at" not in seen[0].args) or (conditional and "if" not in seen[0].args)


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


def _no_such(word: str, offers: tuple[Steps, ...], looked: Looked) -> Ask:
    names, language = looked.known.short_names, looked.language
    if offers:
        question = say.did_you_mean(say.say("no such unit", language, word=word), offers[0], language)
    else:
        question = say.say("units are" if names else "no units", language, word=word, names=", ".join(names[:12]))
    return Ask(kind="unknown_unit", question=question, offers=offers)


def _lost(doubts: Sequence[Doubt], language: Language) -> Ask:
    why = say.why(doubts, language, most=MAX_INSTANCES)
    return Ask(kind="unclear", question=say.say("for instance", language, why=why))
