"""What is below a person's pointer, and what has the keys, while they show how something is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opsagent_tools.gui.matching.roles import FIELDS, SECRET
from opsagent_tools.gui.model import Element, Look, Point, SurfaceKind, Window
from opsagent_tools.gui.port import NotUsable, ScreenError, Surface
from opsagent_tools.gui.recording.pointed import focused_in, hit, on_top, same_in


@dataclass(frozen=True, slots=True)
class Seen:
    """An element, in the look at its window."""

    element: Element
    look: Look
    crop: bytes = b""
    """Its picture (PNG); empty: there is none, or it must not be kept."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is below a point, and what has the keys, at one moment."""

    window: Window | None = None
    below: Seen | None = None
    keys_to: Window | None = None
    focused: Seen | None = None
    look: Look | None = None
    """All that was seen on `window`; of a popup, on the window that it belongs to."""
    popups: tuple[Window, ...] = ()
    """Those that were open; what is on them is in `look`."""
    seen_at: float = 0.0
    """When all of that was known, in seconds since the epoch; of a picture, when it was taken."""
    cropped_at: float = 0.0
    """When the picture of what is below was there."""


class Eyes(Protocol):
    """Says what is where on a display. Never raises: what cannot be told is None."""

    async def sight(self, point: Point) -> Sight:
        """Return all of it at once."""

    async def window_at(self, point: Point) -> Window | None:
        """Return the window that a click there would reach."""

    async def focused_window(self) -> Window | None:
        """Return the window that keys go to."""

    async def at(self, point: Point) -> Seen | None:
        """Return the element that a click there would reach."""

    async def focused(self) -> Seen | None:
        """Return the element that keys go to."""

    async def again(self, seen: Seen) -> Element | None:
        """Return an element as it is now."""

    async def read(self, seen: Seen) -> Look | None:
        """Return what is recognised in the picture of its window, where that is another way to look at it. Takes its time."""

    async def get_used_to(self) -> None:
        """Look at the window that keys go to in every way, so that later only what has changed is read."""

    async def gone(self, window: Window) -> bool:
        """Return whether no window of that process is there any more."""


class WindowsThere(Protocol):
    """What eyes ask of the windows of a display (`opsagent_tools.gui.x11.windows.Windows`)."""

    async def list(self) -> tuple[Window, ...]: ...

    async def popups(self, pid: int | None = None) -> tuple[Window, ...]: ...

    async def at(self, point: Point) -> Window | None: ...

    async def focused(self) -> Window | None: ...


