"""Which label a person would read for a control: the nearest text to its left, else right above it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from opsagent_tools.gui.model import Box

_FARTHEST = 600
"""Pixels between a label and its control, at most: wide forms put labels at the left edge."""


class Text(NamedTuple):
    """A label that can be seen."""

    name: str
    box: Box


def nearest_label(control: Box, labels: Sequence[Text], others: Collection[Box], *, above: bool = True) -> str:
    """Return the name of the label that belongs to a control by its place; empty where there is none.

    Left of it on the same line comes first, then right above it. A label behind another control belongs to that one.

    Args:
        control: place of what needs a label.
        labels: all texts.
        others: places of all controls.
        above: it may stand above, too.
    """
    for gap_of in (_gap_left, _gap_above) if above else (_gap_left,):
        found = _nearest(control, labels, gap_of)
        if found and not any(_between(found.box, other, control) for other in others):
            return found.name
    return ""


def _nearest(control: Box, labels: Sequence[Text], gap_of: Callable[[Box, Box], int | None]) -> Text | None:
    near = [(gap, text) for text in labels if (gap := gap_of(control, text.box)) is not None]
    return min(near, key=lambda one: one[0])[1] if near else None


def _gap_left(control: Box, label: Box) -> int | None:
    """Return how far a label is to the left of a control on the same line; None: it is not there."""
    gap = control.left - label.right
    shared = min(control.bottom, label.bottom) - max(control.top, label.top)
    return gap if -4 <= gap <= _FARTHEST and shared >= 0.5 * min(control.height, label.height) else None


def _gap_above(control: Box, label: Box) -> int | None:
    """Return how far a label is above a control; None: it is not right above it."""
    gap = control.top - label.bottom
    shared = min(control.right, label.right) - max(control.left, label.left)
    return gap if -4 <= gap <= max(12, label.height) and shared >= 0.5 * min(control.width, label.width) else None


def _between(label: Box, other: Box, control: Box) -> bool:
    """Tell whether another control stands between a label and this one."""
    if other == control or other.empty or not other.meets(control).empty:
        return False
    left, top = min(label.left, control.left), min(label.top, control.top)
    both = Box(left, top, max(label.right, control.right) - left, max(label.bottom, control.bottom) - top)
    gap_x = Box(
        label.right, max(label.top, control.top), max(0, control.left - label.right), min(label.height, control.height)
    )
    gap_y = Box(
        max(label.left, control.left), label.bottom, min(label.width, control.width), max(0, control.top - label.bottom)
    )
    gap = gap_x if label.right <= control.left + 4 else gap_y
    return not other.meets(gap.meets(both)).empty
