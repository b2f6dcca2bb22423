"""What a conversation needs of the rest: to look, to have something carried out, to be remembered. Protocols only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from opsagent.brain.port import Thinker
    from opsagent.carrying.events import Event as Carried
    from opsagent.carrying.events import Person, Said
    from opsagent.commands.reading import CommandStep, Context, Language
    from opsagent.store.conversations import Who
    from opsagent.store.rows import ApprovalRow
    from opsagent_tools.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What there is when somebody speaks."""

    units: Sequence[Unit]
    context: Context
    """Aliases, groups, phrases, procedures and the time; what was spoken of is the conversation's to add."""
    daemon: bool
    """A daemon runs: what is under way there goes on without this process."""
    silent: tuple[str, ...] = ()
    """Supervisors that do not answer, so that their services are not known, each with why."""


class Carries(Protocol):
    """Carries out one command (`opsagent.carrying.carrier.Carrier`)."""

    @property
    def left(self) -> tuple[CommandStep, ...]:
        """Return the steps that were not begun."""
        ...

    def carry(self, said: Said) -> AsyncIterator[Carried]:
        """Carry the steps out and yield what happens."""
        ...


class Desk(Protocol):
    """The home that a conversation is about."""

    @property
    def person(self) -> str:
        """Who speaks, as the kernel knows them."""
        ...

    @property
    def thinker(self) -> Thinker:
        """Whom to ask what is not understood."""
        ...

    async def look(self) -> Surroundings:
        """Return what there is now."""
        ...

    def carrier(self, person: Person) -> Carries:
        """Return who carries steps out for this person."""
        ...

    async def questions(self) -> Sequence[ApprovalRow]:
        """Return the open questions of the agent, oldest first."""
        ...

    async def evidence(self, question: ApprovalRow) -> Sequence[str]:
        """Return what speaks for what is asked: a few lines, foreign text redacted."""
        ...

    async def cost(self, question: ApprovalRow) -> str:
        """Return what the same cost the last time it was done; empty: it is not known."""
        ...

    async def learn(self, text: str, language: Language, steps: Sequence[CommandStep]) -> bool:
        """Remember what this person means by a text; return whether it is remembered from now on."""
        ...

    async def understood(self, text: str) -> None:
        """Note that a text was understood by what this person meant by it before."""
        ...

    def explain(self, error: Exception) -> str:
        """Return one line for what went wrong; what is a fault of the program is written down too."""
        ...


class Keeper(Protocol):
    """Where what is said is kept."""

    async def keep(self, who: Who, text: str, data: Mapping[str, Any], language: Language) -> None:
        """Keep one thing that was said. Raises StoreError where it cannot be kept."""
        ...
