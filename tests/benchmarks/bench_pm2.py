"""PM2 beside its own command line: how long a list takes; and from `kill -9` of an app to the incident."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opsagent.sense import Senses
from opsagent.world import World
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.pm2.look import look
from opsagent_tools.units import UnitState
from tests.benchmarks.bench_senses import Watch, one_death
from tests.benchmarks.conftest import Figure, percentile
from tests.support.pm2 import PACKAGE, PM2, Pm2Harness, running
from tests.support.supervisors import spec
from tests.support.waiting import until

APPS, LISTS, COMMANDS = 50, 200, 9
DEATHS, WORKERS = 100, 10


async def list_times(pm2: PM2) -> list[float]:
    """Milliseconds of each list on one connection."""
    supervisor, found = Pm2Supervisor(pm2.home), []
    for _ in range(LISTS):
        began = time.perf_counter()
        units = await supervisor.list()
        found.append((time.perf_counter() - began) * 1000)
        assert len(units) == APPS
    await supervisor.close()
    return found


def timed(act: Callable[[], object]) -> float:
    """Milliseconds that something takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def command(*argv: str, env: dict[str, str]) -> float:
    """Milliseconds that a command takes, from its start to its end."""
    return timed(lambda: subprocess.run(argv, env=env, check=True, capture_output=True))


def bench_list_of_pm2(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    opsagent = str(Path(sys.executable).with_name("opsagent"))
    with running() as pm2:
        for number in range(APPS):
            pm2.start(f"app{number}", "sleep", args=["600"])
        lists = benchmark.pedantic(lambda: asyncio.run(list_times(pm2)), rounds=1, iterations=1)
        looks = [timed(lambda: look(pm2.home)) for _ in range(LISTS // 4)]
        pm2_cli, env = (str(pm2.node), str(PACKAGE / "bin" / "pm2")), pm2.environment()
        jlist, ls, ps = [], [], []
        for _ in range(COMMANDS):  # in turns: what else the machine does concerns all of them
            jlist.append(command(*pm2_cli, "jlist", env=env))
            ls.append(command(*pm2_cli, "ls", env=env))
            ps.append(command(opsagent, "ps", "--home", str(tmp_path / "home"), env=env))
    ours, theirs = statistics.median(lists), statistics.median(jlist)
    note = f"{APPS} processes; `pm2 jlist` takes {theirs:.0f} ms (median of {COMMANDS})"
    figure(f"PM2: a list of {APPS} processes on an open connection, median", ours, "ms", note=f"n = {LISTS}")
    figure(f"PM2: a list of {APPS} processes on a new connection, median", statistics.median(looks), "ms")
    figure("PM2: share of the time of `pm2 jlist` that a list takes", ours / theirs, "", bar=1 / 20, note=note)
    share = statistics.median(one / other for one, other in zip(ps, ls, strict=True))  # the machine's speed drifts
    note = f"{statistics.median(ps):.0f} ms and {statistics.median(ls):.0f} ms, medians of {COMMANDS}, in turns"
    figure("PM2: `opsagent ps`, cold, as a share of `pm2 ls`", share, "", bar=1.0, note=note)


async def incident_latencies(harness: Pm2Harness, folder: Path) -> list[float]:
    """Milliseconds from `kill -9` of a worker to the incident, with senses and detector as the daemon joins them."""
    specs = [spec(f"worker{number}", folder) for number in range(WORKERS)]
    await harness.apply(specs)
    watch = Watch(World(specs))
    senses = Senses([harness.supervisor], watch.world)
    sensing = asyncio.create_task(senses.run(watch.sensed))
    try:
        await senses.ready.wait()
        return [await one_settled(harness, watch, f"worker{number % WORKERS}") for number in range(DEATHS)]
    finally:
        sensing.cancel()
        await asyncio.gather(sensing, return_exceptions=True)
        await harness.end()


async def one_settled(harness: Pm2Harness, watch: Watch, name: str) -> float:
    """One death, and what it takes until the worker is back."""

    async def runs() -> bool:
        found = await harness.supervisor.describe(harness.id(name))
        return found.state is UnitState.RUNNING and bool(found.processes)

    await until(runs, timeout=60)
    took = await one_death(harness, watch, name)
    await until(runs, timeout=60)
    return took


def bench_death_to_incident_on_pm2(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    found: list[float] = []
    benchmark.pedantic(
        lambda: found.extend(asyncio.run(incident_latencies(Pm2Harness(), tmp_path))), rounds=1, iterations=1
    )
    note = f"kill -9 of apps of PM2 in fork mode, all senses running, n = {len(found)}"
    figure("PM2: death to incident, p50", percentile(found, 0.5), "ms", note=note)
    figure("PM2: death to incident, p95", percentile(found, 0.95), "ms", bar=20.0, note=note)
