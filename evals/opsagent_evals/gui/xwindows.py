"""Windows as the X server tells them to a judge: programs without accessibility have one for each control.

A toolkit makes its windows in one order, whatever fonts, colours and sizes it has: the n-th that a program made is the
same control in every variant of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from opsagent_evals.gui.model import Judge, Running
from opsagent_tools.gui.model import Box, Point
from opsagent_tools.gui.x11.xlib import XConnection, xlib

_ANSWER_S = 30.0


def part(name: str) -> Any:  # python-xlib has no types
    """Return a module of python-xlib."""
    xlib()
    return import_module(f"Xlib.{name}")


def connected(env: Mapping[str, str]) -> XConnection:
    """Return a connection of its own to the display of `env`."""
    cookie = env.get("XAUTHORITY")
    return XConnection(env["DISPLAY"], Path(cookie) if cookie else None)


@dataclass(frozen=True, slots=True)
class Made:
    """A window that a client made."""

    id: int
    box: Box
    """Of its inside, on the screen."""
    viewable: bool
    name: str = ""
    top: bool = False
    """It is a client's own window, which a window manager knows."""


class Server:
    """What is asked of an X server, on the thread of its connection."""

    def __init__(self, display: Any) -> None:  # python-xlib has no types
        self.display = display
        self._mask = ~display.display.info.resource_id_mask & 0xFFFFFFFF

    def made_by(self, pids: frozenset[int]) -> list[Made]:
        """Return the windows of these processes in the order in which they were made."""
        told = (self._told(window) for window in self._windows_of(pids))
        return [one for one in told if one is not None]

    def nth_of(self, pids: frozenset[int], number: int) -> Made | None:
        """Return the how manyth window that these processes made; None: they made fewer, or it is gone."""
        windows = self._windows_of(pids)
        return self._told(windows[number]) if number < len(windows) else None

    def _windows_of(self, pids: frozenset[int]) -> list[Any]:
        bases: dict[int, bool] = {}
        found = []
        for window in self._below(self.display.screen().root):
            base = window.id & self._mask
            if base not in bases:
                bases[base] = self._pid(window.id) in pids
            found += [window] if bases[base] else []
        return sorted(found, key=lambda one: int(one.id))

    def tops(self, pids: frozenset[int]) -> list[Made]:
        """Return the windows of these processes that a window manager would frame, as they were made."""
        return [one for one in self.made_by(pids) if one.top and one.viewable]

    def place(self, window: int, at: tuple[int, int] | None, size: tuple[int, int] | None) -> None:
        """Ask the window manager to move or resize a client."""
        values: dict[str, int] = {}
        values |= {"x": at[0], "y": at[1]} if at else {}
        values |= {"width": size[0], "height": size[1]} if size else {}
        self.display.create_resource_object("window", window).configure(**values)
        self.display.sync()

    def ask_to_close(self, window: int) -> None:
        """Send what the window's close button sends."""
        target = self.display.create_resource_object("window", window)
        atoms = [self.display.intern_atom(name) for name in ("WM_PROTOCOLS", "WM_DELETE_WINDOW")]
        message = part("protocol.event").ClientMessage(
            window=target, client_type=atoms[0], data=(32, [atoms[1], part("X").CurrentTime, 0, 0, 0])
        )
        target.send_event(message)
        self.display.sync()

    def _below(self, window: Any) -> list[Any]:  # python-xlib has no types
        try:
            children = window.query_tree().children
        except part("error").XError:
            return []
        found = []
        for child in children:
            found.append(child)
            found += self._below(child)
        return found

    def _told(self, window: Any) -> Made | None:
        try:
            geometry = window.get_geometry()
            state = window.get_attributes()
            corner = window.translate_coords(self.display.screen().root, 0, 0)
            # translate_coords tells where the root's corner is as the window counts
            top = window.get_full_property(self.display.intern_atom("WM_STATE"), part("X").AnyPropertyType) is not None
            name = window.get_full_property(part("Xatom").WM_NAME, part("X").AnyPropertyType) if top else None
        except part("error").XError:
            return None
        text = name.value if name else ""
        return Made(
            id=window.id,
            box=Box(-corner.x, -corner.y, geometry.width, geometry.height),
            viewable=state.map_state == part("X").IsViewable,
            name=text.decode(errors="replace") if isinstance(text, bytes) else str(text),
            top=top,
        )

    def _pid(self, window: int) -> int:
        try:
            told = self.display.res_query_client_ids([{"client": window, "mask": part("ext.res").LocalClientPIDMask}])
        except part("error").XError:
            return 0
        return next((int(one.value[0]) for one in told.ids if one.value), 0)


def press_at(display: Any, at: Point) -> None:
    """Press the left button there: for oracles, after a run."""
    part("ext.xtest").fake_input(display, part("X").MotionNotify, x=at.x, y=at.y)
    part("ext.xtest").fake_input(display, part("X").ButtonPress, 1)
    part("ext.xtest").fake_input(display, part("X").ButtonRelease, 1)
    display.sync()


async def selection(env: Mapping[str, str]) -> str:
    """Return the primary selection, as any program on the display could."""
    asked = await asyncio.create_subprocess_exec(
        "xclip", "-o", "-selection", "primary", env=dict(env), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asked.communicate()
    return told.decode(errors="replace")


class WindowJudge:
    """Finds controls by the order in which a program made its windows."""

    def __init__(self, running: Running, places: Mapping[str, int]) -> None:
        self._running = running
        self._places = places
        self._server = connected(running.env)

    async def boxes(self, target: str) -> list[Box]:
        pids = frozenset({self._running.pid})
        wanted = self._places[target]
        made = await self._server.ask(lambda display: Server(display).nth_of(pids, wanted), _ANSWER_S)
        return [made.box] if made is not None and made.viewable else []

    async def close(self) -> None:
        await asyncio.to_thread(self._server.close)


def by_order(places: Mapping[str, int]) -> Callable[[Running], Awaitable[Judge]]:
    """Return who makes the judge of a run: target → the how manyth window that the program made."""

    async def judge(running: Running) -> Judge:
        return WindowJudge(running, places)

    return judge
