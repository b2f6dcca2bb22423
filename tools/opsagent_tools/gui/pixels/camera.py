"""Pictures of a display, as arrays: the one module that knows mss. For the process whose environment names the display."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import mss
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image


class Camera:
    """Takes pictures of the display that DISPLAY and XAUTHORITY name."""

    def __init__(self) -> None:
        self._screen = mss.MSS()
        whole = self._screen.monitors[0]
        self.screen = Box(whole["left"], whole["top"], whole["width"], whole["height"])
        """All monitors together."""

    def take(self, box: Box) -> tuple[Image, Box]:
        """Return what is on the screen in `box`, and the part of it that is on the screen (it may be empty)."""
        seen = box.meets(self.screen)
        if seen.empty:
            return np.zeros((0, 0, 3), dtype=np.uint8), seen
        shot = self._screen.grab({"left": seen.left, "top": seen.top, "width": seen.width, "height": seen.height})
        raw = np.frombuffer(shot.raw, dtype=np.uint8).reshape(shot.height, shot.width, 4)
        return np.ascontiguousarray(raw[:, :, :3]), seen

    def close(self) -> None:
        """Hang up."""
        self._screen.close()


def png_of(image: Image, place: Box, black: Sequence[Box]) -> bytes:
    """Return a picture as PNG, with what lies in `black` (coordinates of the screen) blackened."""
    shown = image.copy()
    for box in black:
        part = box.meets(place)
        if not part.empty:
            left, top = part.left - place.left, part.top - place.top
            shown[top : top + part.height, left : left + part.width] = 0
    done, data = cv2.imencode(".png", shown)
    if not done:
        raise ValueError("the picture cannot be written as PNG")
    return data.tobytes()
