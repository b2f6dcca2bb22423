"""What a procedure is played on: a display of our own, a desktop that people share, or the pty of a terminal program.

Only windows that may be used are told of: of the programs that the procedure names, of this user, and where the
configuration says which programs may be used, of those. A person at a shared desktop can stop it (`kill_switch`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from opsagent.screen_settings import OWN, ScreenSettings
from opsagent_tools.gui.model import SurfaceKind
from opsagent_tools.gui.port import Refused, Secrets
from opsagent_tools.gui.procedure import ScreenProcedure
from opsagent_tools.gui.recording.eyes import Eyes
from opsagent_tools.gui.replay import Screens
from opsagent_tools.gui.risk import risk_of


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it is played, and why it has to end there now."""

    screens: Screens
    stopped: Callable[[], str] = lambda: ""


@asynccontextmanager
async def open_stage(
    procedure: ScreenProcedure, settings: ScreenSettings, secrets: Secrets, crops: Path
) -> AsyncIterator[Stage]:
    """Open what a procedure is played on; closed with all that was opened for it. Raises NotUsable, Refused."""
    allowed = programs_of(procedure, settings)
    opened = (
        _on_a_pty(secrets)
        if procedure.surface is SurfaceKind.TERMINAL
        else _on_a_display(settings, allowed, secrets, crops, reads=reads_pictures(procedure))
    )
    async with opened as stage:
        yield stage


@asynccontextmanager
async def _on_a_pty(secrets: Secrets) -> AsyncIterator[Stage]:
    from opsagent_tools.gui.display.environment import passed_on
    from opsagent_tools.gui.terminal.screens import TerminalScreens

    async with TerminalScreens(env=passed_on(os.environ), cwd=str(Path.home()), secrets=secrets) as screens:
        yield Stage(screens)


@asynccontextmanager
async def _on_a_display(
    settings: ScreenSettings, allowed: frozenset[str], secrets: Secrets, crops: Path, *, reads: bool
) -> AsyncIterator[Stage]:
    from opsagent_tools.gui.desktop import desktop
    from opsagent_tools.gui.display import attached, open_display
    from opsagent_tools.gui.kill_switch import kill_switch

    opened = partial(desktop, allow=allowed, secrets=secrets, crops=crops, reads=reads)
    async with AsyncExitStack() as held:
        if settings.display == OWN:  # nobody sits in front of it
            display = await held.enter_async_context(open_display((settings.width, settings.height)))
            yield Stage(await held.enter_async_context(opened(display)))
            return
        display = held.enter_context(attached(settings.display, dict(os.environ)))
        switch = held.enter_context(kill_switch(display))
        yield Stage(await held.enter_async_context(opened(display)), lambda: switch.why or "")


@asynccontextmanager
async def eyes_on(name: str) -> AsyncIterator[tuple[Eyes, dict[str, str]]]:
    """Look at a desktop on which a person shows how something is done; with its environment. Nothing is used there."""
    from opsagent_tools.gui.desktop import desktop
    from opsagent_tools.gui.display import attached
    from opsagent_tools.gui.recording import SurfaceEyes
    from opsagent_tools.gui.x11.windows import Windows

    async with AsyncExitStack() as held:
        display = held.enter_context(attached(name, dict(os.environ)))
        screens = await held.enter_async_context(desktop(display, allow=None, only_looks=True, reads=True))
        yield SurfaceEyes(Windows(display.connection), screens.surfaces), display.env


def reads_pictures(procedure: ScreenProcedure) -> bool:
    """Tell whether a procedure needs recognised text whatever its programs tell: it was recorded so, or is a second sign
    before something risky.
    """
    return procedure.surface is SurfaceKind.PIXEL or any(risk_of(step) for step in procedure.steps)


def programs_of(procedure: ScreenProcedure, settings: ScreenSettings) -> frozenset[str]:
    """Return the programs whose windows a procedure may use. Raises Refused where the configuration allows none of them."""
    named = {procedure.window.program} | {step.window.program for step in procedure.steps if step.window is not None}
    if not settings.programs:
        return frozenset(named)
    allowed = named & set(settings.programs)
    if procedure.window.program not in allowed:
        raise Refused(
            f"{procedure.window.program} is not among the programs that may be used ([screens] programs in config.toml)"
        )
    return frozenset(allowed)
