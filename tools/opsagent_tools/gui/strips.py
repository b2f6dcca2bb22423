"""Pictures of a run: a crop around the target before and after, and small ones of the whole window, all masked."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Sequence

from opsagent_tools.gui.finding import Found
from opsagent_tools.gui.matching.names import skeleton
from opsagent_tools.gui.model import Box, Look, SurfaceKind
from opsagent_tools.gui.port import ScreenError, Secrets, Surface

_SMALL = (320, 240)
_AROUND = 60
"""Pixels around the target that a crop shows."""


def shows_secret(look: Look, secret: str) -> list[Box]:
    """Return where a secret is read: an echo of what was typed, a field that shows what it holds."""
    read = look.source is SurfaceKind.PIXEL
    wanted = skeleton(secret, kept=False) if read else secret
    texts = ((one, text) for one in look.elements for text in (one.name, one.label, one.value) if text)
    edge = 0 if look.source is SurfaceKind.TERMINAL else 2  # cells have none
    return [one.box.grown(edge) for one, text in texts if wanted and wanted in (skeleton(text) if read else text)]


class Film:
    """The pictures of one run: crops around each target, and one of the window after each step."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._entered: list[str] = []
        """Names of the secrets that were typed: where a look shows one of them, it is blackened."""
        self._masks: list[Box] = []
        self._frame: asyncio.Future[bytes | None] | None = None
        """The picture that is being drawn of what the last step left, while nothing is done yet."""
        self._small: list[asyncio.Future[bytes]] = []
        """Pictures that were taken, and are made small beside what is done meanwhile."""

    def hide(self, secret: str, box: Box) -> None:
        """Hide from now on the place where a secret was typed, and where one of that name is read."""
        self._masks.append(box)
        self._entered.append(secret)

    async def crop(self, found: Found, look: Look) -> bytes | None:
        """Return a crop around the target of a step; None where it has no target, or no picture can be taken.

        look: what is seen there now, by which it is known what to hide.
        """
        if found.at is None:
            return None
        around = found.at.box.grown(_AROUND).meets(found.window.box)
        return await _taken(found.surface, around, self._hidden(look))

    def take(self, surface: Surface, look: Look) -> None:
        """Begin to take a picture of the whole window."""
        self._frame = asyncio.ensure_future(_taken(surface, None, self._hidden(look)))

    async def taken(self) -> None:
        """Wait for the picture of the last step; what comes next would be in it."""
        frame, self._frame = self._frame, None
        if frame is not None and (taken := await frame) is not None:
            self._small.append(asyncio.ensure_future(asyncio.to_thread(small, taken)))

    async def strip(self) -> tuple[bytes, ...]:
        """Return small pictures of what each step left."""
        await self.taken()
        return tuple(await asyncio.gather(*self._small))

    def let_go(self) -> None:
        """Draw no more."""
        if self._frame is not None:
            self._frame.cancel()
        for one in self._small:
            one.cancel()

    def _hidden(self, look: Look) -> list[Box]:
        """Return what pictures do not show beside secret fields: where secrets were typed, and where one is read now."""
        hidden = list(self._masks)
        for name in self._entered:
            with contextlib.suppress(KeyError):  # it was there when it was typed
                hidden += shows_secret(look, self._secrets.fetch(name))
        return hidden


async def _taken(surface: Surface, box: Box | None, mask: Sequence[Box]) -> bytes | None:
    if box is not None and box.empty:
        return None
    try:
        picture = await surface.picture(box, mask=mask)
    except (ScreenError, OSError):
        return None  # a picture is for people; a run does not end for want of one
    return picture.png if picture is not None else None


def small(png: bytes) -> bytes:
    """Return a picture that fits into `_SMALL`; as it is where it cannot be drawn."""
    try:
        from PIL import Image
    except ImportError:
        return png
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.thumbnail(_SMALL)
            out = io.BytesIO()
            image.convert("RGB").save(out, "PNG")
            return out.getvalue()
    except OSError:
        return png
