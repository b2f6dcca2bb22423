"""A display as a procedure sees it: the windows that may be used, and the surfaces of each, the best first.

    async with desktop(display, allow={"galculator"}, secrets=secrets) as screens:
        report = await replay(procedure, screens, parameters, guard=guard, secrets=secrets)

Windows of other programs, and what the rules of screens forbid (`opsagent_tools.gui.rules`), are not told of. Surfaces stay
the same as long as their window lives, so that what was read of a screen is not read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from opsagent_tools.gui.accessible.launching import accessible_argv, accessible_env
from opsagent_tools.gui.accessible.mute import is_mute
from opsagent_tools.gui.accessible.offering import offers as accessible
from opsagent_tools.gui.display import Display, Program
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Picture, Window
from opsagent_tools.gui.pixels.eyes import Eyes, missing
from opsagent_tools.gui.pixels.offering import Means
from opsagent_tools.gui.pixels.offering import offers as seen
from opsagent_tools.gui.pixels.surface import others_before
from opsagent_tools.gui.port import NotUsable, ScreenError, Secrets, Surface, SurfaceGone
from opsagent_tools.gui.procedure import CROP_BYTES, is_crop_name
from opsagent_tools.gui.rules import refusal, standing_of
from opsagent_tools.gui.x11.windows import Windows

_COMES_UP_S = 20.0
"""How long a program is watched for ending badly before it shows a window."""
_JOINS_S = 3.0
"""How long a program that has just come up may take until its toolkit tells what it shows."""


class DesktopScreens:
    """The windows of one display that may be used. `opsagent_tools.gui.desk.Screens`."""

    def __init__(self, display: Display, allow: Collection[str] | None, means: Means, eyes: Eyes) -> None:
        self._display = display
        self._windows = Windows(display.connection)
        self._allow = allow
        self._means = means
        self._eyes = eyes
        self._surfaces: dict[str, tuple[Surface, ...]] = {}
        self._silent: set[int] = set()
        """Processes whose toolkit tells nothing: they are not waited for again."""
        self._started: list[Program] = []
        self._ready: asyncio.Future[list[object]] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def windows(self) -> Sequence[Window]:
        """Return the windows that may be used now, the topmost first. Others are not told of."""
        found = [one for one in await self._windows.list() if await self._may_use(one)]
        return tuple(reversed(found))

    async def surfaces(self, window: Window) -> Sequence[Surface]:
        """Return the ways to look at a window, the best first; the same ones as long as it lives.

        Raises SurfaceGone, NotUsable where it cannot be looked at in any way, Refused where it may not be used.
        """
        async with self._one_at_a_time:
            known = self._surfaces.get(window.id)
            if known is None:
                now = await self._windows.now(window)
                if not await self._may_use(now):
                    raise SurfaceGone(f"the window “{now.title}” of {now.program} is not one that may be used")
                known = self._surfaces[window.id] = await self._open(now)
            return known

    async def start(self, command: Sequence[str]) -> None:
        """Open a program here, so that it tells what it shows where it can, and see it come up.

        Raises NotUsable, with its last words, where it cannot be started or ends badly at once; Refused, ScreenError.
        """
        env = accessible_env(command, self._display.env)
        home = Path(self._display.env.get("HOME", "/"))
        cwd = home if home.is_dir() else None
        program = await self._display.run(accessible_argv(command), env=env, cwd=cwd)
        self._started.append(program)
        until = asyncio.get_running_loop().time() + _COMES_UP_S
        while asyncio.get_running_loop().time() < until and not await self.windows():
            if program.exit_code is not None:
                if program.exit_code:
                    raise NotUsable(f"{command[0]} ended with code {program.exit_code}{_last_line(program)}")
                return  # it handed over to another process
            await asyncio.sleep(0.05)

    async def exit_code(self, window: Window) -> int | None:
        """Return the code that the program of a window ended with; None: it runs, or it was not started here."""
        return next((one.exit_code for one in self._started if one.pid == window.pid), None)

    async def close(self) -> None:
        """Let go of all surfaces. Programs go on."""
        if self._ready is not None:
            await self._ready
        for surfaces in self._surfaces.values():
            for one in surfaces:
                with contextlib.suppress(ScreenError):
                    await one.close()
        self._surfaces.clear()

    def get_ready(self, *, to_read: bool) -> None:
        """Have the processes that see and act started beside the program, which takes as long: nobody waits for them later.

        What cannot be started is told by whoever needs it.

        Args:
            to_read: pictures will be read, so that models are loaded, too.
        """
        starting: list[Awaitable[object]] = [self._eyes.get_ready(to_read=to_read)] if not missing() else []
        if self._means.hands is not None:
            starting.append(self._means.hands.position())
        self._ready = asyncio.gather(*starting, return_exceptions=True)

    async def _may_use(self, window: Window) -> bool:
        if self._allow is None:  # it is only looked at
            return True
        standing = await asyncio.to_thread(standing_of, window, self._display)
        return refusal(window, standing, self._allow, os.geteuid()) is None

    async def _open(self, window: Window) -> tuple[Surface, ...]:
        if await asyncio.to_thread(is_mute, window.pid):
            self._silent.add(window.pid)
        told = await accessible(
            window,
            self._windows,
            self._display.env,
            hands=self._means.hands,
            secrets=self._means.secrets,
            camera=partial(self._picture, window) if not missing() else None,
            wait_s=0.0 if window.pid in self._silent else _JOINS_S,
        )
        if told is None:
            self._silent.add(window.pid)
        picture = await seen(window, self._windows, self._eyes, self._means)
        if told is None and picture is not None:
            with contextlib.suppress(ScreenError):  # whoever reads it is told
                await self._eyes.get_ready(to_read=True)
        found: tuple[Surface, ...] = tuple(one for one in (told, picture) if one is not None)
        if not found:
            lacking = f" without {', '.join(missing())}" if missing() else ""
            raise NotUsable(f"the window “{window.title}” of {window.program} cannot be looked at{lacking}")
        return found

    async def _picture(self, window: Window, box: Box, black: Sequence[Box]) -> Picture | None:
        """Return a picture of a part of a window; what other programs have before it is blackened, too."""
        others = others_before(window, await self._windows.list(), await self._windows.popups())
        return await self._eyes.picture(box, (*black, *others))


def _last_line(program: Program) -> str:
    last = program.said.rpartition("\n")[2].strip()[:200]
    return f": {last}" if last else ""


@asynccontextmanager
async def desktop(
    display: Display,
    *,
    allow: Collection[str] | None,
    secrets: Secrets | None = None,
    crops: Path | None = None,
    only_looks: bool = False,
    reads: bool = False,
) -> AsyncIterator[DesktopScreens]:
    """Open a display for a procedure.

    Args:
        display: our own, or one that is there already.
        allow: programs whose windows may be used (`opsagent_tools.gui.rules`); None with `only_looks`: all are seen.
        secrets: where secrets come from when they are typed.
        crops: folder with the crops of the procedure.
        only_looks: nothing is used there, only seen.
        reads: pictures are read there whatever its programs tell of themselves: what that needs is loaded meanwhile.
    """
    if allow is None and not only_looks:
        raise ValueError("which programs may be used has to be said")
    hands = None if only_looks else Hands(display.name, display.env, private=display.own)
    eyes = Eyes(display.env)
    means = Means(hands=hands, secrets=secrets, crops=_crops_in(crops) if crops is not None else None)
    screens = DesktopScreens(display, allow, means, eyes)
    async with AsyncExitStack() as held:  # each is ended, whatever the one before says or whoever cancels
        if hands is not None:
            held.push_async_callback(hands.close)
        held.push_async_callback(eyes.close)
        held.push_async_callback(screens.close)
        screens.get_ready(to_read=reads)
        yield screens


def _crops_in(folder: Path) -> Callable[[str], bytes | None]:
    """Return who reads crops by their names, from this folder and no other."""

    def crop(name: str) -> bytes | None:
        path = folder / name
        try:
            if not is_crop_name(name) or path.is_symlink() or path.stat().st_size > CROP_BYTES:
                return None
            return path.read_bytes()
        except OSError:
            return None

    return crop
