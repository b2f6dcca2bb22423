"""Where a picture changed, and which parts of it are worth reading."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Image, Mask, inside, largest_channel, part_of, steps

_TILE = 32
_CARET_WIDTH = 4
_CONTRAST = 24
"""Levels between neighbours from which on something is drawn there."""
_DRAWN = 40
"""Pixels of contrast in a tile that is worth reading."""
_RIM, _FRAMED = 4, 0.8
"""Pixels that a frame is wide, at most, and part of a side that it takes, its round corners apart."""
_WHOLE = 200 * 200
"""Pixels up to which a region is read whole."""


def changed_in(before: Image, after: Image) -> list[Box]:
    """Return boxes around what differs between two pictures of one size."""
    if np.array_equal(before, after):
        return []
    differs = largest_channel(np.asarray(cv2.absdiff(before, after), dtype=np.uint8)) > 0
    near = cv2.dilate(differs.astype(np.uint8), np.ones((5, 17), dtype=np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8, ltype=cv2.CV_32S)
    found = []
    for index in range(1, count):
        left, top, width, height = (int(part) for part in stats[index][:4])
        own = differs[top : top + height, left : left + width] & (
            labels[top : top + height, left : left + width] == index
        )
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        found.append(
            Box(
                left + int(columns[0]),
                top + int(rows[0]),
                int(columns[-1] - columns[0]) + 1,
                int(rows[-1] - rows[0]) + 1,
            )
        )
    return found


def inside_frames(changes: Sequence[Box], before: Image, after: Image) -> list[Box]:
    """Return what changed where a frame was drawn around it or taken away, as around what has the focus, and other changes
    as they are: what is written in a frame did not change with it.
    """
    found = []
    for one in changes:
        inner = one.grown(-_RIM)
        if min(inner.width, inner.height) < _RIM or not _has_frame(part_of(before, one), part_of(after, one)):
            found.append(one)
            continue
        found += [moved(each, inner) for each in changed_in(part_of(before, inner), part_of(after, inner))]
    return list(dict.fromkeys(found))


def _has_frame(before: Image, after: Image) -> bool:
    """Say whether two pictures differ all along the top and all along the bottom."""
    rims = (slice(None, _RIM), slice(-_RIM, None))
    return all((before[rim] != after[rim]).any(axis=(0, 2)).mean() > _FRAMED for rim in rims)


def is_caret(change: Box) -> bool:
    """Say whether a change is that of a caret that blinks."""
    return change.width <= _CARET_WIDTH and 5 <= change.height <= 80


def touches(box: Box, region: Box) -> bool:
    """Say whether two boxes share a pixel."""
    return not box.meets(region).empty


def moved(box: Box, by: Box) -> Box:
    """Return a box of a part in the coordinates of the whole."""
    return Box(box.left + by.left, box.top + by.top, box.width, box.height)


def around(one: Box, other: Box) -> Box:
    """Return the box around two."""
    left, top = min(one.left, other.left), min(one.top, other.top)
    return Box(left, top, max(one.right, other.right) - left, max(one.bottom, other.bottom) - top)


def joined(boxes: Sequence[Box], image: Image) -> list[Box]:
    """Join boxes that meet, until none do."""
    rest = [inside(one, image) for one in boxes]
    found: list[Box] = []
    while rest:
        one = rest.pop()
        for index, other in enumerate(found):
            if touches(one, other):
                rest.append(around(one, found.pop(index)))
                break
        else:
            if not one.empty:
                found.append(one)
    return found


def drawn_lines(image: Image, line: int) -> list[Box]:
    """Return boxes around what may be lines of text: things drawn close to each other in a row, rules and borders apart.

    Args:
        image: the window.
        line: usual height of text.
    """
    drawn = (steps(image) > _CONTRAST).astype(np.uint8)
    longer = max(24, 3 * line)
    for shape in (np.ones((1, longer), dtype=np.uint8), np.ones((longer, 1), dtype=np.uint8)):
        rules = cv2.dilate(cv2.morphologyEx(drawn, cv2.MORPH_OPEN, shape), np.ones((3, 3), dtype=np.uint8))
        drawn = np.where(rules > 0, 0, drawn).astype(np.uint8)
    close = cv2.dilate(drawn, np.ones((1, max(3, round(0.7 * line) | 1)), dtype=np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(close, connectivity=8, ltype=cv2.CV_32S)
    boxes = [Box(int(one[0]), int(one[1]), int(one[2]), int(one[3])) for one in stats[1:count]]
    return [one for one in boxes if one.height <= 4 * line]


def busy_parts(image: Image, region: Box) -> list[Box]:
    """Return the parts of a region in which something is drawn, where leaving out the rest is worth it."""
    if region.width * region.height < _WHOLE:
        return [region]
    drawn: Mask = steps(part_of(image, region)) > _CONTRAST
    height, width = drawn.shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    padded = np.zeros((rows * _TILE, columns * _TILE), dtype=bool)
    padded[:height, :width] = drawn
    amount = padded.reshape(rows, _TILE, columns, _TILE).sum(axis=(1, 3))
    busy = cv2.dilate((amount > _DRAWN).astype(np.uint8), np.ones((2, 3), dtype=np.uint8), anchor=(1, 0))
    busy = np.maximum(busy, (amount > _DRAWN).astype(np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(busy, connectivity=8, ltype=cv2.CV_32S)
    parts = [Box(int(s[0]) * _TILE, int(s[1]) * _TILE, int(s[2]) * _TILE, int(s[3]) * _TILE) for s in stats[1:count]]
    parts = joined([one.grown(8) for one in parts], part_of(image, region))
    if not parts or sum(one.width * one.height for one in parts) > 0.8 * width * height:
        return [region]
    return [moved(one, region) for one in parts]
