"""All that a screen shows, as elements: what can be used, what is only written, and where the focus is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from opsagent_tools.gui.model import Box, Element, Point, SurfaceKind
from opsagent_tools.gui.terminal.cells import Cells, Style
from opsagent_tools.gui.terminal.reading import bars, fields, lists, widgets
from opsagent_tools.gui.terminal.reading.frames import LINES
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip
from opsagent_tools.gui.terminal.reading.tags import untagged
from opsagent_tools.gui.terminal.reading.widgets import Found
from opsagent_tools.gui.terminal.reading.words import tidy

_PIECES = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True)
class Reading:
    """A screen as it was read."""

    cells: Cells
    elements: tuple[Element, ...]
    aliases: dict[str, tuple[str, ...]]
    """Other names of an element, by its id: a row without its tag, its first column."""
    groups: dict[str, int]
    """Id of a list's row → number of its list."""
    prompt: str
    """What stands before what is typed now, where nothing is typed yet; empty: nobody asks, or something is typed."""
    title: str
    """Of the dialog on top; empty: there is none."""

    def element(self, ident: str) -> Element | None:
        return next((one for one in self.elements if one.id == ident), None)


def read_screen(cells: Cells, *, remembered: str = "", hidden: bool = False, lines: bool = False) -> Reading:
    """Read a screen.

    Args:
        cells: what is shown.
        remembered: the prompt of the row of the cursor, as it was before anything was typed.
        hidden: the terminal does not show what is typed now (a password).
        lines: the program reads whole lines.
    """
    layout = Layout(cells)
    prompt = fields.prompted(layout, remembered, hidden=hidden)
    form = [] if lines else _bare_form(layout, [])
    if prompt and any(one.box.top == prompt.box.top for one in form) and len(form) > 1:
        prompt = None
    found = _widgets(layout, prompt)
    found += [one for one in form if prompt is None and all(one.box.meets(other.box).empty for other in found)]
    top = _on_top(layout, found)
    found = [one for one in found if one.role != "text field" or one is prompt or _within(layout, one.owner, top)]
    dialogs = {frame for one in found if one.role == "button" for frame in layout.chain(one.owner)}
    listed = lists.lists_of(layout, [one.box for one in found], dialogs)
    listed = [one for one in listed if _within(layout, one.owner, top)]
    aliases: dict[str, tuple[str, ...]] = {}
    groups: dict[str, int] = {}
    for number, rows in enumerate(listed):
        role = "list item" if rows.table or rows.in_dialog else "menu item"
        for row in rows.rows:
            if row.text:
                found.append(Found(role=role, name=row.text, box=row.box, owner=row.owner, lit=row.lit, called=row.called,
                                   actions=(f"list:{number}",)))  # fmt: skip
    found += bars.choices(layout, prompt)
    found = _lit_boxes(layout, _named_boxes(layout, found))
    top = top if top is not None else _pulled_down(layout, found)
    elements: list[Element] = [*_frames(layout)]
    focus = _focused(layout, found)
    for number, one in enumerate(sorted(found, key=lambda each: (each.box.top, each.box.left))):
        element = _element(layout, one, number, top, focus)
        elements.append(element)
        if one.actions and one.actions[0].startswith("list:"):
            groups[element.id] = int(one.actions[0][5:])
        if one.called:
            aliases[element.id] = one.called
    elements += _texts(layout, found)
    asked = cells.lines[prompt.box.top][: prompt.box.left] if prompt and not prompt.value else ""
    title = layout.frames[top].title if top is not None else ""
    return Reading(cells, tuple(elements), aliases, groups, asked, title)


