"""Flat shapes with straight or round sides: fields, buttons, check boxes, radio buttons, panels.

What is inside a frame, a bevel or a fill of its own is one connected patch of pixels that differ little from their
neighbours; the text on it makes holes only. So the patches are found, not the lines: no theme has to be known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
_WHOLE, _LEFT_OVER = 0.95, 0.08
"""Parts of the sides of a field with all its text selected, and of the side where that begins."""
_PANE = (120, 60)
"""Width and height from which on a patch may be a pane with something that juts out of it: the tab that is on top."""
_ROW, _MOST = 0.5, 0.75
"""Part of a row or column of a pane that belongs to it at least, whatever is written there; of its sides, what is the pane."""
_STRONG = 110
"""Levels between a caret and its field."""
_ONE_LINE = 64
"""Pixels up to which a field is taken to hold one line."""
_SOLID, _BLOCK = 0.9, 0.7
"""Part of its height that a caret is solid; width of one that is a block, in its heights."""
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
    whole: Box
    """With what juts out of it: the tab that leads to a pane."""
    piece: bool = False
    """It is a shape only together with what lies beyond the caret that cuts it off."""


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
        patch, box = labels[top : top + height, left : left + width] == index, Box(left, top, width, height)
        frame = _frame(patch, box, area) or _pane(patch, box)
        if frame is not None:
            found.append(frame)
    return sorted(_without_carets(found, image), key=lambda one: -one.box.width * one.box.height)


def _without_carets(frames: list[Frame], image: Image) -> list[Frame]:
    """Join what a caret as high as its field cuts in two; drop pieces that none did."""
    found: list[Frame] = []
    fields: list[Box] = []
    for one in sorted(frames, key=lambda each: (each.box.top, each.box.left)):
        last = next(
            (n for n, other in enumerate(found) if other.text_at_end and _cut_apart(other.box, one.box, image)), None
        )
        if last is None or one.round:
            field = None if one.round else _before_caret(one.box, image)
            if field is None:
                found.append(one)
                continue
            fields.append(field)
            found.append(replace(one, box=field, whole=field, piece=False))
            continue
        left, right = found[last].box, one.box
        area = found[last].filled * left.width * left.height + one.filled * right.width * right.height
        whole = Box(left.left, left.top, right.right - left.left, left.height)
        found[last] = Frame(
            whole, round=False, text_at_end=one.text_at_end, filled=area / (whole.width * whole.height), whole=whole
        )
    return [one for one in found if not one.piece and not any(_is_part(one.box, field) for field in fields)]


def _is_part(box: Box, field: Box) -> bool:
    """Say whether a shape is only what is between the letters of a field."""
    return box != field and box.height <= field.height and field.holds(box.center)


def _before_caret(right: Box, image: Image) -> Box | None:
    """Return the field of which only what is right of its caret is a shape: text cuts the rest of it into rows.

    Its first and last rows are plain to its left border, and its borders above and below go on as far.
    """
    height, (rows, _) = right.height, image.shape[:2]
    if not (_SMALLEST < height <= _ONE_LINE and right.top >= 1 and right.bottom < rows and right.left > height):
        return None
    fill = ground(part_of(image, right))
    beside = apart(image[right.top : right.bottom, : right.left], fill)
    strong = np.flatnonzero((beside[2:-2] > _STRONG).mean(axis=0)[::-1] < _SOLID)
    caret = int(strong[0]) if strong.size else 0
    end = right.left - caret
    if (
        not 0 < caret <= max(_CARET, _BLOCK * height)
        or not (beside[:, max(0, end - height // 2) : end] > _STRONG).any()
    ):
        return None
    plain = (beside[0, :end] <= _STEP) & (beside[-1, :end] <= _STEP)
    other = np.flatnonzero(~plain[::-1])
    left = end - (int(other[0]) if other.size else end)
    whole = Box(left, right.top, right.right - left, height)
    if end - left < _SMALLEST or whole.width < 5 * height:
        return None
    around = image[max(0, right.top - 2) : right.top], image[right.bottom : right.bottom + 2]
    borders = [apart(one[:, left:end], fill).max(axis=0) > _STEP for one in around]
    return whole if all(one.mean() >= _WHOLE for one in borders) else None


def _cut_apart(left: Box, right: Box, image: Image) -> bool:
    """Say whether a caret parts two pieces of one line: a thin line of a strong colour, between the same fill."""
    beside = 0 < right.left - left.right <= _CARET
    line = left.height <= _ONE_LINE and right.right - left.left > 5 * left.height  # and no two buttons side by side
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
    selected = second >= _WHOLE and sides[2] == weakest >= _LEFT_OVER and box.width >= 5 * box.height
    if (weakest >= _SIDE or worded or selected) and not _cut_corners(patch):
        return Frame(box, round=False, text_at_end=text_at_end, filled=filled, whole=box)
    if min(sides[:2]) >= _WHOLE and _SMALLEST < box.height <= _ONE_LINE and not _cut_corners(patch):
        return Frame(box, round=False, text_at_end=text_at_end, filled=filled, whole=box, piece=True)
    squarish = 0.75 <= box.width / box.height <= 1.34
    if squarish and max(box.width, box.height) <= 64 and _cut_corners(patch) and min(sides) >= 0.12:
        return Frame(box, round=True, text_at_end=False, filled=filled, whole=box)
    return None


def _pane(patch: Mask, box: Box) -> Frame | None:
    """Return a pane without what juts out of it on some side: the tab that leads to it has its colour."""
    if box.width < _PANE[0] or box.height < _PANE[1]:
        return None
    rows = np.flatnonzero(patch.mean(axis=1) >= _ROW)
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(patch[top:bottom].mean(axis=0) >= _ROW)
    if columns.size == 0:
        return None
    left, right = int(columns[0]), int(columns[-1]) + 1
    inner = patch[top:bottom, left:right]
    if right - left < _MOST * box.width or bottom - top < _MOST * box.height or inner.mean() < _ROW:
        return None
    found = _frame(inner, Box(box.left + left, box.top + top, right - left, bottom - top), int(inner.sum()))
    return None if found is None else replace(found, whole=box)


def _cut_corners(patch: Mask) -> bool:
    """Say whether none of the four corners (an eighth of each side) belongs to the patch, in small shapes."""
    height, width = patch.shape
    if max(height, width) > 64:
        return False
    down, along = max(1, round(height / 7)), max(1, round(width / 7))
    corners = (patch[:down, :along], patch[:down, -along:], patch[-down:, :along], patch[-down:, -along:])
    return not any(corner.any() for corner in corners)
