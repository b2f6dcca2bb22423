"""The embedded engine running what an ecosystem file describes, one engine for a whole test module."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from opsagent_tools.services.described import Described
from opsagent_tools.services.load import load
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.units import Unit, UnitId
from tests.support.waiting import until

SHELL = "exec sleep 600"


class Stage:
    """One folder with apps, and the engine that runs them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.supervisor = CircusSupervisor(engine)

    async def up(self, *apps: Mapping[str, object], env_name: str = "") -> Described:
        """Write the apps as an ecosystem file, and run exactly these."""
        file = self.folder / "ecosystem.json"
        file.write_text(json.dumps({"apps": list(apps)}))
        described = load(file, env_name=env_name)
        await self.engine.apply(described.specs)
        return described

    def script(self, name: str, body: str) -> str:
        """Write a script; without a first line of its own it is one of the shell."""
        path = self.folder / name
        path.write_text(body if body.startswith("#!") or not name.endswith(".sh") else f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    def id(self, name: str) -> UnitId:
        return UnitId.local("circus", name)

    async def unit(self, name: str) -> Unit:
        return await self.supervisor.describe(self.id(name))

    async def when(self, name: str, condition: Callable[[Unit], object], timeout: float = 10.0) -> Unit:
        async def look() -> Unit | None:
            unit = await self.unit(name)
            return unit if condition(unit) else None

        return await until(look, timeout=timeout, why=name)

    def own_log(self, name: str) -> Path:
        return self.engine.paths.log(name)

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def said(self, name: str) -> str:
        """What the engine's own log of a service holds."""
        path = self.own_log(name)
        return path.read_text() if path.exists() else ""

    def daemon_log(self) -> str:
        return self.engine.paths.daemon_log.read_text()


@asynccontextmanager
async def stage(engine: Engine, folder: Path) -> AsyncIterator[Stage]:
    """A stage for one test: nothing runs on it before, nothing after."""
    found = Stage(engine, folder)
    try:
        yield found
    finally:
        await engine.apply([])
        await found.supervisor.close()
        for log in engine.paths.logs.iterdir():
            log.unlink()


def start_engine(folder: Path, runtime: Path) -> Engine:
    """Start an engine for a module."""
    engine = Engine(folder, runtime)
    asyncio.run(engine.ensure_running())
    return engine


def end_engine(engine: Engine) -> None:
    """End it, and show what it complained about."""
    asyncio.run(engine.shutdown())
