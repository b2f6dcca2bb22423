"""What the front ends of a conversation share: the conversation, its home, what the daemon tells, what there is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opsagent.chat.completing import Known
from opsagent.chat.conversation import Conversation
from opsagent.chat.desk import HomeDesk
from opsagent.chat.events import Event
from opsagent.chat.keeping import JournalKeeper
from opsagent.chat.news import ASKING, ENDS, TOLD, listen
from opsagent.chat.sayings import say
from opsagent.chat.standing import Standing, stand
from opsagent.chat.state import Offers, State
from opsagent.naming import name_in
from opsagent.store.errors import StoreError
from opsagent.views.terminal import Screen
from opsagent.views.timeline import event_line
from opsagent.views.wrapping import wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from opsagent.commands.reading import Language
    from opsagent.home import Home
    from opsagent.store.conversations import ConversationRow, TurnRow
    from opsagent.store.rows import ApprovalRow

_EVERY_S = 2.0
_SHOWN_AGAIN = 8
_LISTED = 20


class Room:
    """One home, one person, one conversation at a time."""

    def __init__(self, home: Home, desk: HomeDesk, *, language: Language = "en") -> None:
        self._home = home
        self.desk = desk
        self.state = State(language=language)
        self.keeper = JournalKeeper(home, desk.person)
        self.conversation = Conversation(desk, self.keeper, self.state)
        self._resumed: tuple[ConversationRow, tuple[TurnRow, ...]] | None = None
        self._known = Known()

    def resume(self, begins_with: str) -> None:
        """Take up an earlier conversation; empty: the last one. LookupError: there is none."""
        self._resumed = self.keeper.resume(begins_with, self.state)

    def begin_anew(self) -> None:
        """End this conversation, and begin another one that knows nothing of it."""
        self.keeper.begin_anew()
        self.state = State(language=self.state.language)
        self.conversation = Conversation(self.desk, self.keeper, self.state)

    async def close(self) -> None:
        """End it."""
        self.keeper.close()
        await self.desk.close()

    @property
    def language(self) -> Language:
        """Return the language that is spoken."""
        return self.state.language

    @property
    def takes(self) -> str:
        """Return which short answers would answer what was just shown: `y/n`, `1-3`; empty: nothing is open."""
        shown = self.state.open
        if shown is None:
            return ""
        return f"1-{len(shown.choices)}" if isinstance(shown, Offers) and len(shown.choices) > 1 else "y/n"

    @property
    def height(self) -> int:
        """Return how many lines the terminal has."""
        return shutil.get_terminal_size().lines

    @property
    def history_file(self) -> Path:
        """Return where what was typed is kept."""
        return self._home.path / "chat_history"

    def known(self) -> Known:
        """Return what can be completed, as it was looked up last."""
        return self._known

    async def look_again(self) -> None:
        """Look up what can be completed."""
        try:
            self._known = await asyncio.to_thread(self._look)
        except Exception:  # noqa: BLE001  # completion is a convenience: without it one types
            return

    def _look(self) -> Known:
        from opsagent.api.ask import status
        from opsagent.carrying.context import context_of
        from opsagent.naming import full_name, index
        from opsagent.running import look
        from opsagent.store.journal import Journal

        running = look(self._home, daemon=status(self._home))
        context = context_of(self._home, running, self.desk.person, phrases=False)
        ids = [unit.id for unit in running.units]
        meant = index(ids)
        with Journal.read(self._home) as journal:
            questions = tuple((row.id, str(row.step.action)) for row in journal.approvals())
            incidents = tuple((row.id, row.incident.summary) for row in journal.incidents(limit=_LISTED))
        return Known(
            names=sorted({unit.name if len(meant[unit.name]) == 1 else full_name(unit) for unit in ids}),
            groups=sorted({*context.aliases, *context.groups}),
            questions=questions,
            incidents=incidents,
        )

    async def questions(self) -> Sequence[ApprovalRow]:
        """Return the open questions of the agent that were not shown yet; none while they cannot be looked up."""
        rows: Sequence[ApprovalRow] = ()
        with suppress(StoreError):  # a locked database, a full disk: they come up again
            rows = await self.desk.questions()
        return [row for row in rows if row.id not in self.state.shown]

    async def greeting(self, screen: Screen) -> list[str]:
        """Return the first lines."""
        await self.look_again()
        if self._resumed is None:
            return wrapped(say("greeting", self.language, count=len(self._known.names)), screen)
        row, said = self._resumed
        lines = wrapped(say("resumed", self.language, title=row.title, turns=row.turns), screen)
        return [*lines, *(line for turn in said[-_SHOWN_AGAIN:] for line in wrapped(_again(turn), screen, most=2))]

    async def listed(self, screen: Screen) -> list[str]:
        """Return this person's conversations, the latest first."""
        from opsagent.store.journal import Journal

        def read() -> tuple[ConversationRow, ...]:
            with Journal.read(self._home) as journal:
                return journal.conversations(self.desk.person, limit=_LISTED)

        rows = await asyncio.to_thread(read)
        return [
            line for row in rows for line in wrapped(f"{row.id}  {row.began_at:%Y-%m-%d %H:%M}Z  {row.title}", screen)
        ]

    async def news(self) -> AsyncIterator[tuple[Event | None, Sequence[ApprovalRow]]]:
        """Yield what the daemon tells meanwhile, and the questions that came up with it."""
        async for item in listen(self._home):
            kind = str(item.get("kind", ""))
            if kind in ASKING:
                yield None, await self.questions()
            elif kind in TOLD or (kind in ENDS and self._let_go(item)):
                yield self._news(item), ()

    def _let_go(self, item: Mapping[str, Any]) -> bool:
        """Tell, once, whether this is the end of a change that the conversation let go of."""
        unit = str(item.get("unit") or "")
        ended = {unit, name_in(unit)} & self.state.detached
        self.state.detached -= ended
        return bool(ended)

    def _news(self, item: Mapping[str, Any]) -> Event:
        text = str(item.get("text", ""))
        return Event(kind="news", text=text, data=dict(item), language=self.language)

    @staticmethod
    def news_line(event: Event, screen: Screen) -> str:
        """Return what the daemon told as a line."""
        return event_line(event.data, screen)

    async def standing(self) -> AsyncIterator[Standing]:
        """Yield how things stand, every two seconds."""
        while True:
            standing = None
            with suppress(Exception):  # what cannot be looked up now is looked up again in a moment
                standing = await asyncio.to_thread(stand, self._home, self.desk.settings)
            if standing is not None:
                yield standing
            await asyncio.sleep(_EVERY_S)


def _again(turn: TurnRow) -> str:
    mark = "› " if turn.who == "person" else "  "
    return mark + turn.text.split("\n", 1)[0]
