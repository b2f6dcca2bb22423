"""What a person means by words of theirs that no rule explains: learnt when they take an offer with their own key.

Never learnt: from `--yes`, over MCP, or from a model with nobody present; a text that leans on what was said before
(`it`, `again`); what is only so at that moment (a date, `since` a time of day); what holds a secret. The last meaning
wins. A phrase gives no authority: what disrupts is asked about as ever, and the guard rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsagent.commands.reading import CommandStep, Language
from opsagent.commands.words import normal_form

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.running import Running
    from opsagent.store.phrases import PhraseRow

_LEANS_EN = frozenset(
    "it its it's them they that this these those same again one ones other others rest both former latter there".split()
)
_LEANS_KO = re.compile(
    r"그거|그것|그걸|그게|이거|이것|이걸|저거|저것|걔|얘|쟤|아까|방금|다시 한|또 한|똑같|나머지|둘 다"
)
_OF_A_MOMENT = re.compile(r"\d{4}-\d\d-\d\d")
_NEVER = frozenset({"approve", "deny", "teach"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What came of an offer that was taken."""

    kept: bool
    before: tuple[CommandStep, ...] = ()
    """What the person meant by the text until now, where that was something else."""


def may_learn(text: str, steps: Sequence[CommandStep]) -> bool:
    """Tell whether a text will mean these steps another time too. Pure."""
    key = normal_form(text)
    words = set(re.findall(r"[a-z']+", key))
    if not key or not steps or words & _LEANS_EN or _LEANS_KO.search(key):
        return False
    return not any(_is_of_a_moment(step) for step in steps)


def _is_of_a_moment(step: CommandStep) -> bool:
    at = str(step.args.get("at", ""))
    return step.tool in _NEVER or "since" in step.args or bool(_OF_A_MOMENT.match(at))


def learn(home: Home, person: str, text: str, language: Language, steps: Sequence[CommandStep]) -> Learnt:
    """Remember what this person means by a text. Blocks. Raises StoreError."""
    from opsagent.carrying.stored import from_stored, to_stored
    from opsagent.store.journal import Journal

    if not may_learn(text, steps):
        return Learnt(kept=False)
    key = normal_form(text)
    with Journal.open(home) as journal:
        before = journal.learn_phrase(by=person, key=key, text=text, language=language, steps=to_stored(steps))
        kept = any(row.key == key for row in journal.phrases(person))
    return Learnt(kept=kept, before=from_stored(before.steps) if before is not None else ())


def meant(home: Home, running: Running, person: str, text: str) -> tuple[CommandStep, ...]:
    """Return what this person meant by a text before; nothing where they never said, or nobody can look. Blocks."""
    from opsagent.carrying.context import phrases_of
    from opsagent.store.errors import StoreError

    if not home.database.exists():
        return ()
    try:
        return phrases_of(home, running, person).get(normal_form(text), ())
    except StoreError:  # an older journal, say: what is not understood is asked back then
        return ()


def used(home: Home, person: str, text: str) -> None:
    """Note that a text was understood by what this person meant by it before. Blocks. Raises StoreError."""
    from opsagent.store.journal import Journal

    with Journal.open(home) as journal:
        journal.use_phrase(by=person, key=normal_form(text))


def forget(home: Home, person: str, text: str) -> PhraseRow | None:
    """Drop what this person means by a text; return it, None where there is none. Blocks. Raises StoreError."""
    from opsagent.store.journal import Journal

    with Journal.open(home) as journal:
        return journal.forget_phrase(by=person, key=normal_form(text))


def all_of(home: Home, person: str) -> tuple[PhraseRow, ...]:
    """Return what this person means by their texts, the latest first. Blocks. Raises StoreError."""
    from opsagent.store.journal import Journal

    with Journal.read(home) as journal:
        return journal.phrases(person)
