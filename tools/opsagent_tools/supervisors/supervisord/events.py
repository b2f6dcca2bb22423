"""supervisord's events, quicker than its own: the kernel tells a death, supervisord is asked at once what it was.

supervisord notices a death when its loop turns, which may take a second, and tells listeners that were configured
before. A question turns that loop too, so a program also comes back sooner while somebody listens here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from opsagent_tools.processes.deaths import Death, DeathWatch
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.hub import Hub, follow
from opsagent_tools.supervisors.port import EventKind, SupervisorEvent, SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.desk import Desk, Ending
from opsagent_tools.supervisors.supervisord.info import BAD_NAME, STOPPED, STOPPING, Info
from opsagent_tools.units import ProcessKey, UnitId, UnitState

_CALM_S = 1.0
"""Between two looks while nothing happens."""
_HASTE_S = 0.015
"""After something happened; then twice as long each time."""
_AWAY_S = 0.1
_ASK_S = 0.5
"""A supervisord that does not say within so long whether a death was wanted: it counts as a death."""
_QUEUE = 10_000
_REMEMBERED = 64
_DOWN = frozenset({UnitState.STOPPED, UnitState.EXITED})


def watch(desk: Desk, hub: Hub) -> AsyncIterator[SupervisorEvent]:
    """Yield events for ever. The first is CHANGED (list now), or LOST or ENDED where there is no supervisord."""
    return follow(Watcher(desk, hub), hub)


class Watcher:
    """Looks at one supervisord for one listener."""

    def __init__(self, desk: Desk, hub: Hub) -> None:
        self.queue: asyncio.Queue[SupervisorEvent] = asyncio.Queue(_QUEUE)
        self._desk, self._hub = desk, hub
        self._deaths = DeathWatch()
        self._daemon: ProcessKey | None = None
        self._daemon_death: Death | None = None
        self._known: dict[str, Info] = {}
        self._states: dict[UnitId, UnitState] = {}
        self._doubted: set[UnitId] = set()
        self._told: dict[str, deque[int]] = {}
        """Pids by process name whose end was told, or will be; the latest of them."""
        self._settling: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._pause = _CALM_S
        self._away = False
        self._ending = False
        self._first = True

    # What others say

    def hear(self, event: SupervisorEvent) -> None:
        """Pass on what the adapter says, and know it."""
        if event.kind is EventKind.STOPPED and event.unit is not None:
            self._states[event.unit] = UnitState.STOPPED
        self._put(event)

    def wake(self) -> None:
        """Look at once, and often for a moment."""
        self._pause = _HASTE_S
        self._wake.set()

    def close(self) -> None:
        """Watch nothing any longer."""
        for task in self._settling:
            task.cancel()
        self._deaths.close()

    # What it sees

    async def run(self) -> None:
        """Look for ever. Raises NotPermitted."""
        while True:
            self._wake.clear()
            if self._daemon_death is not None:
                self._gone(self._daemon_death)
            try:
                await self._desk.refresh()
            except Ending:
                self._end_begins()
            except SupervisorUnreachable as error:
                await self._unanswered(error)
            except Fault as fault:
                self._tell(EventKind.CHANGED, reason=f"supervisord refuses to list: {fault.text[:200]}")
            else:
                await self._settled()
                self._answered()
                self._compare()
            if self._daemon_death is None:
                await self._rest()

    async def _rest(self) -> None:
        pause = _AWAY_S if self._away or self._ending else self._pause
        self._pause = min(self._pause * 2, _CALM_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()

    async def _settled(self) -> None:
        """What is known of a death is told before what came of it."""
        while self._settling:
            await asyncio.gather(*self._settling, return_exceptions=True)

    def _answered(self) -> None:
        origin = self._desk.origin
        if origin is not None and origin.key != self._daemon:
            if self._daemon is not None:
                self._deaths.forget(self._daemon)
            self._daemon = origin.key
            self._deaths.watch(origin.key, self._daemon_ended)
        if self._away:
            self._tell(EventKind.BACK, reason=f"supervisord {self._desk.version}, process {self._desk.book.daemon_pid}")
            self._start_anew()
        elif self._ending:
            self._tell(EventKind.CHANGED, reason="it started over with its configuration")
            self._start_anew()
        elif self._first:
            self._tell(EventKind.CHANGED)
        self._away = self._ending = False

    def _start_anew(self) -> None:
        self._known.clear()
        self._states.clear()
        self._first = True

    def _daemon_ended(self, death: Death) -> None:
        self._daemon_death = death
        self._wake.set()

    def _gone(self, death: Death) -> None:
        self._daemon = self._daemon_death = None
        if self._away:
            return
        if self._ending or self._ended_tidily(death.exit_code):
            self._desk.ended = "it was shut down"
            self._tell(EventKind.ENDED, reason=self._desk.ended)
        else:
            self._tell(EventKind.LOST, reason=f"supervisord (process {death.key.pid}) {_how(death.exit_code)}")
        self._away, self._ending = True, False

    async def _unanswered(self, error: SupervisorUnreachable) -> None:
        """It lives and does not answer: at a reload its socket is away for a moment."""
        if self._daemon is not None and not self._away:
            await asyncio.sleep(0)
            if self._daemon_death is not None or self._socket_is_between():
                return
        if not self._away:
            ended = self._daemon is None and self._ended_tidily(None)
            self._tell(EventKind.ENDED if ended else EventKind.LOST, reason=str(error))
            self._away = True

    def _socket_is_between(self) -> bool:
        path = self._desk.wire.address.path
        return self._ending or (bool(path) and not Path(path).exists())

    def _ended_tidily(self, exit_code: int | None) -> bool:
        """Tell whether it was told to end: then it exits with 0 and removes its socket."""
        path = self._desk.wire.address.path
        if exit_code is None and path:
            return not Path(path).exists()
        return exit_code == 0

    def _end_begins(self) -> None:
        if not self._ending:
            self._ending = True
            for full in self._known:
                key = self._desk.book.key(full)
                if key is not None:
                    self._hub.expect(self._desk.book.unit_of(full), key)

    # Deaths

    def _died(self, full: str, death: Death) -> None:
        task = asyncio.get_running_loop().create_task(self._settle(full, death))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, full: str, death: Death) -> None:
        unit, code = self._desk.book.unit_of(full), death.exit_code
        wanted = self._hub.is_expected(death.key)
        if not wanted:
            surely = self._desk.book.surely_by_itself(full, code, looked_every_s=_CALM_S)
            wanted = not surely and await self._was_wanted(full, death)
            if code is None:
                code = await self._code(full, death.key.pid)
            if not wanted:
                self._tell(EventKind.EXITED, unit, death.key.pid, code)
            elif not self._hub.is_expected(death.key):
                self._tell(EventKind.STOPPING, unit, death.key.pid)
        self._desk.book.died(full, death.key, code)
        self.wake()

    async def _was_wanted(self, full: str, death: Death) -> bool:
        deadline = time.monotonic() + _ASK_S
        while True:
            try:
                (info,) = await self._desk.ask(full, timeout_s=_ASK_S, log=False)
                break
            except Ending:
                self._end_begins()
                return True
            except Fault as fault:
                return fault.code == BAD_NAME  # its group was removed
            except SupervisorUnreachable:
                if self._ending or (not self._away and self._ended_tidily(None)):
                    return True
                if self._daemon is None or not is_alive(self._daemon) or time.monotonic() >= deadline:
                    return False
                await asyncio.sleep(_HASTE_S)  # it starts over: its socket is away for a moment
        if info.pid == death.key.pid:
            return info.state == STOPPING
        if info.pid <= 0:
            return info.state == STOPPED
        await self._desk.read_log()  # another runs already: was this one restarted, or did it die?
        end = self._desk.book.log.end_of(info.name, death.key.pid)
        config = self._desk.book.configs.get(full)
        stop_signal = config.number("stopsignal", 15) if config is not None else 15
        return end.asked if end is not None else death.exit_code == -stop_signal

    async def _code(self, full: str, pid: int) -> int | None:
        await self._desk.read_log()
        end = self._desk.book.log.end_of(full.partition(":")[2], pid)
        return end.exit_code if end is not None else None

    # Changes

    def _compare(self) -> None:
        book = self._desk.book
        if not self._first and book.infos.keys() != self._known.keys():
            self._tell(EventKind.CHANGED, reason="programs were added or removed")
        for full, info in book.infos.items():
            self._compare_process(full, info)
        for unit in book.units():
            self._compare_unit(unit.id, unit.state)
        self._known = dict(book.infos)
        self._first = False

    def _compare_process(self, full: str, info: Info) -> None:
        book, told = self._desk.book, self._told.setdefault(full, deque(maxlen=_REMEMBERED))
        unit, key, before = book.unit_of(full), book.key(full), self._known.get(full)
        if key is not None and key.pid not in told:
            told.append(key.pid)
            if not self._first:
                self._tell(EventKind.SPAWNED, unit, key.pid)
            if not self._deaths.watch(key, lambda death: self._died(full, death)):
                self._died(full, Death(key=key, exit_code=None))
        if key is not None and info.state == STOPPING and (before is None or before.state != STOPPING):
            if not self._hub.is_expected(key):
                self._hub.expect(unit, key)
            self.wake()
        end = book.log.last_end(info.name)
        if end is not None and end.pid not in told:  # it came and went between two looks
            told.append(end.pid)
            if not self._first and not end.asked:
                self._tell(EventKind.EXITED, unit, end.pid, end.exit_code)

    def _compare_unit(self, unit: UnitId, state: UnitState) -> None:
        before = self._states.get(unit)
        if state is UnitState.STOPPED and before not in {None, UnitState.STOPPED}:
            if self._hub.is_replacing(unit):
                return
            if unit not in self._doubted:  # a restart by a person passes through this, too
                self._doubted.add(unit)
                self.wake()
                return
            self._tell(EventKind.STOPPED, unit)
        elif before in _DOWN and state in {UnitState.RUNNING, UnitState.STARTING} and not self._first:
            self._tell(EventKind.STARTED, unit)
        self._doubted.discard(unit)
        self._states[unit] = state

    def _tell(
        self,
        kind: EventKind,
        unit: UnitId | None = None,
        pid: int | None = None,
        code: int | None = None,
        reason: str = "",
    ) -> None:
        self._put(SupervisorEvent(kind=kind, unit=unit, pid=pid, exit_code=code, reason=reason, at=time.time()))

    def _put(self, event: SupervisorEvent) -> None:
        if self.queue.full():  # nobody reads: the newest count, and a listing makes up for the rest
            self.queue.get_nowait()
        self.queue.put_nowait(event)


def _how(code: int | None) -> str:
    if code is None:
        return "is gone"
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
