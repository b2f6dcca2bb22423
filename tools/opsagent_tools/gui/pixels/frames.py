"""Flat shapes with straight or round sides: fields, buttons, check boxes, radio buttons, panels.

What is inside a frame, a bevel or a fill of its own is one connected patch of pixels that differ little from their
neighbours; the text on it makes holes only. So the patches are found, not the lines: no theme has to be known.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image, Mask, apart, ground, part_of, steps

_STEP = 6
"""Levels between neighbours that end a patch: above the gradients of buttons, below the faintest border of stock themes."""
_SMALLEST = 6
_SIDE = 0.6
"""Part of each side of its box that a patch must reach. Round corners take some of it."""
_FULL, _TAKEN = 0.9, 0.25
"""Parts of the sides of a field with a letter right at one end of it."""
_STRONG = 110
"""Levels between a caret and its field."""
_CARET = 4
"""Pixels between the two parts of a field that a caret cuts in two."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One flat shape."""

    box: Box
    """The inside, without its border."""
    round: bool
    """Its corners are cut as those of a circle or a diamond are."""
    text_at_end: bool
    """Text comes close to its right end, as it does before a caret."""
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
    return sorted(_without_carets(found, image), key=lambda one: -one.box.width * one.box.height)


def _without_carets(frames: list[Frame], image: Image) -> list[Frame]:
    """Join what a caret as high as its field cuts in two."""
    found: list[Frame] = []
    for one in sorted(frames, key=lambda each: (each.box.top, each.box.left)):
        last = next(
            (n for n, other in enumerate(found) if other.text_at_end and _cut_apart(other.box, one.box, image)), None
        )
        if last is None or one.round:
            found.append(one)
            continue
        left, right = found[last].box, one.box
        area = found[last].filled * left.width * left.height + one.filled * right.width * right.height
        whole = Box(left.left, left.top, right.right - left.left, left.height)
        found[last] = Frame(whole, round=False, text_at_end=one.text_at_end, filled=area / (whole.width * whole.height))
    return found


def _cut_apart(left: Box, right: Box, image: Image) -> bool:
    """Say whether a caret parts two pieces of one line: a thin line of a strong colour, between the same fill."""
    beside = 0 < right.left - left.right <= _CARET
    line = left.height <= 64 and right.right - left.left > 5 * left.height  # and no two buttons side by side
    if not (beside and line and abs(left.top - right.top) <= 1 and abs(left.bottom - right.bottom) <= 1):
        return False
    fills = ground(part_of(image, left)), ground(part_of(image, right))
    between = part_of(image, Box(left.right, left.top + 2, right.left - left.right, max(1, left.height - 4)))
    same = int(np.abs(fills[0].astype(int) - fills[1].astype(int)).max()) <= 8
    return same and float(apart(between, fills[0]).max(axis=1).mean()) > _STRONG


def _frame(patch: Mask, box: Box, area: int) -> Frame | None:
    depth = max(1, min(8, min(box.width, box.height) // 6))
    sides = (
        patch[:depth].any(axis=0).mean(),
        patch[-depth:].any(axis=0).mean(),
        patch[:, :depth].any(axis=1).mean(),
        patch[:, -depth:].any(axis=1).mean(),
    )
    filled = area / (box.width * box.height)
    weakest, second = sorted(sides)[:2]
    text_at_end = bool(sides[3] < _FULL)
    worded = second >= _FULL and weakest >= _TAKEN and box.width >= 2 * box.height
    if (weakest >= _SIDE or worded) and not _cut_corners(patch):
        return Frame(box, round=False, text_at_end=text_at_end, filled=filled)
    squarish = 0.75 <= box.width / box.height <= 1.34
    if squarish and max(box.width, box.height) <= 64 and _cut_corners(patch) and min(sides) >= 0.12:
        return Frame(box, round=True, text_at_end=False, filled=filled)
    return None


def _cut_corners(patch: Mask) -> bool:
    """Say whether none of the four corners (an eighth of each side) belongs to the patch, in small shapes."""
    height, width = patch.shape
    if max(height, width) > 64:
        return False
    down, along = max(1, round(height / 7)), max(1, round(width / 7))
    corners = (patch[:down, :along], patch[:down, -along:], patch[-down:, :along], patch[-down:, -along:])
    return not any(corner.any() for corner in corners)
