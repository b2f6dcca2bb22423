"""A home whose agent watches supervisors that others run, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent.api.client import ApiClient, ApiError
from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from tests.support.forked import Forked, start_opsagent
from tests.support.waiting import until


@dataclass
class Watched:
    """One home, and the agents that watch for it."""

    home: Home
    agents: list[Forked] = field(default_factory=list)

    def configure(self, text: str) -> None:
        """Write config.toml: no supervisor but those that it names is looked for."""
        self.home.config_file.write_text(f"[supervisors]\ndiscover = false\n{text}")
        self.home.config_file.chmod(0o600)

    def events_file(self, agent: int) -> Path:
        """What the n-th agent printed."""
        return self.home.logs_dir / f"events-{agent}.jsonl"

    async def watch(self, *units: str, mode: str = "suggest") -> None:
        """Start the agent; return when it knows these units as running."""
        file = self.events_file(len(self.agents))
        with file.open("wb") as out:
            command = ["watch", "--json", "--mode", mode, "--home", str(self.home.path)]
            agent = await asyncio.to_thread(start_opsagent, command, env=os.environ, out=out, err=out)
        self.agents.append(agent)

        async def knows() -> bool:
            assert agent.poll() is None, file.read_text()
            return {name for name, unit in (await self.units()).items() if unit["state"] == "running"} >= set(units)

        await until(knows, timeout=30, why="the agent watches")

    async def listing(self) -> dict[str, Any]:
        """What `opsagent ps --json` shows; empty while nobody answers."""
        with contextlib.suppress(ApiError):
            client = await ApiClient.connect(self.home.api_socket)
            try:
                return dict(await client.call("units"))
            finally:
                await client.close()
        return {"units": [], "supervisors": []}

    async def units(self) -> dict[str, Any]:
        return {unit["name"]: unit for unit in (await self.listing())["units"]}

    async def kill_agent(self) -> None:
        await asyncio.to_thread(self.agents[-1].kill)

    def notes(self) -> list[str]:
        """What the agent that runs now has said beside its incidents."""
        lines = self.events_file(len(self.agents) - 1).read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event["text"] for event in events if event["kind"] == "note"]

    def rows(self) -> list[IncidentRow]:
        with Journal.read(self.home) as journal:
            return [journal.incident(row.incident.id) for row in journal.incidents()]

    async def incident(self, condition: Callable[[IncidentRow], bool], why: str, timeout: float = 40.0) -> IncidentRow:
        """Wait for an incident like that; return it with plans and events."""

        def look() -> IncidentRow | None:
            with contextlib.suppress(Exception):
                return next((row for row in self.rows() if condition(row)), None)
            return None

        return await until(look, timeout=timeout, why=why)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    root = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    found = Watched(Home.open(root / "home"))
    try:
        yield found
    finally:
        for agent in found.agents:
            agent.send_signal(signal.SIGTERM)
            await asyncio.to_thread(agent.wait, 60)  # what it learnt is written first
        found.home.discard_runtime_dir()
        shutil.rmtree(root, ignore_errors=True)
