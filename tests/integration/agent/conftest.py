"""A home with a real engine, real services and a real daemon in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent.api.client import ApiClient, ApiError
from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.units import Unit, UnitId
from tests.support.forked import Forked, start_opsagent
from tests.support.waiting import until

COUNTED = Path(__file__).with_name("counted.py")


@dataclass
class Place:
    """One machine in small."""

    home: Home
    engine: Engine
    supervisor: CircusSupervisor
    daemons: list[Forked] = field(default_factory=list)

    def service(self, name: str, port: int, *, delay_s: float = 0.0, **values: Any) -> ServiceSpec:
        """Return a service that counts its starts."""
        return ServiceSpec(
            name=name,
            command=(sys.executable, "-S", "-P", str(COUNTED)),
            cwd=self.home.path,
            env={"STARTS": str(self.starts_file(name)), "DELAY_S": str(delay_s)},
            port=port,
            health=Health(http=f"http://127.0.0.1:{port}/", interval_s=0.3, timeout_s=1.0, grace_s=5.0),
            stop_timeout_s=3.0,
            **values,
        )

    def starts_file(self, name: str) -> Path:
        return self.home.path / f"{name}.starts"

    def starts(self, name: str) -> list[int]:
        """Return the pids of all processes that the service ever had."""
        return [int(line) for line in self.starts_file(name).read_text().split()]

    async def up(self, *specs: ServiceSpec) -> None:
        """Have these services run and be healthy."""
        await self.engine.apply(specs)
        for spec in specs:
            assert spec.port is not None
            await until(lambda port=spec.port: accepts(port), timeout=20, why=f"{spec.name} serves")

    async def watch(self, mode: str = "auto") -> Forked:
        """Start the daemon, and wait until it answers and knows the services."""
        log = self.home.logs_dir / f"test-{len(self.daemons)}.log"
        with log.open("wb") as out:
            command = ["watch", "--json", "--mode", mode, "--home", str(self.home.path)]
            daemon = await asyncio.to_thread(start_opsagent, command, env=os.environ, out=out, err=out)
        self.daemons.append(daemon)

        async def knows() -> bool:
            assert daemon.poll() is None, log.read_text()
            with contextlib.suppress(ApiError):
                client = await ApiClient.connect(self.home.api_socket)
                status = await client.call("status")
                return bool(status["pid"] == daemon.pid and any(unit["health"] for unit in status["units"]))
            return False

        await until(knows, timeout=30, why="the daemon watches")
        return daemon

    async def kill_daemon(self) -> None:
        """SIGKILL the daemon."""
        await asyncio.to_thread(self.daemons[-1].kill)

    async def unit(self, name: str) -> Unit:
        return await self.supervisor.describe(UnitId.local("circus", name))

    async def pids(self, name: str) -> list[int]:
        return [process.pid for process in (await self.unit(name)).processes]

    async def kill(self, name: str) -> None:
        """SIGKILL all processes of a service."""
        for pid in await self.pids(name):
            os.kill(pid, signal.SIGKILL)

    def journal(self) -> Journal:
        return Journal.read(self.home)

    async def incident(self, condition: Callable[[IncidentRow], bool], timeout: float = 60.0) -> IncidentRow:
        """Wait for an incident that fulfils `condition`; return it with plans and events."""

        def look() -> IncidentRow | None:
            with self.journal() as journal:
                rows = [journal.incident(row.incident.id) for row in journal.incidents()]
            return next((row for row in rows if condition(row)), None)

        return await until(look, timeout=timeout, why="such an incident")

    def writing(self) -> Journal:
        return Journal.open(self.home)


async def accepts(port: int) -> bool:
    """Tell whether somebody serves the port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def place(home: Path) -> AsyncIterator[Place]:
    opened = Home.open(home)
    engine = Engine(opened.engine_dir, opened.runtime_dir)
    found = Place(opened, engine, CircusSupervisor(engine))
    try:
        yield found
    finally:
        for daemon in found.daemons:
            daemon.send_signal(signal.SIGTERM)
            await asyncio.to_thread(daemon.wait)
        await found.supervisor.close()
        await engine.shutdown()
