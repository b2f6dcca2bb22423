"""Do a gesture on an accessible window: on the element that is meant, where nothing covers it, with real pointer and keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Bus, Ref
from opsagent_tools.gui.accessible.covering import is_covered, lies_under
from opsagent_tools.gui.accessible.nodes import Node, id_of
from opsagent_tools.gui.accessible.quirks import is_list_of_combo
from opsagent_tools.gui.accessible.reader import Reader
from opsagent_tools.gui.accessible.seen import Seen
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.matching.roles import DONE_BY_A_CLICK
from opsagent_tools.gui.model import Box, Element, Gesture, Located, Point, Verb, Window
from opsagent_tools.gui.port import ScreenError, Secrets, Unfinished
from opsagent_tools.gui.pressing import called, needed, press

_FOCUS_S = 1.5
_LOOK_S = 0.02
_OPENS_S = 0.2
_ALWAYS_WRITTEN_INTO = frozenset({Role.TERMINAL, Role.SPIN_BUTTON})
"""Roles that toolkits do not call editable though they are."""
_TICKED = frozenset({Role.CHECK_BOX, Role.RADIO_BUTTON})
_TYPED_INTO = words.WORDED | {Role.PASSWORD}


@dataclass(frozen=True, slots=True)
class _Target:
    node: Node
    point: Point
    popup: bool
    """It lies in a menu or list that its program has opened over the window."""


class Gestures:
    """Gestures on one window, as it was last read."""

    def __init__(self, bus: Bus, reader: Reader, seen: Seen, hands: Hands, secrets: Secrets | None) -> None:
        self._bus = bus
        self._reader = reader
        self._seen = seen
        self._tree = seen.tree
        self._frame = seen.frame
        self._hands = hands
        self._secrets = secrets

    async def perform(self, gesture: Gesture, window: Window, at: Located | None, to: Located | None) -> None:
        """Do it on a window that was raised. Raises ScreenError, with nothing done, where the target is not as it was."""
        match gesture.verb:
            case Verb.WAIT:
                await asyncio.sleep(gesture.seconds)
            case Verb.HOTKEY:
                if at is not None:
                    target = await self._target(at, window)
                    if at.element is not None and at.element.role in DONE_BY_A_CLICK:
                        _has_the_keys(target, at)
                    await self._focus(target, window)
                await self._hands.hotkey(gesture.keys, on=window)
            case Verb.TYPE:
                await self._type(gesture, window, at)
            case Verb.DRAG:
                await self._drag(window, needed(at, gesture), needed(to, gesture))
            case _:
                target = await self._target(needed(at, gesture), window)
                await press(self._hands, gesture, target.point, on=window, popups=target.popup)

    async def _drag(self, window: Window, at: Located, to: Located) -> None:
        start, end = await self._target(at, window), await self._target(to, window)
        await self._hands.drag(start.point, end.point, on=window)

    async def _type(self, gesture: Gesture, window: Window, at: Located | None) -> None:
        if at is None:
            if gesture.secret:
                raise ScreenError(
                    "a secret is entered into a field that was verified, never where the caret happens to be"
                )
            await self._hands.type_text(gesture.text, on=window)
            return
        target = await self._target(at, window, typed=True)
        if not has(target.node.state, State.EDITABLE) and target.node.role not in _ALWAYS_WRITTEN_INTO:
            raise ScreenError(f"{called(at.element)} cannot be written into")
        if gesture.secret and target.node.role != Role.PASSWORD:
            raise ScreenError(f"{called(at.element)} does not hide what is typed into it: no secret goes there")
        await self._focus(target, window)
        unseen = bool(gesture.secret)  # a field for secrets may not tell that it holds something
        if gesture.replace and (unseen or target.node.text != ""):
            await self._hands.select_all(lines=has(target.node.state, State.MULTI_LINE), on=window)
            if not gesture.text and not gesture.secret:
                await self._hands.hotkey(("delete",), on=window, popups=False)
        if gesture.secret:
            await self._enter_secret(gesture.secret, window, target.node.ref)
        elif gesture.text:
            await self._hands.type_text(gesture.text, on=window)

    async def _enter_secret(self, name: str, window: Window, field: Ref) -> None:
        if self._secrets is None:
            raise ScreenError(f"there is nobody to fetch the secret “{name}” from")

        async def is_meant() -> bool:
            node = await self._reader.refresh(field)
            return node is not None and node.role == Role.PASSWORD and has(node.state, State.FOCUSED)

        await self._hands.enter_secret(self._secrets.fetch(name), on=window, field_is_meant=is_meant)
        node = await self._reader.refresh(field)
        if node is not None and has(node.state, State.SHOWING) and not has(node.state, State.FOCUSED):
            raise Unfinished(f"the keys went elsewhere while the secret “{name}” was entered: look where it is")

    async def _focus(self, target: _Target, window: Window) -> None:
        """Click into a field unless it has the keys already; wait until it has. Raises ScreenError."""
        if has(target.node.state, State.FOCUSED):
            return
        await self._hands.click(target.point, on=window, popups=target.popup)
        clock = asyncio.get_running_loop().time
        end = clock() + _FOCUS_S
        while clock() < end:
            node = await self._reader.refresh(target.node.ref)
            if node is not None and has(node.state, State.FOCUSED):
                return
            await asyncio.sleep(_LOOK_S)
        raise Unfinished("the field was clicked and does not take the keys: nothing was typed")

    async def _target(self, at: Located, window: Window, *, typed: bool = False) -> _Target:
        """Return where to press for what was located, after asking the program about it once more."""
        known = self._known(at.element, typed)
        if known is None:
            raise ScreenError(f"{called(at.element)} is not known to the program: it was found by other means")
        node = await self._reader.refresh(known.ref)
        if node is None or node.role != known.role or " ".join(node.name.split()) != " ".join(known.name.split()):
            raise ScreenError(f"{called(at.element)} is not what it was when it was looked for")
        if not has(node.state, State.SHOWING) or node.box is None:
            raise ScreenError(f"{called(at.element)} is not to be seen any more")
        if not has(node.state, State.SENSITIVE) and not has(node.state, State.ENABLED):
            raise ScreenError(f"{called(at.element)} is disabled")
        node.parent = known.parent
        point = _point(node, self._part(node, known, at, window))
        popup = self._in_popup(known, point)
        if lies_under(self._seen, known, point) or await self._stays_covered(known, point):
            raise ScreenError(f"{called(at.element)} is covered by something else")
        return _Target(node, point, popup)

    async def _stays_covered(self, node: Node, point: Point) -> bool:
        """Tell whether something covers a target; what opens right now is given a moment to be where it will be."""
        if not await is_covered(self._bus, self._seen, node, point):
            return False
        await asyncio.sleep(_OPENS_S)
        return await is_covered(self._bus, self._seen, node, point)

    def _known(self, element: Element | None, typed: bool) -> Node | None:
        """Return the object of an element: of a row its first cell with that name, of a combo box what is typed into."""
        if element is None:
            return None
        nodes = list(self._tree.walk())
        if "#" in element.id:
            place = self._frame.shape.on_screen
            inside = (one for one in nodes if one.box is not None and element.box.holds(place(one.box).center))
            return next((one for one in inside if " ".join(one.name.split()) == element.name), None)
        found = next((one for one in nodes if id_of(one.ref) == element.id), None)
        if found is not None and typed and found.role == Role.COMBO_BOX:
            children = [self._tree.nodes[ref] for ref in found.children if ref in self._tree.nodes]
            return next((one for one in children if one.role in _TYPED_INTO), found)
        return found

    def _part(self, node: Node, known: Node, at: Located, window: Window) -> Box:
        """Return the part of a target that can be pressed: as it was seen, or, where it moved, what lies on its window."""
        element, place = at.element, self._frame.shape.on_screen
        if node.box is None or known.box is None or element is None or element.id != id_of(node.ref):
            part = Box(0, 0, 0, 0) if node.box is None else place(node.box).meets(window.box)
        elif known.box == node.box:
            return element.box
        else:  # it moved since: the part that was seen moved with it
            was, now = place(known.box), place(node.box)
            moved = Box(
                element.box.left + now.left - was.left,
                element.box.top + now.top - was.top,
                element.box.width,
                element.box.height,
            )
            part = (
                moved.meets(window.box) if (was.width, was.height) == (now.width, now.height) else now.meets(window.box)
            )
        if part.empty:
            raise ScreenError(f"{called(element)} is outside of its window")
        return part

    def _in_popup(self, node: Node, point: Point) -> bool:
        if not any(box.holds(point) for box in self._frame.shape.popups):
            return False
        above: Node | None = node
        while above is not None:
            if above.role in words.COVERS or above.ref in self._frame.over or is_list_of_combo(above, self._tree):
                return True
            above = self._tree.nodes.get(above.parent) if above.parent else None
        return False


def _has_the_keys(target: _Target, at: Located) -> None:
    """Raise ScreenError unless it has the keys: a click that gives them to it would do what it is for."""
    if not has(target.node.state, State.FOCUSED):
        raise ScreenError(f"{called(at.element)} does not have the keys, and a click would press it: click it instead")


def _point(node: Node, part: Box) -> Point:
    """Return where to press: the middle, but the mark of a check box, whose text may be narrower than its place."""
    if node.role in _TICKED and part.width > 3 * part.height:
        return Point(part.left + part.height // 2, part.top + part.height // 2)
    return part.center
