"""Keys to an element, looked at before anything is pressed that does something.

Arrows and Tab move; Enter and Space act, and are sent only while the highlight, or the cursor, is on the very element.
Where it cannot be brought there, what moved is moved back and `NotReached` says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opsagent_tools.gui.model import Element
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.reading.elements import Reading

_MOST_TABS = 40
_MOST_CORRECTIONS = 4
_ROWS = frozenset({"list item", "menu item"})
_BOXES = frozenset({"check box", "radio button"})
_OPPOSITE = {"down": "up", "up": "down", "left": "right", "right": "left", "tab": "shift_tab", "shift_tab": "tab"}

Press = Callable[[Sequence[str]], Awaitable[Reading]]
"""Press keys one after the other, wait until the program is at rest, and read the screen."""


class NotReached(ScreenError):
    """The highlight could not be brought to the element: nothing was done."""


def same(reading: Reading, element: Element) -> Element | None:
    """Return the element in a later reading: of the same role and name, at the same place or the only one."""
    alike = [
        one
        for one in reading.elements
        if one.name == element.name and one.label == element.label
        and (one.role == element.role or {one.role, element.role} <= _ROWS or {one.role, element.role} <= _FIELDS)
    ]  # fmt: skip
    at_place = [one for one in alike if one.box == element.box]
    left_top = [one for one in alike if (one.box.left, one.box.top) == (element.box.left, element.box.top)]
    for some in (at_place, left_top, alike):
        if len(some) == 1:
            return some[0]
    return None


_FIELDS = frozenset({"text field", "password field"})


def is_on(reading: Reading, element: Element) -> bool:
    """The highlight or the cursor is on the element: what Enter or Space would act on, or where typing goes."""
    if element.role in _ROWS or element.role == "menu":
        return "selected" in element.states
    if element.role in _BOXES:
        others = [one for one in reading.elements if one.role in _BOXES and one is not element]
        if "focused" in element.states:
            return True
        return "selected" in element.states and not any({"focused", "selected"} & one.states for one in others)
    return "focused" in element.states


@dataclass
class Driver:
    """Brings the highlight to an element."""

    press: Press
    reads_lines: Callable[[], bool]
    can: Callable[[str], bool]
    """The terminal has that key."""

    async def reach(self, target: Element, reading: Reading) -> Reading:
        """Bring the highlight to `target`; return the reading in which it is there. Raises NotReached."""
        found = self._enabled(reading, target)
        if is_on(reading, found):
            return reading
        if self.reads_lines():
            raise NotReached(f"{said(target)} cannot be reached: the program reads whole lines now")
        if target.role == "menu":
            return await self._menu(target, reading)
        for way in (self._along, self._tabbing, self._by_arrows):
            after = await way(target, reading)
            if after is not None:
                return after
            reading = await self.press(())
            if same(reading, target) is None:
                break
        raise NotReached(f"the highlight cannot be brought to {said(target)} by arrows or Tab")

    def _enabled(self, reading: Reading, target: Element) -> Element:
        found = same(reading, target)
        if found is None:
            raise NotReached(f"{said(target)} is not there any more")
        if "enabled" not in found.states:
            raise NotReached(f"{said(target)} is behind a dialog, or nobody reads keys for it")
        return found

    async def _along(self, target: Element, reading: Reading) -> Reading | None:
        """Move by arrows within the group of the target, if the highlight is in it. None: it is not, or does not move."""
        for _ in range(_MOST_CORRECTIONS):
            row = _group(reading, target)
            names = [_key(one) for one in row]
            there = names.index(_key(target)) if names.count(_key(target)) == 1 else None
            here = [index for index, one in enumerate(row) if is_on(reading, one)]
            if there is None or len(here) != 1:
                return None
            if here[0] == there:
                return reading
            key = _towards(row, here[0], there)
            after = await self.press((key,))
            moved = _where(after, target)
            if moved is None or moved == here[0] or abs(moved - there) >= abs(here[0] - there):
                if after.cells.digest != reading.cells.digest and _looks_same(after, reading):
                    await self.press((_OPPOSITE[key],))
                return None
            reading = await self.press((key,) * (abs(there - moved) - 1)) if abs(there - moved) > 1 else after
        return None

    async def _tabbing(self, target: Element, reading: Reading) -> Reading | None:
        """Walk with Tab until the target, or a member of its group, has the focus."""
        return await self._walk("tab", target, reading)

    async def _by_arrows(self, target: Element, reading: Reading) -> Reading | None:
        """Walk with arrows, for programs that know no Tab: buttons only, for in other places arrows may change something."""
        focused = next((one for one in reading.elements if "focused" in one.states), None)
        if target.role != "button" or focused is None or focused.role not in {"button", *_ROWS}:
            return None
        beside = focused.box.top == target.box.top
        key = ("right" if target.box.left > focused.box.left else "left") if beside else (
            "down" if target.box.top > focused.box.top else "up")  # fmt: skip
        return await self._walk(key, target, reading)

    async def _walk(self, key: str, target: Element, start: Reading) -> Reading | None:
        seen = [_focus(start)]
        pressed = 0
        while pressed < _MOST_TABS:
            reading = await self.press((key,))
            pressed += 1
            found = same(reading, target)
            if found is None or not _looks_same(reading, start):
                break  # another screen: whatever happened, nothing is pressed on
            if is_on(reading, found):
                return reading
            if _focus(reading) in seen:
                return None  # once around, or it does not move: as it was
            seen.append(_focus(reading))
            if any(is_on(reading, one) for one in _group(reading, target)) and target.role not in _ROWS:
                after = await self._along(target, reading)
                if after is not None:
                    return after
            elif target.role in _ROWS and (after := await self._along(target, reading)) is not None:
                return after
        if pressed and self.can(_OPPOSITE[key]):
            await self.press((_OPPOSITE[key],) * pressed)
        return None

    async def _menu(self, target: Element, reading: Reading) -> Reading:
        """Go to a menu of the bar: by the key that the foot of the screen names, then sideways."""
        if not any(one.role == "menu" and "selected" in one.states for one in reading.elements):
            pull = [
                one
                for one in reading.elements
                if one.name.lower() in _PULLS and one.actions[:1] and "key:" in one.actions[0]
            ]
            if len(pull) != 1:
                raise NotReached(f"no key is shown that opens the bar with {said(target)}")
            reading = await self.press((pull[0].actions[0][4:],))
        after = await self._along(target, reading)
        if after is None:
            await self.press(("escape",))
            raise NotReached(f"the highlight of the menu bar does not come to {said(target)}")
        return after


_PULLS = frozenset({"pulldn", "menubar", "menu bar"})


def said(element: Element) -> str:
    """Return an element in words, for a person: `button “Ok”`."""
    return f"{element.role} “{element.name or element.label}”"


def _group(reading: Reading, target: Element) -> list[Element]:
    """Return the elements among which arrows move, in their order: rows of the list, boxes or fields of the frame."""
    found = same(reading, target)
    if found is None:
        return []
    if found.role in _ROWS:
        number = reading.groups.get(found.id)
        alike = [one for one in reading.elements if number is not None and reading.groups.get(one.id) == number]
    elif found.role in _BOXES:
        alike = [one for one in reading.elements if one.role == found.role and one.parent == found.parent
                 and one.box.left == found.box.left]  # fmt: skip
    elif found.role in _FIELDS:
        alike = [
            one for one in reading.elements if one.role in _FIELDS and one.parent == found.parent and not one.actions
        ]
    elif found.role == "menu":
        alike = [one for one in reading.elements if one.role == "menu"]
    else:
        alike = [one for one in reading.elements if one.role == found.role and one.box.top == found.box.top
                 and one.parent == found.parent and not one.actions]  # fmt: skip
    return sorted(alike, key=lambda one: (one.box.top, one.box.left))


def _key(one: Element) -> tuple[str, str, int, int]:
    return (one.name, one.label, one.box.left, one.box.top)


def _where(reading: Reading, target: Element) -> int | None:
    """Return the index of the highlighted member of the target's group."""
    on = [index for index, one in enumerate(_group(reading, target)) if is_on(reading, one)]
    return on[0] if len(on) == 1 else None


def _towards(row: Sequence[Element], here: int, there: int) -> str:
    beside = row[here].box.top == row[there].box.top
    if beside:
        return "right" if there > here else "left"
    return "down" if there > here else "up"


def _focus(reading: Reading) -> tuple[object, ...]:
    """Return what tells one place of the focus from another."""
    on = [(one.role, one.name, one.box) for one in reading.elements if "focused" in one.states]
    lit = [(one.role, one.name, one.box) for one in reading.elements if "selected" in one.states]
    return (tuple(on), tuple(lit), reading.cells.cursor)


def _looks_same(after: Reading, before: Reading) -> bool:
    """It is still the same screen: the same dialog, with mostly the same elements."""
    mine = {(one.role, one.name) for one in before.elements if one.role not in {"text", *_ROWS}}
    theirs = {(one.role, one.name) for one in after.elements if one.role not in {"text", *_ROWS}}
    return after.title == before.title and len(mine & theirs) * 2 >= len(mine)
