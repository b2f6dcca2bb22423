"""Between the pixels of a screen and those of the picture that a model gets, or its thousandths."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opsagent_tools.gui.model import Box, Point
from opsagent_tools.gui.vision.wanted import BadReply


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of the screen, and the size that a model counts it in."""

    screen: Box
    width: int
    height: int

    def to_screen(self, x: float, y: float) -> Point:
        """Return the pixel of the screen that a model means. Raises BadReply where that is outside of what it was shown."""
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= self.width and 0 <= y <= self.height):
            raise BadReply(f"({x:g}, {y:g}) is outside of the picture ({self.width}x{self.height})")
        left = self.screen.left + min(int(x * self.screen.width / self.width), self.screen.width - 1)
        top = self.screen.top + min(int(y * self.screen.height / self.height), self.screen.height - 1)
        return Point(left, top)

    def from_screen(self, point: Point) -> tuple[int, int]:
        """Return where a pixel of the screen is in the picture: its middle, so that it comes back as itself or next to it."""
        x = (point.x - self.screen.left + 0.5) * self.width / self.screen.width
        y = (point.y - self.screen.top + 0.5) * self.height / self.screen.height
        return min(int(x), self.width), min(int(y), self.height)


def fitted(screen: Box, *, longest: int, pixels: int) -> Frame:
    """Return the frame of a picture whose long side and area keep within what a model takes; it is never enlarged."""
    scale = min(1.0, longest / max(screen.width, screen.height), math.sqrt(pixels / (screen.width * screen.height)))
    return Frame(screen, max(1, int(screen.width * scale)), max(1, int(screen.height * scale)))


def in_thousandths(screen: Box) -> Frame:
    """Return the frame of a model that counts from 0 to 1000 on both sides, whatever the picture's size."""
    return Frame(screen, 1000, 1000)
