"""Where a procedure is played, as a port: windows that may be used, and surfaces of each; and what a guard is asked.

`replay` plays on it. A display with its windows, the pty of a terminal, and `fake.FakeScreens` offer it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from opsagent_tools.gui.model import Located, Window
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.procedure import ScreenStep, StepReport


class Screens(Protocol):
    """Where a procedure is played: windows that may be used, and the surfaces of each."""

    async def windows(self) -> Sequence[Window]:
        """Return the windows that may be used now, the topmost first. Others are not told of."""

    async def surfaces(self, window: Window) -> Sequence[Surface]:
        """Return ways to look at a window, the best first; the same ones as long as it lives. Raises SurfaceGone."""

    async def start(self, command: Sequence[str]) -> None:
        """Open a program there. Raises NotUsable, Refused."""

    async def exit_code(self, window: Window) -> int | None:
        """Return the code that the program of `window` ended with; None: it runs, or nobody here knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the guard is told about a step, beside the step and its target."""

    number: int
    """Of the step, from 1."""
    text: str
    """What would be done, in words: `click button “Export”`. Secrets by name."""
    risk: str = ""
    """Why it needs a person's approval; empty: it needs none by itself."""
    window: Window | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Allowed:
    """The guard's yes."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The guard's no: the run ends before the step."""

    why: str
    needs_person: bool = True
    """A person could allow it; False: it is refused, and halts."""


Guard = Callable[[ScreenStep, Located | None, Asked], Awaitable[Allowed | NotAllowed]]
Tell = Callable[[StepReport], Awaitable[None]]
