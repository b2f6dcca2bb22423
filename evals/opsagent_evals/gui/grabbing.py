"""Pictures of a display, for players and judges that look by other means than the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsagent_evals.gui.stage import SIZE
from opsagent_evals.gui.xwindows import connected
from opsagent_tools.gui.model import Box

_Z_PIXMAP = 2


def grab(env: Mapping[str, str], box: Box | None = None) -> Any:  # an array of OpenCV
    """Return the pixels of a display, grey. `env`: DISPLAY and XAUTHORITY are taken from it."""
    import cv2
    import numpy as np

    wanted = box or Box(0, 0, *SIZE)
    connection = connected(env)
    try:
        image = connection.ask_now(
            lambda display: display.screen().root.get_image(
                wanted.left, wanted.top, wanted.width, wanted.height, _Z_PIXMAP, 0xFFFFFFFF
            ),
            10.0,
        )
    finally:
        connection.close()
    pixels = np.frombuffer(image.data, dtype=np.uint8).reshape(wanted.height, wanted.width, 4)
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2GRAY)


def png_of(pixels: Any) -> bytes:
    """Return an array of OpenCV as PNG."""
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1].tobytes())
