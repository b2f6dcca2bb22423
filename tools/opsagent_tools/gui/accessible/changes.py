"""Notice that a program says something changed, without asking it anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Bus, Ref
from opsagent_tools.gui.port import ScreenError

_INTERFACE = "org.a11y.atspi.Event.Object"
_KINDS = (
    "object:children-changed",
    "object:state-changed",
    "object:text-changed",
    "object:property-change",
    "object:bounds-changed",
    "object:visible-data-changed",
    "object:selection-changed",
)


class Changes:
    """What one program announces. Toolkits announce nothing before somebody registers, and not all that changes."""

    def __init__(self, bus: Bus, program: str) -> None:
        self._bus = bus
        self._program = program
        self._rules = (f"type='signal',interface='{_INTERFACE}',sender='{program}'",)
        self._woken = asyncio.Event()
        self._unlisten: Callable[[], None] = lambda: None
        self.count = 0
        """Of announcements so far."""

    async def begin(self) -> None:
        """Have the program announce its changes. Raises ScreenError."""
        self._unlisten = self._bus.listen(self._heard)
        await self._bus.watch(self._rules)
        registry = Ref(words.REGISTRY, "/org/a11y/atspi/registry")
        await self._bus.ask(
            [Ask(registry, words.REGISTRY, "RegisterEvent", "sass", (kind, [], self._program)) for kind in _KINDS]
        )

    async def wait(self, timeout_s: float) -> bool:
        """Wait until something is announced; tell whether it was."""
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        return self._woken.is_set()

    async def end(self) -> None:
        """Let the program be silent again."""
        self._unlisten()
        registry = Ref(words.REGISTRY, "/org/a11y/atspi/registry")
        with contextlib.suppress(ScreenError):
            await self._bus.ask([Ask(registry, words.REGISTRY, "DeregisterEvent", "s", (kind,)) for kind in _KINDS])
            await self._bus.unwatch(self._rules)

    def _heard(self, sender: str, path: str, member: str) -> None:
        del path, member
        if sender == self._program:
            self.count += 1
            self._woken.set()
