"""A display as a procedure sees it: the windows that may be used, and the surfaces of each, the best first.

    async with desktop(display, allow={"galculator"}, secrets=secrets) as screens:
        report = await replay(procedure, screens, parameters, guard=guard, secrets=secrets)

Windows of other programs, and what the rules of screens forbid (`opsagent_tools.gui.rules`), are not told of. Surfaces stay
the same as long as their window lives, so that what was read of a screen is not read again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from opsagent_tools.gui.accessible.launching import accessible_argv, accessible_env
from opsagent_tools.gui.accessible.offering import offers as accessible
from opsagent_tools.gui.display import Display, Program
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Window
from opsagent_tools.gui.port import NotUsable, Secrets, Surface
from opsagent_tools.gui.rules import refusal, standing_of
from opsagent_tools.gui.windows import Windows

_JOINS_S = 3.0
"""How long a program that has just come up may take until its toolkit tells what it shows."""


class DesktopScreens:
    """The windows of one display that may be used. `opsagent_tools.gui.replay.Screens`."""

    def __init__(
        self,
        display: Display,
        allow: Collection[str] | None,
        *,
        hands: Hands | None,
        secrets: Secrets | None,
        crops: Path | None,
    ) -> None:
        self._display = display
        self._windows = Windows(display.connection)
        self._allow = allow
        self._hands = hands
        self._secrets = secrets
        self._crops = crops
        self._surfaces: dict[str, tuple[Surface, ...]] = {}
        self._started: list[Program] = []
        self._one_at_a_time = asyncio.Lock()

    async def windows(self) -> Sequence[Window]:
        """Return the windows that may be used now, the topmost first. Others are not told of."""
        found = [one for one in await self._windows.list() if await self._may_use(one)]
        return tuple(reversed(found))

    async def surfaces(self, window: Window) -> Sequence[Surface]:
        """Return the ways to look at a window, the best first; the same ones as long as it lives.

        Raises SurfaceGone, NotUsable where it cannot be looked at in any way.
        """
        async with self._one_at_a_time:
            known = self._surfaces.get(window.id)
            if known is None:
                known = await self._open(await self._windows.now(window))
                self._surfaces[window.id] = known
            return known

    async def start(self, command: Sequence[str]) -> None:
        """Open a program here, so that it tells what it shows where it can. Raises NotUsable, Refused, ScreenError."""
        env = accessible_env(command, self._display.env)
        home = Path(self._display.env.get("HOME", "/"))
        cwd = home if home.is_dir() else None
        self._started.append(await self._display.run(accessible_argv(command), env=env, cwd=cwd))

    async def exit_code(self, window: Window) -> int | None:
        """Return the code that the program of a window ended with; None: it runs, or it was not started here."""
        return next((one.exit_code for one in self._started if one.pid == window.pid), None)

    async def close(self) -> None:
        """Let go of all surfaces. Programs go on."""
        for surfaces in self._surfaces.values():
            for one in surfaces:
                await one.close()
        self._surfaces.clear()

    async def _may_use(self, window: Window) -> bool:
        if self._allow is None:  # it is only looked at
            return True
        standing = await asyncio.to_thread(standing_of, window, self._display)
        return refusal(window, standing, self._allow, os.geteuid()) is None

    async def _open(self, window: Window) -> tuple[Surface, ...]:
        found: list[Surface] = []
        told = await accessible(
            window, self._windows, self._display.env, hands=self._hands, secrets=self._secrets, wait_s=_JOINS_S
        )
        if told is not None:
            found.append(told)
        if not found:
            raise NotUsable(f"the window “{window.title}” of {window.program} tells nothing that could be used")
        return tuple(found)


@asynccontextmanager
async def desktop(
    display: Display,
    *,
    allow: Collection[str] | None,
    secrets: Secrets | None = None,
    crops: Path | None = None,
    only_looks: bool = False,
) -> AsyncIterator[DesktopScreens]:
    """Open a display for a procedure.

    Args:
        display: our own, or one that is there already.
        allow: programs whose windows may be used (`opsagent_tools.gui.rules`); None with `only_looks`: all are seen.
        secrets: where secrets come from when they are typed.
        crops: folder with the crops of the procedure.
        only_looks: nothing is used there, only seen.
    """
    if allow is None and not only_looks:
        raise ValueError("which programs may be used has to be said")
    hands = None if only_looks else Hands(display.name, display.env, private=display.own)
    screens = DesktopScreens(display, allow, hands=hands, secrets=secrets, crops=crops)
    try:
        yield screens
    finally:
        await screens.close()
        if hands is not None:
            await hands.close()
