"""Keys to a program of a terminal, with the patience that this program needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from opsagent_tools.gui.port import SurfaceGone
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.driving import NotReached
from opsagent_tools.gui.terminal.holding import Terminal
from opsagent_tools.gui.terminal.keys import bytes_of
from opsagent_tools.gui.terminal.pulse import Pulse
from opsagent_tools.gui.terminal.reading.elements import Reading

_QUIET_S = 0.02
_TIMEOUT_S = 2.0
_PATIENCE_S = 0.3
_FIRST_PATIENCE_S = 3.0
_STEADY_S = 0.03
_SLOWEST_S = 6.0
_WATCHED_S = 0.2
_FORGETS = 0.7
"""So much is left of a slow reaction at the next key."""


class Fingers:
    """Presses keys on one terminal."""

    def __init__(self, terminal: Terminal, read: Callable[[], Awaitable[Reading]]) -> None:
        self.terminal = terminal
        self._read = read
        self.acted_on: Cells | None = None
        """The screen on which something was done whose effect was not waited for yet."""
        self.pulse = Pulse()
        self._watched = False
        self.reaction_s = 0.0
        """How long the program takes to show that a key moved something; 0: not known yet."""

    async def rested(self) -> Reading:
        """Wait until the program is at rest; return what is shown then. Raises SurfaceGone."""
        await self.terminal.rest(quiet_s=_QUIET_S, timeout_s=_TIMEOUT_S)
        self.alive()
        await self.watch()
        return await self._read()

    async def watch(self) -> None:
        """Watch, the first time, whether the screen moves by itself: before anything is verified, not between that and a key."""
        if self._watched:
            return
        self._watched = True
        for wait_s in (0.0, _WATCHED_S):
            await asyncio.sleep(wait_s)
            self.pulse.watch(await self.terminal.cells(), self.terminal.since_sent_s)

    def alive(self) -> None:
        """Raise SurfaceGone if the program has ended."""
        if (code := self.terminal.exit_code) is not None:
            raise SurfaceGone(f"the program of terminal {self.terminal.id} has ended (exit code {code})")

    async def steady(self) -> Reading:
        """Wait as long as this program takes to react to a key, so that none is under way any more. Raises NotReached."""
        await asyncio.sleep(max(0.0, self.within(_STEADY_S, 2) - self.terminal.since_sent_s))
        reading = await self.rested()
        if self.terminal.unread:
            raise NotReached("the program does not read the keys that it was sent")
        return reading

    async def press(self, keys: Sequence[str]) -> Reading:
        """Press keys one after the other; `ctrl+x` is one."""
        term, mode = self.terminal.term, self.terminal.application_cursor
        data = b"".join(bytes_of(_parts(key), term, application_cursor=mode) for key in keys)
        return await self.send(data) if data else await self.rested()

    async def send(self, data: bytes, patience_s: float = 0.0) -> Reading:
        """Send bytes and wait until the program is at rest again, and for `patience_s` until something changed.

        patience_s: 0 is as long as this program may take.

        On a machine under load the kernel hands a key on late: then the program is at rest because it knows nothing of it.
        """
        before = await self._before_a_key()
        await self.terminal.write(data)
        until = time.monotonic() + (patience_s or self._patience_s)
        while True:
            quiet = self.within(_QUIET_S, 1.5)
            cells = await self.terminal.rest(quiet_s=quiet, timeout_s=_TIMEOUT_S + quiet)
            if self.pulse.answered(before, cells) or time.monotonic() >= until or self.terminal.exit_code is not None:
                break
            await asyncio.sleep(0.01)
        self.reaction_s = max(self.terminal.reaction_s, _FORGETS * self.reaction_s)
        return await self._read()

    def within(self, least_s: float, times: float) -> float:
        """Return so many times what this program needs to react to a key."""
        return min(_SLOWEST_S, max(least_s, times * self.reaction_s))

    async def _before_a_key(self) -> Cells:
        """Return what is shown right before a key."""
        cells = await self.terminal.cells()
        self.pulse.watch(cells, self.terminal.since_sent_s)
        self.pulse.keyed(cells)
        return cells

    @property
    def _patience_s(self) -> float:
        """How long a key may take to show that it did something: long, where it is not known how quick the program is."""
        return self.within(_PATIENCE_S, 3) if self.reaction_s else _FIRST_PATIENCE_S

    async def act(self, keys: Sequence[str], reading: Reading) -> Reading:
        """Press what does something: the next settling waits for its effect."""
        self.acted_on = await self._before_a_key()
        data = bytes_of(_parts(keys[0]) if len(keys) == 1 else keys, self.terminal.term,
                        application_cursor=self.terminal.application_cursor)  # fmt: skip
        await self.terminal.write(data)
        return reading


def _parts(key: str) -> tuple[str, ...]:
    return tuple(key.split("+")) if len(key) > 1 and "+" in key[1:] else (key,)
