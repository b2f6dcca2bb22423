"""A program of a terminal behind the port of screens: cells for pixels, keys for a pointer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import (
    Box,
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
from opsagent_tools.gui.port import ScreenError, Secrets
from opsagent_tools.gui.programs import program_of
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.driving import same
from opsagent_tools.gui.terminal.fingers import Fingers
from opsagent_tools.gui.terminal.holding import Terminal
from opsagent_tools.gui.terminal.reading.elements import Reading, read_screen
from opsagent_tools.gui.terminal.roles import HIGHLIGHTED
from opsagent_tools.gui.terminal.scrolling import brought, goes_on
from opsagent_tools.gui.terminal.using import User, target_of

_SETTLE_QUIET_S = 0.04
"""Quiet that suffices where it is also known that the program waits for a key."""
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
        self._colour = ""
        self._not_there: tuple[Fingerprint, str] | None = None
        """What was looked for in a list in vain, and on which screen."""
        self.fingers = Fingers(terminal, self._now)
        self._user = User(self.fingers)

    # looking

    async def window(self) -> Window:
        """Return the terminal as a window. Raises SurfaceGone: its program ended."""
        self.fingers.alive()
        program = program_of(self.terminal.pid)
        reading = await self._now()
        columns, rows = self.terminal.size
        return Window(
            id=self.terminal.id, pid=self.terminal.pid, exe=program.exe, program=program.name, uid=program.uid,
            title=reading.title or reading.cells.title, box=Box(0, 0, columns, rows),
        )  # fmt: skip

    async def look(self, near: Box | None = None) -> Look:
        """Return what is shown now; read anew only where cells changed."""
        self.fingers.alive()
        return await self._look()

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        """Wait until the program is at rest and shows something, and until what was done last had its effect."""
        until = time.monotonic() + timeout_s
        patience_s = self.fingers.within(_REACTS_S / 2, 4) if self.fingers.reaction_s else _REACTS_S
        reacts = min(until, time.monotonic() + patience_s)
        while True:
            left = max(0.0, until - time.monotonic())
            cells = await self.terminal.rest(quiet_s=min(quiet_s, _SETTLE_QUIET_S), timeout_s=left)
            self.fingers.alive()
            now = time.monotonic()
            acted_on = self.fingers.acted_on
            unmoved = acted_on is not None and not self.fingers.pulse.answered(acted_on, cells) and now < reacts
            if now >= until or not (cells.blank or unmoved):
                break
            await asyncio.sleep(0.01)
        self.fingers.acted_on = None
        self.fingers.pulse.watch(cells, self.terminal.since_sent_s)
        await self.fingers.watch()
        return await self._look()

    async def reading(self) -> Reading:
        """Return what is shown now, as it was read. Raises SurfaceGone."""
        self.fingers.alive()
        return await self._now()

    async def _look(self) -> Look:
        began = datetime.now(UTC)
        reading = await self._now()
        window = await self.window()
        return Look(
            window=window, at=began, source=self.kind, elements=reading.elements,
            digest=reading.cells.digest, blank=reading.cells.blank,
        )  # fmt: skip

    async def _now(self) -> Reading:
        cells = await self.terminal.cells()
        hidden, lines = self.terminal.hides_typing, self.terminal.reads_lines
        if self._read is not None and self._read.cells is cells and self._mode == (hidden, lines):
            return self._read
        reading = read_screen(cells, remembered=self._asked, hidden=hidden, lines=lines, colour=self._colour)
        self._colour = reading.colour
        if reading.prompt or not self._still_asked(cells):
            self._asked = reading.prompt
        if lines:
            reading = _only_asked(reading)
        self._read, self._mode = reading, (hidden, lines)
        return reading

    def _still_asked(self, cells: Cells) -> bool:
        return bool(self._asked) and cells.lines[cells.cursor[1]].startswith(self._asked)

    async def locate(self, fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
        """Find the target among the elements; a row that a list does not show is scrolled to.

        A row also goes by its name without tag or key.
        """
        reading = await self._now()
        found = _among(fingerprint, look, reading)
        sought = (fingerprint, reading.cells.digest)
        if isinstance(found, Located) or found.reason != "missing" or sought == self._not_there:
            return found
        if fingerprint.role not in HIGHLIGHTED or reading.elements != look.elements or not goes_on(reading):
            return found

        def there(now: Reading) -> bool:
            return isinstance(_among(fingerprint, replace(look, elements=now.elements), now), Located)

        shown = await brought(self.fingers.press, reading, there)
        if shown is None:
            self._not_there = sought
            return found
        return _among(fingerprint, await self._look(), await self._now())

    # doing

    async def perform(self, gesture: Gesture, at: Located | None = None, to: Located | None = None) -> None:
        """Do it by keys, on the element that was located, once the highlight is verified to be on it.

        Raises:
            SurfaceGone: the program ended.
            Refused: a secret would go somewhere else than into a field that asks for one.
            ScreenError: it cannot be done here (a drag, a key that terminals do not have), or the element cannot be
                reached; then nothing was done.
        """
        self.fingers.alive()
        if gesture.verb is Verb.WAIT:
            await self.settle(timeout_s=gesture.seconds or 5.0)
            return
        if gesture.verb in {Verb.DRAG, Verb.RIGHT}:
            raise ScreenError(f"a program of a terminal cannot be used by {gesture.verb.value}")
        reading = await self.fingers.rested()
        target = target_of(reading, at) if at is not None else None
        if gesture.verb is Verb.TYPE:
            await self._user.type(gesture, target, reading, self.secrets)
            return
        if target is not None and gesture.verb is not Verb.HOTKEY:
            reading = await self._user.point(target, reading, gesture.verb)
        if gesture.verb is Verb.HOTKEY:
            if target is not None:
                reading = await self._user.reach(target, reading)
            await self.fingers.act(gesture.keys, reading)
        elif gesture.verb is Verb.SCROLL:
            await self.fingers.press(("down" if gesture.amount > 0 else "up",) * abs(gesture.amount))

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


def _among(fingerprint: Fingerprint, look: Look, reading: Reading) -> Located | NotLocated:
    rows = [one for one in look.elements if one.id in reading.aliases]
    if fingerprint.name and not any(one.name == fingerprint.name for one in rows):
        alike = [one.id for one in rows if fingerprint.name in reading.aliases[one.id]]
        elements = tuple(replace(one, name=fingerprint.name) if one.id in alike else one for one in look.elements)
        look = replace(look, elements=elements)
    return locate(fingerprint, look)


def _only_asked(reading: Reading) -> Reading:
    """Where the program reads whole lines, nothing can be used but what it asks at the cursor."""
    elements = tuple(
        one if one.actions[:1] == ("prompt",) or (one.actions and one.actions[0].startswith("type:"))
        else replace(one, states=one.states - {"enabled", "focused"})
        for one in reading.elements
    )  # fmt: skip
    return replace(reading, elements=elements)
