"""Which text is the label of a field: the nearest to its left in its row, else the one right above it."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.words import Text

_ABOVE, _ABOVE_TITLE = 1.1, 2.0
"""Heights of text up to which a text above belongs to a field; one that ends in a colon says that it is a label."""
_FAR_LEFT = 4.0
"""From so many heights on, a text to the left gives way to one right above."""
_FARTHEST, _FARTHEST_TITLE = 16.0, 32.0
"""Heights of text up to which one to the left belongs to a field; one that ends in a colon says that it is a label."""
_SURE = 0.8
"""Least score of a label: pictures of a tool bar are read as letters, too."""


def label_of(box: Box, texts: Sequence[Text], others: Sequence[Box]) -> Text | None:
    """Return the label of a field at `box`; None where none is sure.

    Args:
        box: its inside.
        texts: those that are in no button or field.
        others: what stands between: other fields, buttons, marks. A label is not looked for beyond them.
    """
    sure = [one for one in texts if one.score >= _SURE]
    beside = _to_the_left(box, sure, others)
    above = _above(box, sure, others)
    if beside is None or above is None:
        return beside or above
    return above if box.left - beside.box.right > _FAR_LEFT * beside.height else beside


def _to_the_left(field: Box, texts: Sequence[Text], others: Sequence[Box]) -> Text | None:
    row = [
        one
        for one in texts
        if one.box.right <= field.left + 0.3 * one.height
        and _in_row(one.box, field)
        and field.left - one.box.right <= _farthest(one) * one.height
    ]
    nearest = max(row, key=lambda one: one.box.right, default=None)
    if nearest is None or _blocked(nearest.box.right, field.left, field, others):
        return None
    return nearest


def _farthest(text: Text) -> float:
    return _FARTHEST_TITLE if _is_title(text) else _FARTHEST


def _is_title(text: Text) -> bool:
    return text.text.endswith((":", "："))


def _in_row(text: Box, field: Box) -> bool:
    """Say whether a text stands in the first line of a field."""
    middle = text.center.y
    first_line = min(field.height, round(2.6 * text.height))
    return field.top - 0.2 * text.height <= middle <= field.top + first_line


def _above(field: Box, texts: Sequence[Text], others: Sequence[Box]) -> Text | None:
    near = [
        one
        for one in texts
        if 0 <= field.top - one.box.bottom <= _above_at_most(one, others) * one.height
        and -1.0 * one.height <= one.box.left - field.left <= 1.5 * one.height
        and one.box.left < field.right
    ]
    nearest = max(near, key=lambda one: one.box.bottom, default=None)
    if nearest is None:
        return None
    between = Box(
        nearest.box.left, nearest.box.bottom, max(1, nearest.box.width), max(1, field.top - nearest.box.bottom)
    )
    return None if any(not one.meets(between).empty for one in others) else nearest


def _above_at_most(text: Text, others: Sequence[Box]) -> float:
    """Return how far above a field its label may be: farther where it says that it is one, and of nothing in its own row."""
    level = (one for one in others if one.top <= text.box.center.y < one.bottom)
    own = any(-text.height <= one.left - text.box.right <= _FARTHEST_TITLE * text.height for one in level)
    return _ABOVE_TITLE if _is_title(text) and not own else _ABOVE


def _blocked(left: int, right: int, field: Box, others: Sequence[Box]) -> bool:
    gap = Box(left, field.top + field.height // 4, max(1, right - left), max(1, min(field.height // 2, 12)))
    return any(not one.meets(gap).empty for one in others if one != field)
