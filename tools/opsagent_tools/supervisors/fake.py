"""A supervisor in memory, for tests and for trying plans: it keeps the port's promises and starts no process."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsagent_tools.findings import Finding
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import (
    Daemon,
    EventKind,
    NotSupported,
    SupervisorError,
    SupervisorEvent,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitSetup, UnitState

_FIRST_PID = 5_000_001
"""Above the largest pid that Linux gives out: nothing real is ever hit by a mistake in a test."""
_ENDING = frozenset({signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGABRT})


@dataclass(slots=True)
class _Service:
    spec: ServiceSpec
    instances: int
    state: UnitState = UnitState.STOPPED
    processes: list[ProcessKey] = field(default_factory=list)
    extra: set[ProcessKey] = field(default_factory=set)
    restarts: int = 0
    last_exit: int | None = None
    reason: str = ""


class FakeSupervisor:
    """Runs services that exist only here. What a test wants to happen, it says: `die`, `lose`, `end`, `come_back`."""

    def __init__(
        self, specs: Iterable[ServiceSpec] = (), *, kind: str = "fake", clock: Callable[[], float] = time.time
    ) -> None:
        self.kind = kind
        self.signals: list[tuple[UnitId, int, int | None]] = []
        """Every signal that was sent, in order."""
        self.calls: list[str] = []
        """Every change that was asked for, as `action:unit`, in order."""
        self._clock = clock
        self._pids = itertools.count(_FIRST_PID)
        self._listeners: list[asyncio.Queue[SupervisorEvent]] = []
        self._lost = False
        self._ended = ""
        self._outlived = 0
        self._forgotten: dict[str, _Service] = {}
        self.revivable = True
        """Whether `revive` can bring it back; False: a person has to, as `daemon().hint` says."""
        self._services: dict[str, _Service] = {}
        self.apply(specs)

    @property
    def is_followed(self) -> bool:
        """Tell whether anybody hears its events."""
        return bool(self._listeners)

    # What a test makes happen

    def apply(self, specs: Iterable[ServiceSpec]) -> None:
        """Have exactly these services, and start those that are new."""
        wanted = {spec.name: spec for spec in specs}
        for name in [name for name in self._services if name not in wanted]:
            del self._services[name]
        for name, spec in wanted.items():
            if name not in self._services:
                self._services[name] = _Service(spec, spec.instances)
                self._fill(name)
            else:
                self._services[name].spec = spec
        self._tell(EventKind.CHANGED)

    def die(self, unit: UnitId, pid: int, exit_code: int = -9) -> None:
        """Let a process end by itself."""
        service = self._of(unit)
        key = self._key(service, unit, pid)
        service.processes.remove(key)
        service.last_exit = exit_code
        self._tell(EventKind.EXITED, unit, pid, exit_code)
        beside = key in service.extra
        service.extra.discard(key)
        if service.spec.autorestart and not beside:
            service.restarts += 1
            self._spawn(unit.name)
        elif not service.processes:
            service.state = UnitState.EXITED
            service.reason = f"ended with exit code {exit_code}"

    def lose(self) -> None:
        """Let the supervisor's daemon be gone; its processes live on without it."""
        self._lost = True
        self._outlived = sum(len(service.processes) for service in self._services.values())
        self._tell(EventKind.LOST)

    def end(self, why: str = "a person ended it") -> None:
        """Let a person end the daemon: all that it runs is stopped first, and it is not missed."""
        for name, service in self._services.items():
            self._end(UnitId.local(self.kind, name), list(service.processes))
        self._lost, self._ended = True, why
        self._tell(EventKind.ENDED, reason=why)

    def come_back_empty(self) -> None:
        """Let a daemon be back that knows nothing of what the one before it ran; that lives on beside it."""
        self._lost, self._ended = False, ""
        self._forgotten, self._services = self._services, {}
        self._tell(EventKind.BACK, reason="another daemon")

    def come_back(self) -> None:
        """Let the daemon be back: what ran runs anew, what was stopped stays stopped, nothing is doubled."""
        self._lost, self._ended, self._outlived = False, "", 0
        self._services, self._forgotten = {**self._forgotten, **self._services}, {}
        for name, service in self._services.items():
            service.restarts = 0
            if service.state is UnitState.RUNNING:
                service.processes.clear()
                service.extra.clear()
                self._fill(name)
        self._tell(EventKind.BACK)

    # The port

    async def daemon(self) -> Daemon:
        lost = ", ".join(self._forgotten)
        trouble = f"it does not know {lost} any more, which the daemon before it ran" if lost else ""
        wanted = self.revivable and bool(trouble or self._lost)
        return Daemon(
            pid=None if self._lost else os.getpid(),
            uid=os.getuid(),
            version="1",
            home="memory",
            ended=self._ended,
            trouble=trouble,
            revival=f"ends {self._outlived} that outlived it and starts all anew" if wanted else "",
            outlived=self._outlived,
            hint="" if self.revivable else "start it as you did before",
        )

    async def setup(self, unit: UnitId) -> UnitSetup:
        spec = self._of(unit).spec
        return UnitSetup(
            id=unit,
            command=spec.command,
            cwd=spec.cwd,
            shape="fake",
            stop_signal=int(signal.Signals[spec.stop_signal]),
            stop_timeout_s=spec.stop_timeout_s,
            max_memory=spec.max_memory,
        )

    async def list(self) -> Sequence[Unit]:
        self._must_answer()
        return tuple(self._unit(name) for name in self._services)

    async def describe(self, unit: UnitId) -> Unit:
        self._of(unit)
        return self._unit(unit.name)

    async def start(self, unit: UnitId) -> None:
        service = self._change("start", unit)
        before = len(service.processes)
        self._fill(unit.name)
        service.restarts += len(service.processes) - before
        self._tell(EventKind.STARTED, unit)

    async def stop(self, unit: UnitId) -> None:
        service = self._change("stop", unit)
        self._end(unit, list(service.processes))
        service.state = UnitState.STOPPED
        service.reason = ""
        self._tell(EventKind.STOPPED, unit)

    async def restart(self, unit: UnitId) -> None:
        service = self._change("restart", unit)
        service.restarts += len(service.processes) - len(service.extra)
        self._end(unit, list(service.processes))
        self._fill(unit.name)
        self._tell(EventKind.STARTED, unit)

    async def reload(self, unit: UnitId) -> None:
        service = self._running("reload", unit)
        for key in [key for key in service.processes if key not in service.extra]:
            self._end(unit, [key])
            service.restarts += 1
            self._spawn(unit.name)

    async def scale(self, unit: UnitId, instances: int) -> None:
        service = self._change("scale", unit)
        if instances < 1:
            raise SupervisorError(f"{unit.name} cannot have {instances} instances; stop it instead")
        if instances > 1:
            self._must_surge(service)
        service.instances = instances
        if service.state is UnitState.RUNNING:
            regular = [key for key in service.processes if key not in service.extra]
            self._end(unit, regular[instances:])
            self._fill(unit.name)
        self._tell(EventKind.CHANGED, unit)

    async def surge(self, unit: UnitId) -> ProcessKey:
        service = self._running("surge", unit)
        self._must_surge(service)
        key = self._spawn(unit.name)
        service.extra.add(key)
        return key

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        service = self._change("retire", unit)
        key = self._key(service, unit, process.pid)
        if key != process:
            raise SupervisorError(f"{unit.name} has no process {process.pid} that started then")
        if key not in service.extra and service.extra:
            service.extra.discard(min(service.extra))
            service.restarts += 1
        self._end(unit, [key])
        if service.state is UnitState.RUNNING and len(service.processes) < service.instances:
            service.restarts += 1
            self._spawn(unit.name)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        await self.retire(unit, process)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        service = self._running("signal", unit)
        targets = [key.pid for key in service.processes] if pid is None else [self._key(service, unit, pid).pid]
        self.signals.append((unit, signum, pid))
        if signum in _ENDING:
            for target in targets:
                self.die(unit, target, -signum)

    def events(self) -> AsyncIterator[SupervisorEvent]:
        queue: asyncio.Queue[SupervisorEvent] = asyncio.Queue()
        self._listeners.append(queue)
        gone = EventKind.ENDED if self._ended else EventKind.LOST
        queue.put_nowait(self._event(gone if self._lost else EventKind.CHANGED, reason=self._ended))
        return self._drain(queue)

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        return self._known(unit).spec.logs

    async def persist(self) -> str:
        return "nothing is kept: this supervisor is in memory"

    async def revive(self) -> str:
        self.calls.append("revive")
        if not self._lost and not self._forgotten:
            return "it runs already"
        if not self.revivable:
            raise NotSupported("it is not ours to start: start it as you did before")
        self.come_back()
        return "it is back"

    async def findings(self) -> Sequence[Finding]:
        return ()

    async def close(self) -> None:
        self._listeners.clear()

    # Inside

    async def _drain(self, queue: asyncio.Queue[SupervisorEvent]) -> AsyncIterator[SupervisorEvent]:
        try:
            while True:
                yield await queue.get()
        finally:
            if queue in self._listeners:
                self._listeners.remove(queue)

    def _must_answer(self) -> None:
        if self._lost:
            raise SupervisorUnreachable("the supervisor's daemon is not running")

    def _known(self, unit: UnitId) -> _Service:
        if unit.name not in self._services or unit != UnitId.local(self.kind, unit.name):
            raise UnknownUnit(f"there is no service {unit.name!r}")
        return self._services[unit.name]

    def _of(self, unit: UnitId) -> _Service:
        self._must_answer()
        return self._known(unit)

    def _change(self, action: str, unit: UnitId) -> _Service:
        service = self._of(unit)
        self.calls.append(f"{action}:{unit.name}")
        return service

    def _running(self, action: str, unit: UnitId) -> _Service:
        service = self._change(action, unit)
        if service.state is not UnitState.RUNNING:
            raise SupervisorError(f"{unit.name} is not running")
        return service

    def _key(self, service: _Service, unit: UnitId, pid: int) -> ProcessKey:
        for key in service.processes:
            if key.pid == pid:
                return key
        raise SupervisorError(f"{unit.name} has no process {pid}")

    def _must_surge(self, service: _Service) -> None:
        spec = service.spec
        if not _surges(spec):
            raise NotSupported(f"{spec.name} binds port {spec.port} itself: no second instance beside it")

    def _fill(self, name: str) -> None:
        service = self._services[name]
        service.state = UnitState.RUNNING
        service.reason = ""
        for _ in range(service.instances - len(service.processes) + len(service.extra)):
            self._spawn(name)

    def _spawn(self, name: str) -> ProcessKey:
        key = ProcessKey(next(self._pids), self._clock())
        self._services[name].processes.append(key)
        self._tell(EventKind.SPAWNED, UnitId.local(self.kind, name), key.pid)
        return key

    def _end(self, unit: UnitId, keys: Iterable[ProcessKey]) -> None:
        service = self._services[unit.name]
        for key in keys:
            self._tell(EventKind.STOPPING, unit, key.pid)
            service.processes.remove(key)
            service.extra.discard(key)
            service.last_exit = -int(signal.Signals[service.spec.stop_signal])

    def _unit(self, name: str) -> Unit:
        service = self._services[name]
        return Unit(
            id=UnitId.local(self.kind, name),
            state=service.state,
            processes=tuple(Process(key=key) for key in service.processes),
            instances=service.instances,
            restarts=service.restarts,
            last_exit=service.last_exit,
            reason=service.reason,
            ports=() if service.spec.port is None else (service.spec.port,),
            shares_socket=service.spec.share_socket,
            surges=_surges(service.spec),
            autorestart=service.spec.autorestart,
            logs=service.spec.logs,
            uid=os.getuid(),
        )

    def _event(
        self,
        kind: EventKind,
        unit: UnitId | None = None,
        pid: int | None = None,
        exit_code: int | None = None,
        *,
        reason: str = "",
    ) -> SupervisorEvent:
        return SupervisorEvent(kind=kind, unit=unit, pid=pid, exit_code=exit_code, reason=reason, at=self._clock())

    def _tell(
        self,
        kind: EventKind,
        unit: UnitId | None = None,
        pid: int | None = None,
        exit_code: int | None = None,
        *,
        reason: str = "",
    ) -> None:
        for queue in self._listeners:
            queue.put_nowait(self._event(kind, unit, pid, exit_code, reason=reason))


def _surges(spec: ServiceSpec) -> bool:
    return spec.share_socket or spec.port is None or spec.instances > 1
