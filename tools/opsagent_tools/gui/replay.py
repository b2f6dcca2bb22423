"""Play a procedure: settle → locate → guard → act → read what changed → expectation → value read back → effects.

`Screens` is what it plays on (a display with its windows, a terminal, or `fake.FakeScreens`); the guard is the caller's.
Whoever cancels it is heard between two gestures, never inside one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from opsagent_tools.gui.model import Located, Window
from opsagent_tools.gui.port import Secrets, Surface
from opsagent_tools.gui.procedure import RunReport, ScreenProcedure, ScreenStep, StepReport


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


async def replay(
    procedure: ScreenProcedure,
    screens: Screens,
    parameters: Mapping[str, str],
    *,
    guard: Guard,
    secrets: Secrets,
    tell: Tell | None = None,
    stop: Callable[[], str] | None = None,
) -> RunReport:
    """Play `procedure` and return how it went.

    guard: asked before each gesture, with the step as it will be done (parameters filled in); right after a yes it is done.
    secrets: names are looked up before the first step; the surface fetches them when it pastes.
    tell: awaited after each step (for a journal, or a person who watches).
    stop: asked between gestures; a text that is not empty (a person took the mouse) ends the run as NEEDS_PERSON.
    Raises CancelledError between two gestures, SurfaceGone never (it is an outcome).
    """
    raise NotImplementedError
