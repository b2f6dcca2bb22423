"""`read(text)`: a sentence that a person taught, as a rule that the guard can heed, or as a plain fact. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from opsagent.commands.words import MAX_TEXT, has_hangul, nearest, suspicious
from opsagent.maintenance import ALL
from opsagent.taught import english, korean
from opsagent.taught.clock import Unclear
from opsagent.taught.reading import ACTIONS, Names, When
from opsagent.taught.rule import FIELD, TaughtRule, Verdict

_QUOTED = "\"'`“”‘’.,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What was read from a sentence."""

    rule: TaughtRule | None = None
    valid_to: datetime | None = None
    """When it ends, where the sentence says so."""
    note: str = ""
    """One line for who said it: what it was read as, or why it binds nobody."""
    unknown: tuple[str, ...] = ()
    """Names that no service has now."""

    @property
    def fields(self) -> dict[str, Any]:
        """Return what the fact carries beside its text."""
        return {FIELD: self.rule.fields()} if self.rule is not None else {}


def read(text: str, *, zone: str, now: datetime, known: Iterable[str] = (), it: str = "") -> Taught:
    """Read one sentence, in English or Korean.

    `known`: names of units that exist; `it`: the unit that the sentence is about where it names none; `zone`: whose
    clock is meant where the sentence does not say. What is not understood whole becomes no rule.
    """
    names = frozenset(known)
    said = unicodedata.normalize("NFC", text).strip().rstrip(".!。 ").strip()
    in_korean = has_hangul(" ".join(word for word in said.split() if word.strip(_QUOTED) not in names))
    reader = korean if in_korean else english
    when = When(zone=zone)
    try:
        spelled = reader.read(_plain(said, names), Names(names, it), when, now)
    except Unclear as unclear:
        begins = said[:MAX_TEXT]  # what is longer is no rule, and may take long to look through
        if not (english.LIKE_A_RULE.search(begins) or korean.LIKE_A_RULE.search(begins)):
            return Taught()
        return Taught(note=f"kept as text, and binds nobody: {unclear}")
    rule = TaughtRule(
        verdict=cast("Verdict", spelled.verdict),
        actions=frozenset().union(*(ACTIONS[verb] for verb in spelled.verbs)),
        units=spelled.units,
        window=when.window(),
        outside=spelled.outside,
        text=text,
    )
    unknown = tuple(name for name in rule.units if names and name not in names and name not in {ALL, it})
    note = f"read as: {rule.says()}"
    if when.until is not None:
        note += f", until {when.until:%Y-%m-%d %H:%M} UTC"
    return Taught(rule=replace(rule), valid_to=when.until, note=note + _of_unknown(unknown, names), unknown=unknown)


def _plain(said: str, names: frozenset[str]) -> str:
    """Return the text with single blanks. Raises Unclear where it may not be what it looks like."""
    why = f"it has more than {MAX_TEXT} characters" if len(said) > MAX_TEXT else suspicious(said, names)
    if why:
        raise Unclear(why)
    return " ".join(said.split())


def _of_unknown(unknown: tuple[str, ...], names: frozenset[str]) -> str:
    said = ""
    for name in unknown:
        near = nearest(name, names)
        said += f"; no service is called {name} now" + (f" (did you mean {near[0]}?)" if near else "")
    return said
