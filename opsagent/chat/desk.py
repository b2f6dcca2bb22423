"""The home that a conversation is about: looks, has things carried out, remembers. What blocks runs in threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from opsagent.api.ask import status
from opsagent.brain.desk import thinker_of
from opsagent.carrying.carrier import Carrier
from opsagent.carrying.context import context_of
from opsagent.carrying.phrases import learn, used
from opsagent.chat.ports import Surroundings
from opsagent.model_settings import ModelSettings
from opsagent.running import look, read_config
from opsagent.store.errors import StoreError
from opsagent_tools.peers import person_of

if TYPE_CHECKING:
    from opsagent.brain.port import Thinker
    from opsagent.carrying.events import Person
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.home import Home
    from opsagent.store.rows import ApprovalRow

_REASONS = 3


class HomeDesk:
    """One home, and the person whose process this is."""

    def __init__(
        self,
        home: Home,
        explain: Callable[[Exception], str],
        thinker: Thinker | None = None,
        *,
        own_keys: bool = True,
    ) -> None:
        """`explain` makes one line of an error. `thinker`: whom to ask; None: as the configuration says. `own_keys`:
        what is said is typed; of what a program says nothing is learnt.
        """
        config = read_config(home)
        self._home = home
        self._settings = ModelSettings() if isinstance(config, str) else config.model
        self._thinker = thinker or thinker_of(home, self._settings)
        self._explain = explain
        self._own_keys = own_keys
        self._person = person_of(os.getuid(), os.getpid())

    @property
    def person(self) -> str:
        """Return who speaks, as the kernel knows them."""
        return self._person

    @property
    def thinker(self) -> Thinker:
        """Return whom to ask what is not understood."""
        return self._thinker

    @property
    def settings(self) -> ModelSettings:
        """Return which models may be asked, and how much it may cost."""
        return self._settings

    async def close(self) -> None:
        """End what still runs for this conversation."""
        await self._thinker.close()

    async def look(self) -> Surroundings:
        """Return what there is now."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Surroundings:
        daemon = status(self._home)
        running = look(self._home, daemon=daemon)
        context = context_of(self._home, running, self._person)
        silent = tuple(f"{kind}: {why}" for kind, why in sorted(running.silent.items()))
        return Surroundings(units=running.with_daemons, context=context, daemon=daemon is not None, silent=silent)

    def carrier(self, person: Person) -> Carrier:
        """Return who carries steps out for this person."""
        return Carrier(self._home, person)

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

        with suppress(StoreError, LookupError):  # it can be answered without
            return await asyncio.to_thread(read)
        return ()

    async def cost(self, question: ApprovalRow) -> str:
        """Return what the same cost the last time it was done, as it was measured then; empty: it is not known."""

        def read() -> str:
            from opsagent.store.journal import Journal

            with Journal.read(self._home) as journal:
                last = journal.last_change(question.unit, {question.step.action.name.value}, done=True)
            return last.cost if last is not None else ""

        with suppress(StoreError):
            return await asyncio.to_thread(read)
        return ""

    async def learn(self, text: str, language: Language, steps: Sequence[CommandStep]) -> bool:
        """Remember what this person means by a text; return whether it is remembered from now on."""
        if not self._own_keys:
            return False
        learnt = await asyncio.to_thread(learn, self._home, self._person, text, language, steps)
        return learnt.kept

    async def understood(self, text: str) -> None:
        """Note that a text was understood by what this person meant by it before."""
        await asyncio.to_thread(used, self._home, self._person, text)

    def explain(self, error: Exception) -> str:
        """Return one line for what went wrong."""
        return self._explain(error)
