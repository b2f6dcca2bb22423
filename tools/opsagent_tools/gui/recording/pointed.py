"""Which element of a look a person means: by a click, or by keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsagent_tools.gui.matching.roles import DONE_BY_A_CLICK, FIELDS, IN_LISTS, IN_MENUS, PRESSED, SECRET, usable
from opsagent_tools.gui.matching.scene import Scene
from opsagent_tools.gui.model import Element, Look, Point, SurfaceKind

_NAMELESS = PRESSED | IN_LISTS | {"image", "group"}
"""What may stand in a button or link, and is not meant itself where it has no name."""
_WHOLE_WINDOWS = frozenset({"window", "dialog", "alert"})
"""A click on no more than these was on nothing: which of their places is meant, nobody can tell again."""


def hit(look: Look, point: Point) -> Element | None:
    """Return what a click at `point` reaches: the smallest that can be used, else the smallest text; None: nothing known.

    Of what lies around each other it is what a person means: the link in a list's item, the button around a picture. Of what
    lies over each other it is what is on top, as far as that is told: what is in a dialog of a page, or in a menu below its bar.
    """
    there = [
        one
        for one in look.elements
        if one.box.holds(point) and "visible" in one.states | _told(one) and one.role not in _WHOLE_WINDOWS
    ]
    scene = Scene(look)
    used = [one for one in there if usable(one.role)]
    around = {above.id for one in used for above in scene.ancestors(one)}
    inner = [one for one in used if one.id not in around] or there
    found = min(inner, key=lambda one: (-scene.layer(one), one.box.width * one.box.height), default=None)
    return found if found is None or found.name or found.label else _called(found, there, scene)


def _called(found: Element, there: Sequence[Element], scene: Scene) -> Element:
    """Return what is pressed and has a name around what has none, as a button around its picture; else `found`."""
    for one in scene.ancestors(found) if found.role in _NAMELESS else ():
        if one.role in DONE_BY_A_CLICK and one.name and one in there:
            return one
        if one.name and one.role not in _NAMELESS:
            break
    return found


def focused_in(look: Look) -> Element | None:
    """Return what has the keys: the smallest one that says so; a field first, as the chosen row of a list says so, too."""
    there = [one for one in look.elements if "focused" in one.states]
    order = {one.id: (one.role not in FIELDS | SECRET, not usable(one.role)) for one in there}
    return min(there, key=lambda one: (*order[one.id], one.box.width * one.box.height), default=None)


def on_top(look: Look) -> Look:
    """Return a look with nothing but what popups hold, as far as it does not tell itself what lies on top."""
    if look.source is SurfaceKind.PIXEL:
        return look
    return replace(look, elements=tuple(one for one in look.elements if one.role in IN_MENUS | IN_LISTS))


def same_in(look: Look, element: Element) -> Element | None:
    """Return an element as another look shows it: by its id, else the only one of its role, name and label."""
    for one in look.elements:
        if one.id == element.id and one.role == element.role:
            return one
    called = (element.role, element.name, element.label)
    alike = [one for one in look.elements if (one.role, one.name, one.label) == called]
    return alike[0] if len(alike) == 1 else None


def _told(element: Element) -> frozenset[str]:
    """What was recognised in a picture is visible."""
    return frozenset({"visible"}) if element.source is SurfaceKind.PIXEL else frozenset()
