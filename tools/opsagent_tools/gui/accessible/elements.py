"""Turn what a toolkit tells into our elements: roles, names, labels, values, states, and what of each can be seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ref
from opsagent_tools.gui.accessible.labels import Text, nearest_label
from opsagent_tools.gui.accessible.nodes import Node, Tree, id_of
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.model import Box, Element, Point, SurfaceKind

_SPACES = re.compile(r"\s+")
_SECRET = re.compile(
    r"(?i)pass ?word|pass ?phrase|passwort|kennwort|mot de passe|contrase|senha|비밀번호|암호|パスワード|\bpin\b|secret|\btoken\b|api.?key"
)
_LEAST = 10
"""Pixels that must be seen of an element, each way, for a click to be safe; less where it is smaller."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How places of a toolkit become places on the screen."""

    window: Box
    """Of the client, on the screen."""
    scale: float = 1.0
    """Pixels of the screen per pixel of the toolkit."""
    dx: int = 0
    """Added after scaling."""
    dy: int = 0

    def on_screen(self, box: Box) -> Box:
        """Return a toolkit's place as a place on the screen."""
        left, top = round(box.left * self.scale) + self.dx, round(box.top * self.scale) + self.dy
        return Box(left, top, round(box.width * self.scale), round(box.height * self.scale))

    def off_screen(self, point: Point) -> tuple[int, int]:
        """Return a point of the screen as the toolkit counts."""
        return round((point.x - self.dx) / self.scale), round((point.y - self.dy) / self.scale)


@dataclass(slots=True)
class _Seen:
    node: Node
    box: Box
    """Of it all."""
    part: Box
    """What is not cut off."""


def elements_of(tree: Tree, shape: Shape, toolkit: str, title: str = "") -> tuple[Element, ...]:
    """Return the elements of a window, parents first. What is scrolled out is among them, without the state `visible`.

    Args:
        tree: what was read.
        shape: of the window.
        toolkit: as the program calls it; some call a combo box by what is chosen in it.
        title: of the window, where its frame has no name.
    """
    seen = list(_placed(tree, shape))
    labels = _Labels(tree, seen)
    made: dict[Ref, Element] = {}
    for one in seen:
        role = _ours(one.node, tree)
        name = _name(one.node, toolkit) or (title if one.node.ref == tree.roots[0] else "")
        if not role and not name:
            continue
        parent = _parent(one.node, tree, made)
        element = Element(
            id=id_of(one.node.ref),
            role=role or words.GROUP,
            name=name,
            box=one.part if _enough(one) else one.box,
            label=labels.of(one, name),
            states=_states(one, role),
            parent=parent,
            source=SurfaceKind.ACCESSIBLE,
        )
        made[one.node.ref] = _with_value(element, one.node, tree, toolkit)
    return _in_rows(tuple(made.values()))


def _placed(tree: Tree, shape: Shape) -> Iterator[_Seen]:
    clips: dict[Ref, Box | None] = {}
    for node in tree.walk():
        above = clips.get(node.parent) if node.parent else shape.window
        box = shape.on_screen(node.box) if node.box else None
        clips[node.ref] = _clip(node, box, above)
        if box is None or box.empty:
            continue
        over = node.role in words.COVERS or (node.parent in tree.nodes and clips[node.ref] is None)
        yield _Seen(node, box, box if over or above is None else box.meets(above))


def _clip(node: Node, box: Box | None, above: Box | None) -> Box | None:
    """Return what cuts off the children of a node; None: only the screen's edge does."""
    if node.role in (words.COVERS | {Role.MENU_ITEM}):
        return None
    if node.role in words.SCROLLERS | words.TABLES and box is not None and not box.empty and above is not None:
        return box.meets(above)
    return above


def _enough(one: _Seen) -> bool:
    least = (min(_LEAST, one.box.width), min(_LEAST, one.box.height))
    return one.part.width >= least[0] and one.part.height >= least[1]


def _ours(node: Node, tree: Tree) -> str:
    role = words.OURS.get(node.role, "")
    if role == "menu item" and node.parent in tree.nodes and tree.nodes[node.parent].role == Role.MENU_BAR:
        return "menu"
    return role


def _name(node: Node, toolkit: str) -> str:
    if node.role == Role.COMBO_BOX and toolkit in words.COMBO_IS_CALLED_BY_CHOICE:
        return ""  # these call a combo box by what is chosen in it: that is its value
    return _tidy(node.name) or _tidy(node.description)


def _tidy(name: str) -> str:
    return _SPACES.sub(" ", name).strip()


