"""All that a screen shows, as elements: what can be used, what is only written, and where the focus is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsagent_tools.gui.model import Box, Element, SurfaceKind
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.reading import bars, fields, lists, widgets
from opsagent_tools.gui.terminal.reading.focus import (
    colour_of_highlight,
    focused,
    frame_on_top,
    lies_within,
    lit_boxes,
    only_one_lit,
    pulled_down,
)
from opsagent_tools.gui.terminal.reading.frames import VERTICAL
from opsagent_tools.gui.terminal.reading.layout import Layout, Strip
from opsagent_tools.gui.terminal.reading.tags import tag_of, untagged
from opsagent_tools.gui.terminal.reading.widgets import Found
from opsagent_tools.gui.terminal.reading.words import tidy
from opsagent_tools.gui.terminal.roles import BOXES

_PIECE = rf"[^\s{re.escape(VERTICAL.replace('|', ''))}]+"
_PIECES = re.compile(rf"{_PIECE}(?: {_PIECE})*")
"""What is written together; lines between columns part it."""
_MARK = 4
"""Columns of the mark of a check box, and the blank behind it."""
_LIST = "list:"
"""How the action of a list's row begins, until it is an element; the number of its list follows."""


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
    colour: str = ""
    """Of the highlight of rows and boxes, now or when last there was one only."""

    def element(self, ident: str) -> Element | None:
        return next((one for one in self.elements if one.id == ident), None)


def read_screen(
    cells: Cells, *, remembered: str = "", hidden: bool = False, lines: bool = False, colour: str = ""
) -> Reading:
    """Read a screen.

    Args:
        cells: what is shown.
        remembered: the prompt of the row of the cursor, as it was before anything was typed.
        hidden: the terminal does not show what is typed now (a password).
        lines: the program reads whole lines.
        colour: that the highlight had when last there was one only.
    """
    layout = Layout(cells)
    prompt = fields.prompted(layout, remembered, hidden=hidden)
    form = [] if lines else _bare_form(layout)
    if prompt and any(one.box.top == prompt.box.top for one in form) and len(form) > 1:
        prompt = None
    found = _widgets(layout, prompt)
    found += [one for one in form if prompt is None and all(one.box.meets(other.box).empty for other in found)]
    top = frame_on_top(layout, found)
    found = [one for one in found if one.role != "text field" or one is prompt or lies_within(layout, one.owner, top)]
    dialogs = {frame for one in found if one.role == "button" for frame in layout.chain(one.owner)}
    listed = lists.lists_of(layout, [one.box for one in found], dialogs)
    listed = [one for one in listed if lies_within(layout, one.owner, top)]
    found += _rows(listed)
    found += bars.choices(layout, prompt)
    found = only_one_lit(layout, lit_boxes(layout, _named_boxes(layout, found)), colour)
    top = top if top is not None else pulled_down(layout, found)
    used, aliases, groups = _used(layout, found, top)
    asked = cells.lines[prompt.box.top][: prompt.box.left] if prompt and not prompt.value else ""
    title = layout.frames[top].title if top is not None else ""
    elements = (*_frames(layout), *used, *_texts(layout, found))
    return Reading(cells, elements, aliases, groups, asked, title, colour_of_highlight(layout, found) or colour)


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


def _rows(listed: Sequence[lists.Listed]) -> list[Found]:
    """Return the rows of lists and menus; their action says which list they are of."""
    return [
        Found(
            role="list item" if rows.table or rows.in_dialog else "menu item",
            name=row.text,
            box=row.box,
            owner=row.owner,
            lit=row.lit,
            called=row.called,
            label=row.tag,
            actions=(f"{_LIST}{number}",),
        )
        for number, rows in enumerate(listed)
        for row in rows.rows
        if row.text
    ]


def _used(
    layout: Layout, found: list[Found], top: int | None
) -> tuple[list[Element], dict[str, tuple[str, ...]], dict[str, int]]:
    """Return what can be used as elements, row by row; and by their ids their other names, and the lists they are of."""
    elements: list[Element] = []
    aliases: dict[str, tuple[str, ...]] = {}
    groups: dict[str, int] = {}
    focus = focused(layout, found)
    for number, one in enumerate(sorted(found, key=lambda each: (each.box.top, each.box.left))):
        element = _element(layout, one, number, top, focus)
        elements.append(element)
        if one.called:
            aliases[element.id] = one.called
        if _is_row(one):
            groups[element.id] = int(one.actions[0].removeprefix(_LIST))
    return elements, aliases, groups


def _is_row(one: Found) -> bool:
    return bool(one.actions) and one.actions[0].startswith(_LIST)


def _bare_form(layout: Layout) -> list[Found]:
    """Return the fields of a form that shows none, if the cursor stands in one and nothing else is there."""
    column, row = layout.cells.cursor
    owner = layout.owner(column, row)
    lit = layout.stands_out(layout.cells.rows[row][column].style, owner)  # the highlighted row of a list
    if lit or not layout.cells.cursor_shown:
        return []
    strip = next((one for one in layout.of(owner) if one.row == row and one.left <= column < one.right), None)
    return fields.at_cursor(layout, strip) if strip else []


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
    """Call check boxes and radio buttons that stand below each other by what follows their tags, where they have tags.

    A tag that can only mean its row is the label, in a dialog.
    """
    columns: dict[tuple[int, int], list[Found]] = {}
    for one in found:
        if one.role in BOXES:
            columns.setdefault((one.owner, one.box.left), []).append(one)
    named: dict[int, Found] = {}
    for boxes in columns.values():
        lines = [layout.cells.lines[one.box.top][one.box.left + _MARK : one.box.right] for one in boxes]
        in_dialog = _has_buttons(layout, boxes[0], found)
        items = untagged(lines, likely=in_dialog)
        named |= {
            id(one): replace(one, name=item, called=(one.name,), label=tag_of(line) if in_dialog else "")
            for one, item, line in zip(boxes, items, lines, strict=True)
            if item
        }
    return [named.get(id(one), one) for one in found]


def _has_buttons(layout: Layout, one: Found, found: list[Found]) -> bool:
    around = set(layout.chain(one.owner))
    return any(other.role == "button" and around & set(layout.chain(other.owner)) for other in found)


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
    listed = _is_row(one)
    return Element(
        id=f"{role}:{number}:{one.name}", role=role, name=one.name, box=one.box,
        value=None if one.secret else one.value, label=one.label, states=frozenset(states),
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