def _widgets(layout: Layout, prompt: Found | None) -> list[Found]:
    found: list[Found] = []
    used: set[int] = set()
    for index in range(len(layout.frames)):
        inside = layout.of(index)
        if len(inside) == 1 and layout.frames[index].inner.height == 1:
            used.add(index)
            named = fields.text_above(layout, layout.parent(index), layout.frames[index].box.top, inside[0].left)
            special = widgets.gauge_of(layout, inside[0], tidy(named)) or _full_button(layout, index, inside[0])
            if special or (special := fields.framed(layout, index)):
                found.append(special)
    bar = bars.menu_bar(layout)
    found += bar
    keys = bars.function_keys(layout)
    found += keys
    for strip in layout.strips:
        if strip.owner in used or any(one.box.top == strip.row for one in (*bar, *keys)):
            continue
        here = widgets.boxes_of(layout, strip)
        here += widgets.buttons_of(layout, strip) if not here else []
        here += [
            one for one in fields.underscored(layout, strip) if all(one.box.meets(each.box).empty for each in here)
        ]
        if prompt is None or prompt.box.top != strip.row:
            here += fields.coloured(layout, strip, [one.box for one in here])
        found += here
    if prompt:
        found.append(prompt)
    return found


def _bare_form(layout: Layout, found: list[Found]) -> list[Found]:
    """Return the fields of a form that shows none, if the cursor stands in one and nothing else is there."""
    column, row = layout.cells.cursor
    owner = layout.owner(column, row)
    lit = layout.stands_out(layout.cells.rows[row][column].style, owner)  # the highlighted row of a list
    if lit or not layout.cells.cursor_shown or any(one.box.holds(Point(column, row)) for one in found):
        return []
    strip = next((one for one in layout.of(owner) if one.row == row and one.left <= column < one.right), None)
    bare = fields.at_cursor(layout, strip) if strip else []
    return [one for one in bare if all(one.box.meets(other.box).empty for other in found)]


def _full_button(layout: Layout, index: int, strip: Strip) -> Found | None:
    """Return the button that a small frame around a word is (newt's full buttons)."""
    name = tidy(layout.line(strip))
    frame = layout.frames[index]
    short = frame.inner.width <= len(name) + 4 and len(name) <= 20
    if not short or layout.parent(index) < 0 or not any(char.isalpha() for char in name):
        return None
    return Found(role="button", name=name, box=frame.box, owner=layout.parent(index))


def _frames(layout: Layout) -> list[Element]:
    found = []
    for index, frame in enumerate(layout.frames):
        parent = layout.parent(index)
        role = "dialog" if parent < 0 else "group"
        found.append(_still(f"frame:{index}", role, frame.title, frame.box, parent))
    return found


def _still(ident: str, role: str, name: str, box: Box, owner: int) -> Element:
    """Return an element that is only there to be seen."""
    return Element(
        id=ident, role=role, name=name, box=box, source=SurfaceKind.TERMINAL, states=frozenset({"visible"}),
        parent=f"frame:{owner}" if owner >= 0 else None,
    )  # fmt: skip


def _named_boxes(layout: Layout, found: list[Found]) -> list[Found]:
    """Call check boxes and radio buttons that stand below each other by what follows their tags, where they have tags."""
    columns: dict[tuple[int, int], list[Found]] = {}
    for one in found:
        if one.role in {"check box", "radio button"}:
            columns.setdefault((one.owner, one.box.left), []).append(one)
    names: dict[int, str] = {}
    for boxes in columns.values():
        lines = [layout.cells.lines[one.box.top][one.box.left + _MARK : one.box.right] for one in boxes]
        names |= {
            id(one): item
            for one, item in zip(boxes, untagged(lines, likely=_has_buttons(layout, boxes[0], found)), strict=True)
            if item
        }
    return [replace(one, name=names[id(one)], called=(one.name,)) if names.get(id(one)) else one for one in found]


def _has_buttons(layout: Layout, one: Found, found: list[Found]) -> bool:
    around = set(layout.chain(one.owner))
    return any(other.role == "button" and around & set(layout.chain(other.owner)) for other in found)


_MARK = 4
"""Columns of the mark of a check box, and the blank behind it."""


def _lit_boxes(layout: Layout, found: list[Found]) -> list[Found]:
    """Mark the one check box or radio button of a frame that stands out from the others there."""
    boxes = [one for one in found if one.role in {"check box", "radio button"}]
    lit = Counter(one.owner for one in boxes if _lit(layout, one))
    return [
        replace(one, lit=one in boxes and lit[one.owner] == 1 and _lit(layout, one)) if one in boxes else one
        for one in found
    ]


