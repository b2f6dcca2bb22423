"""What a vision model wants, in our vocabulary, and what it is answered. Values only.

BadReply   what came back cannot be read
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from opsagent_tools.gui.model import Box, Gesture, Point


class BadReply(ValueError):
    """What a model sent cannot be read; the text is one line."""


class Want(StrEnum):
    """What is wanted."""

    GESTURE = "gesture"
    LOOK = "look"
    """A picture of what is there now."""
    ZOOM = "zoom"
    """A picture of `region`, larger."""
    HOVER = "hover"
    """Move the pointer and press nothing. Nothing is done for it: what only shows under a pointer is not acted on."""
    PERSON = "person"
    """Somebody has to help."""
    FINISHED = "finished"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Something that our vocabulary does not have; the model is told so where its protocol lets one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One thing that a model wants. Points are pixels of the screen."""

    want: Want
    gesture: Gesture | None = None
    at: Point | None = None
    to: Point | None = None
    """Where a DRAG ends."""
    times: int = 1
    held: tuple[str, ...] = ()
    """Modifiers that it wants held meanwhile."""
    selects: bool = False
    """It clicks three times: what is typed next replaces what the field holds."""
    region: Box | None = None
    said: str = ""
    """Its answer, its reason, or what is unknown. Untrusted."""
    id: str = ""
    """Of the call that is answered."""
    checks: tuple[tuple[str, str], ...] = ()
    """Safety checks of the provider that a person has to acknowledge first: id and text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """All that a model said at once."""

    wanted: tuple[Wanted, ...] = ()
    said: str = ""
    """Its thoughts. Untrusted."""
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def over(self) -> bool:
        """Tell whether it wants nothing more."""
        ends = {Want.FINISHED, Want.FAILED, Want.PERSON}
        return not self.wanted or any(one.want in ends for one in self.wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a wanted thing was answered with."""

    to: Wanted
    refused: str = ""
    """Why it was not done; empty: it was."""
    acknowledged: bool = False
    """A person acknowledged its safety checks."""
