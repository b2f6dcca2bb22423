"""What a case is played on: a real supervisor with the scenario's services, and whoever keeps them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from opsagent.home import Home
from opsagent_evals.faults.grounds import GroundError, ground
from opsagent_evals.faults.keepers import Keeper, Keeping, keeper
from opsagent_evals.faults.keepers.keeper import KeeperError
from opsagent_evals.faults.place import Place
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.services.toml import load_services
from opsagent_tools.supervisors.port import SupervisorError


class StageError(Exception):
    """The services or their keeper could not be started. One line."""


class Stage:
    """Brings the services and their keeper up, knows the processes, and takes everything down again."""

    def __init__(self, place: Place, *, since: datetime, supervisor: str = "engine", kept_by: str = "opsagent") -> None:
        self.home = Home.open(place.home)
        self._place = place
        self._since = since
        self._kept_by = kept_by
        self._ground = ground(supervisor, place, self.home, defaults=kept_by == "pm2")
        self.keeper: Keeper | None = None
        self._written = ""

    async def set_up(self) -> Keeper:
        """Start the services, then their keeper. Raises ServicesFileError, SupervisorError, StageError."""
        specs = tuple(self._with_env(spec) for spec in load_services(self._place.scenario / "services.toml"))
        keeping = Keeping(place=self._place, home=self.home, specs=specs, ground=self._ground, since=self._since)
        self.keeper = keeper(self._kept_by, keeping)
        try:
            await self._ground.start(specs)
            await self.keeper.start()
        except (GroundError, KeeperError) as error:
            raise StageError(str(error)) from None
        return self.keeper

    def _with_env(self, spec: ServiceSpec) -> ServiceSpec:
        own = self._place.own_env()
        program, *words = spec.command
        found = program if os.sep in program else shutil.which(program, path=own["PATH"]) or program
        return replace(spec, command=(found, *words), env={**own, **spec.env})

    async def write_services(self) -> None:
        """Bring `STATE_DIR/services.json` up to date. A supervisor that does not answer leaves it as it was."""
        if self._ground.supervisor is None:  # never came up
            return
        try:
            units = await self._ground.supervisor.list()
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

    async def take_down(self) -> None:
        """End the keeper, then the services with what runs them."""
        if self.keeper is not None:
            await self.keeper.end()
        await self._ground.end()


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
