"""What Monit calls to start, stop and restart a service: `python -m …hand ROOT ACTION NAME`, over the engine."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from opsagent.home import Home
from opsagent_evals.faults.keepers import deeds
from opsagent_evals.faults.place import Place
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId


async def _do(root: Path, action: str, name: str) -> None:
    place = Place(root)
    home = Home.open(place.home)
    supervisor: Supervisor = CircusSupervisor(Engine(home.engine_dir, home.runtime_dir))
    began = datetime.now(UTC)
    try:
        for unit in await supervisor.list():
            if unit.name == name:
                await _carry_out(supervisor, action, unit.id)
    finally:
        deeds.append(place.root / "deeds.jsonl", deeds.deed(action, name, began, "monit"))
        await supervisor.close()


async def _carry_out(supervisor: Supervisor, action: str, unit: UnitId) -> None:
    match action:
        case "start":
            await supervisor.start(unit)
        case "stop":
            await supervisor.stop(unit)
        case _:
            await supervisor.restart(unit)


if __name__ == "__main__":
    asyncio.run(_do(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