def _on_top(layout: Layout, found: list[Found]) -> int | None:
    """Return the frame that takes all keys: a dialog with buttons; None: there is none."""
    outer = Counter(layout.chain(one.owner)[-1] for one in found if one.role == "button" and one.owner >= 0)
    if outer:
        at = layout.owner(*layout.cells.cursor)
        holding = layout.chain(at)[-1:] if at >= 0 else ()
        named = [index for index in outer if index in holding]
        return named[0] if named else (next(iter(outer)) if len(outer) == 1 else max(outer))
    return None


def _within(layout: Layout, owner: int, top: int | None) -> bool:
    return top is None or top in layout.chain(owner)


def _pulled_down(layout: Layout, found: list[Found]) -> int | None:
    """Return the frame of a menu that was pulled down from the bar; None: there is none."""
    menus = {one.owner for one in found if one.role == "menu item" and one.owner >= 0 and one.lit}
    return layout.chain(max(menus))[-1] if menus and any(one.role == "menu" and one.lit for one in found) else None


def _focused(layout: Layout, found: list[Found]) -> Found | None:
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
    full = [one for one in used if one.role in _FIELDS and one.box.holds(end) and layout.cells.cursor_shown]
    if full:
        return full[0]
    lit = [one for one in used if one.role not in _FIELDS and _lit(layout, one)]
    elsewhere = any(one.box.holds(here) for one in used) or any(one.lit and one not in used for one in found)
    return lit[0] if len(lit) == 1 and not elsewhere else None


_FIELDS = frozenset({"text field", "password field"})
_WITH_FOCUS = frozenset({"button", "check box", "radio button", *_FIELDS})


def _cursor_means(layout: Layout, one: Found, used: list[Found]) -> bool:
    """The cursor on it means the focus. Programs that hide the cursor leave it anywhere: then the look must say so, too."""
    shown = layout.cells.cursor_shown
    if one.role in _FIELDS:
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
    if one.role in {"check box", "radio button"}:
        return lists.ends_lit(layout, strip, one.box.left, one.box.right)
    return layout.bright(strip, one.box.left, one.box.right) > 0.5


def _element(layout: Layout, one: Found, number: int, top: int | None, focus: Found | None) -> Element:
    states = {"visible"}
    inside = top is None or top in layout.chain(one.owner) or (one.role == "menu" and one.lit)
    if inside or one.actions == ("prompt",):
        states.add("enabled")
    if one is focus:
        states.add("focused")
    if one.lit:
        states.add("selected")
    if one.checked:
        states.add("checked")
    if one.default:
        states.add("default")
    if one.role == "text field":
        states.add("editable")
    role = one.role
    if one.secret:
        states.add("secret")
        role = "password field"
    listed = bool(one.actions) and one.actions[0].startswith("list:")
    return Element(
        id=f"{role}:{number}:{one.name}", role=role, name=one.name, box=one.box,
        value=None if one.secret else one.value, label="" if listed else one.label, states=frozenset(states),
        actions=() if listed else one.actions, source=SurfaceKind.TERMINAL,
        parent=f"frame:{one.owner}" if one.owner >= 0 else None,
    )  # fmt: skip


def _texts(layout: Layout, found: list[Found]) -> list[Element]:
    """Return what is written and belongs to nothing else. What is typed behind a prompt belongs to its field."""
    texts = []
    typed = next((one.box for one in found if one.actions == ("prompt",)), None)
    taken: dict[int, list[Found]] = {}
    for one in found:
        for row in range(one.box.top, one.box.bottom):
            taken.setdefault(row, []).append(one)
    for strip in layout.strips:
        line = layout.line(strip)
        if typed is not None and typed.top == strip.row:
            line = line[: max(0, typed.left - strip.left)]
        for mark in _PIECES.finditer(line):
            box = Box(strip.left + mark.start(), strip.row, mark.end() - mark.start(), 1)
            if any(not box.meets(one.box).empty for one in taken.get(strip.row, ())):
                continue
            name = tidy(mark.group())
            if name.strip("│|─-_"):
                texts.append(_still(f"text:{strip.row}:{box.left}", "text", name, box, strip.owner))
    return texts
