"""What a conversation knows of itself between two turns. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from opsagent.carrying.stored import from_stored, to_stored, unit_from_stored, unit_to_stored
from opsagent.chat.takingback import Done
from opsagent.commands.reading import CommandStep, Language
from opsagent_tools.registry import READING

_ALL = "all"
_RECENT, _LINE = 12, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What may have been meant; the next turn may take one of it."""

    text: str
    """What the person said."""
    choices: tuple[tuple[CommandStep, ...], ...]
    takes_back: bool = False
    """It takes back the last change that was done."""
    learn: bool = False
    """Whether the text means the same next time, so that it may be remembered: it leans on nothing but itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the agent that was just shown."""

    id: str


@dataclass(slots=True)
class State:
    """Changes with each turn."""

    language: Language = "en"
    spoken_of: tuple[str, ...] = ()
    """Targets of the last turn that named any."""
    last: tuple[CommandStep, ...] = ()
    open: Offers | Question | None = None
    """What a bare yes, no or number answers: what was shown last, and nothing else."""
    shown: set[str] = field(default_factory=set)
    """Questions of the agent that this person was shown in this conversation."""
    done: list[Done] = field(default_factory=list)
    """Changes that were done, oldest first."""
    refused: tuple[CommandStep, str, str] | None = None
    """What the last turn was refused: the step, why, the guard's rule."""
    detached: set[str] = field(default_factory=set)
    """Units of changes that the daemon goes on with after this conversation let go of them."""
    told_of_models: bool = False
    said: list[tuple[str, str]] = field(default_factory=list)
    """What was said of late, (`person` or `agent`, one line), for a model that is asked."""

    def heard(self, who: str, text: str) -> None:
        """Note what was said; only the latest is kept."""
        self.said.append((who, text[:_LINE]))
        del self.said[:-_RECENT]

    def spoke(self, steps: Sequence[CommandStep]) -> None:
        """Note what a turn was about."""
        self.last = tuple(steps)
        named = tuple(dict.fromkeys(step.target for step in steps if step.target not in {None, _ALL}))
        if named:
            self.spoken_of = tuple(str(name) for name in named)

    def let_go_of_changes(self) -> None:
        """Have `and worker` lean on no change: it was not done, or too long ago to be meant."""
        if any(step.tool not in READING for step in self.last):
            self.last = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a later process needs to go on. What was open is not in it: a yes is to what is seen."""
        return {"spoken_of": [unit_to_stored(name) for name in self.spoken_of], "last": to_stored(self.last)}

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Take up what an earlier process kept; what cannot be read is left out."""
        with suppress(ValueError, TypeError, AttributeError):
            self.spoken_of = tuple(filter(None, map(unit_from_stored, kept.get("spoken_of", ()))))
            self.last = from_stored(kept.get("last", ()))
            self.let_go_of_changes()
