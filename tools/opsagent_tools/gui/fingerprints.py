"""Make the fingerprint by which an element is known again. What people typed is never in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsagent_tools.gui.matching.anchors import anchor_of
from opsagent_tools.gui.matching.names import plain
from opsagent_tools.gui.matching.roles import FIELDS, IN_LISTS, RANGES, SECRET, STATIC
from opsagent_tools.gui.matching.scene import Scene, distance, seen
from opsagent_tools.gui.matching.telling import names_a_row, steady, tells_where
from opsagent_tools.gui.model import Anchor, Element, Fingerprint, Look, SurfaceKind

_NEIGHBOURS = 12
_LONGEST_NAME = 80
_ALIGNED = 2
_FAR = 2
"""An anchor that is not on the target's line is looked for within so many heights of it."""


def fingerprint_of(element: Element, look: Look, *, read: Look | None = None) -> Fingerprint:
    """Return how `element` is known again, from what was seen around it in `look`.

    `read`: what was recognised on the same window at the same time; the anchor and the height of text are taken from it.
    """
    scene = Scene(look)
    name = element.name if _steady(element) else ""
    container = scene.container(element)
    made = Fingerprint(
        role=element.role,
        name=name[:_LONGEST_NAME],
        label=element.label[:_LONGEST_NAME],
        within=container.name if container else _row_name(element, scene),
        anchor=_anchor(element, Scene(read) if read is not None else scene)
        if _wants_anchor(element, name, scene)
        else None,
        neighbours=_neighbours(element, scene),
        place=scene.place(element),
        looks=_looks(element, read if read is not None else look),
        text_height=float(_text_height(element, read or look)),
    )
    return _told_apart(made, element, scene)


def _told_apart(made: Fingerprint, element: Element, scene: Scene) -> Fingerprint:
    """Return it with a container, or a name from its line, that no other of its name shares: another one tells nothing."""
    twins = _twins(element, scene)
    if not twins:
        return made
    counted = replace(made, twins=len(twins))
    line = [one for one in scene.row(element) if _names_a_row(one) and _is_key(one, twins, scene)]
    beside = [one.name[:_LONGEST_NAME] for one in sorted(line, key=lambda one: steady(one.name) != one.name)]
    own = {plain(made.name), plain(made.label)}
    container = scene.container(element)
    for within in ([container.name] if container else []) + [one for one in beside if plain(one) not in own]:
        if within and not any(within in scene.containers(one) for one in twins):
            return replace(counted, within=within)
    return replace(counted, within="")


def _names_a_row(one: Element) -> bool:
    return (one.role in IN_LISTS or (one.role in STATIC and "tip" not in one.role)) and names_a_row(one.name)


def _is_key(one: Element, twins: Sequence[Element], scene: Scene) -> bool:
    """Tell whether rows are known by the column of `one`: where two others share a text there, it is what they are, not who."""
    column = [plain(one.name)]
    for twin in twins:
        cells = (each for each in scene.row(twin) if each.box.left < one.box.right and one.box.left < each.box.right)
        column += [plain(each.name) for each in cells if each.role in IN_LISTS | STATIC][:1]
    return len(set(column)) == len(column)


def _twins(element: Element, scene: Scene) -> list[Element]:
    """Return the others of its role with its name and label; a cell and the text that is drawn in it are one."""
    others = [one for one in scene.elements if one.role == element.role and seen(one) and one.id != element.id]
    alike = [one for one in others if not (_is_part(one, element, scene) or _is_part(element, one, scene))]
    return [one for one in alike if (plain(one.name), plain(one.label)) == (plain(element.name), plain(element.label))]


def _is_part(one: Element, whole: Element, scene: Scene) -> bool:
    return scene.holds(whole, one) and whole.box.meets(one.box) == one.box


def _steady(element: Element) -> bool:
    """Tell whether its name is its own, and not the value that it holds."""
    return not (element.role in FIELDS | RANGES | SECRET and element.name and element.name == element.value)


