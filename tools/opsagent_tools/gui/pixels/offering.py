"""Every window of an X display has a picture: here is its surface, where pictures can be read."""

from __future__ import annotations

from opsagent_tools.gui.model import Window
from opsagent_tools.gui.pixels.eyes import Eyes, missing
from opsagent_tools.gui.pixels.surface import Means, PixelSurface
from opsagent_tools.gui.port import Desktop

__all__ = ["Means", "offers"]


async def offers(window: Window, desktop: Desktop, eyes: Eyes, means: Means | None = None) -> PixelSurface | None:
    """Return the pixel surface of a window; None where it is no window of a display, or pictures cannot be read here.

    Args:
        window: of the display that `eyes` look at.
        desktop: the windows of that display.
        eyes: shared by all surfaces of a display; whoever made them closes them.
        means: hands, secrets and crops; without them it is only looked at.
    """
    if not window.id.startswith("x11:") or missing():
        return None
    return PixelSurface(window, desktop, eyes, means)
