"""The kill switch: a person at the screen stops us at once, with the pointer in the corner or with a chord of keys.

It has a connection and a thread of its own, and asks the server where the pointer is and which keys are down. That works
while we type and while a menu holds the keyboard, and needs no extension. A text that is being typed stops by itself as
soon as somebody holds a key (`opsagent_tools.gui.hands`). Where the server cannot be asked a person could not stop us, so
that stops us as well.

    with kill_switch(display) as switch:
        switch.check()          # before each gesture: raises Stopped
        await switch.tripped()  # or wait for it, beside what is being done
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from opsagent_tools.gui.display.opening import Display
from opsagent_tools.gui.model import Point
from opsagent_tools.gui.port import NotUsable, Refused, ScreenError
from opsagent_tools.gui.x11.monitors import monitors
from opsagent_tools.gui.x11.questions import pointer
from opsagent_tools.gui.x11.xlib import XConnection, xlib

CHORD = ("ctrl", "alt", "escape")
"""Held together they stop us."""
CORNER_PX = 3
"""So near to the left top corner, in both directions, the pointer stops us. Hands that were there would stop as well."""
_EVERY_S, _ANSWER_S = 0.03, 2.0
_KEYSYMS = {
    "ctrl": ("Control_L", "Control_R"),
    "alt": ("Alt_L", "Alt_R", "Meta_L", "Meta_R"),
    "shift": ("Shift_L", "Shift_R"),
    "super": ("Super_L", "Super_R"),
    "escape": ("Escape",),
    "pause": ("Pause", "Break"),
}
"""X11's names of the keys that a chord may have."""


class Stopped(Refused):
    """A person stopped us at the screen; nothing more is done on it."""


class KillSwitch:
    """Watches one display until it is closed or a person stops us. Once tripped it stays so."""

    def __init__(self, connection: XConnection, chord: Sequence[str] = CHORD) -> None:
        """Start to watch.

        Raises ScreenError where the display cannot be asked, NotUsable where it would not see a person, ValueError for keys
        that are not known.
        """
        unknown = [key for key in chord if key not in _KEYSYMS]
        if unknown or not chord:
            raise ValueError(f"a chord is of {', '.join(_KEYSYMS)}: not {', '.join(unknown) or 'empty'}")
        self._connection = connection
        self._chord = tuple(chord)
        self._why: Future[str] = Future()
        self._closed = threading.Event()
        if connection.ask_now(_sees_a_part):
            raise NotUsable(
                f"{connection.name} is the X side of a Wayland desktop, where nobody could stop what is done:"
                " let it be done on a display of our own"
            )
        self.corner: Point = connection.ask_now(_corner)
        """Where the pointer stops us."""
        self._codes = connection.ask_now(lambda server: _keycodes(server, self._chord))
        self._thread = threading.Thread(target=self._watch, name="opsagent-kill-switch", daemon=True)
        self._thread.start()

    @property
    def why(self) -> str | None:
        """Why nothing more may be done, None while all is well."""
        return self._why.result() if self._why.done() else None

    def check(self) -> None:
        """Raise Stopped if a person stopped us."""
        if self._why.done():
            raise Stopped(self._why.result())

    async def tripped(self) -> str:
        """Wait until a person stops us; return how."""
        return await asyncio.shield(asyncio.wrap_future(self._why))

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(_EVERY_S):
            try:
                why = self._connection.ask_now(self._look, _ANSWER_S)
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody watches any more
                why = f"the screen cannot be watched, so nobody could stop this ({error})"
            if why and not self._closed.is_set():
                self._why.set_result(why)
                return

    def _look(self, server: Any) -> str:
        """Return how a person stops us right now, empty if nobody does."""
        if _in_corner(pointer(server), self.corner):
            return "stopped by a person: the pointer is in the left top corner of the screen"
        down = server.query_keymap()
        if all(any(down[code >> 3] >> (code & 7) & 1 for code in codes) for codes in self._codes):
            return f"stopped by a person: {'+'.join(self._chord)} was pressed"
        return ""


@contextmanager
def kill_switch(display: Display, chord: Sequence[str] = CHORD) -> Iterator[KillSwitch]:
    """Watch a display for a person who stops us."""
    connection = display.connect()
    try:
        switch = KillSwitch(connection, chord)
        try:
            yield switch
        finally:
            switch.close()
    finally:
        connection.close()


def _in_corner(point: Point, corner: Point) -> bool:
    """Tell whether a point is where the pointer stops us."""
    return 0 <= point.x - corner.x < CORNER_PX and 0 <= point.y - corner.y < CORNER_PX


def _sees_a_part(server: Any) -> bool:
    """Tell whether the server is told of pointer and keys only while they are on its own windows (XWayland)."""
    return bool(server.has_extension("XWAYLAND")) or any(one.name.startswith("XWAYLAND") for one in monitors(server))


def _corner(server: Any) -> Point:
    """Return the left top of the screen; of the primary monitor where none shows it."""
    shown = monitors(server)
    if any(one.box.holds(Point(0, 0)) for one in shown):
        return Point(0, 0)
    first = next((one for one in shown if one.primary), shown[0])
    return Point(first.box.left, first.box.top)


def _keycodes(server: Any, chord: Sequence[str]) -> list[set[int]]:
    """Return the keycodes of each key of the chord. Raises ScreenError where the keyboard has one not."""
    names = xlib().XK
    found = []
    for key in chord:
        symbols = [names.string_to_keysym(name) for name in _KEYSYMS[key]]
        codes = {int(code) for symbol in symbols for code, _ in server.keysym_to_keycodes(symbol)}
        if not codes:
            raise ScreenError(f"the keyboard of the display has no key {key}")
        found.append(codes)
    return found