class SurfaceEyes:
    """Eyes that see through the surfaces of the windows, the best one first. One look at a time."""

    def __init__(self, windows: WindowsThere, surfaces: Callable[[Window], Awaitable[Sequence[Surface]]]) -> None:
        self._windows = windows
        self._surfaces = surfaces
        self._turn = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def sight(self, point: Point) -> Sight:
        async with self._turn:
            window, keys_to = await self.window_at(point), await self.focused_window()
            looks: list[Look] = []

            def below(look: Look) -> Element | None:
                looks.append(look)
                return hit(look, point)

            found = await self._first(window, below)
            if window is not None and window.popup:
                look = None if found is None else found.seen.look
            else:
                look = looks[-1] if looks else None
            if look is not None and keys_to is not None and look.window.id == keys_to.id:
                its = focused_in(look)
                focused = None if its is None else Seen(its, look)
            else:
                focused = _seen(await self._first(keys_to, focused_in, by_picture=False))
            popups = await self._open_popups(look)
            seen_at = time.time()
        if look is not None and look.source is SurfaceKind.PIXEL:
            seen_at = look.at.timestamp()
        seen = await _with_crop(found)  # whoever takes pictures may be busy: it is not waited for
        return Sight(window, seen, keys_to, focused, look, popups, seen_at, time.time())

    async def window_at(self, point: Point) -> Window | None:
        try:
            return await self._windows.at(point)
        except ScreenError:
            return None

    async def focused_window(self) -> Window | None:
        try:
            return await self._windows.focused()
        except ScreenError:
            return None

    async def _open_popups(self, look: Look | None) -> tuple[Window, ...]:
        try:
            return () if look is None else await self._windows.popups(look.window.pid)
        except ScreenError:
            return ()

    async def at(self, point: Point) -> Seen | None:
        async with self._turn:
            return await _with_crop(await self._first(await self.window_at(point), lambda look: hit(look, point)))

    async def focused(self) -> Seen | None:
        async with self._turn:
            return _seen(await self._first(await self.focused_window(), focused_in, by_picture=False))

    async def again(self, seen: Seen) -> Element | None:
        async with self._turn:
            try:
                for surface in await self._surfaces(seen.look.window):
                    if surface.kind is seen.look.source:
                        return same_in(await surface.look(seen.element.box), seen.element)
            except ScreenError:
                pass
            return None

    async def get_used_to(self) -> None:
        window = await self.focused_window()
        if window is None:
            return
        try:
            for surface in await self._surfaces(window):
                async with self._reading if surface.kind is SurfaceKind.PIXEL else self._turn:
                    await surface.look()
        except ScreenError:
            return

    async def gone(self, window: Window) -> bool:
        try:
            return all(one.pid != window.pid for one in await self._windows.list())
        except ScreenError:
            return False

    async def read(self, seen: Seen) -> Look | None:
        if self._reading.locked():
            return None  # it would be of another moment
        async with self._reading:
            try:
                surfaces = await self._surfaces(seen.look.window)
                by_picture = [
                    one for one in surfaces if one.kind is SurfaceKind.PIXEL and one.kind is not seen.look.source
                ]
                return await by_picture[0].look() if by_picture else None
            except ScreenError:
                return None

    async def _first(
        self, window: Window | None, find: Callable[[Look], Element | None], *, by_picture: bool = True
    ) -> _Found | None:
        """Return what is found on a window. Raises nothing. `by_picture`: a picture can tell it, too."""
        if window is None:
            return None
        try:
            found = await self._on(window, find, by_picture)
            if not window.popup:
                return found
            others = [one for one in await self._windows.list() if one.pid == window.pid and one.id != window.id]
            for one in reversed(others):  # a menu is found again on the window that it belongs to
                again = await self._on(one, lambda look: _in_popup(look, _seen(found), find), by_picture)
                if again is not None:
                    return again
        except ScreenError:
            return None
        return found

    async def _on(self, window: Window, find: Callable[[Look], Element | None], by_picture: bool) -> _Found | None:
        try:
            surfaces = await self._surfaces(window)
        except NotUsable:
            return None
        for surface in surfaces:
            if surface.kind is SurfaceKind.PIXEL and not by_picture:
                continue
            look = await surface.look()
            element = find(look)
            if element is not None:
                return _Found(Seen(element, look), surface)
        return None


@dataclass(frozen=True, slots=True)
class _Found:
    seen: Seen
    by: Surface


def _seen(found: _Found | None) -> Seen | None:
    return None if found is None else found.seen


async def _with_crop(found: _Found | None) -> Seen | None:
    """Return what was found with its picture; without one of a field, which shows what people typed."""
    if found is None:
        return None
    element = found.seen.element
    if element.role in FIELDS | SECRET or "secret" in element.states or element.box.empty:
        return found.seen
    try:
        picture = await found.by.picture(element.box.grown(2))
    except ScreenError:
        return found.seen
    return replace(found.seen, crop=picture.png if picture is not None else b"")


def _in_popup(look: Look, seen: Seen | None, find: Callable[[Look], Element | None]) -> Element | None:
    """Return what was found on a popup as the window below it tells it: what lies under the popup is not meant."""
    if look.source is SurfaceKind.PIXEL:
        return find(look)  # a picture shows what is on top
    if seen is not None and seen.look.source is look.source:
        return next((one for one in look.elements if one.id == seen.element.id), None)
    return find(on_top(look))
