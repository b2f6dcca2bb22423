"""What a surface is given to do more than look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Picture
from opsagent_tools.gui.port import Secrets

Camera = Callable[[Box, Sequence[Box]], Awaitable[Picture | None]]
"""Takes a picture of a part of the screen, with the places of the second argument blackened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Hands, secrets and a camera of one display; what is None is done without."""

    hands: Hands | None = None
    """Pointer and keys; None: the window is only looked at."""
    secrets: Secrets | None = None
    """Where secrets come from when they are entered."""
    camera: Camera | None = None
