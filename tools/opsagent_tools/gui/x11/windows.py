"""The windows of one display: listed, found, raised, closed, and whose is what at a point.

A window is known by the process that the X server knows (XRes), its executable and its user id, all told by server and
kernel. What it says of itself (title, class, _NET_WM_PID) finds it and proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from opsagent_tools.gui.model import Box, Point, Window
from opsagent_tools.gui.port import Refused, ScreenError, SurfaceGone
from opsagent_tools.gui.x11 import monitors, questions
from opsagent_tools.gui.x11.monitors import Monitor
from opsagent_tools.gui.x11.xlib import XConnection

_AT_FIRST_S, _AT_MOST_S = 0.01, 0.1
_RESTACKED_S = 0.5


class Windows:
    """The windows of one display. Everything here asks the server anew: nothing is remembered."""

    def __init__(self, connection: XConnection) -> None:
        self._connection = connection

    async def list(self) -> tuple[Window, ...]:
        """Return the windows of programs, in the order of stacking, the topmost last; panels and the desktop apart."""
        return await self._connection.ask(questions.listed)

    async def popups(self, pid: int | None = None) -> tuple[Window, ...]:
        """Return open menus, lists of combo boxes and tips, the topmost last; of one process where `pid` is given."""
        found = await self._connection.ask(questions.popups)
        return tuple(one for one in found if pid is None or one.pid == pid)

    async def now(self, window: Window) -> Window:
        """Return a window as it is now. Raises SurfaceGone if it is gone, or another process's by now."""
        id_ = number_of(window)
        found = await self._connection.ask(lambda server: questions.one(server, id_))
        if found is None or not same(found, window):
            raise SurfaceGone(f"the window {_called(window)} is gone")
        return found

    async def at(self, point: Point) -> Window | None:
        """Return the window that is topmost at a point, a popup or the window manager's frame too; None: the background.

        What would get a click there: it must be the window that is meant, or a popup of its process.
        """
        return await self._connection.ask(lambda server: questions.at(server, point))

    async def focused(self) -> Window | None:
        """Return the window that keys go to, None where it is none."""
        return await self._connection.ask(questions.focused)

    async def monitors(self) -> tuple[Monitor, ...]:
        """Return the monitors; `Window.monitor` is a number in this row."""
        return await self._connection.ask(monitors.monitors)

    async def pointer(self) -> Point:
        """Return where the pointer is: elsewhere than it was left, a person moved it."""
        return await self._connection.ask(questions.pointer)

    async def raise_(self, window: Window, timeout_s: float = 3.0) -> Window:
        """Bring a window to the front and give it the keys; return it as it is then.

        Raises SurfaceGone, Refused where a dialog of its program is before it, ScreenError where it does not come.
        """
        id_ = number_of(window)
        before = await self.now(window)

        async def active() -> bool:
            return await self._connection.ask(questions.active) == id_

        async def uncovered() -> bool:
            return await self._connection.ask(lambda server: not _covered(questions.listed(server), id_))

        if not (await active() and await uncovered()):
            await self._connection.ask(lambda server: questions.activate(server, id_))
            await self._await(active, before, timeout_s)
            await _until(uncovered, _RESTACKED_S)  # a window that is kept above may stay: `at` tells where
        return await self.now(window)

    async def close(self, window: Window, timeout_s: float = 5.0) -> bool:
        """Ask a window to close, as its close button does; tell whether it is gone (its program may ask back)."""
        id_ = number_of(await self.now(window))
        await self._connection.ask(lambda server: questions.close(server, id_))

        async def gone() -> bool:
            return await self._connection.ask(lambda server: questions.one(server, id_)) is None

        return await _until(gone, timeout_s)

    async def place(self, window: Window, box: Box, timeout_s: float = 3.0) -> Window:
        """Move a window's frame to the left top of `box` and give its inside that size; return it when it has come to rest.

        Programs and window managers have a word in it: the size may be another.
        """
        id_ = number_of(await self.now(window))
        await self._connection.ask(lambda server: questions.place(server, id_, box))
        seen: list[Box] = []

        async def at_rest() -> bool:
            seen.append((await self.now(window)).box)
            return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3] and seen[-1] != window.box

        await _until(at_rest, timeout_s)
        return await self.now(window)

    async def _await(self, holds: Callable[[], Awaitable[bool]], window: Window, timeout_s: float) -> None:
        if await _until(holds, timeout_s):
            return
        await self.now(window)
        dialogs = [one for one in await self.list() if one.pid == window.pid and one.modal and one.id != window.id]
        if dialogs:
            raise Refused(f"the window {_called(window)} waits for its dialog {_called(dialogs[-1])}")
        raise ScreenError(f"the window {_called(window)} does not come to the front")


def number_of(window: Window) -> int:
    """Return the server's id of a window. Raises ScreenError for a terminal's."""
    kind, _, number = window.id.partition(":")
    if kind != "x11":
        raise ScreenError(f"{window.id} is not a window of an X display")
    return int(number, 0)


def same(one: Window, other: Window) -> bool:
    """Tell whether two looks at a window are of the same one, of the same process and executable."""
    return (one.id, one.pid, one.exe, one.program, one.uid) == (
        other.id,
        other.pid,
        other.exe,
        other.program,
        other.uid,
    )


def _covered(windows: tuple[Window, ...], id_: int) -> bool:
    """Tell whether a window of another process is before this one, in part at least."""
    ids = [number_of(window) for window in windows]
    if id_ not in ids:
        return False
    at = ids.index(id_)
    below = windows[at]
    return any(not one.box.meets(below.box).empty for one in windows[at + 1 :] if one.pid != below.pid)


def _called(window: Window) -> str:
    owner = window.program or "an unknown process"
    return f"“{window.title[:60]}” of {owner}" if window.title else f"of {owner}"


async def _until(holds: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
    """Look until it holds or the time is up, more and more rarely; tell which."""
    clock, pause = asyncio.get_running_loop().time, _AT_FIRST_S
    deadline = clock() + timeout_s
    while not await holds():
        if clock() >= deadline:
            return False
        await asyncio.sleep(pause)
        pause = min(_AT_MOST_S, pause * 1.5)
    return True
