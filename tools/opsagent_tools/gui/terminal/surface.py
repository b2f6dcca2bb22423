"""A program of a terminal behind the port of screens: cells for pixels, keys for a pointer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import (
    Box,
    Element,
    Fingerprint,
    Gesture,
    Located,
    Look,
    NotLocated,
    Picture,
    SurfaceKind,
    Verb,
    Window,
)
from opsagent_tools.gui.port import Refused, ScreenError, Secrets, SurfaceGone
from opsagent_tools.gui.programs import program_of
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.driving import Driver, NotReached, is_on, said, same
from opsagent_tools.gui.terminal.keys import bytes_of, has_key
from opsagent_tools.gui.terminal.program import Terminal
from opsagent_tools.gui.terminal.reading.elements import Reading, read_screen
from opsagent_tools.gui.terminal.typing import Typist

_KEY_QUIET_S = 0.02
_SETTLE_QUIET_S = 0.04
"""Quiet that suffices where it is also known that the program waits for a key."""
_KEY_TIMEOUT_S = 2.0
_KEY_PATIENCE_S = 0.3
_FIRST_PATIENCE_S = 3.0
_STEADY_S = 0.03
_SLOWEST_S = 6.0
_TRIES = 3
_FORGETS = 0.7
"""So much is left of a slow reaction at the next key."""
_TEXT_PATIENCE_S = 0.6
_REACTS_S = 1.0
"""How long a program may take until something changes after Enter, before it is taken that nothing will."""


class TerminalSurface:
    """One terminal."""

    kind = SurfaceKind.TERMINAL

    def __init__(self, terminal: Terminal, *, secrets: Secrets | None = None) -> None:
        self.terminal = terminal
        self.secrets = secrets
        self._read: Reading | None = None
        self._mode = (False, False)
        self._asked = ""
        self._acted_on: str | None = None
        self._reaction_s = 0.0
        """How long the program takes to show that a key moved something; 0: not known yet."""
        self._driver = Driver(self._press, lambda: terminal.reads_lines, lambda key: has_key(key, terminal.term))
        self._typist = Typist(terminal, self._now, self._press, self._send)

    # looking

    async def window(self) -> Window:
        """Return the terminal as a window. Raises SurfaceGone: its program ended."""
        self._alive()
        program = program_of(self.terminal.pid)
        reading = await self._now()
        columns, rows = self.terminal.size
        return Window(
            id=self.terminal.id, pid=self.terminal.pid, exe=program.exe, program=program.name, uid=program.uid,
            title=reading.title or reading.cells.title, box=Box(0, 0, columns, rows),
        )  # fmt: skip

    async def look(self, near: Box | None = None) -> Look:
        """Return what is shown now; read anew only where cells changed."""
        self._alive()
        return await self._look_at(await self._now())

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Wait until the program is at rest and shows something, and until what was done last had its effect."""
        until = time.monotonic() + timeout_s
        reacts = min(until, time.monotonic() + (self._within(_REACTS_S / 2, 4) if self._reaction_s else _REACTS_S))
        while True:
            left = max(0.0, until - time.monotonic())
            cells = await self.terminal.rest(quiet_s=min(quiet_s, _SETTLE_QUIET_S), timeout_s=left)
            self._alive()
            now = time.monotonic()
            unmoved = self._acted_on == cells.digest and now < reacts
            if now >= until or not (cells.blank or unmoved):
                break
            await asyncio.sleep(0.01)
        self._acted_on = None
        return await self._look_at(await self._now())

    async def reading(self) -> Reading:
        """Return what is shown now, as it was read. Raises SurfaceGone."""
        self._alive()
        return await self._now()

    async def _look_at(self, reading: Reading) -> Look:
        window = await self.window()
        return Look(
            window=window, at=datetime.now(UTC), source=self.kind, elements=reading.elements,
            digest=reading.cells.digest, blank=reading.cells.blank,
        )  # fmt: skip

    async def _now(self) -> Reading:
        cells = await self.terminal.cells()
        hidden, lines = self.terminal.hides_typing, self.terminal.reads_lines
        if self._read is not None and self._read.cells is cells and self._mode == (hidden, lines):
            return self._read
        reading = read_screen(cells, remembered=self._asked, hidden=hidden, lines=lines)
        if reading.prompt or not self._still_asked(cells):
            self._asked = reading.prompt
        if lines:
            reading = _only_asked(reading)
        self._read, self._mode = reading, (hidden, lines)
        return reading

    def _still_asked(self, cells: Cells) -> bool:
        return bool(self._asked) and cells.lines[cells.cursor[1]].startswith(self._asked)

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target among the elements; a row of a list also goes by its name without tag or key."""
        reading = await self._now()
        rows = [one for one in look.elements if one.id in reading.aliases]
        if fingerprint.name and not any(one.name == fingerprint.name for one in rows):
            alike = [one.id for one in rows if fingerprint.name in reading.aliases[one.id]]
            elements = tuple(replace(one, name=fingerprint.name) if one.id in alike else one for one in look.elements)
            look = replace(look, elements=elements)
        return locate(fingerprint, look)

    # doing

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it by keys, on the element that was located, once the highlight is verified to be on it.

        Raises:
            SurfaceGone: the program ended.
            Refused: a secret would go somewhere else than into a field that asks for one.
            ScreenError: it cannot be done here (a drag, a key that terminals do not have), or the element cannot be
                reached; then nothing was done.
        """
        self._alive()
        if gesture.verb is Verb.WAIT:
            await self.settle(timeout_s=gesture.seconds or 5.0)
            return
        if gesture.verb in {Verb.DRAG, Verb.RIGHT}:
            raise ScreenError(f"a program of a terminal cannot be used by {gesture.verb.value}")
        reading = await self._rested()
        target = self._target(reading, at) if at is not None else None
        if gesture.verb is Verb.TYPE:
            await self._type(gesture, target, reading)
            return
        if target is not None and gesture.verb is not Verb.HOTKEY:
            reading = await self._point(target, reading, gesture.verb)
        if gesture.verb is Verb.HOTKEY:
            await self._act(gesture.keys, reading)
        elif gesture.verb is Verb.SCROLL:
            await self._press(("down" if gesture.amount > 0 else "up",) * abs(gesture.amount))

    async def _point(self, target: Element, reading: Reading, verb: Verb) -> Reading:
        """Click or double-click an element."""
        if verb is Verb.SCROLL:
            return await self._driver.reach(target, reading)
        how, _, what = (target.actions[0] if target.actions else "").partition(":")
        if how == "key":
            self._usable(target)
            return await self._act((what,), reading)
        if how == "type":
            return await self._choose(target, what, reading)
        if how == "prompt":
            return reading
        reading, found = await self._reached(target, reading)
        if found.role in {"check box", "radio button"}:
            return await self._tick(found, reading)
        if found.role in {"list item", "text field", "password field"} and verb is not Verb.DOUBLE:
            return reading
        if found.role == "text":
            raise NotReached(f"{said(target)} is only written there: it is nothing that keys can use")
        return await self._act(("enter",), reading)

    async def _reached(self, target: Element, reading: Reading) -> tuple[Reading, Element]:
        """Bring the highlight to an element, and see it stay there. Raises NotReached."""
        for _ in range(_TRIES):  # the first time it is not known yet how slow the program is
            await self._driver.reach(target, reading)
            reading = await self._steady()
            found = same(reading, target)
            if found is not None and is_on(reading, found):
                return reading, found
        raise NotReached(f"the highlight does not stay on {said(target)}")

    async def _steady(self) -> Reading:
        """Wait as long as this program takes to react to a key, so that none is under way any more. Raises NotReached."""
        await asyncio.sleep(max(0.0, self._within(_STEADY_S, 2) - self.terminal.since_sent_s))
        reading = await self._rested()
        if self.terminal.unread:
            raise NotReached("the program does not read the keys that it was sent")
        return reading

    async def _tick(self, box: Element, reading: Reading) -> Reading:
        """Press Space on a check box or radio button and see that this one changed, and no other."""
        if box.role == "radio button" and "checked" in box.states:
            return reading
        after = await self._press((" ",))
        found = same(after, box)
        changed = _checked(after) ^ _checked(reading)
        if found is not None and ("checked" in found.states) != ("checked" in box.states):
            return after
        if changed:
            await self._press((" ",))
            raise ScreenError(f"Space changed something else than {said(box)}: it was pressed again to take it back")
        raise ScreenError(f"{said(box)} does not change when Space is pressed on it")

    async def _choose(self, target: Element, number: str, reading: Reading) -> Reading:
        """Answer a prompt with the number of a choice: typed, read back, then Enter."""
        self._usable(target)
        prompt = next((one for one in reading.elements if one.actions == ("prompt",)), None)
        if prompt is None or prompt.value:
            raise NotReached(f"nobody asks for {said(target)}, or something is typed already")
        after = await self._send(number.encode(), patience_s=_TEXT_PATIENCE_S)
        asked = next((one for one in after.elements if one.actions == ("prompt",)), None)
        if asked is None or asked.label != prompt.label or same(after, target) is None:
            return after  # a program that takes single keys has taken it
        if asked.value != number:
            await self._send(self.terminal.erase * len(number))
            raise ScreenError(
                f"{number} was typed at “{prompt.label}”, and “{asked.value}” is there: it was taken back"
            )
        return await self._act(("enter",), after)

    async def _type(self, gesture: Gesture, target: Element | None, reading: Reading) -> None:
        """Type into a field that has the focus; a secret only into one that asks for a secret."""
        if target is not None:
            if target.role not in {"text field", "password field"}:
                raise NotReached(f"{said(target)} is nothing to type into")
            reading = await self._driver.reach(target, reading)
            found = same(reading, target)
        else:
            found = next((one for one in reading.elements if "focused" in one.states), None)
            if found is not None and "editable" not in found.states:
                raise NotReached(f"typing at the caret would go to {said(found)}")
            if found is None and any(
                "selected" in one.states and one.role in {"menu", "menu item"} for one in reading.elements
            ):
                raise NotReached("typing at the caret would go to a menu")
        if gesture.secret:
            if found is None or "secret" not in found.states or self.secrets is None:
                raise Refused(f"the secret {gesture.secret} is typed only into a field that asks for a secret")
            await self._typist.type(self.secrets.fetch(gesture.secret), found, replace=gesture.replace, secret=True)
        else:
            await self._typist.type(gesture.text, found, replace=gesture.replace, secret=False)

    async def read_back(self, at: Located) -> str | None:
        """Return what the field holds now; None: it is a secret, or no field any more."""
        reading = await self._now()
        found = same(reading, at.element) if at.element is not None else None
        return None if found is None or "secret" in found.states else found.value

    async def picture(self, box: Box | None = None, *, mask: Sequence[Box] = ()) -> Picture | None:
        """Draw the cells of `box` (in cells), fields of secrets and `mask` blackened."""
        try:
            from opsagent_tools.gui.terminal.drawing import draw
        except ImportError:
            return None
        reading = await self._now()
        secret = tuple(one.box for one in reading.elements if "secret" in one.states)
        part = box.meets(reading.cells.box) if box else reading.cells.box
        png = await asyncio.to_thread(draw, reading.cells, part, (*secret, *mask))
        return Picture(png=png, box=part, masked=True)

    async def close(self) -> None:
        """Let go of it. The program goes on."""

    # the small things

    def _alive(self) -> None:
        if (code := self.terminal.exit_code) is not None:
            raise SurfaceGone(f"the program of terminal {self.terminal.id} has ended (exit code {code})")

    async def _rested(self) -> Reading:
        await self.terminal.rest(quiet_s=_KEY_QUIET_S, timeout_s=_KEY_TIMEOUT_S)
        self._alive()
        return await self._now()

    def _target(self, reading: Reading, at: Located) -> Element:
        if at.element is None:
            raise NotReached("a place without an element: a terminal has no pointer")
        named = reading.element(at.element.id)
        by_other_name = named is not None and at.element.name in reading.aliases.get(named.id, ())
        meant = named if named is not None and by_other_name and named.box == at.element.box else at.element
        found = same(reading, meant)
        if found is None:
            raise NotReached(f"{said(at.element)} is not there any more")
        return found

    def _usable(self, target: Element) -> None:
        if "enabled" not in target.states:
            raise NotReached(f"{said(target)} is behind a dialog, or nobody reads keys for it")

    async def _press(self, keys: Sequence[str]) -> Reading:
        """Press keys one after the other; `ctrl+x` is one."""
        term, mode = self.terminal.term, self.terminal.application_cursor
        data = b"".join(bytes_of(_parts(key), term, application_cursor=mode) for key in keys)
        return await self._send(data) if data else await self._rested()

    async def _send(self, data: bytes, patience_s: float = 0.0) -> Reading:
        """Send bytes and wait until the program is at rest again; for `patience_s` also until something changed (0: as long as this
        program may take).

        On a machine under load the kernel hands a key on late: then the program is at rest because it knows nothing of it.
        """
        before = (await self.terminal.cells()).digest
        await self.terminal.write(data)
        until = time.monotonic() + (patience_s or self._patience_s)
        while True:
            quiet = self._within(_KEY_QUIET_S, 1.5)
            cells = await self.terminal.rest(quiet_s=quiet, timeout_s=_KEY_TIMEOUT_S + quiet)
            if cells.digest != before or time.monotonic() >= until or self.terminal.exit_code is not None:
                break
            await asyncio.sleep(0.01)
        self._reaction_s = max(self.terminal.reaction_s, _FORGETS * self._reaction_s)
        return await self._now()

    def _within(self, least_s: float, times: float) -> float:
        """Return so many times what this program needs to react to a key."""
        return min(_SLOWEST_S, max(least_s, times * self._reaction_s))

    @property
    def _patience_s(self) -> float:
        """How long a key may take to show that it did something: long, where it is not known how quick the program is."""
        return self._within(_KEY_PATIENCE_S, 3) if self._reaction_s else _FIRST_PATIENCE_S

    async def _act(self, keys: Sequence[str], reading: Reading) -> Reading:
        """Press what does something: the next settling waits for its effect."""
        self._acted_on = reading.cells.digest
        data = bytes_of(_parts(keys[0]) if len(keys) == 1 else keys, self.terminal.term,
                        application_cursor=self.terminal.application_cursor)  # fmt: skip
        await self.terminal.write(data)
        return reading


def _parts(key: str) -> tuple[str, ...]:
    return tuple(key.split("+")) if len(key) > 1 and "+" in key[1:] else (key,)


def _checked(reading: Reading) -> frozenset[tuple[str, str, Box]]:
    return frozenset((one.role, one.name, one.box) for one in reading.elements if "checked" in one.states)


def _only_asked(reading: Reading) -> Reading:
    """Where the program reads whole lines, nothing can be used but what it asks at the cursor."""
    elements = tuple(
        one if one.actions[:1] == ("prompt",) or (one.actions and one.actions[0].startswith("type:"))
        else replace(one, states=one.states - {"enabled", "focused"})
        for one in reading.elements
    )  # fmt: skip
    return replace(reading, elements=elements)


def own_terminal(pid: int) -> bool:
    """The process runs as the user that we are."""
    return program_of(pid).uid == os.geteuid()
