"""What a vision model gets to see: the window alone, secrets blackened, in the size that it counts in.

NoPicture   a window has no picture, or it may not be shown
"""

from __future__ import annotations

import io

from opsagent_tools.gui.model import Box, Element, Look
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.vision.frames import Frame
from opsagent_tools.redact import redact


class NoPicture(Exception):
    """There is no picture, or it may not be shown. One line."""


async def shown_to_model(surface: Surface, look: Look, frame: Frame, *, region: Box | None = None) -> bytes:
    """Return a PNG of the window (or of `region`, enlarged) in the frame's size, with everything secret on it blackened.

    Raises NoPicture where it cannot be masked.
    """
    box = region.meets(look.window.box) if region is not None else look.window.box
    if box.empty:
        raise NoPicture("it wants to see what is outside of the window")
    picture = await surface.picture(box, mask=secret_boxes(look))
    if picture is None:
        raise NoPicture("the window has no picture")
    if not picture.masked:
        raise NoPicture("secrets on the picture could not be masked: it is not shown")
    width, height = (frame.width, frame.height) if frame.width != frame.height else _fitting(box)
    return _resized(picture.png, width, height)


def secret_boxes(look: Look) -> tuple[Box, ...]:
    """Return what has to be blackened: fields that are secret, and whatever is seen that reads like a secret."""
    return tuple(one.box for one in look.elements if _is_secret(one))


def _is_secret(element: Element) -> bool:
    texts = (element.name, element.value or "")
    return "secret" in element.states or any(redact(text) != text for text in texts if text)


def _fitting(box: Box) -> tuple[int, int]:
    """Return a size for who counts in thousandths: the window's own, at most 1260 pixels wide and 700 high."""
    scale = min(1.0, 1260 / box.width, 700 / box.height)
    return max(1, int(box.width * scale)), max(1, int(box.height * scale))


def _resized(png: bytes, width: int, height: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        if picture.size == (width, height):
            return png
        smaller = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    smaller.save(written, "PNG")
    return written.getvalue()
