"""Keys to an element, looked at before anything is pressed that does something.

Arrows and Tab move; Enter and Space act, and are sent only while the highlight, or the cursor, is on the very element.
Where it cannot be brought there, what moved is moved back and `NotReached` says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opsagent_tools.gui.matching.telling import steady
from opsagent_tools.gui.model import Element
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.reading.elements import Reading
from opsagent_tools.gui.terminal.roles import BOXES, FIELDS, ROWS

_MOST_TABS = 40
_MOST_CORRECTIONS = 4
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
        and (one.role == element.role or {one.role, element.role} <= ROWS or {one.role, element.role} <= FIELDS)
    ]  # fmt: skip
    at_place = [one for one in alike if one.box == element.box]
    left_top = [one for one in alike if (one.box.left, one.box.top) == (element.box.left, element.box.top)]
    for some in (at_place, left_top, alike):
        if len(some) == 1:
            return some[0]
    return None


def is_on(reading: Reading, element: Element) -> bool:
    """The highlight or the cursor is on the element: what Enter or Space would act on, or where typing goes."""
    if element.role in ROWS or element.role == "menu":
        return "selected" in element.states
    if element.role in BOXES:
        if "focused" in element.states:
            return True
        others = [one for one in reading.elements if one.role in BOXES | ROWS and one is not element]
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
            away = _away(reading, target)
            if away is None or away.steps == 0:
                return None if away is None else reading
            after = await self.press((away.key,))
            now = _away(after, target)
            if now is None or now.steps >= away.steps:
                if _focus(after) != _focus(reading) and _looks_same(after, reading):
                    await self.press((_OPPOSITE[away.key],))
                return None
            reading = await self.press((now.key,) * now.steps) if now.steps and now.key == away.key else after
        return None

    async def _tabbing(self, target: Element, reading: Reading) -> Reading | None:
        """Walk with Tab until the target, or a member of its group, has the focus."""
        return await self._walk("tab", target, reading)

    async def _by_arrows(self, target: Element, reading: Reading) -> Reading | None:
        """Walk with arrows, for programs that know no Tab: between buttons, and from one column of a screen to another.

        In other places arrows may change something.
        """
        lit = [
            one
            for one in reading.elements
            if {"focused", "selected"} & one.states and one.role in {"button", *ROWS, *BOXES}
        ]
        there = target.box
        if target.role == "button":
            if len(lit) != 1:
                return None
            here = lit[0].box
            beside = here.top == there.top
            sideways, along = (
                ("right" if there.left > here.left else "left"),
                ("down" if there.top > here.top else "up"),
            )
            return await self._walk(sideways if beside else along, target, reading)
        columns = [one for one in lit if one.box.right <= there.left or there.right <= one.box.left]
        if columns and target.role in ROWS | BOXES:
            return await self._across("right" if there.left > columns[0].box.left else "left", target, reading)
        return None

    async def _across(self, key: str, target: Element, reading: Reading) -> Reading | None:
        """Go to another column, if the highlight is not there already, then along it."""
        after = await self.press((key,))
        moved = _focus(after) != _focus(reading)
        if moved and not _looks_same(after, reading):
            return None
        found = same(after, target)
        if found is not None and is_on(after, found):
            return after
        done = (
            await self._along(target, after)
            or await self._walk("down", target, after)
            or await self._walk("up", target, after)
        )
        if done is not None:
            return done
        if moved:
            await self.press((_OPPOSITE[key],))
        return None

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
            if any(is_on(reading, one) for one in _group(reading, target)) and target.role not in ROWS:
                after = await self._along(target, reading)
                if after is not None:
                    return after
            elif target.role in ROWS and (after := await self._along(target, reading)) is not None:
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
    if found.role in ROWS:
        number = reading.groups.get(found.id)
        alike = [one for one in reading.elements if number is not None and reading.groups.get(one.id) == number]
    elif found.role in BOXES:
        alike = [one for one in reading.elements if one.role == found.role and one.parent == found.parent
                 and one.box.left == found.box.left]  # fmt: skip
    elif found.role in FIELDS:
        alike = [
            one for one in reading.elements if one.role in FIELDS and one.parent == found.parent and not one.actions
        ]
    elif found.role == "menu":
        alike = [one for one in reading.elements if one.role == "menu"]
    else:
        alike = [one for one in reading.elements if one.role == found.role and one.box.top == found.box.top
                 and one.parent == found.parent and not one.actions]  # fmt: skip
    return sorted(alike, key=lambda one: (one.box.top, one.box.left))


@dataclass(frozen=True)
class _Away:
    """How far the highlight is from an element of its group."""

    steps: int
    key: str


def _away(reading: Reading, target: Element) -> _Away | None:
    """Return how far the highlight is from the target; None: it is not in the target's group, or not for sure."""
    row = _group(reading, target)
    found = same(reading, target)
    on = [index for index, one in enumerate(row) if is_on(reading, one)]
    there = [index for index, one in enumerate(row) if one is found]
    if len(on) != 1 or len(there) != 1:
        return None
    here = on[0]
    if row[here].box.top == row[there[0]].box.top:
        key = "right" if there[0] > here else "left"
    else:
        key = "down" if there[0] > here else "up"
    return _Away(abs(there[0] - here), key)


def _focus(reading: Reading) -> tuple[object, ...]:
    """Return what tells one place of the focus from another."""
    on = [(one.role, steady(one.name), one.box) for one in reading.elements if "focused" in one.states]
    lit = [(one.role, steady(one.name), one.box) for one in reading.elements if "selected" in one.states]
    return (tuple(on), tuple(lit), reading.cells.cursor)


def _looks_same(after: Reading, before: Reading) -> bool:
    """It is still the same screen: the same dialog, with mostly the same rows, or mostly the same elements."""
    if after.title != before.title:
        return False
    rows = [(one, other) for one, other in zip(before.cells.lines, after.cells.lines, strict=False) if one.strip()]
    mine = {(one.role, one.name) for one in before.elements if one.role not in {"text", *ROWS}}
    theirs = {(one.role, one.name) for one in after.elements if one.role not in {"text", *ROWS}}
    return sum(one == other for one, other in rows) * 2 >= len(rows) or len(mine & theirs) * 2 >= len(mine) > 0
