"""What a person does in a terminal → steps: keys become clicks on what was highlighted, typing becomes the field's value.

Keys that only move are no steps: replay finds its own way. What is typed into a field is taken from the field, when it is
left; what is typed into one that asks for a secret is not kept anywhere.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

from opsagent_tools.gui.model import Element, Gesture, Look, Point, Verb, Window
from opsagent_tools.gui.port import SurfaceGone
from opsagent_tools.gui.recording.eyes import Seen
from opsagent_tools.gui.recording.steps import Did, Recording
from opsagent_tools.gui.recording.values import settled
from opsagent_tools.gui.terminal.driving import same
from opsagent_tools.gui.terminal.pressed import Pressed, pressed
from opsagent_tools.gui.terminal.reading.elements import Reading
from opsagent_tools.gui.terminal.roles import BOXES, FIELDS, ROWS
from opsagent_tools.gui.terminal.surface import TerminalSurface

_MOVES = frozenset("up down left right home end page_up page_down tab shift_tab".split())
_EDITS = frozenset("backspace delete left right home end insert".split())
_LEAVES = re.compile(
    r"cancel|abort|\bno\b|back|exit|quit|close|취소|아니|닫기|뒤로|종료|abbrechen|annuler|cancelar", re.IGNORECASE
)
_REST_S = 1.0
_SEEN_S = 0.3
"""How long a key may take to show what it did, before the next one is passed on."""
_UNSEEN_S = 0.02


class TerminalRecorder:
    """Hears the keys that go to a program of a terminal, and says what was done with them."""

    def __init__(self, surface: TerminalSurface) -> None:
        self.surface = surface
        self._done: list[Did] = []
        self._edited: tuple[Seen, Gesture] | None = None
        self._touched: set[str] = set()
        """Names of the lists' rows that were chosen since the dialog came up."""
        self._window: Window | None = None
        self._letters = ""
        """Typed last, and into no field."""
        self._passed_over: list[str] = []
        """Those of them that are no steps, unless they turn out to stand at a prompt."""

    async def press(self, data: bytes) -> None:
        """Send a person's keys to the program, and note what they do. Raises SurfaceGone."""
        for key in pressed(data, self.surface.terminal.term):
            look = await self.surface.settle(timeout_s=_REST_S)
            reading = await self.surface.reading()
            self._window = look.window
            self._heard(key, look, reading)
            unseen = self.surface.terminal.hides_typing or (
                self._edited is not None and _is_secret(self._edited[0].element)
            )
            await self.surface.fingers.send(key.data, _UNSEEN_S if unseen else _SEEN_S)
            with contextlib.suppress(SurfaceGone):
                await self._ticked()

    async def finish(self) -> Recording:
        """Return what was done, until the program ended or the recording does."""
        with contextlib.suppress(SurfaceGone):
            await self.surface.settle(timeout_s=_REST_S)
            self._leave(await self.surface.reading())
        self._leave(None)
        ended = self.surface.terminal.exit_code is not None
        if ended and self._done:
            self._done[-1] = replace(self._done[-1], closed=True)
        return Recording(tuple(self._done))

    def _heard(self, key: Pressed, look: Look, reading: Reading) -> None:
        focused = next((one for one in reading.elements if "focused" in one.states and "enabled" in one.states), None)
        if self._edited is not None and not self._still_there(focused):
            self._leave(reading)
        if key.click is not None:
            self._clicked(key.click, look, reading)
        elif key.keys in {("return",), (" ",)} or key.text == " ":
            self._pressed(key, focused, look, reading)
        elif focused is not None and focused.role in FIELDS and (key.text or _edits(key)):
            self._typing(key, focused, look)
        elif not key.text and len(key.keys) == 1 and key.keys[0] in _MOVES:
            return
        elif key.text:
            self._lettered(key.text, focused, look, reading)
            return
        elif key.data:
            self._hotkey(key, look, reading)
        if key.text != " " or not self._letters.endswith(" "):
            self._letters, self._passed_over = "", []

    def _lettered(self, text: str, focused: Element | None, look: Look, reading: Reading) -> None:
        """Note what is typed into no field: commands of one letter each; where typing is hidden, that there was some."""
        if self.surface.terminal.hides_typing:
            last = self._done[-1] if self._done else None
            if last is None or last.gesture.verb is not Verb.TYPE or last.seen is not None:
                self._add(Did(gesture=Gesture(verb=Verb.TYPE), window=look.window))
            return
        self._letters += text
        if (
            reading.title and focused is not None
        ):  # they bring the highlight somewhere, as a list of a dialog takes them
            self._passed_over.extend(text)
            return
        for letter in text:
            self._hotkey(Pressed(b"", text=letter), look, reading)

    def _at_prompt(self, reading: Reading) -> bool:
        """Tell whether the letters stand before the cursor: something asks there that is not known for a field."""
        column, row = reading.cells.cursor
        return bool(self._letters) and reading.cells.text(row, 0, column).endswith(self._letters)

    def _typing(self, key: Pressed, field: Element, look: Look) -> None:
        """Note that a field is being typed into; what it holds in the end is read when it is left."""
        if self._edited is None:
            self._edited = (Seen(field, look), Gesture(verb=Verb.TYPE))
        seen, gesture = self._edited
        if "secret" not in field.states:
            self._edited = (seen, replace(gesture, text=gesture.text + key.text))

    def _still_there(self, focused: Element | None) -> bool:
        if self._edited is None or focused is None:
            return False
        was = self._edited[0].element
        return focused.role in FIELDS and (focused.name, focused.label) == (was.name, was.label)

    def _leave(self, reading: Reading | None) -> None:
        """Make a step of what was typed into the field that had the focus."""
        if self._edited is None:
            return
        seen, gesture = self._edited
        self._edited = None
        now = same(reading, seen.element) if reading is not None else None
        made = settled(gesture, seen, now)
        if made.text or made.secret or now is not None:
            self._add(Did(gesture=made, window=seen.look.window, seen=seen, now=now))

    def _pressed(self, key: Pressed, focused: Element | None, look: Look, reading: Reading) -> None:
        """Note Enter, or Space: they act on what is highlighted."""
        space = key.keys != ("return",)
        if self._at_prompt(reading):
            for letter in (*self._passed_over, *(("space",) if space else ("return",))):
                self._add(Did(gesture=Gesture(verb=Verb.HOTKEY, keys=(letter,)), window=look.window))
            self._letters += " " if space else ""
            self._passed_over = []
            return
        prompt = focused if focused is not None and focused.actions == ("prompt",) else None
        if space and focused is not None and focused.role in FIELDS:
            self._typing(key, focused, look)
            return
        if prompt is not None and (chosen := _choice(prompt, reading)) is not None:
            self._edited = None
            self._click(chosen, look)
            return
        self._leave(reading)
        boxes = [one for one in reading.elements if one.role in BOXES and {"focused", "selected"} & one.states]
        rows = [
            one for one in reading.elements if one.role in ROWS and "selected" in one.states and "enabled" in one.states
        ]
        if space and len(boxes) == 1:
            self._click(boxes[0], look)
        elif focused is not None and focused.role == "button":
            if not space and not _LEAVES.search(focused.name):
                for row in rows:
                    self._click(row, look)
            self._click(focused, look)
        elif not space and focused is not None and focused.role in BOXES:
            self._click(focused, look)
        elif not space and len(rows) == 1 and focused is None:
            self._click(rows[0], look, Verb.CLICK if rows[0].role == "menu item" else Verb.DOUBLE)
        elif menus := [one for one in reading.elements if one.role == "menu" and "selected" in one.states]:
            self._click(menus[0], look)
        else:
            self._hotkey(replace(key, keys=("return",) if not space else ("space",), text=""), look, reading)

    def _clicked(self, place: tuple[int, int], look: Look, reading: Reading) -> None:
        self._leave(reading)
        under = [one for one in reading.elements if one.box.holds(Point(*place)) and "enabled" in one.states]
        if under:
            self._click(min(under, key=lambda one: one.box.width), look)

    def _hotkey(self, key: Pressed, look: Look, reading: Reading) -> None:
        """Note a key that acts by itself: as a click on what the screen says it is for, where it says so."""
        self._leave(reading)
        keys = key.keys or ((key.text,) if len(key.text) == 1 else ())
        shown = [
            one for one in reading.elements if one.actions[:1] == (f"key:{'+'.join(keys)}",) and "enabled" in one.states
        ]
        if len(shown) == 1:
            self._click(shown[0], look)
        elif keys:
            self._add(Did(gesture=Gesture(verb=Verb.HOTKEY, keys=keys), window=look.window))

    def _click(self, element: Element, look: Look, verb: Verb = Verb.CLICK) -> None:
        self._add(Did(gesture=Gesture(verb=verb), window=look.window, seen=Seen(element, look)))

    def _add(self, did: Did) -> None:
        self._done.append(did)

    async def _ticked(self) -> None:
        """Look at what became of a check box that was just clicked."""
        last = self._done[-1] if self._done else None
        if last is None or last.now is not None or last.seen is None or last.seen.element.role not in BOXES:
            return
        await self.surface.settle(timeout_s=_REST_S)
        now = same(await self.surface.reading(), last.seen.element)
        self._done[-1] = replace(last, now=now)


def _is_secret(element: Element) -> bool:
    return "secret" in element.states


def _edits(key: Pressed) -> bool:
    return (len(key.keys) == 1 and key.keys[0] in _EDITS) or key.keys[:1] == ("ctrl",)


def _choice(prompt: Element, reading: Reading) -> Element | None:
    """Return the choice whose number was typed at the prompt."""
    wanted = f"type:{prompt.value}"
    found = [one for one in reading.elements if one.actions[:1] == (wanted,)]
    return found[0] if prompt.value and len(found) == 1 else None
