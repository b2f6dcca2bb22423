"""What people mean by a text of theirs, in the journal: they were offered it, and took it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, select

from opsagent.store.boundary import Store, clean
from opsagent.store.schema import phrases

_MOST = 2000
"""Phrases of one person that are looked at: the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseRow:
    """One text, and what one person means by it."""

    id: str
    by: str
    key: str
    """The text as `opsagent.commands.words.normal_form` writes it."""
    text: str
    """As it was typed."""
    language: Literal["en", "ko"]
    steps: tuple[Any, ...]
    """As `opsagent.carrying.stored` writes them."""
    at: datetime
    """When they said so."""
    uses: int = 0
    """How often it was understood by this since."""
    used_at: datetime | None = None


class Phrases(Store):
    """The part of the journal that knows what people mean by their own words."""

    def learn_phrase(self, *, by: str, key: str, text: str, language: str, steps: Sequence[Any]) -> PhraseRow | None:
        """Keep what `by` means by a text; return what they meant by it before, None where that is new or the same.

        What holds a secret is not kept: masked, it would not mean the same.
        """
        if clean(key) != key or clean(list(steps)) != list(steps):
            return None
        with self._writing(durable=True) as writer:
            wanted = select(phrases).where(phrases.c.by == by, phrases.c.key == key)
            known = writer.connection.execute(wanted).mappings().first()
            said = {"text": text, "language": language, "steps": list(steps), "at": writer.now}
            if known is None:
                writer.insert(phrases, secrets.token_hex(4), by=by, key=key, uses=0, used_at=None, **said)
                return None
            before = _row(known)
            writer.update(phrases, before.id, **said)
            return None if list(before.steps) == list(steps) else before

    def phrases(self, by: str | None = None) -> tuple[PhraseRow, ...]:
        """Return what people (or this one) mean by their texts, the latest first."""
        wanted = select(phrases).order_by(phrases.c.at.desc(), phrases.c.id).limit(_MOST)
        if by is not None:
            wanted = wanted.where(phrases.c.by == by)
        with self._reading() as connection:
            return tuple(_row(row) for row in connection.execute(wanted).mappings())

    def use_phrase(self, *, by: str, key: str) -> None:
        """Note that a text was understood by what this person meant by it before."""
        with self._writing() as writer:
            wanted = select(phrases).where(phrases.c.by == by, phrases.c.key == key)
            row = writer.connection.execute(wanted).mappings().first()
            if row is not None:
                writer.update(phrases, row["id"], uses=int(row["uses"]) + 1, used_at=writer.now)

    def forget_phrase(self, *, by: str, key: str) -> PhraseRow | None:
        """Drop what this person means by a text; return it, None where there is no such."""
        with self._writing(durable=True) as writer:
            wanted = select(phrases).where(phrases.c.by == by, phrases.c.key == key)
            row = writer.connection.execute(wanted).mappings().first()
            if row is None:
                return None
            writer.remove(phrases, row["id"])
            return _row(row)


def _row(row: RowMapping) -> PhraseRow:
    values = {name: row[name] for name in PhraseRow.__dataclass_fields__}
    return PhraseRow(**{**values, "steps": tuple(values["steps"])})
