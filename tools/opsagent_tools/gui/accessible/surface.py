"""One window, seen and used through what its toolkit tells assistive technology (AT-SPI)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from opsagent_tools.gui.accessible.bus import Bus
from opsagent_tools.gui.accessible.changes import Changes
from opsagent_tools.gui.accessible.digests import digest_of, shape_of
from opsagent_tools.gui.accessible.elements import elements_of
from opsagent_tools.gui.accessible.gestures import Gestures
from opsagent_tools.gui.accessible.means import Means
from opsagent_tools.gui.accessible.nodes import Node, id_of
from opsagent_tools.gui.accessible.programs import Program, frame_of, program_of
from opsagent_tools.gui.accessible.reader import Reader
from opsagent_tools.gui.accessible.scrolling import Scrolling
from opsagent_tools.gui.accessible.seen import Seen
from opsagent_tools.gui.accessible.values import read_value
from opsagent_tools.gui.locating import locate
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
from opsagent_tools.gui.port import Desktop, ScreenError, SurfaceGone

_LOUD_S = 1.0
"""Something that changes all the time (a clock, a chart) is settled once its layout has been quiet for so long."""
_NOTHING_HELD = frozenset({"window", "dialog", "label", "image", "group", "menu bar", "tool bar", "status bar"})


class AccessibleSurface:
    """A window whose toolkit tells what it shows. Made by `opsagent_tools.gui.accessible.offering.offers`."""

    def __init__(
        self,
        window: Window,
        desktop: Desktop,
        bus: Bus,
        program: Program,
        means: Means | None = None,
        *,
        patience_s: float = 1.5,
    ) -> None:
        """Use a window that `program_of` and `frame_of` found.

        Args:
            window: as the server knew it.
            desktop: the windows of its display.
            bus: a connection for this surface alone; closed with it.
            program: the window's, on that bus.
            means: hands, secrets and a camera; without them it is only looked at.
            patience_s: how long the program may be silent before it counts as hung.
        """
        self._window = window
        self._desktop = desktop
        self._bus = bus
        self._program = program
        self._means = means or Means()
        self._reader = Reader(bus, program.toolkit, patience_s=patience_s)
        self._changes: Changes | None = None
        self._seen: Seen | None = None
        self._last: Look | None = None

    @property
    def kind(self) -> SurfaceKind:
        return SurfaceKind.ACCESSIBLE

    async def window(self) -> Window:
        """Return the window as the server knows it now. Raises SurfaceGone."""
        self._window = await self._desktop.now(self._window)
        return self._window

    async def look(self, near: Box | None = None) -> Look:
        """Read what shows. What was read before is asked for changes only; with `near`, only what lies there.

        Raises SurfaceGone, ScreenError where the program does not answer.
        """
        began = datetime.now(UTC)
        window = await self.window()
        popups = await self._desktop.popups(window.pid)
        frame = await frame_of(self._bus, self._program, window, tuple(one.box for one in popups))
        if frame is None:
            await self.window()
            raise ScreenError(f"“{window.title[:60]}” of {window.program} tells nothing of itself (any more)")
        known = self._seen is not None and frame == self._seen.frame
        tree = await self._reader.read((frame.ref, *frame.over), near=near if known else None)
        self._seen = Seen(frame, tree, self._program.toolkit)
        elements = elements_of(tree, frame.shape, self._program.toolkit, window.title)
        self._last = Look(
            window=window,
            at=began,
            source=SurfaceKind.ACCESSIBLE,
            elements=elements,
            digest=digest_of(elements),
            blank=not any(one.role not in _NOTHING_HELD and "visible" in one.states for one in elements),
            read=near,
        )
        return self._last

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Wait until nothing has changed for `quiet_s` and something is there; return the last look.

        The program's announcements wake it up, and looks prove it: a toolkit that announces nothing is looked at again
        all the same. Where only texts go on changing, a layout that has been quiet for a second is enough.
        """
        clock = asyncio.get_running_loop().time
        changes = await self._announced()
        end = clock() + timeout_s
        last = await self._looked_until(end)
        changed = moved = clock()
        heard = changes.count
        while (left := end - clock()) > 0:
            calm = last.blank or clock() - changed < quiet_s
            if not calm or (not last.blank and clock() - moved >= max(_LOUD_S, quiet_s)):
                return last
            await changes.wait(min(left, max(0.01, quiet_s - (clock() - changed)) if not last.blank else 0.1))
            if changes.count != heard and clock() - changed < quiet_s:
                await asyncio.sleep(min(0.03, quiet_s / 4))  # one change announces itself many times
            heard = changes.count
            now = await self._looked_until(end)
            if now.digest != last.digest or now.blank:
                changed = clock()
            if shape_of(now) != shape_of(last) or now.blank:
                moved = clock()
            last = now
        return last

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target in `look`; what is scrolled out is brought into view first."""
        found = locate(fingerprint, look)
        hands = self._means.hands
        if not isinstance(found, NotLocated) or found.reason != "hidden" or hands is None or self._seen is None:
            return found
        hidden = [one.element for one in found.candidates if one.element is not None]
        scrolling = Scrolling(self._bus, self._seen.tree, hands, self.look)
        if len(hidden) != 1 or not await scrolling.show(hidden[0], look):
            return found
        return locate(fingerprint, await self.settle(timeout_s=2.0, quiet_s=0.1))

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it with pointer and keys, after making sure that the target is still itself and nothing covers it.

        Raises SurfaceGone; Refused where it is not the window that is meant; ScreenError where the target is not what was
        located any more, is disabled, or is covered: then nothing was done.
        """
        if self._means.hands is None:
            raise ScreenError(f"{self._window.program} is only looked at: there are no hands for its display")
        window = self._window = await self._desktop.raise_(await self.window())
        if self._seen is None or self._last is None or self._last.window.box != window.box:
            await self.look()
        if self._seen is None:
            raise ScreenError(f"“{window.title[:60]}” of {window.program} was never read")
        at, to = await self._current(at), await self._current(to)
        doing = Gestures(self._bus, self._reader, self._seen, self._means.hands, self._means.secrets)
        await doing.perform(gesture, window, at, to)

    async def read_back(self, at: Located) -> str | None:
        """Return the whole value that the target holds now; None: it has none, or it is secret."""
        node = await self._node(at.element)
        if node is None or at.element is None or "secret" in at.element.states:
            return None
        return await read_value(self._bus, self._reader, node, at.element)

    async def picture(self, box: Box | None = None, *, mask: Sequence[Box] = ()) -> Picture | None:
        """Return a picture of the window or of `box`, with secret fields and `mask` blackened; None: there is no camera."""
        if self._means.camera is None:
            return None
        window = await self.window()
        look = self._last or await self.look()
        secret = tuple(one.box for one in look.elements if "secret" in one.states)
        return await self._means.camera(box or window.box, (*mask, *secret))

    async def close(self) -> None:
        """Let go of it. The program goes on."""
        if self._changes is not None:
            with contextlib.suppress(ScreenError):
                await self._changes.end()
        await self._bus.close()

    async def _announced(self) -> Changes:
        if self._changes is None:
            self._changes = Changes(self._bus, self._program.ref.name)
            await self._changes.begin()
        return self._changes

    async def _looked_until(self, end: float) -> Look:
        """Look; a program that is busy right now is asked again until `end`."""
        while True:
            try:
                return await self.look()
            except SurfaceGone:
                raise
            except ScreenError:
                if asyncio.get_running_loop().time() >= end or not self._bus.alive:
                    raise
                await asyncio.sleep(0.05)

    async def _current(self, at: Located | None) -> Located | None:
        """Return what was located as it is now: its window may have moved, and some toolkits make new objects for each look."""
        if at is None or at.element is None or "#" in at.element.id:
            return at
        meant = at.element
        if await self._node(meant) is not None:
            last = self._last.elements if self._last is not None else ()
            now = next((one for one in last if one.id == meant.id), meant)
            return replace(at, element=now if (now.role, now.name) == (meant.role, meant.name) else meant)
        look = await self.look()
        same = [
            one
            for one in look.elements
            if (one.role, one.name, one.label, one.box) == (meant.role, meant.name, meant.label, meant.box)
        ]
        return replace(at, element=same[0]) if len(same) == 1 else at

    async def _node(self, element: Element | None) -> Node | None:
        if element is None or self._seen is None:
            return None
        ref = next((node.ref for node in self._seen.tree.walk() if id_of(node.ref) == element.id), None)
        return None if ref is None else await self._reader.refresh(ref)


async def surface_of(
    window: Window, desktop: Desktop, bus: Bus, means: Means | None = None
) -> AccessibleSurface | None:
    """Return the surface of a window on a connected bus; None: its program tells nothing there."""
    program = await program_of(bus, window.pid)
    if program is None or await frame_of(bus, program, window) is None:
        return None
    return AccessibleSurface(window, desktop, bus, program, means)
