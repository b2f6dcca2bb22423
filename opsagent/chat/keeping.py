"""Keeps a conversation in the journal as it is said, so that nothing is lost however its process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsagent.chat.state import State
from opsagent.store.journal import Journal

if TYPE_CHECKING:
    from opsagent.commands.reading import Language
    from opsagent.home import Home
    from opsagent.store.conversations import ConversationRow, TurnRow, Who

_TITLE = 80


class JournalKeeper:
    """One conversation of one person. It is in the journal from the first thing that is said."""

    def __init__(self, home: Home, person: str) -> None:
        self._home = home
        self._person = person
        self._journal: Journal | None = None
        self._saying = asyncio.Lock()
        self.id = ""
        """Empty: nothing was said yet."""

    async def keep(self, who: Who, text: str, data: Mapping[str, Any], language: Language) -> None:
        """Keep one thing that was said, in the order in which it was said. Raises StoreError."""
        async with self._saying:
            await asyncio.to_thread(self._keep, who, text, data, language)

    def _keep(self, who: Who, text: str, data: Mapping[str, Any], language: Language) -> None:
        if not self.id and who != "person":
            return  # what is shown before anybody said anything is no conversation yet
        journal = self._open()
        if not self.id:
            self.id = journal.begin_conversation(by=self._person, title=text[:_TITLE], language=language)
        journal.add_turn(self.id, who=who, text=text, data=data)

    def resume(self, begins_with: str, state: State) -> tuple[ConversationRow, tuple[TurnRow, ...]]:
        """Take up a conversation of this person (empty: the last one), and what it was about.

        LookupError: there is none, or it is somebody else's.
        """
        journal = self._open()
        if begins_with:
            found = journal.conversation(begins_with)
        else:
            mine = journal.conversations(self._person, limit=1)
            if not mine:
                raise LookupError("there is no conversation to resume")
            found = mine[0]
        if found.by != self._person:
            raise LookupError(f"conversation {found.id} is one of {found.by}")
        said = journal.turns(found.id)
        journal.end_conversation(found.id, ended=False)
        state.language = found.language
        for turn in reversed(said):
            if "spoken_of" in turn.data:
                state.go_on(turn.data)
                break
        self.id = found.id
        return found, said

    def begin_anew(self) -> None:
        """End this conversation; the next thing that is said begins another."""
        self._end()
        self.id = ""

    def close(self) -> None:
        """Note that it is over, and give the journal back."""
        self._end()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _end(self) -> None:
        if self.id and self._journal is not None:
            try:
                self._journal.end_conversation(self.id)
            except Exception:  # noqa: BLE001  # forgotten meanwhile, or the disk is full: it ends all the same
                return

    def _open(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.open(self._home)
        return self._journal
