"""Check boxes and radio buttons: small squares, circles and diamonds with an outline, and whether they are set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Colour, Image, Mask, apart, ground, part_of, steps

_STEP = 10
_SMALLEST, _LARGEST = 7, 48
_SMALLEST_DIAMOND = 11
"""A smaller one is not told from a plus sign."""
_SIDE, _ROUND = 0.87, 0.92
"""Part of each side, and of a circle or diamond, that must be there."""
_SET = 0.07
"""Part of the inside that a tick or dot covers at least."""
_OTHER, _DOT = 16, 0.6
"""Levels between a dot and what is around it, and the part of the middle that it covers, at least: a slashed zero has less."""
_INK = 150
"""Levels between the ink of letters and what is around them, at least. Themes draw circles fainter."""
_NEAR = 2.0
"""Heights of a letter up to which another one belongs to its line."""
_FAR = 60
"""Levels between a fill and what is around it that tell a fill of its own."""


class Shape(StrEnum):
    """How a mark looks."""

    SQUARE = "square"
    ROUND = "round"


@dataclass(frozen=True, slots=True)
class Mark:
    """One check box or radio button, without its caption."""

    box: Box
    shape: Shape
    set: bool | None
    """None: its look does not tell."""


def marks_in(image: Image) -> list[Mark]:
    """Return what looks like a check box or radio button, coordinates of `image`. A letter O that stands alone is among them,
    one beside others is not.
    """
    edges = steps(image) > _STEP
    count, found_labels, found_stats, _ = cv2.connectedComponentsWithStats(
        edges.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    labels, stats = np.asarray(found_labels, dtype=np.int32), np.asarray(found_stats, dtype=np.int32)
    found = []
    for index in range(1, count):
        left, top, width, height = (int(part) for part in stats[index][:4])
        if not (_SMALLEST <= width <= _LARGEST and _SMALLEST <= height <= _LARGEST):
            continue
        if abs(width - height) > max(1, 0.13 * max(width, height)):
            continue
        box = Box(left, top, width, height)
        shape = _shape(labels[top : top + height, left : left + width] == index)
        if not _alone(edges, box):
            continue
        if shape is None or (shape is Shape.ROUND and _begins_a_word(labels, stats, box)):
            continue
        if not (shape is Shape.ROUND and _is_letter(image, labels, stats, box)):
            found.append(Mark(box, shape, _is_set(image, box, shape)))
    return found


def _alone(edges: Mask, box: Box) -> bool:
    """Say whether nothing is drawn close to its left and right, as there is beside a letter of a word.

    A line that goes on above and below it is no letter, but the frame of what has the focus.
    """
    rows = slice(box.top + 1, box.bottom - 1)
    beside = (
        slice(max(0, box.left - max(2, int(0.25 * box.width))), box.left),
        slice(box.right, box.right + max(2, int(0.2 * box.width))),
    )
    farther = max(2, round(0.15 * box.height))
    whole = slice(max(0, box.top - farther), box.bottom + farther)
    drawn = [edges[rows, columns].any(axis=0) & ~edges[whole, columns].all(axis=0) for columns in beside]
    return not any(one.any() for one in drawn)


def _begins_a_word(labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], box: Box) -> bool:
    """Say whether a circle is the letter o: what follows closely is as high and as low at least, as letters are."""
    right = labels[box.top : box.bottom, box.right : box.right + max(2, round(0.3 * box.width))]
    letters = [
        stats[one] for one in np.unique(right[right > 0]) if stats[one][2] <= 3 * box.width
    ]  # the rest are frames
    places = [(int(one[1]), int(one[1] + one[3])) for one in letters]
    return any(top <= box.top + 1 and bottom >= box.bottom - 1 for top, bottom in places)


def _is_letter(image: Image, labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], box: Box) -> bool:
    """Say whether a circle is an o or a zero between others: as dark as ink, nothing in it, and on the line of others."""
    around = ground(part_of(image, box.grown(3)))
    beyond = ground(part_of(image, box.grown(max(box.width, box.height))))
    if int(np.abs(around.astype(np.int16) - beyond.astype(np.int16)).max()) > _FAR:
        return True  # the hole in a thick letter
    inner = max(2, round(0.36 * min(box.width, box.height)))
    middle = part_of(
        image, Box(box.left + inner, box.top + inner, box.width - 2 * inner + 1, box.height - 2 * inner + 1)
    )
    if (
        middle.size == 0
        or float((apart(middle, around) > _OTHER).mean()) >= _DOT
        or int(apart(part_of(image, box), around).max()) < _INK
    ):
        return False
    reach = round(_NEAR * box.height)
    near = labels[box.top : box.bottom, max(0, box.left - reach) : box.right + reach]
    for one in np.unique(near[near > 0]):
        left, top, width, height = (int(part) for part in stats[one][:4])
        if left == box.left and top == box.top:
            continue
        if (
            abs(top + height - box.bottom) <= 1
            and 0.85 * box.height <= height <= 1.7 * box.height
            and width <= 2 * height
        ):
            return True
    return False


def _shape(outline: Mask) -> Shape | None:
    sides = (outline[:2], outline[-2:], outline[:, :2].T, outline[:, -2:].T)
    if min(float(side.any(axis=0).mean()) for side in sides) >= _SIDE:
        return Shape.SQUARE
    if _follows(outline, power=2.0) or (outline.shape[0] >= _SMALLEST_DIAMOND and _follows(outline, power=1.0)):
        return Shape.ROUND
    return None


def _follows(outline: Mask, *, power: float) -> bool:
    """Say whether an outline goes all round: a circle (power 2) or a diamond (power 1) that touches its box."""
    height, width = outline.shape
    near = cv2.dilate(outline.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)).astype(bool)
    angles = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    across, down = np.cos(angles), np.sin(angles)
    length = (np.abs(across) ** power + np.abs(down) ** power) ** (1.0 / power)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x = np.rint(middle_x + across / length * (middle_x - 0.5)).astype(int)
    y = np.rint(middle_y + down / length * (middle_y - 0.5)).astype(int)
    if near[y, x].mean() < _ROUND:
        return False
    corner = max(1, round(0.1 * min(width, height)))
    parts = (
        outline[:corner, :corner],
        outline[:corner, -corner:],
        outline[-corner:, :corner],
        outline[-corner:, -corner:],
    )
    return not any(part.any() for part in parts)


def _is_set(image: Image, box: Box, shape: Shape) -> bool | None:
    """Read the state from the inside: a tick or a dot on the ground, or a fill in a colour of its own."""
    cut = max(2, round((0.22 if shape is Shape.SQUARE else 0.27) * min(box.width, box.height)))
    inside = part_of(image, Box(box.left + cut, box.top + cut, box.width - 2 * cut + 1, box.height - 2 * cut + 1))
    if inside.size == 0:
        return None
    fill = ground(inside)
    around = ground(part_of(image, box.grown(4)))
    if _in_ink(image, box, fill):
        return None
    if float((apart(inside, fill) > _FAR).mean()) >= _SET:
        return True
    if int(fill.max()) - int(fill.min()) > _FAR:
        return True
    bare = abs(int(fill.max()) - int(around.max())) <= _FAR
    return False if bare else None


def _in_ink(image: Image, box: Box, fill: Colour) -> bool:
    """Say whether it is the hole in something thick, as the dot of a radio button that is filled where it is set."""
    rim = part_of(image, box.grown(2))
    edge = np.concatenate([rim[0], rim[-1], rim[:, 0], rim[:, -1]])
    ink = np.median(edge, axis=0)
    beyond = ground(part_of(image, box.grown(max(box.width, box.height))))
    return all(float(np.abs(ink - one).max()) > _FAR for one in (fill, beyond))
