"""Flat shapes with straight or round sides: fields, buttons, check boxes, radio buttons, panels.

What is inside a frame, a bevel or a fill of its own is one connected patch of pixels that differ little from their
neighbours; the text on it makes holes only. So the patches are found, not the lines: no theme has to be known.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image, Mask, steps

_STEP = 6
"""Levels between neighbours that end a patch: above the gradients of buttons, below the faintest border of stock themes."""
_SMALLEST = 6
_SIDE = 0.6
"""Part of each side of its box that a patch must reach. Round corners take some of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One flat shape."""

    box: Box
    """The inside, without its border."""
    round: bool
    """Its corners are cut as those of a circle or a diamond are."""
    filled: float
    """Part of the box that is the patch itself; the rest is text, marks, and other shapes."""


def frames_in(image: Image) -> list[Frame]:
    """Return the flat shapes in `image`, coordinates of the image, the largest first."""
    edges = steps(image) > _STEP
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~edges).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    found = []
    for index in range(1, count):
        left, top, width, height, area = (int(part) for part in stats[index])
        if width < _SMALLEST or height < _SMALLEST or area < 0.25 * width * height:
            continue
        frame = _frame(labels[top : top + height, left : left + width] == index, Box(left, top, width, height), area)
        if frame is not None:
            found.append(frame)
    return sorted(found, key=lambda one: -one.box.width * one.box.height)


def _frame(patch: Mask, box: Box, area: int) -> Frame | None:
    depth = max(1, min(8, min(box.width, box.height) // 6))
    sides = (
        patch[:depth].any(axis=0).mean(),
        patch[-depth:].any(axis=0).mean(),
        patch[:, :depth].any(axis=1).mean(),
        patch[:, -depth:].any(axis=1).mean(),
    )
    filled = area / (box.width * box.height)
    if min(sides) >= _SIDE and not _cut_corners(patch):
        return Frame(box, round=False, filled=filled)
    squarish = 0.75 <= box.width / box.height <= 1.34
    if squarish and max(box.width, box.height) <= 64 and _cut_corners(patch) and min(sides) >= 0.12:
        return Frame(box, round=True, filled=filled)
    return None


def _cut_corners(patch: Mask) -> bool:
    """Say whether none of the four corners (an eighth of each side) belongs to the patch, in small shapes."""
    height, width = patch.shape
    if max(height, width) > 64:
        return False
    down, along = max(1, round(height / 7)), max(1, round(width / 7))
    corners = (patch[:down, :along], patch[:down, -along:], patch[-down:, :along], patch[-down:, -along:])
    return not any(corner.any() for corner in corners)
