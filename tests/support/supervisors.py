"""What the supervisors' contract is tested on: the embedded engine for real, and the fake that ships with the product."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.supervisors.port import EventKind, Supervisor, SupervisorEvent
from opsagent_tools.units import Unit, UnitId
from tests.support.waiting import until

WEB_WORKER = Path(__file__).with_name("web_worker.py")


def spec(name: str, folder: Path, **values: Any) -> ServiceSpec:
    """A service that sleeps, unless told otherwise."""
    return ServiceSpec(**{"name": name, "command": ("sleep", "600"), "cwd": folder, "stop_timeout_s": 5.0, **values})


def web_spec(name: str, folder: Path, port: int, **values: Any) -> ServiceSpec:
    """A small web server that finishes what it has begun when it is told to stop."""
    command = (sys.executable, "-S", "-P", str(WEB_WORKER))
    return spec(name, folder, **{"command": command, "port": port, **values})


@dataclass(frozen=True, kw_only=True)
class Can:
    """What a supervisor can do, as its harness declares. What it cannot, the contract sees refused with a reason."""

    scale: bool = True
    surge: bool = True
    """Start an instance beside the wanted ones."""
    grow_alone: bool = True
    """That, and to scale, goes also for what has one instance only."""
    know_ports: bool = True
    """Its configuration says which port a unit listens on."""
    keep_stopped: bool = True
    """What was stopped stays stopped when its daemon comes back."""
    outlives: bool = False
    """Its processes go on when its daemon is gone, and it takes them up again."""
    count_starts: bool = True
    """A start after a stop is among the restarts that it counts."""
    keep_oldest: bool = True
    """Told to have fewer instances, it ends the newest."""


class Harness(Protocol):
    """One supervisor, and the hand of fate over its processes."""

    supervisor: Supervisor
    can: Can

    def id(self, name: str) -> UnitId: ...
    async def apply(self, specs: Iterable[ServiceSpec]) -> None: ...
    def kill(self, unit: UnitId, pid: int) -> None: ...
    def lose(self) -> None: ...
    async def come_back(self) -> None: ...
    async def end(self) -> None: ...


class CircusHarness:
    """The engine with its own daemon."""

    can = Can()

    def __init__(self, engine_dir: Path, runtime_dir: Path) -> None:
        self.engine = Engine(engine_dir, runtime_dir)
        self.supervisor: Supervisor = CircusSupervisor(self.engine)

    def id(self, name: str) -> UnitId:
        return UnitId.local("circus", name)

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        await self.engine.apply(specs)

    def kill(self, unit: UnitId, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def lose(self) -> None:
        pid = self.engine.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def come_back(self) -> None:
        await self.engine.ensure_running()

    async def end(self) -> None:
        await self.supervisor.close()
        await self.engine.shutdown()


class FakeHarness:
    """The fake."""

    can = Can()

    def __init__(self) -> None:
        self.fake = FakeSupervisor()
        self.supervisor: Supervisor = self.fake

    def id(self, name: str) -> UnitId:
        return UnitId.local("fake", name)

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        self.fake.apply(specs)

    def kill(self, unit: UnitId, pid: int) -> None:
        self.fake.die(unit, pid)

    def lose(self) -> None:
        self.fake.lose()

    async def come_back(self) -> None:
        self.fake.come_back()

    async def end(self) -> None:
        await self.fake.close()


class Events:
    """Everything that a supervisor said, and waiting for it to say something."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.seen: list[SupervisorEvent] = []
        self._source = supervisor.events()

    async def collect(self) -> None:
        async for event in self._source:
            self.seen.append(event)

    def of(self, kind: EventKind, unit: UnitId | None = None) -> list[SupervisorEvent]:
        return [event for event in self.seen if event.kind is kind and event.unit == unit]

    async def until(self, kind: EventKind, unit: UnitId | None = None, **values: object) -> SupervisorEvent:
        def found() -> SupervisorEvent | None:
            events = (event for event in self.of(kind, unit))
            return next((e for e in events if all(getattr(e, key) == value for key, value in values.items())), None)

        event = await until(found, why=f"{kind} of {unit} {values}, seen: {[str(e.kind) for e in self.seen]}")
        assert event is not None
        return event


@contextlib.asynccontextmanager
async def listening(supervisor: Supervisor) -> AsyncIterator[Events]:
    """Events from the moment that none can be missed."""
    events = Events(supervisor)
    task = asyncio.ensure_future(events.collect())
    try:
        await until(lambda: events.seen or task.done())
        yield events
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def pids(unit: Unit) -> set[int]:
    """The pids of a unit."""
    return {process.pid for process in unit.processes}


def names(units: Sequence[Unit]) -> list[str]:
    """The names of units."""
    return [unit.name for unit in units]
