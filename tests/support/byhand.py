"""A supervisor over real processes that a test started itself: it only tells; and the room that probes ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.evidence import gather
from opsagent.model import Evidence, ProbeRequest
from opsagent.world import World
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Daemon, SupervisorUnreachable, UnknownUnit
from opsagent_tools.units import Process, Unit, UnitId, UnitState


class EngineByHand:
    """What a probe may know of an engine: its daemon's pid and the mark of all that it starts."""

    id = "engine-of-this-test"

    def pid(self) -> int | None:
        return None


class ByHand:
    """Lists the units that it was given, afresh each time. It can be told to be gone."""

    kind = "circus"
    engine = EngineByHand()

    def __init__(self) -> None:
        self.units: dict[UnitId, Unit] = {}
        self.gone = False

    def put(self, name: str, *pids: int, **fields: Any) -> Unit:
        """Have a unit with these processes; without any it has exited."""
        keys = [key for pid in pids if (key := key_of(pid)) is not None]
        given: dict[str, Any] = {
            "state": UnitState.RUNNING if pids else UnitState.EXITED,
            "processes": tuple(Process(key=key) for key in keys),
            "instances": max(len(pids), 1),
            "uid": uid_of_tests(),
        }
        unit = Unit(id=UnitId.local(self.kind, name), **{**given, **fields})
        self.units[unit.id] = unit
        return unit

    async def daemon(self) -> Daemon:
        return Daemon(pid=None if self.gone else 1, uid=uid_of_tests())

    async def list(self) -> Sequence[Unit]:
        if self.gone:
            raise SupervisorUnreachable("gone")
        return tuple(self.units.values())

    async def describe(self, unit: UnitId) -> Unit:
        await self.list()
        if unit not in self.units:
            raise UnknownUnit(str(unit))
        return self.units[unit]


class Scene:
    """Units, their specifications, and one question."""

    def __init__(self, last_good_dir: Path | None = None) -> None:
        self.supervisor = ByHand()
        self.world = World()
        self.last_good_dir = last_good_dir

    def add(self, spec: ServiceSpec, *pids: int, **fields: Any) -> Unit:
        """Have a unit as its specification says."""
        if spec.port is not None:
            fields.setdefault("ports", (spec.port,))
        unit = self.supervisor.put(spec.name, *pids, **fields)
        self.world.replace_units(self.supervisor.kind, tuple(self.supervisor.units.values()))
        self.world.replace_specs({**self.world.specs, spec.name: spec})
        return unit

    async def ask(self, probe: str, unit: str = "api") -> Mapping[str, Any]:
        """Run one probe and return its facts."""
        return (await self.evidence(probe, unit))[0].facts

    async def evidence(self, probe: str, unit: str = "api") -> tuple[Evidence, ...]:
        """Run one probe."""
        request = ProbeRequest(probe, UnitId.local(self.supervisor.kind, unit))
        supervisors: Any = {self.supervisor.kind: self.supervisor}
        return await gather([request], self.world, supervisors, datetime.now(UTC), last_good_dir=self.last_good_dir)


def uid_of_tests() -> int:
    import os

    return os.getuid()


def python(code: str, *args: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a small Python program."""
    return subprocess.Popen([sys.executable, "-S", "-c", code, *args], **options)


def ready(process: subprocess.Popen[bytes]) -> str:
    """Wait until it has printed a line; return the line. The program was started with a pipe for stdout."""
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line, "it ended before it was ready"
    return line.strip()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it, and wait until it is gone."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def service(cwd: Path, name: str = "api", **fields: Any) -> ServiceSpec:
    """A specification of a service that starts in `cwd`."""
    return ServiceSpec(name=name, **{"cwd": cwd, "command": (sys.executable,), **fields})
