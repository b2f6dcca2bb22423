"""circusd's events for one listener: what the ear hears at once, and what a look shows (units that come, go, stop, start)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from opsagent_tools.processes.deaths import Death
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.ear import Ear
from opsagent_tools.supervisors.hub import Hub, follow
from opsagent_tools.supervisors.port import EventKind, NotPermitted, SupervisorError, SupervisorEvent
from opsagent_tools.units import UnitId, UnitState

_CALM_S = 5.0
"""Between two looks while nothing is heard."""
_DEAF_S = 1.0
"""Where nothing is published that we may hear."""
_AWAY_S = 0.1
_QUEUE = 10_000
_DOWN = frozenset({UnitState.STOPPED, UnitState.EXITED})


def watch(desk: Desk, ear: Ear, hub: Hub) -> AsyncIterator[SupervisorEvent]:
    """Yield events for ever. The first is CHANGED (list now), or LOST or ENDED where there is no circusd."""
    return follow(Watcher(desk, ear, hub), hub)


class Watcher:
    """Looks at one circusd for one listener."""

    def __init__(self, desk: Desk, ear: Ear, hub: Hub) -> None:
        self.queue: asyncio.Queue[SupervisorEvent] = asyncio.Queue(_QUEUE)
        self._desk, self._ear, self._hub = desk, ear, hub
        self._states: dict[UnitId, UnitState] = {}
        self._doubted: set[UnitId] = set()
        self._wake = asyncio.Event()
        self._first = True
        self._away = False
        ear.on_gone.append(self.gone)

    # What others say

    def hear(self, event: SupervisorEvent) -> None:
        """Pass on what the ear and the adapter say, once the listener has been told to list."""
        if event.kind is EventKind.STOPPED and event.unit is not None:
            self._states[event.unit] = UnitState.STOPPED
        if not self._first and not (self._away and event.kind is EventKind.SPAWNED):
            self._put(event)

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def close(self) -> None:
        """Hear nothing any longer."""
        self._ear.on_gone.remove(self.gone)

    def gone(self, death: Death) -> None:
        """Tell of the end of the daemon: told to end, it stops everything first and leaves with 0."""
        if self._away:
            return
        self._away = True
        left = self._desk.book.left_behind()
        tidy = death.exit_code == 0 or (death.exit_code is None and not left and self._is_tidy())
        if tidy:
            self._desk.ended = "it was told to quit"
            self._tell(EventKind.ENDED, reason=self._desk.ended)
        else:
            self._tell(EventKind.LOST, reason=f"circusd (process {death.key.pid}) {_how(death.exit_code)}")

    def _is_tidy(self) -> bool:
        path = self._desk.endpoint.path
        return not path or not Path(path).exists()

    # What it sees

    async def run(self) -> None:
        """Look for ever. Raises NotPermitted."""
        while True:
            self._wake.clear()
            try:
                await self._desk.meet()
                await self._ear.attend()
                changed = await self._desk.refresh()
                self._ear.watch_all()
            except NotPermitted:
                raise
            except SupervisorError as error:
                self._unanswered(error)
            else:
                await self._ear.settle()
                self._compare(changed)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AWAY_S if self._away else _CALM_S if self._ear.hears else _DEAF_S):
                    await self._wake.wait()

    def _unanswered(self, error: SupervisorError) -> None:
        if not self._away:
            self._away = True
            self._tell(EventKind.LOST, reason=str(error))
        self._first = False

    def _compare(self, changed: bool) -> None:
        book = self._desk.book
        if self._away:
            self._tell(EventKind.BACK, reason=f"process {book.daemon_pid}")
            self._states.clear()
        elif self._first or changed:
            self._tell(EventKind.CHANGED, reason="" if self._first else "watchers were added or removed")
        fresh, self._away, self._first = self._away or self._first, False, False
        for unit in book.units():
            self._compare_unit(unit.id, unit.state, fresh=fresh)
        for gone in self._states.keys() - {unit.id for unit in book.units()}:
            del self._states[gone]

    def _compare_unit(self, unit: UnitId, state: UnitState, *, fresh: bool) -> None:
        before = self._states.get(unit)
        if state is UnitState.STOPPED and before not in {None, UnitState.STOPPED}:
            if self._hub.is_replacing(unit):
                return
            if unit not in self._doubted:  # a restart by a person passes through this, too
                self._doubted.add(unit)
                self.wake()
                return
            self._tell(EventKind.STOPPED, unit)
        elif before in _DOWN and state in {UnitState.RUNNING, UnitState.STARTING} and not fresh:
            self._tell(EventKind.STARTED, unit)
        self._doubted.discard(unit)
        self._states[unit] = state

    def _tell(self, kind: EventKind, unit: UnitId | None = None, reason: str = "") -> None:
        self._put(SupervisorEvent(kind=kind, unit=unit, reason=reason, at=time.time()))

    def _put(self, event: SupervisorEvent) -> None:
        if self.queue.full():  # nobody reads: the newest count, and a listing makes up for the rest
            self.queue.get_nowait()
        self.queue.put_nowait(event)


def _how(code: int | None) -> str:
    if code is None:
        return "is gone"
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
