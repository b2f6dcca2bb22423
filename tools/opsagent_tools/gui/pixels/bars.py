"""Shapes into which nobody types, though they look like fields at a glance: told by their colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Colour, Image, ground, part_of
from opsagent_tools.gui.pixels.frames import Frame

_STRIP = 4
"""Rows at the top of a window that have the colour of its bars."""
_ALIKE = 8
"""Levels by which two grounds differ, at most, that are one."""
_LIGHTER, _DARKER = 10, 24
"""Levels by which the edges of what is raised differ from it: light from above, shadow below."""
_HIGHEST = 96


def plain_in(image: Image, frames: Sequence[Frame]) -> frozenset[Box]:
    """Return the shapes that are a part of a bar, or raised: coordinates of `image`.

    What reaches the side of its window without a border, in the colour of the bars at the top, is what is left of a row
    of tabs, or a status bar. What is raised is a button or the head of a column; fields are sunken, or flat.
    """
    found = set()
    bars = ground(image[:_STRIP]) if image.size else None
    for frame in frames:
        box = frame.box
        if frame.round or box.height > _HIGHEST or bars is None:
            continue
        sides = (box.left <= 1) + (box.right >= image.shape[1] - 1)
        # What takes a part of the first rows itself would be compared with itself.
        at_side = sides == 2 or (sides == 1 and box.top >= _STRIP)
        if (at_side and _alike(ground(part_of(image, box)), bars)) or _is_raised(image, box):
            found.add(box)
    return frozenset(found)


def _alike(one: Colour, other: Colour) -> bool:
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max()) <= _ALIKE


def _is_raised(image: Image, box: Box) -> bool:
    """Say whether light falls on the upper and left edge of a shape and shadow on the lower and right one."""
    height, width = image.shape[:2]
    if box.left < 2 or box.top < 2 or box.right > width - 3 or box.bottom > height - 3:
        return False
    grey = image[box.top - 2 : box.bottom + 3, box.left - 2 : box.right + 3].mean(axis=2)
    rows, columns = np.median(grey[:, 2:-3], axis=1), np.median(grey[2:-3], axis=0)
    fill = float(np.median(rows))
    lit = min(_first_edge(rows[2::-1], fill), _first_edge(columns[2::-1], fill))
    shaded = max(_first_edge(rows[-4:], fill), _first_edge(columns[-4:], fill))
    return lit >= _LIGHTER and shaded <= -_DARKER


def _first_edge(outwards: npt.NDArray[np.float64], fill: float) -> float:
    """Return by how much the first line that differs is lighter than the fill; 0 where none does."""
    return next((float(one) - fill for one in outwards if abs(float(one) - fill) >= _LIGHTER), 0.0)
