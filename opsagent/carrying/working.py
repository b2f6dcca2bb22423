"""What the parts of carrying out share: the home, the person, what runs, and how the end of a step is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from opsagent.carrying.events import Ending, Event, EventKind, Person, Said
from opsagent.carrying.words import say

if TYPE_CHECKING:
    from opsagent.commands.reading import CommandStep, Language
    from opsagent.home import Home
    from opsagent.ports import AgentPort
    from opsagent.running import Running
    from opsagent.store.journal import Journal

T = TypeVar("T")

_RESULTS: Mapping[EventKind, str] = {"answer": "done"}
"""What `do --json` calls an end, where that is another word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One command at work."""

    home: Home
    person: Person
    said: Said
    running: Running
    daemon: Mapping[str, Any] | None
    """What the daemon says of itself; None: none runs."""
    open_agent: Callable[[Callable[[], bool]], AbstractAsyncContextManager[AgentPort]]
    """Opens the agent; its argument says when to give up waiting for it."""
    plan_id: Callable[[int], str | None]
    """Id that the plan of a step has to bear, by its place; None: a new one."""
    tell: Callable[[Event], None]
    """Says what happens meanwhile; how a step ended is returned."""
    all_told: Callable[[], Awaitable[None]]
    """Waits until everything that was told has been shown: nobody is asked about what they have not seen."""

    @property
    def language(self) -> Language:
        """Return the language in which the person is answered."""
        return self.said.language

    def say(self, key: str, **values: object) -> str:
        """Return a sentence in the language of the person."""
        return say(self.said.language, key, **values)

    def command(self, *steps: CommandStep) -> str:
        """Return steps as the command that the person would have said, in their language."""
        from opsagent.commands.say import offer

        return offer(steps, self.said.language)

    async def confirmed(self, question: str, lines: Sequence[str] = (), *, anew: bool = False) -> bool | None:
        """Return whether the person says yes; None: nobody can be asked.

        Whoever agreed before is not asked again, unless `anew`: then they could not know what is asked about now.
        """
        if self.person.agreed and (self.person.confirm is None or not anew):
            return True
        if self.person.confirm is None:
            return None
        await self.all_told()
        return await self.person.confirm(question, lines)

    def agreeing(self) -> Desk:
        """Return the same with a person who has said yes to all of it."""
        return replace(self, person=replace(self.person, agreed=True))

    @contextmanager
    def reading(self) -> Iterator[Journal]:
        """Open the journal for looking."""
        from opsagent.store.journal import Journal

        with Journal.read(self.home) as journal:
            yield journal

    async def write(self, work: Callable[[Journal], T]) -> T:
        """Have the journal write something, in a thread. Raises StoreError, and what the work raises."""

        def run() -> T:
            from opsagent.store.journal import Journal

            with Journal.open(self.home) as journal:
                return work(journal)

        return await asyncio.to_thread(run)

    async def read(self, work: Callable[[Journal], T]) -> T:
        """Look something up in the journal, in a thread."""

        def run() -> T:
            with self.reading() as journal:
                return work(journal)

        return await asyncio.to_thread(run)


@dataclass(frozen=True, slots=True)
class Place:
    """One step, and its place among those that are carried out."""

    step: CommandStep
    number: int

    def shown(self, *lines: str) -> Event:
        """Return lines to be read."""
        return Event(kind="shown", step=self.step, number=self.number, lines=lines, text=lines[0] if lines else "")

    def ends(self, kind: EventKind, text: str, code: int = Ending.DONE, **more: Any) -> Event:
        """Return how the step ended; `more` goes into its result."""
        result = {
            "step": self.step.to_json(),
            "text": str(self.step),
            "result": _RESULTS.get(kind, kind),
            "exit_code": int(code),
            "detail": text,
            **more,
        }
        return Event(
            kind=kind,
            step=self.step,
            number=self.number,
            text=text,
            code=int(code),
            approval=str(more.get("approval") or ""),
            rule=str(more.get("rule") or ""),
            data=result,
        )

    def declined(self, desk: Desk) -> Event:
        """Return that the person said no."""
        return self.ends("declined", desk.say("nothing done"), Ending.NEEDS_APPROVAL)


@asynccontextmanager
async def given(agent: AgentPort) -> AsyncIterator[AgentPort]:
    """Hand out an agent that is open already."""
    yield agent
