"""What is typed into a field takes the place of what it held: emptied, looked at after each attempt, and typed into.

Toolkits share few keys. End, shift+Home and Backspace empty a field in nearly all; Athena's widgets mark nothing, and are
emptied by Backspace alone, from the end. ctrl+a, ctrl+k, ctrl+u and spaces are never pressed: elsewhere they go to the
beginning, to the address of a browser, or press something. What stays then is no text of the field (a hint, a unit,
an icon) or a text that cannot be deleted: the first sign that is typed tells which, and is taken back if it is that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Window
from opsagent_tools.gui.pixels.equivalence import is_number, is_unit, shape_of
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.pixels.words import is_masked
from opsagent_tools.gui.port import Refused, Unfinished

_ROUNDS = 8
_MOST = 40
"""Backspaces in a row, before the field is looked at again."""
_NARROWEST = 0.3
"""Width of a letter, in heights of a field's ink: no field holds more letters than that tells."""
_LOOK_S, _DRAWN_S = 0.04, 0.3
"""How often, and how long, it is waited until a program has drawn what a key did."""
_SHOWS_S = 1.0
"""How long it is waited for the first thing that a field shows of the keys."""
_THIN = 3
_NEAR = 0.25
"""Heights of ink between what was typed and what is no part of it, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a field shows beside the text that was typed into it."""

    unit: str = ""
    """Right before or after a number."""
    fixed: tuple[Box, ...] = ()
    """Icons, at places of the screen."""


