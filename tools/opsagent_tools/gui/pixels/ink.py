"""What is drawn in a field, unread: runs of ink, and the caret, which is none of its text."""

from __future__ import annotations

import numpy as np

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.arrays import Colour, Image, Mask, apart, ground

_FAINTEST = 36
"""Levels from the background that count as ink, where the strongest ink is no stronger."""
_GAP = 0.1
"""Of a field's height, at most: wider gaps part two runs of ink. A word is one run, or some; an icon is one of its own."""
_THIN = 4
"""Pixels that a caret is wide, at most; one with serifs is wider at its ends."""
_SERIFS = 0.7
"""Width of a caret with serifs, or of one that is a block, in its heights."""
_CORNER = 4
"""Pixels of a side that belong to a round corner, at most."""
_LEAST = 8
"""Pixels that a caret is high, at least."""


def ink_in(image: Image, back: Colour) -> Mask:
    """Return which pixels of a picture are no background."""
    levels = apart(image, back)
    strongest = int(levels.max(initial=0))
    return np.asarray(levels > min(max(_FAINTEST, strongest // 3), 96), dtype=np.bool_)


def drawn_in(image: Image) -> list[Box]:
    """Return what is drawn in the picture of a field, left to right: a box per run of ink. Borders and the caret are none."""
    ink = _without_corners(without_borders(ink_in(image, ground(image))))
    gap = max(2, round(_GAP * min(image.shape[0], 40)))
    found = []
    for left, right in runs(np.asarray(ink.any(axis=0)), gap):
        rows = np.flatnonzero(ink[:, left:right].any(axis=1))
        found.append(Box(left, int(rows[0]), right - left, int(rows[-1] - rows[0]) + 1))
    return [] if len(found) == 1 and _is_caret(ink, found[0]) else found


def caret_in(image: Image) -> tuple[int, int]:
    """Return from which column to which the caret stands after the text in a field: a line that ends below all letters.

    (0, 0) where there is none. A letter is taken for one now and then (a lone `|`, the stem of a `q`).
    """
    ink = _without_corners(without_borders(ink_in(image, ground(image))))
    inked = np.flatnonzero(ink.any(axis=0))
    if inked.size <= _THIN:
        return 0, 0
    bottom = ink.shape[0] - 1 - ink[::-1].argmax(axis=0)
    high = bottom - ink.argmax(axis=0) + 1
    right = int(inked[-1]) + 1
    left = right
    while (
        left > 0 and ink[:, left - 1].sum() >= max(_LEAST, 0.95 * high[left - 1]) and high[left - 1] == high[right - 1]
    ):
        left -= 1
    letters = inked[inked < left]
    widest = max(_THIN, _SERIFS * high[right - 1])
    if (
        not 0 < right - left <= widest
        or letters.size == 0
        or bottom[right - 1] < np.percentile(bottom[letters], 60) + 2
    ):
        return 0, 0
    return left, right


def without_borders(ink: Mask) -> Mask:
    """Drop lines that are no text: rows that are nearly all ink, and columns of ink from edge to edge at the sides."""
    kept = ink.copy()
    if ink.shape[1] > 24:
        kept[ink.mean(axis=1) > 0.85] = False
    full = ink.mean(axis=0) > 0.92
    width = full.size
    edge = max(4, ink.shape[0] // 4)
    for x in (*range(min(edge, width)), *range(max(0, width - edge), width)):
        if full[x] and ink.shape[0] > 12:
            kept[:, x] = False
    return kept


def _without_corners(ink: Mask) -> Mask:
    """Drop what is left of a frame with round corners: specks in the corners, where no text stands."""
    size = min(_CORNER, min(ink.shape) // 6)
    kept = ink.copy()
    for rows in (slice(0, size), slice(ink.shape[0] - size, None)):
        kept[rows, :size] = kept[rows, ink.shape[1] - size :] = False
    return kept


def runs(inked: Mask, gap: int) -> list[tuple[int, int]]:
    """Return where ink stands, joined over gaps of up to `gap`."""
    at = np.flatnonzero(inked)
    if at.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(at) - 1 > gap)
    starts = np.concatenate(([0], breaks + 1))
    ends = np.concatenate((breaks, [at.size - 1]))
    return [(int(at[start]), int(at[end]) + 1) for start, end in zip(starts, ends, strict=True)]


def _is_caret(ink: Mask, run: Box) -> bool:
    """Say whether the only ink of a field is a line that stands upright, with serifs or without, or a block."""
    if run.height < _LEAST or run.width > max(_THIN, _SERIFS * run.height):
        return False
    part = ink[run.top : run.bottom, run.left : run.right]
    if part.mean() > 0.95:
        return True
    inner = part[2:-2] if run.width > _THIN else part
    columns = np.flatnonzero(inner.any(axis=0))
    return bool(columns.size) and columns.size <= _THIN and inner[:, columns].mean() > 0.9
