"""Turn what a toolkit tells into our elements: roles, names, labels, values, states, and what of each can be seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ref
from opsagent_tools.gui.accessible.labels import Text, nearest_label
from opsagent_tools.gui.accessible.nodes import Node, Tree, id_of, spin_value
from opsagent_tools.gui.accessible.quirks import cuts_nothing_off, is_closed_list, is_list_of_combo, true_places
from opsagent_tools.gui.accessible.rows import in_rows
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.matching.telling import reads_out
from opsagent_tools.gui.model import Box, Element, Point, SurfaceKind
from opsagent_tools.gui.secret_words import asks_for_secret

_SPACES = re.compile(r"\s+")
_TAGS = re.compile(r"<[^<>]{1,200}>")
"""Tooltips of Qt may be HTML."""
_NAMED_BY_CONTENT = frozenset({Role.LABEL, Role.TABLE_CELL, Role.LIST_ITEM, Role.TREE_ITEM})
_TEXTS = frozenset({Role.LABEL, Role.STATIC, Role.TABLE_CELL, 10, 57})
_LEAST = 10
"""Pixels that must be seen of an element, each way, for a click to be safe; less where it is smaller."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How places of a toolkit become places on the screen."""

    window: Box
    """Of the client, on the screen."""
    scale: float = 1.0
    """Pixels of the screen per pixel of the toolkit."""
    popups: tuple[Box, ...] = ()
    """Places of open menus and lists on the screen, as the server knows them."""

    def on_screen(self, box: Box) -> Box:
        """Return a toolkit's place as a place on the screen."""
        left, top = round(box.left * self.scale), round(box.top * self.scale)
        return Box(left, top, round(box.width * self.scale), round(box.height * self.scale))

    def off_screen(self, point: Point) -> tuple[int, int]:
        """Return a point of the screen as the toolkit counts."""
        return round(point.x / self.scale), round(point.y / self.scale)


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
    seen = list(_placed(tree, shape, toolkit))
    labels = _Labels(tree, seen)
    made: dict[Ref, Element] = {}
    for one in seen:
        role = _ours(one.node, tree)
        name = _name(one.node, tree, toolkit) or (title if one.node.ref == tree.roots[0] else "")
        parent = _parent(one.node, tree, made)
        if _says_nothing(role, name, parent):
            continue
        element = Element(
            id=id_of(one.node.ref),
            role=role or words.GROUP,
            name=name,
            box=one.part if _enough(one) else one.box,
            label=labels.of(one, name),
            states=_states(one, role),
            parent=parent.id if parent else None,
            source=SurfaceKind.ACCESSIBLE,
        )
        made[one.node.ref] = _with_value(element, one.node, tree)
    return in_rows(tuple(made.values()))


def _placed(tree: Tree, shape: Shape, toolkit: str) -> Iterator[_Seen]:
    """Yield what has a place, with the part of it that is not cut off."""
    clips: dict[Ref, Box | None] = {}
    left_out: set[Ref] = set()
    places = true_places(tree, toolkit, shape.scale)
    for node in tree.walk():
        told = places.get(node.ref, node.box)
        box = shape.on_screen(told) if told else shape.window if node.parent is None else None
        hidden = not node.shows or is_closed_list(node, tree, toolkit, box, shape.popups)
        if hidden or node.parent in left_out:
            left_out.add(node.ref)
            continue
        above = clips.get(node.parent) if node.parent else shape.window
        clips[node.ref] = above if cuts_nothing_off(node, tree, toolkit) else _clip(node, box, above, tree)
        if box is None or box.empty:
            continue
        yield _Seen(node, box, box if node.role in words.COVERS or above is None else box.meets(above))


def _clip(node: Node, box: Box | None, above: Box | None, tree: Tree) -> Box | None:
    """Return what cuts off the children of a node; None: only the screen's edge does."""
    if node.role in words.COVERS or node.role == Role.MENU_ITEM:
        return None
    if node.role in words.SCROLLERS | words.TABLES and box is not None and not box.empty:
        return box if above is None or is_list_of_combo(node, tree) else box.meets(above)
    return above


def _enough(one: _Seen) -> bool:
    least = (min(_LEAST, one.box.width), min(_LEAST, one.box.height))
    return one.part.width >= least[0] and one.part.height >= least[1]


def _ours(node: Node, tree: Tree) -> str:
    role = words.OURS.get(node.role, "")
    around = tree.nodes[node.parent].role if node.parent in tree.nodes else -1
    if node.ref == tree.roots[0]:
        return "dialog" if role == "dialog" else "window"
    if node.role in (Role.FRAME, Role.WINDOW):
        return ""
    if role == "menu item" and around == Role.MENU_BAR:
        return "menu"
    if role == "text field" and has(node.state, State.MULTI_LINE):
        return "text area"
    if role == "label" and around in (Role.LIST, Role.LIST_BOX):
        return "list item"
    return role


def _name(node: Node, tree: Tree, toolkit: str) -> str:
    if node.role == Role.COMBO_BOX and (toolkit in words.COMBO_IS_CALLED_BY_CHOICE or node.name == node.text):
        return ""  # called by what is chosen in it, which is its value
    name = _tidy(node.name) or _tidy(_TAGS.sub(" ", node.description))
    return _text_in(node, tree) if not name and node.role in _NAMED_BY_CONTENT else name