class Field:
    """A field that was clicked: of one line, but for `clear_lines`."""

    def __init__(
        self, hands: Hands, window: Window, eyes: Eyes, box: Box, called: str, *, has_keys: bool = True
    ) -> None:
        """`has_keys`: it was seen to take them. Else nothing is taken away before keys that only move and mark show in it."""
        self._hands = hands
        self._window = window
        self._eyes = eyes
        self._box = box
        self._called = called
        self._has_keys = has_keys

    async def type(self, text: str) -> None:
        """Type where the caret is. The first sign must show, where nothing else did so far; else Unfinished is raised. Refused."""
        if text and not self._has_keys:
            before = await self._picture()
            await self._hands.type_text(text[0], on=self._window)
            await self._demand_another(before, f"“{text[0]}” was typed, and no more")
            text = text[1:]
        if text:
            await self._hands.type_text(text, on=self._window)

    async def replace(self, text: str, held: str | None) -> Beside:
        """Let `text` take the place of what the field holds, and return what it shows beside it.

        Args:
            text: what to type.
            held: what was read in it; a lone stroke is taken for a caret where nothing was.

        Raises Unfinished where what it holds does not go away: nothing was typed then, or taken back; and where the keys went
        elsewhere on the way, or nothing shows that they come here. Refused where they did before the first key.
        """
        if not held and not await self._eyes.drawn(self._box):
            await self.type(text)
            return Beside()
        shown = await self._picture() if not self._has_keys else b""
        await self._press("end")
        try:
            if not self._has_keys:
                await self._press("shift", "home")
                await self._demand_another(shown, "nothing was typed")
                await self._press("end")
            left = await self._emptied()
            if not left or not text:
                await self.type(text)
                return Beside()
            return await self._typed_beside(text, left)
        except Refused as refused:
            raise Unfinished(
                f"{self._called} was emptied, at least in part, and nothing was typed: {refused}"
            ) from None

    async def clear(self) -> None:
        """Empty a field that shows bullets for what it holds. Raises Unfinished where some stay; Refused."""
        if not await self._eyes.drawn(self._box):
            return
        await self._press("end")
        if await self._emptied() and is_masked((await self._eyes.text(self._box)).bare):
            raise Unfinished(f"what {self._called} held does not go away: nothing was entered")

    async def clear_lines(self) -> None:
        """Empty an area of several lines. Raises Unfinished where all its words stay; the number of a line may. Refused."""
        before = await self._eyes.drawn(self._box)
        if before and not self._has_keys:
            raise Unfinished(f"{self._called} was clicked, and nothing shows that it takes the keys: nothing was typed")
        await self._hands.type_text("", on=self._window, replace=True, lines=True)
        if not before or await self._drawn_otherwise(before) != before:
            return
        if any(sign.isalpha() for sign in (await self._eyes.text(self._box)).text):
            raise Unfinished(f"what {self._called} held does not go away: nothing was typed")

    async def _emptied(self) -> tuple[Box, ...]:
        """Take away what can be; return what is still drawn. The caret is at the end."""
        before = await self._eyes.drawn(self._box)
        await self._press("shift", "home")
        await self._press("backspace")
        now = await self._drawn_otherwise(before)
        for _ in range(_ROUNDS):
            if not now:
                break
            await self._press("end")
            for _ in range(_letters_in(now)):
                await self._press("backspace")
            then = await self._drawn_otherwise(now)
            if then == now:
                break
            now = then
        return now

    async def _typed_beside(self, text: str, left: Sequence[Box]) -> Beside:
        """Type into a field that is not emptied by any key: what it shows must go, or be no part of its text."""
        said = (await self._eyes.text(self._box)).bare
        await self._press("end")
        await self._press("shift", "home")
        await self._hands.type_text(text[0], on=self._window)
        now = await self._drawn_otherwise(left)
        fixed = tuple(one for one in left if _stands_apart(one, now))
        read = (await self._eyes.text(self._box, fixed)).bare
        stays = bool(said) and shape_of(said) in shape_of(read)
        if stays and not (is_number(text) and is_unit(said)):
            await self._press("backspace")
            await self._drawn_otherwise(now)
            rest = (await self._eyes.text(self._box)).bare
            raise Unfinished(
                f"what {self._called} held does not go away: nothing was typed, and it shows “{rest[:40]}”"
            )
        await self._hands.type_text(text[1:], on=self._window)
        return Beside(unit=said if stays else "", fixed=fixed)

    async def _demand_another(self, before: bytes, done: str) -> None:
        """Wait until the field looks otherwise than `before`: the keys come here. Raises Unfinished; `done`: what was done."""
        clock = asyncio.get_running_loop().time
        end = clock() + _SHOWS_S
        while await self._picture() == before:
            if clock() >= end:
                raise Unfinished(f"{self._called} was clicked, and nothing shows that it takes the keys: {done}")
            await asyncio.sleep(_LOOK_S)
        self._has_keys = True

    async def _picture(self) -> bytes:
        taken = await self._eyes.picture(self._box)
        return taken.png if taken is not None else b""

    async def _press(self, *keys: str) -> None:
        await self._hands.hotkey(keys, on=self._window, popups=False)

    async def _drawn_otherwise(self, before: Sequence[Box]) -> tuple[Box, ...]:
        """Wait a moment until something else is drawn in the field, and stays; return what is drawn."""
        clock = asyncio.get_running_loop().time
        end = clock() + _DRAWN_S
        now = await self._eyes.drawn(self._box)
        while clock() < end and now == tuple(before):
            await asyncio.sleep(_LOOK_S)
            now = await self._eyes.drawn(self._box)
        while now and clock() < end:  # it may be drawn in parts, or go key by key
            await asyncio.sleep(_LOOK_S)
            then, now = now, await self._eyes.drawn(self._box)
            if then == now:
                break
        return now


def _letters_in(drawn: Sequence[Box]) -> int:
    """Return how many letters a field may hold at most, and one more."""
    height = max(one.height for one in drawn)
    return min(_MOST, 1 + round(sum(one.width for one in drawn) / (_NARROWEST * height)))


def _stands_apart(one: Box, drawn: Sequence[Box]) -> bool:
    """Say whether something stands where it did, and nothing near it: an icon, which may be drawn weaker, and no caret."""
    same = [other for other in drawn if one.grown(1).holds(other.center) and other.width <= one.width + 2]
    others = [other for other in drawn if other not in same]
    if not same or not others or one.width <= _THIN < one.height:
        return False
    gap = min(max(other.left - one.right, one.left - other.right) for other in others)
    return gap >= _NEAR * max(other.height for other in drawn)
