"""How long a supervisor's adapter takes from the `kill -9` of a process to its event, measured on the real thing.

`python -m tests.benchmarks.deaths systemd` measures inside a box, where systemd is process 1, and prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from opsagent_tools.supervisors.port import EventKind, Supervisor
from opsagent_tools.units import UnitState
from tests.support.supervisors import Harness, spec
from tests.support.waiting import until

DEATHS = 100
UNITS = 10


async def measure(harness: Harness, folder: Path, deaths: int = DEATHS) -> list[float]:
    """Return the milliseconds of so many deaths, one after the other, over `UNITS` services. Ends the harness."""
    told: dict[int, float] = {}
    try:
        await harness.apply([spec(f"worker{number}", folder) for number in range(UNITS)])
        listening = asyncio.ensure_future(_listen(harness.supervisor, told))
        try:
            await until(lambda: -1 in told or listening.done(), timeout=20, why="the first event")
            return [await _one(harness, f"worker{number % UNITS}", told) for number in range(deaths)]
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    finally:
        await harness.end()


async def _listen(supervisor: Supervisor, told: dict[int, float]) -> None:
    """Note when each process was said to have ended; -1: the stream has begun."""
    async for event in supervisor.events():
        told[-1] = 0.0
        if event.kind is EventKind.EXITED and event.pid is not None:
            told[event.pid] = time.perf_counter()


async def _one(harness: Harness, name: str, told: dict[int, float]) -> float:
    unit = harness.id(name)

    async def runs() -> int:
        found = await harness.supervisor.describe(unit)
        return found.processes[0].pid if found.state is UnitState.RUNNING and found.processes else 0

    pid = await until(runs, timeout=30, why=f"{name} runs")
    told.pop(pid, None)
    began = time.perf_counter()
    harness.kill(unit, pid)
    await until(lambda: pid in told, timeout=30, why=f"the death of {name} is told")
    await until(runs, timeout=30, why=f"{name} is back")  # the next death is not to wait for what starts meanwhile
    return (told[pid] - began) * 1000


def _systemd() -> Harness:
    from tests.support.systemd import SystemdHarness

    return SystemdHarness(at=None)


def _systemd_bus() -> Harness:
    from tests.support.systemd import SystemdHarness

    return SystemdHarness()


def _systemd_user() -> Harness:
    from tests.support.systemd import SystemdUserHarness

    return SystemdUserHarness()


INSIDE: dict[str, Callable[[], Harness]] = {
    "systemd": _systemd,
    "systemd, for who may not open its socket": _systemd_bus,
    "systemd-user": _systemd_user,
}
"""What is measured inside a box."""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(asyncio.run(measure(INSIDE[sys.argv[1]](), Path(scratch)))))
