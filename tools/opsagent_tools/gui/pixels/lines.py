"""From boxes around text to single pieces of it: cut at frames and at wide gaps, tight around the ink.

Finders of text merge what stands in one row: the label and what is in the field beside it, the entries of a menu bar,
a check mark and its caption. A click on the middle of such a box hits none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Colour, Image, Mask, dark, ground, inside, part_of
from opsagent_tools.gui.pixels.frames import Frame
from opsagent_tools.gui.pixels.ink import ink_in, runs, without_borders
from opsagent_tools.gui.pixels.signs import sign_of

_GAP = 0.85
"""Of the ink's height: wider gaps part two texts. Words in fixed-pitch fonts are up to 0.8 apart, in others 0.4."""
_FIELD_GAP = 3.0
"""In a field all is one text."""
_CARET = 0.9
"""Part of the height of a field that a caret covers at least, and no letter."""
_BORDER, _BORDER_FILLED = 5, 0.95
"""Pixels that the border of a frame is wide, at most; part of its height that is ink."""
_MENU_GAP = 0.48
"""In a row of menus, whose entries stand closer in large fonts. No fixed-pitch font is used there by stock toolkits."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One text, not yet read."""

    box: Box
    """Tight around its ink."""
    height: int
    """Of the ink of its line: what distances are measured in."""
    picture: Image
    """Dark on light, with a margin: as the recogniser likes it."""
    sign: str = ""
    """What it is by its geometry; empty: that does not tell."""


def pieces_in(
    image: Image, boxes: Iterable[Box], frames: Sequence[Frame], marks: Sequence[Box] = (), menu_bottom: int = 0
) -> list[Piece]:
    """Return the texts in some boxes, coordinates of the image.

    Args:
        image: the window.
        boxes: around text, as a finder of lines gives them.
        frames: where text is cut: fields, buttons.
        marks: check boxes and the like: no text themselves.
        menu_bottom: where the row of menus ends; 0: there is none.
    """
    found: list[Piece] = []
    for box in boxes:
        parts = [whole for part in _without(inside(box, image), marks) for whole in _cut_at_frames(image, part, frames)]
        for part in parts:
            menus = part.center.y < menu_bottom and not _narrow_frame(part, frames, image.shape[1])
            found.extend(_pieces_of(image, part, _MENU_GAP if menus else _GAP))
    return found


def _narrow_frame(box: Box, frames: Sequence[Frame], width: int) -> bool:
    """Say whether a box is in a frame of its own (a button), not in a bar."""
    return any(one.box.holds(box.center) and one.box.width < 0.6 * width for one in frames)


def piece_of(image: Image, box: Box, height: int) -> Piece | None:
    """Return what is drawn in `box` as one text of a line `height` high: a sign so small that no finder finds it."""
    crop = part_of(image, box)
    if crop.size == 0:
        return None
    back = ground(crop)
    ink = ink_in(crop, back)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if rows.size == 0 or columns.size > 2.5 * height or rows.size > 1.6 * height:
        return None
    tight = Box(
        box.left + int(columns[0]),
        box.top + int(rows[0]),
        int(columns[-1] - columns[0]) + 1,
        int(rows[-1] - rows[0]) + 1,
    )
    room = max(0, height - tight.height) // 2
    span = Box(tight.left, tight.top - room, tight.width, tight.height + 2 * room).meets(box)
    return Piece(tight, height, _picture(crop, ink, span, box, back), sign_of(ink, height))


def line_of(image: Image) -> list[Piece]:
    """Return the text in a picture of one line, such as a field: no finder is asked, which overlooks what fills it."""
    shown, back = image.copy(), ground(image)
    shown[:, ink_in(image, back).mean(axis=0) > _CARET] = back  # a caret that is as high as the field
    return _pieces_of(shown, Box(0, 0, image.shape[1], image.shape[0]), _FIELD_GAP)


def _without(box: Box, marks: Sequence[Box]) -> list[Box]:
    """Return what is left of a box beside the marks in its row."""
    parts = [box]
    for mark in marks:
        if not box.top - 2 <= mark.center.y < box.bottom + 2:
            continue
        rest = []
        for part in parts:
            if mark.right <= part.left or mark.left >= part.right:
                rest.append(part)
                continue
            rest.append(Box(part.left, part.top, mark.left - 1 - part.left, part.height))
            rest.append(Box(mark.right + 1, part.top, part.right - mark.right - 1, part.height))
        parts = [part for part in rest if part.width >= 3]
    return parts


def _cut_at_frames(image: Image, box: Box, frames: Sequence[Frame]) -> list[Box]:
    """Cut a box where a frame begins or ends beside text: each part lies inside or outside of each frame."""
    middle = box.center.y
    cuts: set[int] = {box.left, box.right}
    crossing: list[Box] = []
    for frame in frames:
        one = frame.box
        if not (one.top <= middle < one.bottom) or one.height < 0.5 * box.height or _in_letters(frame, box):
            continue
        if box.left < one.left < box.right or box.left < one.right < box.right:
            crossing.append(one)
            cuts.update(x for x in (one.left, one.right) if box.left < x < box.right)
    if not crossing:
        return [_within_smallest(box, frames)]
    edges = sorted(cuts)
    parts = [Box(left, box.top, right - left, box.height) for left, right in pairwise(edges)]
    parts = [_beside_borders(image, part, crossing) for part in parts]
    return [_within_smallest(part, frames) for part in parts if part.width >= 3]


