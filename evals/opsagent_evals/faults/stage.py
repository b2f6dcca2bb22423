"""What a case is played on: the real engine with the scenario's services, and the real daemon of the agent."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opsagent.home import Home
from opsagent_evals.faults.place import Place
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.services.toml import load_services
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.port import SupervisorError

_READY_S = 30.0
_STOP_S = 15.0
_POLL_S = 0.05


class StageError(Exception):
    """The services or the agent could not be started. One line."""


class Stage:
    """Brings the services and the daemon up, knows the processes, and takes everything down again."""

    def __init__(self, place: Place) -> None:
        self.home = Home.open(place.home)
        self._place = place
        self._specs: tuple[ServiceSpec, ...] = ()
        self._engine = Engine(self.home.engine_dir, self.home.runtime_dir)
        self._supervisor: CircusSupervisor | None = None
        self._daemon: asyncio.subprocess.Process | None = None
        self._written = ""

    async def set_up(self) -> None:
        """Start the services, then the daemon. Raises ServicesFileError, SupervisorError, StageError."""
        specs = load_services(self._place.scenario / "services.toml")
        self._specs = tuple(self._with_env(spec) for spec in specs)
        await self._engine.ensure_running()
        await self._engine.apply(self._specs)
        self._supervisor = CircusSupervisor(self._engine)
        await self._start_daemon()

    def _with_env(self, spec: ServiceSpec) -> ServiceSpec:
        own = self._place.own_env()
        program, *words = spec.command
        found = program if os.sep in program else shutil.which(program, path=own["PATH"]) or program
        return replace(spec, command=(found, *words), env={**own, **spec.env})

    async def _start_daemon(self) -> None:
        with self._place.daemon_log.open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "opsagent", "watch", "--mode", "auto", "--home", str(self.home.path),
                cwd="/", env=self._place.env(os.environ), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wanted = {spec.name for spec in self._specs}
        deadline = asyncio.get_running_loop().time() + _READY_S
        while not wanted <= {str(unit.get("name")) for unit in (await self._status()).get("units", ())}:
            if self._daemon.returncode is not None:
                raise StageError(f"the daemon ended with {self._daemon.returncode}: {self._last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise StageError(f"the daemon was not ready within {_READY_S:.0f} s")
            await asyncio.sleep(_POLL_S)

    async def _status(self) -> dict[str, Any]:
        """Ask the daemon's local API (docs/api.md) for its status; {} while it does not answer."""
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_unix_connection(str(self.home.api_socket), limit=1 << 20)
                try:
                    writer.write(json.dumps({"v": 1, "id": 1, "method": "status", "params": {}}).encode() + b"\n")
                    answer = json.loads(await reader.readline() or b"{}")
                finally:
                    writer.close()
        except (OSError, ValueError):
            return {}
        result = answer.get("result")
        return result if isinstance(result, dict) else {}

    def _last_words(self) -> str:
        lines = self._place.daemon_log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")

    async def write_services(self) -> None:
        """Bring `STATE_DIR/services.json` up to date. An engine that does not answer leaves it as it was."""
        if self._supervisor is None:  # never came up
            return
        try:
            units = await self._supervisor.list()
        except SupervisorError:
            return
        services = {
            unit.name: {
                "unit": str(unit.id),
                "pids": [process.pid for process in unit.processes],
                "ports": list(unit.ports),
                "logs": [str(path) for path in unit.logs],
            }
            for unit in units
        }
        text = json.dumps(services, indent=1)
        if text != self._written:
            fresh = self._place.state / ".services.json.new"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._place.state / "services.json")
            self._written = text

    def daemon_lives(self) -> bool:
        """Tell whether the agent is still there."""
        return self._daemon is not None and self._daemon.returncode is None

    async def take_down(self) -> None:
        """End the daemon, then the engine with its services."""
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._daemon.wait(), _STOP_S)
            except TimeoutError:
                self._daemon.kill()
                await self._daemon.wait()
        if self._supervisor is not None:
            await self._supervisor.close()
        await self._engine.shutdown()


def strays(state: Path, *, room: bool) -> tuple[Sequence[str], Sequence[int]]:
    """Return what still runs after everything was taken down: command lines, and pids.

    In a room of its own that is every process but its first one and this one; elsewhere, those that carry this
    scenario's `STATE_DIR` in their environment.
    """
    found: dict[int, str] = {}
    mark = f"STATE_DIR={state}".encode()
    for entry in Path("/proc").iterdir() if sys.platform == "linux" else ():
        if not entry.name.isdecimal() or int(entry.name) in {1, os.getpid()}:
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            if words and (room or mark in (entry / "environ").read_bytes().split(b"\0")):
                found[int(entry.name)] = words.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:200]
        except OSError:  # gone, or somebody else's
            continue
    return list(found.values()), list(found)