class _Labels:
    """The labels of a window, and whose they are."""

    def __init__(self, tree: Tree, seen: list[_Seen]) -> None:
        self._tree = tree
        self._texts = {
            one.node.ref: Text(_tidy(one.node.name), one.part)
            for one in seen
            if words.OURS.get(one.node.role) == "label" and not one.part.empty and _tidy(one.node.name)
        }
        told = {label for one in seen for label in one.node.labelled_by}
        self._free = {ref: text for ref, text in self._texts.items() if ref not in told}
        self._controls = [
            one.part for one in seen if one.node.role in words.CONTROLS and not one.part.empty and _enough(one)
        ]

    def of(self, one: _Seen, name: str) -> str:
        """Return the label of a control: what the toolkit says, else the nearest; empty for what names itself."""
        role = one.node.role
        if role not in words.TO_LABEL and (name or role not in words.CONTROLS):
            return ""
        told = [self._texts[ref].name for ref in one.node.labelled_by if ref in self._texts]
        if told:
            return " ".join(told)
        around = set(self._groups(one.node.ref))
        near = [text for ref, text in self._free.items() if self._is_for(ref, text, around)]
        return nearest_label(one.part, near, self._controls)

    def _is_for(self, label: Ref, text: Text, around: set[Ref]) -> bool:
        """Tell whether a label may belong to something within these groups: it is no group's title, nor in another group."""
        group = next(self._groups(label), None)
        return group is None or (group in around and _tidy(self._tree.nodes[group].name) != text.name)

    def _groups(self, ref: Ref) -> Iterator[Ref]:
        """Yield the named containers around an object, from inside out."""
        node = self._tree.nodes.get(ref)
        while node is not None and node.parent is not None and (node := self._tree.nodes.get(node.parent)) is not None:
            if node.name and (node.role not in words.OURS or node.role in words.GROUPS):
                yield node.ref


def _states(one: _Seen, role: str) -> frozenset[str]:
    bits = one.node.state
    states = {
        "enabled": has(bits, State.SENSITIVE) or (has(bits, State.ENABLED) and one.node.role not in words.LEAVES),
        "visible": has(bits, State.SHOWING) and _enough(one),
        "focused": has(bits, State.FOCUSED),
        "checked": has(bits, State.CHECKED) or (has(bits, State.PRESSED) and one.node.role == Role.TOGGLE_BUTTON),
        "selected": has(bits, State.SELECTED),
        "expanded": has(bits, State.EXPANDED),
        "editable": has(bits, State.EDITABLE),
        "default": has(bits, State.IS_DEFAULT),
        "secret": role == "password field",
    }
    return frozenset(name for name, holds in states.items() if holds)


def _with_value(element: Element, node: Node, tree: Tree, toolkit: str) -> Element:
    called = f"{element.name} {element.label}"
    if "secret" in element.states or ("editable" in element.states and _SECRET.search(called)):
        return replace(element, value=None, states=element.states | {"secret"})
    if node.role == Role.COMBO_BOX:
        return replace(element, value=_chosen(node, tree, toolkit))
    if node.role in words.NUMBERED:
        return replace(element, value=None if node.number is None else f"{node.number:g}")
    if node.role in words.WORDED:
        return replace(element, value=node.text)
    return element


def _chosen(combo: Node, tree: Tree, toolkit: str) -> str | None:
    """Return what is chosen in a combo box, or written in it."""
    for ref in combo.children:
        child = tree.nodes.get(ref)
        if child is not None and child.role in words.WORDED and child.text is not None:
            return child.text
    if toolkit in words.COMBO_IS_CALLED_BY_CHOICE:
        return _tidy(combo.name)
    return combo.text


def _parent(node: Node, tree: Tree, made: dict[Ref, Element]) -> str | None:
    above = node.parent
    while above is not None:
        if above in made:
            return made[above].id
        around = tree.nodes.get(above)
        above = around.parent if around else None
    return None


def _in_rows(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """Give the cells of a table that has no rows of its own one row for each line, named by its first text."""
    tables = {one.id for one in elements if one.role in ("table", "tree", "list")}
    lines: dict[tuple[str, int], list[Element]] = {}
    for one in elements:
        if one.parent in tables and one.role in ("table cell", "label", "check box") and one.parent is not None:
            lines.setdefault((one.parent, one.box.top), []).append(one)
    rows: dict[str, Element] = {}
    moved: dict[str, str] = {}
    for (table, top), cells in lines.items():
        if len(cells) < 2:
            continue
        row = _row(table, top, cells)
        rows[cells[0].id] = row
        moved.update({cell.id: row.id for cell in cells})
    result: list[Element] = []
    for one in elements:
        if one.id in rows:
            result.append(rows[one.id])
        role = "table cell" if one.id in moved and one.role == "label" else one.role
        result.append(replace(one, parent=moved[one.id], role=role) if one.id in moved else one)
    return tuple(result)


def _row(table: str, top: int, cells: list[Element]) -> Element:
    left, right = min(cell.box.left for cell in cells), max(cell.box.right for cell in cells)
    bottom = max(cell.box.bottom for cell in cells)
    names = [cell.name for cell in sorted(cells, key=lambda cell: cell.box.left) if cell.name]
    shared = frozenset({"enabled", "visible", "selected"}).intersection(*(cell.states for cell in cells))
    return Element(
        id=f"{table}#{top}",
        role="row",
        name=names[0] if names else "",
        box=Box(left, top, right - left, bottom - top),
        states=shared,
        parent=table,
        source=SurfaceKind.ACCESSIBLE,
    )