def _beside_borders(image: Image, part: Box, frames: Sequence[Box]) -> Box:
    """Return what lies beside frames without their borders, which are read as a letter: columns of ink as high as a frame."""
    left, right = part.left, part.right
    for one in frames:
        if one.holds(part.center) or (one.left != part.right and one.right != part.left):
            continue
        rows = Box(part.left, one.top + one.height // 8, part.width, max(1, one.height - one.height // 4))
        inked = ink_in(part_of(image, rows), ground(part_of(image, part))).mean(axis=0) > _BORDER_FILLED
        if one.left == part.right:
            while right > left and part.right - right < _BORDER and inked[right - 1 - part.left]:
                right -= 1
        else:
            while left < right and left - part.left < _BORDER and inked[left - part.left]:
                left += 1
    return Box(left, part.top, right - left, part.height)


def _in_letters(frame: Frame, text: Box) -> bool:
    """Say whether a shape is a letter or the inside of one: within the line on all sides, small or mostly not filled."""
    shape = frame.box
    across = text.left < shape.left and shape.right < text.right
    down = text.top + 1 < shape.top and shape.bottom < text.bottom - 1
    small = shape.height < (0.6 if frame.filled > 0.6 else 0.8) * text.height and shape.width <= 3 * shape.height
    return across and down and small


def _within_smallest(box: Box, frames: Sequence[Frame]) -> Box:
    """Clip a box to the smallest frame that holds its middle, where that is about a line high."""
    around = [
        one.box
        for one in frames
        if one.box.holds(box.center) and one.box.height >= 0.45 * box.height and not _in_letters(one, box)
    ]
    if not around:
        return box
    smallest = min(around, key=lambda one: one.width * one.height)
    return box.meets(smallest)


def _pieces_of(image: Image, box: Box, gap: float) -> list[Piece]:
    if box.width < 2 or box.height < 5:
        return []
    crop = part_of(image, box)
    back = ground(crop)
    ink = without_borders(ink_in(crop, back))
    ink = _without_touching_marks(_without_marks_of_keys(_own_line(ink)))
    rows = np.flatnonzero(ink.any(axis=1))
    if rows.size < 3:
        return []
    height = max(int(rows[-1] - rows[0]) + 1, round(0.4 * box.height))
    found = []
    for left, right in runs(np.asarray(ink.any(axis=0)), max(3, round(gap * height))):
        own = np.flatnonzero(ink[:, left:right].any(axis=1))
        tight = Box(box.left + left, box.top + int(own[0]), right - left, int(own[-1] - own[0]) + 1)
        if tight.height >= 3:
            span = Box(tight.left, box.top + int(rows[0]), tight.width, int(rows[-1] - rows[0]) + 1)
            sign = sign_of(ink[:, left:right], height) if right - left <= 1.3 * height else ""
            found.append(Piece(tight, height, _picture(crop, ink, span, box, back), sign))
    return found


def _own_line(ink: Mask) -> Mask:
    """Drop what hangs in from the lines above and below: rows of ink that touch the edge of the box, apart from its middle."""
    rows = runs(np.asarray(ink.any(axis=1)), 0)
    if len(rows) < 2:
        return ink
    height = ink.shape[0]
    main = max(rows, key=lambda run: ink[run[0] : run[1]].sum() - (run[0] == 0 or run[1] == height) * ink.size)
    kept = ink.copy()
    for run in rows:
        if run != main and (run[0] == 0 or run[1] == height):
            kept[run[0] : run[1]] = False
    return kept


def _without_marks_of_keys(ink: Mask) -> Mask:
    """Drop the thin line under one letter that tells its key in a menu: recognisers take it for a part of the letter."""
    rows = np.flatnonzero(ink.any(axis=1))
    if rows.size < 8:
        return ink
    height = int(rows[-1] - rows[0]) + 1
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    kept = ink
    for index in range(1, count):
        left, top, wide, high, area = (int(part) for part in stats[index])
        thin = high <= max(1, height // 9) and area >= 0.9 * wide * high and 0.12 * height <= wide <= 1.2 * height
        if not thin or top < rows[0] + 0.7 * height:
            continue
        if ink[max(0, top - round(0.6 * height)) : top - 1, left : left + wide].any(axis=0).mean() >= 0.5:
            kept = kept.copy() if kept is ink else kept
            kept[labels == index] = False
    return kept


def _without_touching_marks(ink: Mask) -> Mask:
    """Drop such a line where it touches its letter, as in large fonts: below where other letters end, and wider than its own."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if count < 4:
        return ink
    bottoms = sorted(int(one[1] + one[3]) for one in stats[1:count])
    baseline = bottoms[(len(bottoms) - 1) // 2]
    for index in range(1, count):
        left, top, wide, high, _ = (int(part) for part in stats[index])
        thick, letter = top + high - baseline, baseline - top
        if not (0 < thick <= max(1, letter // 8) and 0.3 * letter <= wide <= 1.3 * letter):
            continue
        own = labels[top : top + high, left : left + wide] == index
        above = np.flatnonzero(own[:-thick].any(axis=0))
        if own[-thick:].all() and above.size and above[-1] - above[0] + 1 < wide:
            kept = ink.copy()
            kept[baseline : top + high, left : left + wide] = False
            return kept
    return ink


def _picture(crop: Image, ink: Mask, span: Box, limits: Box, back: Colour) -> Image:
    """Return the ink in `span` on a margin of its background; nothing else of the crop (at `limits`) is in it."""
    margin = max(3, round(0.25 * span.height))
    near = cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)).astype(bool)
    alone = np.where(near[:, :, None], crop, back).astype(np.uint8)
    own = part_of(alone, Box(span.left - limits.left, span.top - limits.top, span.width, span.height))
    colour = [int(part) for part in back]
    framed = cv2.copyMakeBorder(own, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=colour)
    picture = np.ascontiguousarray(framed, dtype=np.uint8)
    return np.asarray(255 - picture, dtype=np.uint8) if dark(back) else picture
