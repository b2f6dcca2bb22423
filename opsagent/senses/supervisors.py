"""One supervisor: what it lists, what it reports, and whether its daemon is there at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from opsagent.model import EvidenceKind, SignalKind
from opsagent.senses.deaths import DeathSense
from opsagent.senses.desk import Desk
from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.port import (
    EventKind,
    Supervisor,
    SupervisorError,
    SupervisorEvent,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

_log = logging.getLogger(__name__)

_LISTINGS = 5
"""So often a supervisor is listed again because something happened while it listed."""
_GONE = frozenset({EventKind.LOST, EventKind.ENDED})
_DOWN = frozenset({UnitState.STOPPED, UnitState.EXITED, UnitState.STARTING, UnitState.UNKNOWN})


class SupervisorSense:
    """Keeps the world's picture of one supervisor's units current."""

    def __init__(self, supervisor: Supervisor, desk: Desk, deaths: DeathSense, changed: Callable[[], None]) -> None:
        self.supervisor = supervisor
        self.lost = False
        self.following = asyncio.Event()
        """Set while its events are heard."""
        self.heard = asyncio.Event()
        """Set once it said anything, be it that it is gone."""
        self._desk = desk
        self._deaths = deaths
        self._changed = changed
        self._wanted = asyncio.Event()
        self._listing = asyncio.Lock()
        self._listed_once = False
        self._events = 0
        self._ended = False
        """Its daemon was ended by a person, and is not back."""
        self._different = ""
        """What its daemon says is different since it is back, until that is told."""

    async def follow(self) -> None:
        """Hear its events, for ever."""
        try:
            async for event in self.supervisor.events():
                if event.kind not in _GONE:
                    self.following.set()
                await self._hear(event)
        finally:
            self.following.clear()

    async def relist(self) -> None:
        """List it now, whenever something changed, and once in a while, for ever."""
        settings = self._desk.settings
        while True:
            self._wanted.clear()
            await self.refresh()
            try:
                async with asyncio.timeout(settings.resync_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(settings.coalesce_s)

    def request(self) -> None:
        """Have it listed soon."""
        self._wanted.set()

    async def refresh(self) -> None:
        """Take over what it lists now; where its daemon does not answer, say so and keep the last picture."""
        async with self._listing:
            for left in reversed(range(_LISTINGS)):
                events = self._events
                units = await self._list()
                if units is None:
                    return
                if events == self._events or not left:
                    self._take_over(units, fresh=events == self._events)
                    break
        if self.lost:
            self.lost = self._ended = False
            different, self._different = self._different, ""
            self._tell_own(SignalKind.SUPERVISOR_BACK, reason=different)

    async def _list(self) -> Sequence[Unit] | None:
        try:
            return await self.supervisor.list()
        except SupervisorUnreachable:
            self.gone()
        except SupervisorError as error:
            _log.warning("%s did not list its units: %s", self.supervisor.kind, error)
        return None

    async def describe(self, unit: UnitId, seconds: float) -> Unit | None:
        """Ask about one unit; None if there is no answer in time."""
        if self.lost:
            return None
        if not self.following.is_set():
            seconds = max(seconds, self._desk.settings.settle_unheard_s)
        try:
            async with asyncio.timeout(seconds):
                return await self.supervisor.describe(unit)
        except SupervisorUnreachable:
            self.gone()
        except (TimeoutError, UnknownUnit):
            pass
        except SupervisorError as error:
            _log.debug("%s did not describe %s: %s", self.supervisor.kind, unit, error)
        return None

    def gone(self, why: str = "") -> None:
        """Say, once, that its daemon is gone."""
        if not self.lost:
            self.lost = True
            self._tell_own(SignalKind.SUPERVISOR_LOST, reason=why)

    def ended(self, why: str) -> None:
        """Say, once, that a person ended its daemon. What it ran ended with it, on purpose, and is listed no more."""
        if self._ended:
            return
        self.lost = self._ended = True
        for unit in [unit for unit in self._desk.world.units if unit.supervisor == self.supervisor.kind]:
            self._set_state(unit, UnitState.STOPPED)
            self._deaths.unit_stopped(unit)
        self._desk.world.replace_units(self.supervisor.kind, ())
        self._tell_own(SignalKind.SUPERVISOR_ENDED, reason=why)
        self._changed()

    def _tell_own(self, kind: SignalKind, **data: str) -> None:
        data["supervisor"] = self.supervisor.kind
        self._desk.tell(kind, None, EvidenceKind.SUPERVISOR, data=data)

    def _take_over(self, units: Sequence[Unit], *, fresh: bool) -> None:
        """`fresh`: nothing happened while it listed, so that what is missing is really gone."""
        world, kind = self._desk.world, self.supervisor.kind
        before = {unit: seen for unit, seen in world.units.items() if unit.supervisor == kind}
        world.replace_units(kind, units)
        for unit in units:
            started = self._deaths.sync(unit, fresh=fresh)
            if self._listed_once:
                for key in started:
                    self._tell_spawned(unit.id, key)
            if fresh and unit.state is UnitState.STOPPED:
                was = before.get(unit.id)
                if self._listed_once and was is not None and was.state is not UnitState.STOPPED:
                    self._deaths.unit_stopped(unit.id)
        for unit_id in before.keys() - {unit.id for unit in units}:
            if (
                fresh and world.spec(unit_id) is None
            ):  # taken away by a person, and not about to come back with its daemon
                self._deaths.unit_stopped(unit_id)
        self._listed_once = True
        self._changed()

    async def _hear(self, event: SupervisorEvent) -> None:
        unit = event.unit
        self.heard.set()
        self._events += 1
        match event.kind:
            case EventKind.LOST:
                self.following.clear()
                self.gone(event.reason)
                return
            case EventKind.ENDED:
                self.following.clear()
                self.ended(event.reason)
                return
            case EventKind.BACK:
                self._different = event.reason
                self.lost = self.lost or bool(event.reason)  # it may have come back so soon that nobody missed it
                await self.refresh()
                return
            case EventKind.SPAWNED if unit is not None and event.pid is not None:
                self._spawned(unit, event.pid)
            case EventKind.EXITED if unit is not None:
                self._deaths.supervisor_says(unit, event.pid, event.exit_code)
            case EventKind.STOPPING if unit is not None:
                self._deaths.expect(unit, event.pid)
            case EventKind.STOPPED if unit is not None:
                self._set_state(unit, UnitState.STOPPED)
                self._deaths.unit_stopped(unit)
            case EventKind.STARTED if unit is not None:
                self._deaths.unit_runs(unit)
            case _:
                pass
        self.request()

    def _spawned(self, unit: UnitId, pid: int) -> None:
        self._deaths.unit_runs(unit)
        key = key_of(pid)
        if key is None:
            return  # gone already; its EXITED event tells
        if not self._deaths.add(unit, key):
            return
        seen = self._desk.world.units.get(unit)
        if seen is not None and all(process.key != key for process in seen.processes):
            state = UnitState.RUNNING if seen.state in _DOWN else seen.state
            processes = (*seen.processes, Process(key=key))
            self._desk.world.replace_unit(replace(seen, processes=processes, state=state))
        self._tell_spawned(unit, key)

    def _tell_spawned(self, unit: UnitId, key: ProcessKey) -> None:
        self._desk.tell(SignalKind.SPAWNED, unit, EvidenceKind.SUPERVISOR, process=key)
        self._changed()

    def _set_state(self, unit: UnitId, state: UnitState) -> None:
        seen = self._desk.world.units.get(unit)
        if seen is not None:
            self._desk.world.replace_unit(replace(seen, state=state))
