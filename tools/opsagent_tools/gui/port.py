"""The port of screens. Each surface is one window; `opsagent_tools.gui.fake` is one without a screen.

ScreenError             something about a screen failed; the text is one line
  SurfaceGone           its window or program ended
  NotUsable             what it needs is missing here (no display, no bus, a program): says what to install
  Stale                 the target is not as it was when it was located, and nothing was done
  Unfinished            a gesture was begun, and nobody knows how far it came
  Refused               the rules of screens forbid it (another user's window, a window that is not allowed, a shared desktop)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opsagent_tools.gui.model import (
    Box,
    Element,
    Fingerprint,
    Gesture,
    Located,
    Look,
    NotLocated,
    Picture,
    SurfaceKind,
    Window,
)


class ScreenError(Exception):
    """Something about a screen failed; the text is one line and says what, where, and how to mend it."""


class SurfaceGone(ScreenError):
    """The window or its program ended."""


class NotUsable(ScreenError):
    """What it needs is missing on this machine."""


class Stale(ScreenError):
    """The target is not as it was when it was located: nothing was done, and it may be located anew."""


class Unfinished(ScreenError):
    """Begun, and nobody knows how far it came: look before anything else is done."""


class Refused(ScreenError):
    """The rules of screens forbid it."""


class Surface(Protocol):
    """One window, seen and used in one way."""

    @property
    def kind(self) -> SurfaceKind: ...

    async def window(self) -> Window:
        """Return the window as the server knows it now. Raises SurfaceGone."""

    async def look(self, near: Box | None = None) -> Look:
        """Return what is seen now. `near`: only this region has to be read (others may be remembered). Raises SurfaceGone."""

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Wait until nothing has changed for `quiet_s` and something is drawn; return the last look.

        After `timeout_s` the look is returned as it is; `blank` says whether there is anything. Raises SurfaceGone.
        """

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target of a step by this surface's own means. Never guesses: see `opsagent_tools.gui.locating`."""

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it, on `at` (HOTKEY, WAIT and typing at the caret need none). `to`: where a DRAG ends.

        The window is raised and verified (same window, pid, executable) right before. Raises SurfaceGone, Refused.
        """

    async def read_back(self, at: Located) -> str | None:
        """Return the value that the target holds now; None: it cannot be read (secret, or not readable)."""

    async def picture(self, box: Box | None = None, *, mask: Sequence[Box] = ()) -> Picture | None:
        """Return a picture of the window or of `box`, secret fields and `mask` blackened; None: it has none."""

    async def close(self) -> None:
        """Let go of it. The program goes on."""


class Desktop(Protocol):
    """What surfaces need of the windows of their display; `opsagent_tools.gui.x11.windows.Windows` is one."""

    async def list(self) -> tuple[Window, ...]:
        """Return the windows, the topmost last."""

    async def popups(self, pid: int | None = None) -> tuple[Window, ...]:
        """Return open menus and lists (of one program), the topmost last."""

    async def now(self, window: Window) -> Window:
        """Return the window as it is now. Raises SurfaceGone."""

    async def raise_(self, window: Window, timeout_s: float = 3.0) -> Window:
        """Bring it to the front with the keys."""


class Secrets(Protocol):
    """Where secrets come from, by name, when they are typed."""

    def fetch(self, name: str) -> str:
        """Return the secret. Raises KeyError."""


def named(elements: Sequence[Element], role: str, name: str) -> tuple[Element, ...]:
    """Return the elements of that role and name, as they are."""
    return tuple(one for one in elements if one.role == role and one.name == name)
