"""One look, seen as places: who is around, beside and above an element. Computed when asked for; nothing is kept."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from opsagent_tools.gui.matching.names import plain, same
from opsagent_tools.gui.matching.roles import CONTAINERS, FIELDS, IN_LISTS, IN_MENUS, SECRET, STATIC, suits, usable
from opsagent_tools.gui.matching.telling import tells_where
from opsagent_tools.gui.model import Box, Element, Look, Point, SurfaceKind

_UNNAMED_FRAMES = frozenset(
    {"window", "frame", "application", "root pane", "layered pane", "filler", "viewport", "scroll pane"}
)

_OVER = frozenset({"dialog", "alert"})
_WIDE = _UNNAMED_FRAMES | {"document", "dialog"}


class Scene:
    """The elements of a look, with what is asked of them again and again."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.read = look.source is SurfaceKind.PIXEL
        self.elements: tuple[Element, ...] = look.elements
        self._by_id = {one.id: one for one in look.elements}

    def ancestors(self, element: Element) -> Iterator[Element]:
        """Yield what is around `element`, the nearest first; loops in a broken tree end."""
        seen = {element.id}
        parent = element.parent
        while parent is not None and parent not in seen and (above := self._by_id.get(parent)) is not None:
            seen.add(parent)
            yield above
            parent = above.parent

    def holds(self, outer: Element, inner: Element) -> bool:
        """Tell whether `outer` is `inner` or around it in the tree."""
        return outer.id == inner.id or any(one.id == outer.id for one in self.ancestors(inner))

    def container(self, element: Element) -> Element | None:
        """Return the nearest named container around it, the window itself not counted."""
        for one in self.ancestors(element):
            if one.role in CONTAINERS and one.name and one.role not in _UNNAMED_FRAMES:
                return one
        return None

    def containers(self, element: Element) -> list[str]:
        """Return the names of all that is around it: ancestors, the row that it is in, and the window."""
        names = [one.name for one in self.ancestors(element) if one.name]
        if element.role in IN_LISTS or usable(element.role):
            names += [one.name for one in self.row(element) if one.role in IN_LISTS or one.role in STATIC]
        return [*names, self.look.window.title] if self.look.window.title else names

    def row(self, element: Element) -> list[Element]:
        """Return what stands on the same line as `element`, from left to right, itself not counted."""
        middle, highest = element.box.center.y, 2 * max(element.box.height, 1)
        near = self._by_top[bisect_right(self._tops, middle - highest) : bisect_right(self._tops, middle)]
        return sorted(
            (
                one
                for one in near
                if one.id != element.id
                and middle < one.box.bottom
                and one.box.height <= highest
                and not self.holds(one, element)
                and not self.holds(element, one)
            ),
            key=lambda one: one.box.left,
        )

    @cached_property
    def _by_top(self) -> list[Element]:
        return sorted(self.named, key=lambda one: one.box.top)

    @cached_property
    def _tops(self) -> list[int]:
        return [one.box.top for one in self._by_top]

    @cached_property
    def named(self) -> list[Element]:
        """Return what is seen and has a name, except what only holds others."""
        return [one for one in self.elements if one.name and seen(one) and one.role not in _UNNAMED_FRAMES]

    @cached_property
    def all_names(self) -> frozenset[str]:
        """Return every name and label that is seen, plain."""
        return frozenset(plain(text) for one in self.elements if seen(one) for text in (one.name, one.label) if text)

    def says(self, name: str) -> bool:
        """Tell whether `name` is seen anywhere, the window's title counted."""
        if plain(name) in self.all_names or plain(name) == plain(self.look.window.title):
            return True
        return self.read and any(same(name, one, read=True) for one in self.all_names)

    def around(self, element: Element, count: int) -> list[str]:
        """Return `count` names around `element`, the nearest first, plain, each once; its own name and label are not in it.

        What is another one at the next look (a number, a time, a size) is no name.
        """
        own = {plain(element.name), plain(element.label), ""}
        found: dict[str, float] = {}
        for one in self.named:
            # A container is no neighbour, and what a field holds is no name.
            if one.id == element.id or (one.role in CONTAINERS and one.role not in IN_LISTS | IN_MENUS):
                continue
            if (one.role in FIELDS and one.name == one.value) or self.holds(element, one) or self._held(one):
                continue
            name = plain(one.name)
            if name in own or not tells_where(one):
                continue
            far = distance(element.box, one.box)
            found[name] = min(far, found.get(name, math.inf))
        return sorted(found, key=lambda name: (found[name], name))[:count]

    def _held(self, one: Element) -> bool:
        """Tell whether a recognised text stands in a field: it is a value."""
        return self.read and one.role == "text" and any(field.box.holds(one.box.center) for field in self._fields)

    @cached_property
    def _fields(self) -> list[Element]:
        return [one for one in self.elements if one.role in FIELDS | SECRET]

    def siblings(self, element: Element) -> list[Element]:
        """Return all of the same role in the same container, in reading order, `element` among them."""
        box = self.container(element)
        alike = [one for one in self.elements if one.role == element.role and seen(one) and self.container(one) == box]
        return in_reading_order(alike)

    def place(self, element: Element) -> tuple[int, int]:
        """Return which of how many of its role it is in its container, from 1; (0, 0) where it is not among them."""
        alike = self.siblings(element)
        at = next((n for n, one in enumerate(alike, 1) if one.id == element.id), 0)
        return (at, len(alike)) if at else (0, 0)

    def free_point(self, element: Element) -> Point | None:
        """Return a point of `element` that nothing else would take: its centre, or beside what lies on it; None: covered."""
        box = self._shown_part(element)
        if box.empty:
            return None
        inset = min(box.width // 2, max(2, 2 * box.height))
        tried = [box.center, *(Point(x, box.center.y) for x in (box.left + inset // 2, box.right - 1 - inset // 2))]
        others = [one for one in self.elements if usable(one.role) and seen(one) and self._may_cover(one, element)]
        return next((at for at in tried if box.holds(at) and not any(one.box.holds(at) for one in others)), None)

    def _may_cover(self, other: Element, element: Element) -> bool:
        smaller = other.box.width * other.box.height < element.box.width * element.box.height
        if other.id == element.id or not smaller or self.holds(other, element):
            return False
        if self._over_the_window(element) and not self._over_the_window(other):
            return False
        if self.layer(other) < self.layer(element):
            return False
        # A part of the target under the same name (the text of a button) is the target.
        return not (self.holds(element, other) and (not other.name or plain(other.name) == plain(element.name)))

    def _over_the_window(self, element: Element) -> bool:
        """Tell whether it is in an open menu, or in the open list of a combo box."""
        around = [one.role for one in self.ancestors(element)]
        return "menu" in around or (element.role in IN_LISTS | IN_MENUS and "combo box" in around)

    def layer(self, element: Element) -> int:
        """Return how many things that lie over the window it is in: dialogs of a page, and what hangs out of what holds it, as
        a menu below its bar does.
        """
        around = [element, *self.ancestors(element)]
        return sum(
            one.role in _OVER or (above.role not in _WIDE and _hangs_out(one.box, above.box))
            for one, above in pairwise(around)
        )

    def _shown_part(self, element: Element) -> Box:
        box = element.box
        for one in self.ancestors(element):
            if "scroll" in one.role or one.role == "viewport":
                box = box.meets(one.box)
        return box


def _hangs_out(box: Box, around: Box) -> bool:
    shared = box.meets(around)
    return not around.empty and 5 * shared.width * shared.height < box.width * box.height


def seen(element: Element) -> bool:
    """Tell whether it is on the screen now. Recognised things are; told ones say so, or say nothing of their state."""
    if element.box.empty or element.box.right <= 0 or element.box.bottom <= 0:
        return False
    return element.source is not SurfaceKind.ACCESSIBLE or not element.states or "visible" in element.states


def enabled(element: Element) -> bool:
    """Tell whether it can be used. Only accessible programs say that something cannot."""
    if element.source is SurfaceKind.ACCESSIBLE:
        return not element.states or "enabled" in element.states
    return "disabled" not in element.states


def distance(left: Box, right: Box) -> float:
    """Return the gap between two boxes; a gap to the side counts a little less than one up or down, as rows are read."""
    dx = max(0, left.left - right.right, right.left - left.right)
    dy = max(0, left.top - right.bottom, right.top - left.bottom)
    return math.hypot(dx * 0.7, dy) + 0.01 * math.hypot(left.center.x - right.center.x, left.center.y - right.center.y)


def in_reading_order(elements: Sequence[Element]) -> list[Element]:
    """Return them row by row, each from left to right."""
    rows: list[list[Element]] = []
    for one in sorted(elements, key=lambda each: each.box.center.y):
        if (
            rows
            and abs(rows[-1][0].box.center.y - one.box.center.y)
            <= max(1, min(rows[-1][0].box.height, one.box.height)) // 2
        ):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda each: each.box.left)]


def fitting(elements: Sequence[Element], role: str) -> list[Element]:
    """Return those whose role suits."""
    return [one for one in elements if suits(role, one)]
