"""Pictures of a run: a crop around the target before and after, and small ones of the whole window, all masked."""

from __future__ import annotations

import io
from collections.abc import Sequence

from opsagent_tools.gui.finding import Found
from opsagent_tools.gui.matching.names import skeleton
from opsagent_tools.gui.model import Box, Look, SurfaceKind
from opsagent_tools.gui.port import ScreenError, Surface

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


async def crop(found: Found, mask: Sequence[Box] = ()) -> bytes | None:
    """Return a masked crop around the target of a step; None where it has no target, or no picture can be taken.

    mask: what is blackened beside the fields that are known to be secret.
    """
    if found.at is None:
        return None
    return await _taken(found.surface, found.at.box.grown(_AROUND).meets(found.window.box), mask)


async def frame(surface: Surface, mask: Sequence[Box] = ()) -> bytes | None:
    """Return a masked picture of the whole window, which `small` makes small."""
    return await _taken(surface, None, mask)


async def _taken(surface: Surface, box: Box | None, mask: Sequence[Box]) -> bytes | None:
    if box is not None and box.empty:
        return None
    try:
        picture = await surface.picture(box, mask=mask)
    except ScreenError:
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
