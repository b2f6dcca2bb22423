"""Bring an element that is scrolled out into view: by asking its toolkit, else by turning the wheel as a person would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Bus
from opsagent_tools.gui.accessible.nodes import Node, Tree, id_of
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Element, Look, Point

_MOST_TURNS = 40
_MOVED_S = 0.4
_LOOK_S = 0.03
_TURNED_BY_WHEEL = frozenset({Role.COMBO_BOX, Role.SPIN_BUTTON, 51, 15, 38, 37, 5})
"""Roles whose value the wheel changes: it is never turned over them."""


class Scrolling:
    """Scrolls one window."""

    def __init__(self, bus: Bus, tree: Tree, hands: Hands, look: Callable[[], Awaitable[Look]]) -> None:
        self._bus = bus
        self._tree = tree
        self._hands = hands
        self._look = look

    async def show(self, element: Element, look: Look) -> bool:
        """Scroll until the element can be seen; tell whether it can. Nothing but the scrolling changes."""
        node = next((one for one in self._tree.walk() if id_of(one.ref) == element.id), None)
        if node is None or node.box is None:
            return False
        await self._bus.ask([Ask(node.ref, words.COMPONENT, "ScrollTo", "u", (words.ANYWHERE,))])
        now, look = await self._moved(element, look)
        if now is not None and "visible" in now.states:
            return True
        return await self._turn(element, node, look)

    async def _turn(self, element: Element, node: Node, look: Look) -> bool:
        pane = self._pane(node, look)
        for _ in range(_MOST_TURNS):
            spot = self._neutral(pane, look) if pane is not None else None
            if pane is None or spot is None:
                return False
            down = element.box.top >= pane.bottom - 12
            if not down and element.box.bottom > pane.top + 12:
                return False  # it is hidden by something else than scrolling, or sideways
            await self._hands.scroll(spot, 1 if down else -1, on=look.window)
            now, look = await self._moved(element, look)
            if now is None or now.box == element.box:
                return False
            if "visible" in now.states:
                return True
            element = now
        return False

    def _pane(self, node: Node, look: Look) -> Box | None:
        """Return the place of the scrolled pane that an element is in, as far as it lies on the window."""
        above = self._tree.nodes.get(node.parent) if node.parent else None
        while above is not None:
            if above.box is not None and (above.role in words.SCROLLERS or above.role in words.TABLES):
                return above.box.meets(look.window.box)
            above = self._tree.nodes.get(above.parent) if above.parent else None
        return None

    def _neutral(self, pane: Box, look: Look) -> Point | None:
        """Return a point of the pane over which the wheel scrolls and changes nothing."""
        turned = [one for one in self._tree.walk() if one.role in _TURNED_BY_WHEEL and has(one.state, State.SHOWING)]
        kept_off = [one.box.grown(2) for one in turned if one.box is not None]
        for share_y in (2, 4, 3, 5, 8):
            for share_x in (2, 4, 8, 3):
                point = Point(pane.left + pane.width // share_x, pane.top + pane.height // share_y)
                if look.window.box.holds(point) and not any(box.holds(point) for box in kept_off):
                    return point
        return None

    async def _moved(self, element: Element, look: Look) -> tuple[Element | None, Look]:
        """Look until the element has moved, at most for a moment; return it as it is, and the look."""
        clock = asyncio.get_running_loop().time
        end = clock() + _MOVED_S
        while True:
            look = await self._look()
            now = next((one for one in look.elements if one.id == element.id), None)
            if now is None or now.box != element.box or "visible" in now.states or clock() >= end:
                return now, look
            await asyncio.sleep(_LOOK_S)
