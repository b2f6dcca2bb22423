"""Who listens to a supervisor, and what its adapter itself is doing to its processes just now. A leaf beside the port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from opsagent_tools.supervisors.port import Busy, EventKind, SupervisorError, SupervisorEvent
from opsagent_tools.units import ProcessKey, UnitId

_REMEMBERED = 4096


class Listener(Protocol):
    """One stream of events."""

    def hear(self, event: SupervisorEvent) -> None: ...
    def wake(self) -> None: ...


class Watching(Listener, Protocol):
    """A listener that looks by itself, too."""

    queue: asyncio.Queue[SupervisorEvent]

    async def run(self) -> None:
        """Look for ever. Raises SupervisorError where nothing more can be seen."""

    def close(self) -> None: ...


class Hub:
    """The adapter's own word: what it ends on purpose is no death, and its changes are seen at once."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self._changing: dict[UnitId, str] = {}
        self._expected: dict[ProcessKey, None] = {}

    @contextmanager
    def change(self, unit: UnitId, what: str) -> Iterator[None]:
        """Do one change of a unit, and no second one meanwhile. Raises Busy."""
        if unit in self._changing:
            raise Busy(f"a {self._changing[unit]} of {unit.name} is under way")
        self._changing[unit] = what
        try:
            yield
        finally:
            del self._changing[unit]
            self.wake()

    def is_changing(self, unit: UnitId) -> bool:
        """Tell whether a change of ours is under way: it may be ending processes of this unit just now."""
        return unit in self._changing

    def is_replacing(self, unit: UnitId) -> bool:
        """Tell whether processes of this unit are down for a moment only."""
        return self._changing.get(unit) in {"restart", "reload", "replacement"}

    def expect(self, unit: UnitId, *keys: ProcessKey) -> None:
        """Say that these processes are about to be ended on purpose."""
        for key in keys:
            self._expected[key] = None
            self.tell(EventKind.STOPPING, unit, key.pid)
        while len(self._expected) > _REMEMBERED:
            del self._expected[next(iter(self._expected))]

    def is_expected(self, key: ProcessKey) -> bool:
        """Tell whether we ended it."""
        return key in self._expected

    def tell(self, kind: EventKind, unit: UnitId | None, pid: int | None = None, reason: str = "") -> None:
        """Tell every listener."""
        event = SupervisorEvent(kind=kind, unit=unit, pid=pid, reason=reason, at=time.time())
        for listener in self.listeners:
            listener.hear(event)

    def wake(self) -> None:
        """Have every listener look at once."""
        for listener in self.listeners:
            listener.wake()


async def follow(watcher: Watching, hub: Hub) -> AsyncIterator[SupervisorEvent]:
    """Yield what a watcher puts into its queue for as long as it looks; it is closed afterwards. Raises what ends it."""
    hub.listeners.add(watcher)
    looking = asyncio.ensure_future(watcher.run())
    try:
        while True:
            heard = asyncio.ensure_future(watcher.queue.get())
            await asyncio.wait([heard, looking], return_when=asyncio.FIRST_COMPLETED)
            if heard.done():
                yield heard.result()
                continue
            heard.cancel()
            looking.result()
            return
    finally:
        hub.listeners.discard(watcher)
        looking.cancel()
        with suppress(asyncio.CancelledError, SupervisorError):
            await looking
        watcher.close()
