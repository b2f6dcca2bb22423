"""What the words of texts say, kept up to the truth. Meaning is enough to answer: where this breaks, it is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from opsagent_memory import database, indexable
from opsagent_memory.keywords import Hit, KeywordIndex, KeywordsBroken
from opsagent_memory.shelves import Shelf
from opsagent_memory.store import Store

_TAKEN_AT_ONCE = 500
_TAKEN_BY_A_QUESTION = 2_000
"""For so many records that the keyword index lacks a question waits; for more, it is answered without them."""
_log = logging.getLogger(__name__)


class Wording:
    """The keyword index, mended when it breaks. Callable from any thread."""

    def __init__(self, store: Store, index_dir: Path) -> None:
        self._store = store
        self._keywords = KeywordIndex(index_dir, store.key("keywords of this memory"))
        self._usable = True
        self.behind = True
        """There are records that it has not taken up."""

    def hits(self, question: str, shelves: Sequence[Shelf], near: Collection[str]) -> dict[str, Hit]:
        """Return which texts hold rare words of the question, by key (see `KeywordIndex.hits`)."""
        for again in (True, False):
            if not self._usable:
                break
            try:
                if self.behind:
                    self._take(_TAKEN_BY_A_QUESTION)
                return self._keywords.hits(question, shelves, near)
            except KeywordsBroken as error:
                self._broke(error, again=again)
        return {}

    def topics(self, question: str, shelves: Sequence[Shelf], keys: Sequence[str]) -> dict[str, float]:
        """Return what it adds to these texts' similarity that they speak of the same as the question, by key."""
        if not self._usable:
            return {}
        try:
            return self._keywords.topics(question, shelves, keys)
        except KeywordsBroken as error:
            self._broke(error, again=True)
            return {}

    def take_all(self, stops: Callable[[], bool]) -> None:
        """Take up all that is lacking, until told to stop."""
        try:
            while self.behind and self._usable and not stops():
                self._take(_TAKEN_AT_ONCE)
        except KeywordsBroken as error:
            self._broke(error, again=True)

    def look_anew(self) -> None:
        """Compare it with the truth when it is next asked, and use it again where it was given up."""
        self.behind = self._usable = True

    def erase(self) -> None:
        """Delete its file; it comes back from the truth."""
        self._keywords.erase()

    def close(self) -> None:
        """Let go of its file."""
        self._keywords.close()

    def _broke(self, error: Exception, *, again: bool) -> None:
        _log.warning("the memory's keywords are broken and %s: %s", "built anew" if again else "left out", error)
        self._usable, self.behind = again, True
        with suppress(OSError):
            self._keywords.erase()

    def _take(self, most: int) -> None:
        """Bring the index nearer to the truth, by so many records."""
        self.behind = False  # before looking: what comes meanwhile sets it again
        up_to, mark = self._keywords.mark()
        taken = 0
        with database.reading(self._store.engine) as connection:
            if up_to and indexable.key_at(connection, up_to) != mark:
                raise KeywordsBroken("they are of another time")
            while entries := indexable.after(connection, up_to, _TAKEN_AT_ONCE):
                up_to, taken = entries[-1].seq, taken + len(entries)
                self._keywords.take(entries, up_to, entries[-1].key)
                if taken >= most:
                    self.behind = True
                    return
