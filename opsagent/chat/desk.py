"""The home that a conversation is about: looks, has things carried out, remembers. What blocks runs in threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from opsagent.brain.port import NoModel
from opsagent.chat.ports import Surroundings
from opsagent.commands.reading import Context
from opsagent_tools.peers import person_of

if TYPE_CHECKING:
    from opsagent.brain.port import Thinker
    from opsagent.carrying.events import Event as Carried
    from opsagent.carrying.events import Person, Said
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.home import Home
    from opsagent.store.rows import ApprovalRow

_REASONS = 3


class HomeDesk:
    """One home, and the person whose process this is."""

    def __init__(self, home: Home, explain: Callable[[Exception], str], thinker: Thinker | None = None) -> None:
        self._home = home
        self._thinker = thinker or NoModel()
        self._explain = explain
        self._person = person_of(os.getuid(), os.getpid())

    @property
    def person(self) -> str:
        """Return who speaks, as the kernel knows them."""
        return self._person

    @property
    def thinker(self) -> Thinker:
        """Return whom to ask what is not understood."""
        return self._thinker

    async def look(self) -> Surroundings:
        """Return what there is now."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Surroundings:
        from opsagent.api.ask import status
        from opsagent.running import look

        daemon = status(self._home)
        running = look(self._home, daemon=daemon)
        context = Context(now=datetime.now().astimezone())
        return Surroundings(units=running.with_daemons, context=context, daemon=daemon is not None)

    def carry(self, person: Person, said: Said) -> AsyncIterator[Carried]:
        """Have steps carried out."""
        from opsagent.carrying.carrier import Carrier

        return Carrier(self._home, person).carry(said)

    async def questions(self) -> Sequence[ApprovalRow]:
        """Return the open questions of the agent, oldest first."""

        def read() -> Sequence[ApprovalRow]:
            from opsagent.store.journal import Journal

            with Journal.read(self._home) as journal:
                return journal.approvals()

        return await asyncio.to_thread(read)

    async def evidence(self, question: ApprovalRow) -> Sequence[str]:
        """Return what is known of the incident that it is about: what shows, the likeliest cause, what speaks for it."""

        def read() -> Sequence[str]:
            from opsagent.store.journal import Journal

            if question.incident_id is None:
                return ()
            with Journal.read(self._home) as journal:
                row = journal.incident(question.incident_id)
            lines = [row.incident.summary]
            if row.hypotheses:
                likeliest = max(row.hypotheses, key=lambda one: one.weight)
                lines += [f"{likeliest.cause} ({likeliest.weight:.0%})", *likeliest.speaks_for[:_REASONS]]
            return tuple(filter(None, lines))

        return await asyncio.to_thread(read)

    async def learn(self, text: str, language: Language, steps: Sequence[CommandStep]) -> bool:
        """Remember what this person means by a text; return whether it is remembered from now on."""
        return False

    def explain(self, error: Exception) -> str:
        """Return one line for what went wrong."""
        return self._explain(error)
