"""Where the keys go: the dialog on top, the widget that has the focus, and what is highlighted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from opsagent_tools.gui.model import Point
from opsagent_tools.gui.terminal.cells import Style
from opsagent_tools.gui.terminal.reading import lists
from opsagent_tools.gui.terminal.reading.frames import LINES
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip
from opsagent_tools.gui.terminal.reading.widgets import Found
from opsagent_tools.gui.terminal.roles import BOXES, FIELDS, HIGHLIGHTED

_WITH_FOCUS = frozenset({"button", *BOXES, *FIELDS})


def frame_on_top(layout: Layout, found: list[Found]) -> int | None:
    """Return the frame that takes all keys: a dialog with buttons; None: there is none."""
    outer = Counter(layout.chain(one.owner)[-1] for one in found if one.role == "button" and one.owner >= 0)
    if outer:
        at = layout.owner(*layout.cells.cursor)
        holding = layout.chain(at)[-1:] if at >= 0 else ()
        named = [index for index in outer if index in holding]
        return named[0] if named else (next(iter(outer)) if len(outer) == 1 else max(outer))
    return None


def lies_within(layout: Layout, owner: int, top: int | None) -> bool:
    """Tell whether a frame is the one that takes all keys, or lies in it; where there is none, each is."""
    return top is None or top in layout.chain(owner)


def pulled_down(layout: Layout, found: list[Found]) -> int | None:
    """Return the frame of a menu that was pulled down from the bar; None: there is none."""
    menus = {one.owner for one in found if one.role == "menu item" and one.owner >= 0 and one.lit}
    return layout.chain(max(menus))[-1] if menus and any(one.role == "menu" and one.lit for one in found) else None


def focused(layout: Layout, found: list[Found]) -> Found | None:
    """Return what the cursor stands on, if nothing speaks against it; else the one button or box that stands out."""
    here = Point(*layout.cells.cursor)
    used = [one for one in found if one.role in _WITH_FOCUS and not one.actions]
    on = [one for one in used if one.box.holds(here) and _cursor_means(layout, one, used)]
    if on:
        return min(on, key=lambda one: one.box.width)
    prompts = [one for one in found if one.actions == ("prompt",)]
    if prompts:
        return prompts[0]
    end = Point(here.x - 1, here.y)
    full = [one for one in used if one.role in FIELDS and one.box.holds(end) and layout.cells.cursor_shown]
    if full:
        return full[0]
    lit = [one for one in used if one.role not in FIELDS and _lit(layout, one)]
    elsewhere = any(one.box.holds(here) for one in used) or any(one.lit and one not in used for one in found)
    return lit[0] if len(lit) == 1 and not elsewhere else None


def lit_boxes(layout: Layout, found: list[Found]) -> list[Found]:
    """Mark the one check box or radio button of a frame that stands out from the others there."""
    boxes = [one for one in found if one.role in BOXES]
    lit = Counter(one.owner for one in boxes if _lit(layout, one))
    return [
        replace(one, lit=one in boxes and lit[one.owner] == 1 and _lit(layout, one)) if one in boxes else one
        for one in found
    ]


def colour_of_highlight(layout: Layout, found: list[Found]) -> str:
    """Return the colour of the only highlight of rows and boxes; empty: there is none, or more than one."""
    lit = [one for one in found if one.lit and one.role in HIGHLIGHTED]
    return _ground(layout, lit[0]) if len(lit) == 1 else ""


def only_one_lit(layout: Layout, found: list[Found], colour: str) -> list[Found]:
    """Return them with one highlight, where several lists show theirs and only one has the colour of that which takes keys.

    colour: that the highlight had when there was one only; the list that was left shows its own in another one.
    """
    lit = [one for one in found if one.lit and one.role in HIGHLIGHTED]
    on = [one for one in lit if _ground(layout, one) == colour]
    if len(lit) < 2 or len(on) != 1:
        return found
    return [replace(one, lit=one is on[0]) if one.role in HIGHLIGHTED else one for one in found]


def _ground(layout: Layout, one: Found) -> str:
    return layout.main_ground(one.box.top, one.box.left, one.box.right)


def _cursor_means(layout: Layout, one: Found, used: list[Found]) -> bool:
    """The cursor on it means the focus. Programs that hide the cursor leave it anywhere: then the look must say so, too."""
    shown = layout.cells.cursor_shown
    if one.role in FIELDS:
        return shown
    peers = [other for other in used if other.role == one.role and other is not one]
    differs = all(_look(layout, one) != _look(layout, other) for other in peers)
    if one.role == "button":
        return shown or differs
    return (shown and layout.cells.cursor[0] == one.box.left + 1) or (bool(peers) and differs)


def _look(layout: Layout, one: Found) -> tuple[Style, ...]:
    """Return how the first written cells of a widget look: the brackets of a box, the name of a button."""
    row = layout.cells.rows[one.box.top + one.box.height // 2]
    cells = [cell for cell in row[one.box.left : one.box.right] if cell.char not in LINES]
    written = [cell for cell in cells if cell.char.strip()] if one.role == "button" else cells
    return tuple(cell.style for cell in written[:3])


def _lit(layout: Layout, one: Found) -> bool:
    """It stands out: a button for the most part, a box at the end of its name, for tags may always do so."""
    row = one.box.top + one.box.height // 2
    strip = Strip(one.owner, row, one.box.left, one.box.right)
    if one.role in BOXES:
        return lists.ends_lit(layout, strip, one.box.left, one.box.right)
    return layout.bright(strip, one.box.left, one.box.right) > 0.5
