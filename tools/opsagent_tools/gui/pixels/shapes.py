"""Which flat shapes may be controls, and which are panes, bars, heads of columns or selections. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.frames import Frame
from opsagent_tools.gui.pixels.marks import Mark
from opsagent_tools.gui.pixels.words import Text

_LOWEST, _HIGHEST = 1.05, 4.4
"""Heights of text between which a shape holds one line."""
_TOUCHING = 3
"""Pixels between two shapes that only a line parts."""
_SELECTED = 0.6
"""Part of the height of a field that what is selected in it covers at least."""


@dataclass(slots=True)
class Held:
    """A shape, and the texts right in it."""

    box: Box
    texts: list[Text] = field(default_factory=list)


def shapes_of(
    size: tuple[int, int], frames: Sequence[Frame], marks: Sequence[Mark], texts: Sequence[Text], line: int
) -> list[Box]:
    """Return the shapes that may be controls: not the window itself, not letters, not marks, not selections, each once.

    Args:
        size: width and height of the window.
        frames: the largest first.
        marks: check boxes and radio buttons.
        texts: all of the window.
        line: usual height of text.
    """
    width, height = size
    kept: list[Box] = []
    for one in (frame.box for frame in frames if not frame.round):
        if one.width < 0.9 * line or one.height < 0.9 * line:
            continue
        if one.width > 0.97 * width and one.height > 0.97 * height:
            continue
        if any(mostly_in(one, mark.box) for mark in marks):
            continue
        if any(mostly_in(one, text.box) and one.width < 2 * text.height for text in texts):
            continue
        kept = [other for other in kept if not _same_place(other, one, line)]
        kept.append(one)
    return [one for one in kept if not _is_selection(one, kept, texts, line)]


def is_container(box: Box, others: Sequence[Box], line: int) -> bool:
    """Say whether a shape is a pane or a row rather than a control: higher than a line, or with other shapes in it."""
    return not _single_line(box, line) or any(
        one != box and box.holds(one.center) and mostly_in(one, box) for one in others
    )


def is_head(box: Box, others: Sequence[Box], line: int) -> bool:
    """Say whether a shape lies right on top of a pane: its heading, the head of a column of it, or the line with the caret."""
    for pane in others:
        below = 0 <= pane.top - box.bottom <= _TOUCHING and pane.height >= 2 * _LOWEST * line
        if not below or box.left < pane.left - _TOUCHING or box.right > pane.right + _TOUCHING:
            continue
        if box.width >= pane.width - 2 * _TOUCHING:
            return True
        if any(_side_by_side(box, one) for one in others if one != box):
            return True
    return False


def innermost(box: Box, holders: Iterable[Held]) -> Held | None:
    """Return the smallest shape that a box lies in."""
    around = [one for one in holders if one.box.grown(2).holds(box.center)]
    return min(around, key=lambda one: one.box.width * one.box.height, default=None)


def mostly_in(small: Box, big: Box) -> bool:
    """Say whether most of a box is in another one."""
    shared = small.meets(big)
    return shared.width * shared.height > 0.6 * small.width * small.height


def _single_line(box: Box, line: int) -> bool:
    return _LOWEST * line <= box.height <= _HIGHEST * line


def _same_place(outer: Box, inner: Box, line: int) -> bool:
    """Say whether one shape is another's border: a ring of focus around a field."""
    near = max(4, line // 2)
    return (
        abs(outer.left - inner.left) <= near
        and abs(outer.right - inner.right) <= near
        and abs(outer.top - inner.top) <= near
        and abs(outer.bottom - inner.bottom) <= near
    )


def _side_by_side(one: Box, other: Box) -> bool:
    level = abs(one.top - other.top) <= 1 and abs(one.bottom - other.bottom) <= 1
    return level and (0 <= other.left - one.right <= _TOUCHING or 0 <= one.left - other.right <= _TOUCHING)


def _is_selection(one: Box, others: Sequence[Box], texts: Sequence[Text], line: int) -> bool:
    """Say whether a shape is what is selected in a field: it begins where the field does, and text fills it."""
    near = max(4, line // 2)
    fields = [
        box
        for box in others
        if box != one
        and _single_line(box, line)
        and box.holds(one.center)
        and one.height >= _SELECTED * box.height
        and one.left - box.left <= near
        and one.width < 0.9 * box.width
    ]
    inside = [text.box for text in texts if one.grown(2).holds(text.box.center)]
    if not fields or len(inside) != 1:
        return False
    return inside[0].left - one.left <= near // 2 and one.right - inside[0].right <= near // 2