def _wants_anchor(element: Element, name: str, scene: Scene) -> bool:
    """Tell whether a text beside it is needed. What is called something that nothing else is called is its own anchor."""
    if not name or element.role in FIELDS | RANGES | SECRET or sum(one.name == name for one in scene.named) > 1:
        return True
    below = [plain(one.name) for one in _in_its_column(element, scene)]
    return len(set(below)) < len(below)  # what rows can be told to do, and this row alone something else


def _in_its_column(element: Element, scene: Scene) -> list[Element]:
    """Return what of its role stands right above and below it, in other rows."""
    return [
        one
        for one in scene.named
        if one.role == element.role
        and one.role not in FIELDS | RANGES | SECRET
        and abs(one.box.left - element.box.left) <= _ALIGNED
        and not one.box.top <= element.box.center.y < one.box.bottom
    ]


def _row_name(element: Element, scene: Scene) -> str:
    """Return the first name on the same line of a table or list; a number, a time or a state there is none."""
    row = (one for one in scene.row(element) if one.role in IN_LISTS)
    cells = [one for one in row if tells_where(one) and names_a_row(one.name)]
    return next((one.name for one in cells if one.name != element.name), "")[:_LONGEST_NAME]


def _anchor(element: Element, scene: Scene) -> Anchor | None:
    """Return the way from a text that is there once: its label, else the nearest on its line, else one right above or below."""
    texts = [one for one in scene.named if _is_text(one, element, scene)]
    label = plain(element.label)
    labels = [one for one in texts if label and plain(one.name) == label]
    height = max(1, min(element.box.height, 40))
    texts = [one for one in texts if names_a_row(one.name)]
    same = [one for one in scene.named if element.name and plain(one.name) == plain(element.name)]
    others = [one for one in same if one.box.meets(element.box).empty] or _in_its_column(element, scene)
    beside = [one for one in texts if one.box.top <= element.box.center.y < one.box.bottom]
    line = [one for one in beside if _is_key(one, others, scene)]
    # A line above or below may be another one tomorrow: only what has no name of its own is found by it.
    near = [one for one in texts if distance(one.box, element.box) <= _FAR * height] if not element.name else []
    for one in sorted(labels or line or near, key=lambda each: distance(each.box, element.box)):
        if sum(plain(other.name) == plain(one.name) for other in scene.named) == 1:
            return anchor_of(one, element)
    return None


def _is_text(one: Element, element: Element, scene: Scene) -> bool:
    if one.id == element.id or scene.holds(element, one) or scene.holds(one, element):
        return False
    return (
        one.role in STATIC
        and "tip" not in one.role
        and len(one.name) <= _LONGEST_NAME
        and tells_where(one)
        and not element.box.holds(one.box.center)
    )


def _neighbours(element: Element, scene: Scene) -> tuple[str, ...]:
    return tuple(one[:_LONGEST_NAME] for one in scene.around(element, _NEIGHBOURS))


def _looks(element: Element, read: Look) -> str:
    """Return which shape pixels tell at its place."""
    if read.source is not SurfaceKind.PIXEL:
        return ""
    there = [one for one in read.elements if one.box.holds(element.box.center) or element.box.holds(one.box.center)]
    shapes = [one for one in there if one.role != "text" and not one.box.meets(element.box).empty]
    if element.role in FIELDS | RANGES | SECRET and not shapes:
        return ""
    best = max(shapes or there, key=lambda one: _shared(one, element), default=None)
    return best.role if best is not None else ""


def _shared(one: Element, other: Element) -> float:
    """Return how alike two places are, from 0 to 1."""
    both = one.box.meets(other.box)
    return both.width * both.height / max(1, one.box.width * one.box.height, other.box.width * other.box.height)


def _text_height(element: Element, look: Look) -> int:
    texts = [one for one in look.elements if one.role in STATIC and one.name and seen(one)]
    nearest = min(texts, key=lambda one: distance(one.box, element.box), default=element)
    return nearest.box.height
