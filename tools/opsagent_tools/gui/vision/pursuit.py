"""What came of a task that a vision model did on a window. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from opsagent_tools.gui.model import Element, Gesture, Look
from opsagent_tools.gui.procedure import ScreenStep


class PursuitEnd(StrEnum):
    """How it ended."""

    FINISHED = "finished"
    """The model says that the task is done. Whether it is shows outside the screen."""
    FAILED = "failed"
    """The model says that it cannot be done."""
    NEEDS_PERSON = "needs_person"
    LIMIT = "limit"
    """Steps, tokens or time were used up."""
    BROKEN = "broken"
    """The model or the window is not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a pursuit may cost."""

    steps: int = 30
    tokens: int = 200_000
    """In and out together."""
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One gesture that was done, and what it was done to."""

    gesture: Gesture
    element: Element | None
    look: Look
    """What was seen right before."""
    to: Element | None = None


@dataclass(slots=True, kw_only=True)
class Pursuit:
    """How it went."""

    end: PursuitEnd = PursuitEnd.BROKEN
    why: str = ""
    """One line. The model's own words are untrusted."""
    steps: list[ScreenStep] = field(default_factory=list)
    """What was done, as a procedure would do it."""
    acts: list[Act] = field(default_factory=list)
    """The same, with what was seen: what a recording is made from."""
    tokens_in: int = 0
    tokens_out: int = 0
    pictures: int = 0
    """How many left for the model."""
