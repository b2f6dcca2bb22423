"""What the command line may ask of the agent, whether it runs as a daemon or in this very process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from opsagent.model import Plan

if TYPE_CHECKING:
    from opsagent.learn import Reconstructed

ProgressKind = Literal[
    "planned",
    "preflight",
    "asked",
    "refused",
    "step_started",
    "step_done",
    "step_failed",
    "undone",
    "verifying",
    "done",
    "failed",
    "note",
]
"""The last item of a submission is one of `asked`, `refused`, `done` and `failed`. `preflight`: what was looked at
before anything was done, one item a line; the first of them has all of it in `data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One line of what is happening to a submitted plan."""

    kind: ProgressKind
    at: datetime
    text: str
    """For a person; redacted, not yet escaped for a medium."""
    step: int | None = None
    """Ordinal of the step, from 0."""
    steps: int | None = None
    rule: str = ""
    """With `asked` and `refused`: the guard's rule."""
    risk: str = ""
    approval: str = ""
    """With `asked`: the id to approve. With `note`: of the question that the step which is under way waits for."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """With the first `preflight`: its JSON form. With `failed`: `incident`, where one was opened for it."""


class AgentPort(Protocol):
    """The agent, seen from the command line."""

    def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        """Take a person's plan through guard, act, verify and learn.

        Unconfirmed, a plan whose risk needs a yes ends with `asked`; nothing has changed then.
        """

    def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        """Carry out a person's stored plan whose approval was given (`Journal.decide_approval`). Nothing is asked anew."""

    async def propose(self, plan: Plan, *, by: str, why: str) -> Progress:
        """Ask people about a plan that a program proposes. Ends in `asked` or `refused`, whatever its risk and the mode.

        Nothing runs. `by` names the program and its user's words for it (`mcp: editor`, `model: NAME`); it may never
        say yes itself. A person who does so has it carried out as their own (`approved`).
        """
        ...

    async def remember(self, episodes: list[Reconstructed]) -> Mapping[str, int]:
        """Keep incidents that only logs tell of, each once. Returns `added` and `known`."""
        ...

    async def status(self) -> Mapping[str, Any]:
        """pid, version, started_at, home, paused, memory_loaded, units: [{id, name, state, health, mode, incident, hold}]."""
        ...

    def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """The live timeline: {at, kind, incident, unit, text} from now on."""
