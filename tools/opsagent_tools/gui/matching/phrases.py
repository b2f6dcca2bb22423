"""Recognised words put together: what a person reads as one name, however the recogniser cut it."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.matching.names import NOT, same
from opsagent_tools.gui.matching.roles import FIELDS, STATIC
from opsagent_tools.gui.matching.scene import in_reading_order
from opsagent_tools.gui.model import Box, Element

_SPACE = 0.45
"""Gap in heights up to which two words belong to one name: a space is about a quarter of the height, menus stand wider."""
_MOST_WORDS = 6


def phrases(elements: Sequence[Element], wanted: str) -> list[tuple[Element, float]]:
    """Return what reads as `wanted`, as elements (several words become one) with how surely.

    A name that goes on beside it is another name: in `Export all`, `Export` is not found.
    """
    texts = [one for one in elements if one.name and one.role not in FIELDS]
    frames = [one for one in elements if one.role != "text" and one.role not in STATIC]
    runs = [run for row in _rows(texts) for run in _runs(row, frames) if len(run) <= _MOST_WORDS]
    read = [(_joined(run), same(wanted, " ".join(one.name for one in run), read=True)) for run in runs]
    return [(one, how) for one, how in read if how > NOT]


def _rows(texts: Sequence[Element]) -> list[list[Element]]:
    rows: list[list[Element]] = []
    for one in in_reading_order(texts):
        last = rows[-1][-1] if rows else None
        if (
            last is not None
            and abs(last.box.center.y - one.box.center.y) <= max(1, min(last.box.height, one.box.height)) // 2
        ):
            rows[-1].append(one)
        else:
            rows.append([one])
    return rows


def _runs(row: Sequence[Element], frames: Sequence[Element]) -> list[list[Element]]:
    runs: list[list[Element]] = []
    for one in row:
        if runs and _follows(runs[-1][-1], one) and _frame(runs[-1][-1], frames) is _frame(one, frames):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _follows(left: Element, right: Element) -> bool:
    if left.role != "text" or right.role != "text" or left.name.endswith((":", "：")):
        return False
    gap = right.box.left - left.box.right
    return -0.3 * left.box.height <= gap <= _SPACE * min(left.box.height, right.box.height)


def _frame(text: Element, frames: Sequence[Element]) -> Element | None:
    """Return the button or field that the text stands in: names do not go on across its edge."""
    around = [one for one in frames if one.box.holds(text.box.center)]
    return min(around, key=lambda one: one.box.width * one.box.height, default=None)


def _joined(run: Sequence[Element]) -> Element:
    if len(run) == 1:
        return run[0]
    first = run[0]
    left, top = min(one.box.left for one in run), min(one.box.top for one in run)
    box = Box(left, top, max(one.box.right for one in run) - left, max(one.box.bottom for one in run) - top)
    return Element(
        id="+".join(one.id for one in run),
        role=first.role,
        name=" ".join(one.name for one in run),
        box=box,
        states=first.states,
        parent=first.parent,
        source=first.source,
        score=min(one.score for one in run),
    )
