"""Gestures on a window of which only its picture is known: on a target that looks as it did when it was located."""

from __future__ import annotations

import asyncio

from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.matching.roles import AREAS, DONE_BY_A_CLICK
from opsagent_tools.gui.model import Box, Gesture, Located, Point, Verb, Window
from opsagent_tools.gui.pixels.emptying import Beside, Field
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.port import Refused, ScreenError, Secrets, Stale, Unfinished
from opsagent_tools.gui.pressing import called, needed, press
from opsagent_tools.gui.secret_words import asks_for_secret

_CHOICES = frozenset({"check box", "radio button", "check menu item", "radio menu item"})
_FOCUS_S, _CARET_S = 0.4, 1.5
_LOOK_S = 0.05
_BLINK_S = 1.2
"""A caret is there and gone once within so many seconds, where it blinks."""


class Gestures:
    """Gestures on one window that was raised."""

    def __init__(
        self, window: Window, hands: Hands, eyes: Eyes, secrets: Secrets | None, *, focus_elsewhere: bool = False
    ) -> None:
        """`focus_elsewhere`: another field of the window was typed into last, and may have the keys still."""
        self._window = window
        self._focus_elsewhere = focus_elsewhere
        self._hands = hands
        self._eyes = eyes
        self._secrets = secrets
        self.beside = Beside()
        """What the field that was typed into shows beside its text."""

    async def check(self, at: Located, view: str) -> None:
        """Raise Stale unless the place looks as it did, or does again: a caret that blinks may be a block, or have serifs.

        `view`: of which window or menu it is a part.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + _BLINK_S
        while not await self._eyes.same(view, at.box):
            if clock() < end and _may_blink(at):
                await asyncio.sleep(_LOOK_S)
                continue
            raise Stale(f"{called(at.element)} does not look as it did when it was found: nothing was done")

    async def perform(self, gesture: Gesture, at: Located | None, to: Located | None) -> None:
        """Do it. Raises ScreenError, Refused, SurfaceGone."""
        match gesture.verb:
            case Verb.WAIT:
                await asyncio.sleep(gesture.seconds)
            case Verb.HOTKEY:
                if at is not None:
                    if at.element is None or at.element.role in DONE_BY_A_CLICK:
                        raise ScreenError(
                            f"keys are meant for {called(at.element)}, and a click would press it: click it instead"
                        )
                    await self._hands.click(_point(at), on=self._window, popups=True)
                await self._hands.hotkey(gesture.keys, on=self._window)
            case Verb.TYPE:
                await self._type(gesture, at)
            case Verb.DRAG:
                start, end = needed(at, gesture), needed(to, gesture)
                await self._hands.drag(_point(start), _point(end), on=self._window)
            case _:
                point = _point(needed(at, gesture))
                await press(self._hands, gesture, point, on=self._window, popups=True)

    async def _type(self, gesture: Gesture, at: Located | None) -> None:
        if at is None:
            if gesture.secret:
                raise ScreenError(
                    "a secret is entered into a field that was verified, never where the caret happens to be"
                )
            await self._hands.type_text(gesture.text, on=self._window)
            return
        if at.element is None or "editable" not in at.element.states:
            raise ScreenError(f"{called(at.element)} does not look like a field: nothing was typed")
        before = await self._eyes.picture(at.box)
        await self._hands.click(_point(at), on=self._window)
        seen = await self._changed(at.box, before.png if before else b"", _FOCUS_S) or await self._blinks(at.box)
        if not seen and self._focus_elsewhere:
            raise Unfinished(
                f"{called(at.element)} was clicked, and nothing shows that it takes the keys: nothing was typed"
            )
        try:
            if gesture.secret:
                await self._enter_secret(gesture, at)
            elif gesture.replace:
                await self._replace(gesture.text, at, self._field(at, has_keys=seen))
            else:
                await self._field(at, has_keys=seen).type(gesture.text)
        except Refused as refused:
            raise Unfinished(f"{called(at.element)} was clicked, and it was not typed into it: {refused}") from None

    async def _replace(self, text: str, at: Located, field: Field) -> None:
        """Let a text take the place of what a field holds."""
        if at.element is None or at.element.role not in AREAS:
            self.beside = await field.replace(text, at.element.value if at.element else None)
            return
        await field.clear_lines()
        await field.type(text)

    async def _enter_secret(self, gesture: Gesture, at: Located) -> None:
        if self._secrets is None:
            raise ScreenError(f"there is nobody to fetch the secret “{gesture.secret}” from")
        element = at.element
        hidden = element is not None and ("secret" in element.states or asks_for_secret(element.label))

        async def is_meant() -> bool:
            """It is called a field for secrets, and a caret blinks in it."""
            return hidden and await self._blinks(at.box)

        if gesture.replace and self._hands.private:
            if not await is_meant():
                raise Unfinished(f"{called(at.element)} was clicked, and nothing shows that it takes the keys")
            await self._field(at).clear()
        await self._hands.enter_secret(self._secrets.fetch(gesture.secret), on=self._window, field_is_meant=is_meant)

    def _field(self, at: Located, *, has_keys: bool = True) -> Field:
        return Field(self._hands, self._window, self._eyes, at.box, called(at.element), has_keys=has_keys)

    async def _blinks(self, box: Box) -> bool:
        """Say whether something changes in a field by itself: a caret."""
        first = await self._eyes.picture(box)
        return first is not None and await self._changed(box, first.png, _CARET_S)

    async def _changed(self, box: Box, before: bytes, within_s: float) -> bool:
        """Wait until a part of the screen looks otherwise; say whether it does."""
        clock = asyncio.get_running_loop().time
        end = clock() + within_s
        while clock() < end:
            now = await self._eyes.picture(box)
            if now is not None and now.png != before:
                return True
            await asyncio.sleep(_LOOK_S)
        return False


def _may_blink(at: Located) -> bool:
    return at.element is not None and "editable" in at.element.states


def _point(at: Located) -> Point:
    """Return where to press: the mark of a check box, else what was located."""
    element = at.element
    if element is not None and element.role in _CHOICES and element.box.width > 2 * element.box.height:
        return Point(element.box.left + max(3, round(0.4 * element.box.height)), element.box.center.y)
    return at.point
