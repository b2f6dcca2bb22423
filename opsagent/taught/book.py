"""The rules that people taught, as the guard is told of them: read from SQL, without index and model.

Only a fact that a person gave to this memory is a rule. One that came from another memory, a document, a log or a model
is none, whatever it claims, and none of those can take a rule's place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.store.errors import StoreError
from opsagent.taught.rule import FIELD, TaughtRule, heeded

if TYPE_CHECKING:
    from opsagent_memory import MemoryReader, Record

_LOG = logging.getLogger(__name__)
_Valid = tuple[TaughtRule, datetime | None, datetime | None]
"""A rule, from when, and until when."""


class TaughtBook:
    """Knows all taught rules; looks again when the memory changed. Methods block for one query, from any thread."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._reader: MemoryReader | None = None
        self._known: tuple[str, tuple[_Valid, ...]] = ("", ())
        self._looking = threading.Lock()

    def rules(self, now: datetime) -> tuple[TaughtRule, ...]:
        """Return the rules that stand at this moment, whether their hour has come or not.

        Raises:
            StoreError: the memory cannot be read. What people forbade is not known then, so nothing may be done.
        """
        return tuple(
            rule
            for rule, begins, ends in self._all()
            if (begins is None or begins <= now) and (ends is None or now < ends)
        )

    def open_now(self, now: datetime) -> tuple[TaughtRule, ...]:
        """Return the rules that hold at this very moment. Raises StoreError."""
        return tuple(rule for rule in self.rules(now) if rule.holds(now))

    def _all(self) -> tuple[_Valid, ...]:
        if not self._database.exists():
            return ()
        from opsagent_memory import Kind, MemoryFailure, MemoryReader

        with self._looking:
            try:
                if self._reader is None:
                    self._reader = MemoryReader(self._database)
                mark = self._reader.mark()
                if not mark and self._reader.is_newer():
                    raise StoreError("what people taught cannot be read: a newer version wrote it; upgrade opsagent")
                if mark != self._known[0]:
                    facts = self._reader.by_people(Kind.FACT)
                    self._known = (mark, tuple(valid for fact in facts if (valid := _valid(fact)) is not None))
            except MemoryFailure as error:
                raise StoreError(f"what people taught cannot be read: {error}") from error
            return self._known[1]

    def close(self) -> None:
        """Close the database."""
        with self._looking:
            if self._reader is not None:
                self._reader.close()
                self._reader = None


def _valid(fact: Record) -> _Valid | None:
    said = fact.fields.get(FIELD)
    if not isinstance(said, Mapping):  # nobody was ever taught so
        return None
    rule = heeded(said, fact=fact.id, text=fact.text)
    if rule.unread:
        _LOG.warning("what was taught in %s is %s", fact.id, rule.says())
    ends = [at for at in (fact.valid_to, fact.ended_at) if at is not None]
    return rule, fact.valid_from, min(ends, default=None)
