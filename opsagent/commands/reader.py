"""`read(text, units)`: a command in plain words, as steps, or a question back. Pure; it never guesses a change.

Words get roles (`opsagent.commands.english`, `korean`), roles become clauses and calls (`opsagent.commands.meaning`),
and here is the gate: a change is planned only if every word has its place in it, in exactly one reading, and nothing
speaks against it. Everything else is asked back, with what was probably meant as an offer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from opsagent.commands import english, english_shell, say
from opsagent.commands.cautions import looked_over
from opsagent.commands.clauses import Why
from opsagent.commands.known import Known
from opsagent.commands.likely import doubts_reading
from opsagent.commands.meaning import Meant, Steps, meant
from opsagent.commands.offers import Looked, ask_back, word_and_name
from opsagent.commands.reading import Ask, Context, Language, Reading
from opsagent.commands.tags import Role, Row
from opsagent.commands.words import MAX_TEXT, Token, has_hangul, normal_form, suspicious, tokenize
from opsagent_tools.registry import READING
from opsagent_tools.units import Unit

_ALONE = Context()


def read(text: str, units: Sequence[Unit], context: Context = _ALONE) -> Reading:
    """Read one command. `units` are those that exist now; `context` is what was said before, and other names of units."""
    known = Known.of(units)
    text = unicodedata.normalize("NFC", text).strip()
    language: Language = "ko" if has_hangul(_without_names(text, known, context)) else "en"
    refused = _refuse(text, known, language)
    if refused is not None:
        return Reading(ask=refused, language=language)
    tokens = tokenize(text)
    rows, found = _meanings(tokens, language, known, context)
    steps = _planned(found)
    looked = [looked_over(one, tokens, language, known, context) for one in found]
    if any(one.clear and not other.clear for one, other in zip(found, looked, strict=True)):
        steps, found = (), looked
    accepted = () if steps else _accepted(text, tokens, found, known, context)
    if accepted:
        return Reading(steps=accepted, language=language)
    quotable = word_and_name(tokens, known) if steps else ""
    modelled = (
        bool(steps)
        and not quotable
        and any(step.tool in READING for step in steps)
        and not _leans(tokens, language, rows, found, known=known, context=context)
    )
    if steps and not quotable and not (modelled and doubts_reading(steps, rows[0], tokens)):
        return Reading(steps=steps, language=language, guessed=modelled)
    ask, guessed = ask_back(Looked(text, tokens, language, known, context, rows, found))
    return Reading(ask=ask, language=language, guessed=guessed or modelled)


def _meanings(
    tokens: tuple[Token, ...], language: Language, known: Known, context: Context
) -> tuple[tuple[Row, ...], list[Meant]]:
    if language == "ko":
        from opsagent.commands import korean  # its tables take a while to make: only where they are needed

        rows = korean.tags(tokens, known, context)
    else:
        rows = english.tags(tokens, known, context)
    return rows, [meant(row, known, context, verb_last=language == "ko") for row in rows]


def _leans(
    tokens: tuple[Token, ...],
    language: Language,
    rows: tuple[Row, ...],
    found: Sequence[Meant],
    *,
    known: Known,
    context: Context,
) -> bool:
    """Tell whether the intent model cannot know such a text: it leans on what was said before, or is typed as for a shell."""
    if any(one.leans for one in found) or (bool(context.spoken_of) and _names_nobody(rows[0])):
        return True
    return language == "en" and english_shell.row(tokens, known) is not None


def _names_nobody(row: Row) -> bool:
    """Tell whether all of it is about whom was spoken of: the intent model knows only texts that stand alone."""
    return not any(tag.role in {Role.UNIT, Role.GROUP, Role.ALL, Role.UNKNOWN} for tag in row)


def _planned(found: Sequence[Meant]) -> Steps:
    """The gate: return the steps of the one clear reading; nothing where there is none, or more than one."""
    clear: dict[str, Meant] = {}
    for one in found:
        if one.clear:
            clear.setdefault(repr([step.to_json() for step in one.steps]), one)
    every = list(clear.values())
    if not every:
        return ()
    if len(every) > 1 and any(one.changes for one in every):
        return ()
    return every[0].steps


def _accepted(text: str, tokens: Sequence[Token], found: Sequence[Meant], known: Known, context: Context) -> Steps:
    """Return what this person meant by this very text before, if nothing has changed since that it may mean instead.

    Its units are still there, the text names no others, and it forbids nothing. What it says clearly goes before.
    """
    key = normal_form(text) if context.phrases else ""
    steps = context.phrases.get(key, ()) if key else ()
    targets = {step.target for step in steps}
    there = all(target in {None, "all"} or len(known.named(target or "")) == 1 for target in targets)
    others = any(token.text in known.names and token.text not in targets for token in tokens if "all" not in targets)
    forbids = any(doubt.why is Why.FORBIDS for one in found for doubt in one.doubts)
    if not steps or not there or others or forbids:
        return ()
    return tuple(known.step(step.tool, step.target, step.args) for step in steps)


def _without_names(text: str, known: Known, context: Context) -> str:
    names = known.names | set(context.aliases) | set(context.groups)
    return " ".join(word for word in text.split() if word not in names)


def _refuse(text: str, known: Known, language: Language) -> Ask | None:
    """Turn away what cannot be a command before anyone looks at its words."""
    if not text:
        return Ask(kind="empty", question=say.say("empty", language))
    if len(text) > MAX_TEXT:
        return Ask(kind="too_long", question=say.say("too long", language, count=len(text), most=MAX_TEXT))
    reason = suspicious(text, known.names)
    if reason:
        return Ask(kind="unsafe_text", question=say.say("unsafe", language, why=reason))
    return None
