"""One gesture on an element: the highlight brought to it, seen there, then the key; what was typed is read back."""

from __future__ import annotations

from opsagent_tools.gui.model import Box, Element, Gesture, Located, Verb
from opsagent_tools.gui.port import Refused, ScreenError, Secrets
from opsagent_tools.gui.terminal.driving import Driver, NotReached, is_on, said, same
from opsagent_tools.gui.terminal.fingers import Fingers
from opsagent_tools.gui.terminal.keys import has_key
from opsagent_tools.gui.terminal.reading.elements import Reading
from opsagent_tools.gui.terminal.roles import BOXES, FIELDS
from opsagent_tools.gui.terminal.typing import Typist

_TRIES = 3
_TEXT_PATIENCE_S = 0.6


class User:
    """Uses the elements of one terminal."""

    def __init__(self, fingers: Fingers) -> None:
        terminal = fingers.terminal
        self._fingers = fingers
        self._driver = Driver(fingers.press, lambda: terminal.reads_lines, lambda key: has_key(key, terminal.term))
        self._typist = Typist(terminal, fingers)

    async def point(self, target: Element, reading: Reading, verb: Verb) -> Reading:
        """Click or double-click an element."""
        if verb is Verb.SCROLL:
            return await self._driver.reach(target, reading)
        how, _, what = (target.actions[0] if target.actions else "").partition(":")
        if how == "key":
            _usable(target)
            return await self._fingers.act((what,), reading)
        if how == "type":
            return await self._choose(target, what, reading)
        if how == "prompt":
            return reading
        reading, found = await self._reached(target, reading)
        if found.role in BOXES:
            return await self._tick(found, reading)
        if found.role in {"list item", "text field", "password field"} and verb is not Verb.DOUBLE:
            return reading
        if found.role == "text":
            raise NotReached(f"{said(target)} is only written there: it is nothing that keys can use")
        return await self._fingers.act(("enter",), reading)

    async def reach(self, target: Element, reading: Reading) -> Reading:
        """Bring the highlight to an element that keys are meant for. Raises NotReached."""
        return reading if target.actions[:1] == ("prompt",) else (await self._reached(target, reading))[0]

    async def _reached(self, target: Element, reading: Reading) -> tuple[Reading, Element]:
        """Bring the highlight to an element, and see it stay there. Raises NotReached."""
        for _ in range(_TRIES):  # the first time it is not known yet how slow the program is
            await self._driver.reach(target, reading)
            reading = await self._fingers.steady()
            found = same(reading, target)
            if found is not None and is_on(reading, found):
                return reading, found
        raise NotReached(f"the highlight does not stay on {said(target)}")

    async def _tick(self, box: Element, reading: Reading) -> Reading:
        """Press Space on a check box or radio button and see that this one changed, and no other."""
        if box.role == "radio button" and "checked" in box.states:
            return reading
        after = await self._fingers.press((" ",))
        found = same(after, box)
        changed = _checked(after) ^ _checked(reading)
        if found is not None and ("checked" in found.states) != ("checked" in box.states):
            return after
        if changed:
            await self._fingers.press((" ",))
            raise ScreenError(f"Space changed something else than {said(box)}: it was pressed again to take it back")
        raise ScreenError(f"{said(box)} does not change when Space is pressed on it")

    async def _choose(self, target: Element, number: str, reading: Reading) -> Reading:
        """Answer a prompt with the number of a choice: typed, read back, then Enter."""
        _usable(target)
        prompt = next((one for one in reading.elements if one.actions == ("prompt",)), None)
        if prompt is None or prompt.value:
            raise NotReached(f"nobody asks for {said(target)}, or something is typed already")
        after = await self._fingers.send(number.encode(), patience_s=_TEXT_PATIENCE_S)
        asked = next((one for one in after.elements if one.actions == ("prompt",)), None)
        if asked is None or asked.label != prompt.label or same(after, target) is None:
            return after  # a program that takes single keys has taken it
        if asked.value != number:
            await self._fingers.send(self._fingers.terminal.erase * len(number))
            raise ScreenError(
                f"{number} was typed at “{prompt.label}”, and “{asked.value}” is there: it was taken back"
            )
        return await self._fingers.act(("enter",), after)

    async def type(self, gesture: Gesture, target: Element | None, reading: Reading, secrets: Secrets | None) -> None:
        """Type into a field that has the focus; a secret only into one that asks for a secret."""
        if target is not None:
            if target.role not in FIELDS:
                raise NotReached(f"{said(target)} is nothing to type into")
            found: Element | None = (await self._reached(target, reading))[1]
        else:
            found = next((one for one in reading.elements if "focused" in one.states), None)
            if found is not None and "editable" not in found.states:
                raise NotReached(f"typing at the caret would go to {said(found)}")
            if found is None and any(
                "selected" in one.states and one.role in {"menu", "menu item"} for one in reading.elements
            ):
                raise NotReached("typing at the caret would go to a menu")
        if gesture.secret and not self._fingers.terminal.private:
            raise Refused(f"the secret {gesture.secret} is typed on terminals of our own only; this one is shared")
        if gesture.secret:
            if found is None or "secret" not in found.states or secrets is None:
                raise Refused(f"the secret {gesture.secret} is typed only into a field that asks for a secret")
            await self._typist.type(secrets.fetch(gesture.secret), found, replace=gesture.replace, secret=True)
        else:
            await self._typist.type(gesture.text, found, replace=gesture.replace, secret=False)


def target_of(reading: Reading, at: Located) -> Element:
    """Return the element that was located, as it is now. Raises NotReached."""
    if at.element is None:
        raise NotReached("a place without an element: a terminal has no pointer")
    named = reading.element(at.element.id)
    by_other_name = named is not None and at.element.name in reading.aliases.get(named.id, ())
    meant = named if named is not None and by_other_name and named.box == at.element.box else at.element
    found = same(reading, meant)
    if found is None:
        raise NotReached(f"{said(at.element)} is not there any more")
    return found


def _usable(target: Element) -> None:
    if "enabled" not in target.states:
        raise NotReached(f"{said(target)} is behind a dialog, or nobody reads keys for it")


def _checked(reading: Reading) -> frozenset[tuple[str, str, Box]]:
    return frozenset((one.role, one.name, one.box) for one in reading.elements if "checked" in one.states)
