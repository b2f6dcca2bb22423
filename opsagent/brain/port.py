"""What a chat model is to the rest of the agent: somebody who is asked, looks by reading tools, and proposes a plan.

Whoever asks knows only this page. No library of models is imported here, nor by whoever holds a `Thinker`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from opsagent.commands.reading import CommandStep, Context, Language, Reading
    from opsagent_tools.units import Unit

Tell = Callable[[str], None]
"""Takes one line on what is going on, as a person may read it: `asks openai:gpt-x`, `looks: tail_logs worker`."""
Look = Callable[["CommandStep"], Awaitable[Mapping[str, Any]]]
"""Carries out one reading step and returns what it found, JSON-like and redacted; raises what it likes."""
Purpose = Literal["command", "incident", "test", "screen"]
"""What a model is asked for."""


def _nothing(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What came of asking a model. It never says that anything was done: nothing is."""

    reading: Reading | None = None
    """What the model proposes. Steps that only read come as `steps`; where anything would be changed, the whole
    proposal comes as an offer (`ask.offers[0]`), which a person has to take. None: it proposes nothing."""
    said: str = ""
    """What it says to the person, in their language: an answer, or why it proposes that. Redacted; untrusted text."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    """In `currency`; None: nobody told what it costs."""
    currency: str = "USD"
    model: str = ""
    """Which model answered in the end, as the configuration names it."""
    why_not: str = ""
    """Why there is neither proposal nor answer: one sentence for a person; empty where there is one."""
    looked: tuple[str, ...] = ()
    """What it looked at meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTool:
    """One more tool that reads: the memory, or what a foreign MCP server offers, whose words are untrusted text."""

    name: str
    summary: str
    schema: Mapping[str, Any]
    """JSON schema of its arguments."""
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]
    """Returns what it found, JSON-like; raises what it likes."""
    foreign: bool = True
    """Whether somebody else offers it: its name is marked then, and its words are called untrusted."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", MappingProxyType(dict(self.schema)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An incident, as a model may see it: what the note to a person says, typed and cut short."""

    incident: str
    """Its id."""
    unit: str
    fault: str
    note: str
    """The note in English, redacted. Quoted as data."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Hypotheses, attempts, signatures: JSON-like, redacted."""


class Thinker(Protocol):
    """Somebody who can be asked what was meant, and what may help."""

    @property
    def name(self) -> str:
        """Return which model would be asked; empty: none."""
        ...

    async def plan(
        self,
        text: str,
        units: Sequence[Unit],
        context: Context,
        *,
        tell: Tell = _nothing,
        language: Language | None = None,
        history: Sequence[tuple[str, str]] = (),
    ) -> Thought:
        """Ask what a command or a question means. Never raises for what a model or the network does.

        `history`: what was said before in this conversation, (`person` or `agent`, text), oldest first.
        """
        ...

    async def advise(self, trouble: Trouble, units: Sequence[Unit], *, tell: Tell = _nothing) -> Thought:
        """Ask what may help against trouble that nothing known helps against. Never raises, as `plan`."""
        ...

    async def close(self) -> None:
        """End what still runs for it."""
        ...


class NoModel:
    """The default: nobody is asked, and it says so."""

    def __init__(self, why: str = "no chat model is configured ([model] in config.toml, docs/models.md)") -> None:
        self._why = why

    @property
    def name(self) -> str:
        """Return an empty text: no model would be asked."""
        return ""

    async def plan(
        self,
        text: str,
        units: Sequence[Unit],
        context: Context,
        *,
        tell: Tell = _nothing,
        language: Language | None = None,
        history: Sequence[tuple[str, str]] = (),
    ) -> Thought:
        """Return why nobody is asked."""
        return Thought(why_not=self._why)

    async def advise(self, trouble: Trouble, units: Sequence[Unit], *, tell: Tell = _nothing) -> Thought:
        """Return why nobody is asked."""
        return Thought(why_not=self._why)

    async def close(self) -> None:
        """Do nothing."""
