"""One window, seen as a picture and used with pointer and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opsagent_tools.gui.hands import Hands
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
    Verb,
    Window,
)
from opsagent_tools.gui.pixels.emptying import Beside
from opsagent_tools.gui.pixels.equivalence import (
    nearly_when_read,
    part_when_read,
    quite_another,
    same_when_read,
    without_unit,
)
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.pixels.gestures import Gestures
from opsagent_tools.gui.pixels.icons import agreeing, by_crop
from opsagent_tools.gui.port import Desktop, ScreenError, Secrets, Stale

_LOOK_S = 0.06
_TRIES = 3
_CARET_S = 1.0
"""A caret is gone for a while within so many seconds, where it blinks."""
_SURE = 0.9
_FRAME, _TITLE = 8, 40
"""Pixels that a window manager puts around a window, at most."""
_TOLD_BY_ITS_CROP = frozenset({"missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a surface is given to do more than look."""

    hands: Hands | None = None
    """Pointer and keys; None: the window is only looked at."""
    secrets: Secrets | None = None
    crops: Callable[[str], bytes | None] | None = None
    """Returns a fingerprint's crop by its name (PNG); None: there are none."""


class PixelSurface:
    """A window of which nothing is known but its picture. Made by `opsagent_tools.gui.pixels.offering.offers`."""

    def __init__(self, window: Window, desktop: Desktop, eyes: Eyes, means: Means | None = None) -> None:
        """Use a window.

        Args:
            window: as the server knew it.
            desktop: the windows of its display.
            eyes: of that display; they are shared, and not closed with the surface.
            means: hands, secrets and crops.
        """
        self._window = window
        self._desktop = desktop
        self._eyes = eyes
        self._means = means or Means()
        self._last: Look | None = None
        self._typed: dict[str, str] = {}
        self._beside: dict[str, Beside] = {}
        self._typed_last: Box | None = None
        """The field that was typed into last."""

    @property
    def kind(self) -> SurfaceKind:
        return SurfaceKind.PIXEL

    async def window(self) -> Window:
        """Return the window as the server knows it now. Raises SurfaceGone."""
        self._window = await self._desktop.now(self._window)
        return self._window

    async def look(self, near: Box | None = None) -> Look:
        """Take a picture and read what changed; the rest is remembered, so `near` saves nothing here.

        Menus and lists that its program has opened are a part of it. What other windows cover is not told.
        Raises SurfaceGone, ScreenError.
        """
        for _ in range(_TRIES):
            window = await self.window()
            shown = await self._shown(window)
            look = await self._read(window, shown)
            if await self._shown(window) == shown:
                break  # no menu came or went meanwhile
        self._last = look
        return look

    async def _read(self, window: Window, shown: _Shown) -> Look:
        read = await self._eyes.look(window.id, window.box, [one.box for one in (*shown.over, *shown.own)])
        elements = list(read.elements)
        digests, taken_at = [read.digest], read.taken_at
        for number, popup in enumerate(shown.own):
            inner = await self._eyes.look(popup.id, popup.box, [one.box for one in shown.own[number + 1 :]])
            elements.extend(_of_popup(one, popup) for one in inner.elements)
            digests.append(f"{popup.id}{inner.digest}")
        return Look(
            window=window,
            at=datetime.fromtimestamp(taken_at, UTC),
            source=SurfaceKind.PIXEL,
            elements=tuple(elements),
            digest=".".join(digests),
            blank=read.blank and not shown.own,
        )

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Wait until its picture has been quiet for `quiet_s` and something is drawn; return a look at it then.

        Pictures are compared, not read, while it waits. Raises SurfaceGone, ScreenError.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + timeout_s
        digest, blank = await self._glance()
        changed = clock()
        while clock() < end and (blank or clock() - changed < quiet_s):
            await asyncio.sleep(_LOOK_S)
            now, blank = await self._glance()
            if now != digest:
                digest, changed = now, clock()
        return await self.look()

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target by its texts; what has none, by its crop. A crop also speaks for what its texts found."""
        found = locate(fingerprint, look)
        crop = self._crop(fingerprint)
        if crop is None:
            return found
        if isinstance(found, Located):
            return await agreeing(found, fingerprint, crop, self._eyes, look)
        if found.reason in _TOLD_BY_ITS_CROP and not (fingerprint.name or fingerprint.label):
            return await by_crop(fingerprint, crop, self._eyes, look, found)
        return found

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it with pointer and keys, on a target that still looks as it did.

        Raises SurfaceGone; Refused where it is not the window that is meant; Stale where the target does not look as it did
        when it was located: then nothing was done.
        """
        if self._means.hands is None:
            raise ScreenError(f"{self._window.program} is only looked at: there are no hands for its display")
        window = self._window = await self._desktop.raise_(await self.window())
        last = self._typed_last
        elsewhere = at is not None and last is not None and not last.holds(at.box.center)
        doing = Gestures(window, self._means.hands, self._eyes, self._means.secrets, focus_elsewhere=elsewhere)
        for place in (at, to):
            if place is not None:
                await doing.check(place, await self._view_of(place, window))
        await doing.perform(gesture, at, to)
        if at is not None and gesture.verb is Verb.TYPE:
            self._typed_last = at.box
        if at is not None and gesture.text:
            self._typed[_key(at)] = gesture.text
            self._beside[_key(at)] = doing.beside

    async def read_back(self, at: Located) -> str | None:
        """Return the value that a field holds now; None: it is secret, or it cannot be read surely.

        A reading that differs from what was typed only in what pictures do not show (`equivalence`) is what was typed. One
        that is nearly what was typed, or a part of it, is no reading: it was misread, or the field is too narrow.
        """
        if at.element is not None and ("secret" in at.element.states or at.element.role == "password field"):
            return None
        if at.element is not None and at.element.role in {"check box", "radio button"}:
            return await self._state_of(at)
        return await self._text_of(at.box, self._typed.get(_key(at)), self._beside.get(_key(at), Beside()))

    async def _text_of(self, box: Box, typed: str | None, beside: Beside) -> str | None:
        """Return what a field holds, without what it shows beside that."""
        clock = asyncio.get_running_loop().time
        end = clock() + _CARET_S
        pictures: set[str] = set()
        while True:
            read = await self._eyes.text(box, beside.fixed)
            readings = [without_unit(one, beside.unit) for one in (read.text, read.bare)]
            if typed is None:
                return None if read.score < _SURE else readings[0]
            if any(same_when_read(typed, one) for one in readings):
                return typed
            nearly = any(nearly_when_read(typed, one) for one in readings)
            pictures.add(read.digest)  # a caret at its end may be read as a letter, until it blinks
            if clock() >= end or not nearly or len(pictures) > 1:
                break
            await asyncio.sleep(_LOOK_S)
        if not read.text:
            return None if await self._eyes.drawn(box) else ""
        misread = nearly or any(part_when_read(typed, one) for one in readings)
        unsure = read.score < _SURE and not all(quite_another(typed, one) for one in readings)
        return None if misread or unsure else readings[0]

    async def picture(self, box: Box | None = None, *, mask: Sequence[Box] = ()) -> Picture | None:
        """Return a picture of the window or of `box`; None: it is off the screen.

        Secret fields, `mask`, and what other programs have before it are blackened.
        """
        window = await self.window()
        look = self._last or await self.look()
        secret = [one.box.grown(2) for one in look.elements if "secret" in one.states]
        others = others_before(window, await self._desktop.list(), await self._desktop.popups())
        return await self._eyes.picture(box or window.box, [*mask, *secret, *others])

    async def close(self) -> None:
        """Let go of it. The program goes on."""
        await self._eyes.forget(self._window.id)

    async def _glance(self) -> tuple[str, bool]:
        """Return the digest of the window and its menus, and whether nothing is drawn."""
        window = await self.window()
        shown = await self._shown(window)
        seen = await self._eyes.glance(window.id, window.box, [one.box for one in (*shown.over, *shown.own)])
        digests = [seen.digest, f"{window.box}"]
        for number, popup in enumerate(shown.own):
            inner = await self._eyes.glance(popup.id, popup.box, [one.box for one in shown.own[number + 1 :]])
            digests.append(f"{popup.id}{inner.digest}")
        return ".".join(digests), seen.blank and not shown.own

    async def _shown(self, window: Window) -> _Shown:
        """Return what lies before the window: its program's menus, which belong to it, and other windows, which do not."""
        listed, popups = await self._desktop.list(), await self._desktop.popups()
        ids = [one.id for one in listed]
        above = listed[ids.index(window.id) + 1 :] if window.id in ids else ()
        covering = [one for one in above if not one.box.meets(window.box).empty]
        own = tuple(one for one in popups if one.pid == window.pid)
        others = [one for one in popups if one.pid != window.pid]
        return _Shown(own, (*covering, *others))

    async def _view_of(self, at: Located, window: Window) -> str:
        """Return under which id the place was looked at: the window's, or that of a menu before it.

        Raises Stale where what was looked at is not what lies there now: a menu was closed, or opened over it.
        """
        shown = await self._shown(window)
        holding = [one for one in shown.own if one.box.holds(at.point)]
        now = holding[-1].id if holding else window.id
        was = at.element.id.rpartition("/")[0] if at.element is not None else ""
        if at.element is not None and was.rpartition("+")[2] != (now if holding else ""):
            why = "a menu lies over" if holding else "the menu was closed that showed"
            raise Stale(f"{why} the {at.element.role} “{at.element.name[:60]}”: nothing was done")
        return now

    async def _state_of(self, at: Located) -> str | None:
        look = await self.look()
        assert at.element is not None
        there = (one for one in look.elements if one.role == at.element.role and one.box.holds(at.box.center))
        return next((one.value for one in there), None)

    def _crop(self, fingerprint: Fingerprint) -> bytes | None:
        if not fingerprint.crop or self._means.crops is None:
            return None
        return self._means.crops(fingerprint.crop)


@dataclass(frozen=True, slots=True)
class _Shown:
    own: tuple[Window, ...]
    """Menus and lists of its program, the topmost last."""
    over: tuple[Window, ...]
    """Windows that lie before it, in part at least."""


def others_before(window: Window, listed: Sequence[Window], popups: Sequence[Window]) -> list[Box]:
    """Return where other programs' windows may lie before a window, with the titles above them."""
    ids = [one.id for one in listed]
    above = listed[ids.index(window.id) + 1 :] if window.id in ids else listed
    return [
        Box(one.box.left - _FRAME, one.box.top - _TITLE, one.box.width + 2 * _FRAME, one.box.height + _TITLE + _FRAME)
        for one in (*above, *popups)
        if one.pid != window.pid
    ]


def _of_popup(one: Element, popup: Window) -> Element:
    """Return an element of a menu: a text there is an entry."""
    role = "menu item" if one.role == "text" else one.role
    return replace(one, id=f"{popup.id}/{one.id}", role=role)


def _key(at: Located) -> str:
    return f"{at.box.left},{at.box.top},{at.box.width},{at.box.height}"