def _said(label: Node, tree: Tree) -> str:
    return _tidy(label.name) or _text_in(label, tree)


def _text_in(node: Node, tree: Tree) -> str:
    """Return the texts right in an object, in order: what a label, a row or a list item without a name says."""
    children = (tree.nodes[ref] for ref in node.children if ref in tree.nodes)
    return " ".join(text for child in children if child.role in _TEXTS and (text := _tidy(child.name)))


def _tidy(name: str) -> str:
    return _SPACES.sub(" ", name).strip()


class _Labels:
    """The labels of a window, and whose they are."""

    def __init__(self, tree: Tree, seen: list[_Seen]) -> None:
        self._tree = tree
        self._texts = {
            one.node.ref: Text(name, one.part)
            for one in seen
            if _ours(one.node, tree) == "label" and not one.part.empty and (name := _said(one.node, tree))
        }
        told = {label for one in seen for label in one.node.labelled_by}
        self._free = {ref: text for ref, text in self._texts.items() if ref not in told}
        self._switches = [
            Text(name, one.part)
            for one in seen
            if one.node.role in words.SWITCHES and not one.part.empty and (name := _tidy(one.node.name))
        ]
        self._controls = [
            one.part for one in seen if one.node.role in words.CONTROLS and not one.part.empty and _enough(one)
        ]

    def of(self, one: _Seen, name: str) -> str:
        """Return the label of a control: what the toolkit says, else the nearest; empty for what names itself."""
        role = one.node.role
        told = " ".join(self._texts[ref].name for ref in self._told_of(one.node) if ref in self._texts)
        if told:
            return told if told != name else ""
        if role not in words.TO_LABEL and (name or role not in words.CONTROLS):
            return ""
        around = set(self._groups(one.node.ref))
        over = self._dialog(one.node.ref)
        near = [
            text
            for ref, text in self._free.items()
            if self._is_for(ref, text, around) and self._dialog(ref) == over and not reads_out(text.name)
        ]
        return nearest_label(one.part, near, self._controls) or self._switch_before(one)

    def _switch_before(self, one: _Seen) -> str:
        """Return the name of the check box right before a field on its line: it says what the field is for."""
        if one.node.role not in words.SET_BY_SWITCH:
            return ""
        return nearest_label(one.part, self._switches, self._controls, above=False)

    def _told_of(self, node: Node) -> tuple[Ref, ...]:
        """Return the labels that the toolkit names; of the field in a combo box, those of the box: GTK names only these."""
        around = self._tree.nodes.get(node.parent) if node.parent is not None else None
        in_box = around is not None and around.role == Role.COMBO_BOX and not node.labelled_by
        return around.labelled_by if around is not None and in_box else node.labelled_by

    def _is_for(self, label: Ref, text: Text, around: set[Ref]) -> bool:
        """Tell whether a label may belong to something within these groups: it is no group's title, nor in another group."""
        group = next(self._groups(label), None)
        return group is None or (group in around and _tidy(self._tree.nodes[group].name) != text.name)

    def _dialog(self, ref: Ref) -> Ref | None:
        """Return the dialog inside the window that an object is in: what lies below it is not near by."""
        above = self._tree.nodes.get(ref)
        while above is not None and above.parent is not None:
            if above.role in words.FRAMES:
                return above.ref
            above = self._tree.nodes.get(above.parent)
        return None

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
        "editable": has(bits, State.EDITABLE) or one.node.role == Role.SPIN_BUTTON,
        "default": has(bits, State.IS_DEFAULT),
        "secret": role == "password field",
    }
    return frozenset(name for name, holds in states.items() if holds)


def _with_value(element: Element, node: Node, tree: Tree) -> Element:
    called = f"{element.name} {element.label}"
    if "secret" in element.states or ("editable" in element.states and asks_for_secret(called)):
        return replace(element, value=None, states=element.states | {"secret"})
    if node.role == Role.COMBO_BOX:
        return replace(element, value=_chosen(node, tree))
    if node.role == Role.SPIN_BUTTON:
        return replace(element, value=spin_value(node))
    if node.role in words.NUMBERED:
        return replace(element, value=None if node.number is None else f"{node.number:g}")
    if node.role in words.WORDED:
        return replace(element, value=node.text)
    return element


def _chosen(combo: Node, tree: Tree) -> str | None:
    """Return what is chosen in a combo box, or written in it."""
    for ref in combo.children:
        child = tree.nodes.get(ref)
        if child is not None and child.role in words.WORDED and child.text is not None:
            return child.text
    return None if combo.text is None else _tidy(combo.text)


def _says_nothing(role: str, name: str, parent: Element | None) -> bool:
    """Tell whether an object is no element: a container without meaning, or a text that its parent says already."""
    if role == "label":
        return not name or (parent is not None and parent.role in words.SAID_ONCE and parent.name == name)
    return not name and not role


def _parent(node: Node, tree: Tree, made: dict[Ref, Element]) -> Element | None:
    above = node.parent
    while above is not None:
        if above in made:
            return made[above]
        around = tree.nodes.get(above)
        above = around.parent if around else None
    return None
