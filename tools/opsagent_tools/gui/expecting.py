"""Whether what a step promises came about: texts, values, check marks, windows. Looks until it did, or time is up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from opsagent_tools.gui.desk import Screens
from opsagent_tools.gui.finding import Found
from opsagent_tools.gui.matching.names import plain, same, skeleton
from opsagent_tools.gui.matching.roles import is_on
from opsagent_tools.gui.matching.scene import seen
from opsagent_tools.gui.model import Fingerprint, Gesture, Located, Look, SurfaceKind, Window
from opsagent_tools.gui.port import ScreenError, SurfaceGone
from opsagent_tools.gui.procedure import Expectation

_AGAIN_S = 0.1
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What was seen after a step."""

    look: Look | None
    """None: the window is gone."""
    missed: str = ""
    """What did not come about, in words; empty: all did."""


class Expecting:
    """Looks for what one step promises."""

    def __init__(self, screens: Screens, found: Found, on: Fingerprint | None, stop: Callable[[], str]) -> None:
        self._screens = screens
        self._found = found
        self._on = on
        self._stop = stop

    async def come(self, wanted: Expectation, look: Look | None) -> After:
        """Wait for all of it; `look` is what was seen right after the step."""
        until = asyncio.get_running_loop().time() + wanted.within_s
        while True:
            if why := self._stop():
                return After(look=look, missed=why)
            missed = await self._missed(wanted, look)
            if not missed or asyncio.get_running_loop().time() >= until:
                return After(look=look, missed=f"{missed} within {wanted.within_s:g} s" if missed else "")
            await asyncio.sleep(_AGAIN_S)
            look = await self._look()

    async def _missed(self, wanted: Expectation, look: Look | None) -> str:
        """Return what does not hold now, in words."""
        if wanted.closed and look is not None:
            return "the window did not close"
        if wanted.window and not any(wanted.window.casefold() in one.title.casefold() for one in await self._windows()):
            return f"no window “{wanted.window}” came"
        if wanted.shows and not await self._shown(wanted.shows, look):
            return f"“{wanted.shows}” was not seen"
        if wanted.gone and await self._shown(wanted.gone, look):
            return f"“{wanted.gone}” was still seen"
        if wanted.value and (why := await self._value(wanted.value, look)):
            return why
        if wanted.checked is not None and (now := await self.checked(look)) is not wanted.checked:
            return "it cannot be told whether it is set" if now is None else f"it is {'set' if now else 'not set'}"
        return ""

    async def checked(self, look: Look | None) -> bool | None:
        """Tell whether the target is set now; None: it cannot be told."""
        if look is None or self._on is None:
            return None
        at = await self._found.surface.locate(self._on, look)
        if not isinstance(at, Located) or at.element is None:
            return None
        return is_on(at.element)

    async def _value(self, wanted: str, look: Look | None) -> str:
        if look is None or self._found.at is None:
            return "the field is gone"
        held = await self._found.surface.read_back(self._found.at)
        if held is None:
            return "its value cannot be read"
        return "" if is_value(wanted, held, read=look.source is SurfaceKind.PIXEL) else f"it holds “{held[:80]}”"

    async def _look(self) -> Look | None:
        try:
            return await self._found.surface.settle(timeout_s=1.0, quiet_s=0.1)
        except SurfaceGone:
            return None

    async def _windows(self) -> list[Window]:
        return [one for one in await self._screens.windows() if one.program == self._found.window.program]

    async def _shown(self, text: str, look: Look | None) -> bool:
        if look is not None and shows(look, text):
            return True
        for window in await self._windows():
            if window.id == self._found.window.id:
                continue
            if plain(text) in plain(window.title):
                return True
            try:
                surfaces = await self._screens.surfaces(window)
                if surfaces and shows(await surfaces[0].look(), text):
                    return True
            except ScreenError:
                continue
        return False


def shows(look: Look, text: str) -> bool:
    """Tell whether a text is seen in a look, as whole words: `Saved` is not seen in `Unsaved`."""
    read = look.source is SurfaceKind.PIXEL
    wanted = _words(text, read=read)
    if not wanted:
        return False
    said = [one for each in look.elements if seen(each) for one in (each.name, each.label, each.value) if one]
    if any(_holds(_words(one, read=read), wanted) for one in [*said, look.window.title]):
        return True
    return read and any(skeleton(one) == skeleton(text) for one in said)


def arrived(gesture: Gesture, held: str, *, read: bool) -> bool:
    """Tell whether a field holds what was typed; what was typed at the caret is in it somewhere."""
    if is_value(gesture.text, held, read=read):
        return True
    return not gesture.replace and (gesture.text in held or read)


def is_value(wanted: str, held: str, *, read: bool = False) -> bool:
    """Tell whether a field holds what was wanted; read from pixels, as surely as they can be read."""
    if wanted.rstrip("\r\n") == held.rstrip("\r\n"):
        return True
    # The caret at its end is read as a stroke.
    return read and any(same(wanted, one, read=True) > 0 for one in (held, held.rstrip(" |│¦")))


def _words(text: str, *, read: bool) -> list[str]:
    return [skeleton(one) if read else one for one in _WORD.findall(plain(text))]


def _holds(words: list[str], wanted: list[str]) -> bool:
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
