"""The daemon beside 500 idle processes: how much of a core it takes, how much memory, and whether that stays.

Everything is real: ten services of fifty instances on the engine, `opsagent watch` in a process of its own. The engine's
own daemon and the services are not counted.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_daemon import ask, cpu_share, memory_of, opsagent, running, watching
from tests.benchmarks.conftest import Figure
from tests.support.waiting import eventually

SERVICES, INSTANCES = 10, 50
WATCHED_S = 30.0
SETTLE_S = 12.0
"""What is new is looked at more closely for a while."""


def bench_many_idle_processes(benchmark: Any, figure: Figure, home: Path, tmp_path: Path) -> None:
    services = tmp_path / "services.toml"
    services.write_text(described(0))
    with running(services), watching(home) as daemon:
        for number in range(1, SERVICES):  # all at once keeps the engine busy for longer than a command waits for it
            services.write_text(services.read_text() + described(number))
            opsagent("up", str(services))
        eventually(lambda: processes(home) == SERVICES * INSTANCES, timeout=120, why="all of them are watched")
        time.sleep(SETTLE_S)
        before = memory_of(daemon.pid)
        share = benchmark.pedantic(lambda: cpu_share(daemon, WATCHED_S), rounds=1, iterations=1)
        after = memory_of(daemon.pid)
        assert all(unit["rss"] for unit in ask(home, "metrics")["units"].values())
    note = f"{SERVICES} services of {INSTANCES} instances; over {WATCHED_S:.0f} s"
    figure("daemon beside 500 idle processes, share of one core", share * 100, "%", bar=5.0, note=note)
    figure("daemon beside 500 idle processes, memory", after["Rss"], "MB", bar=200.0, note=f"PSS {after['Pss']:.0f}")
    figure("the same, growth meanwhile", after["Rss"] - before["Rss"], "MB", bar=10.0)


def processes(home: Path) -> int:
    """Return how many processes the daemon has measured."""
    return int(sum(unit["processes"] or 0 for unit in ask(home, "metrics")["units"].values()))


def described(number: int) -> str:
    return f'[services.idle{number:02}]\ncommand = ["sleep", "100000"]\ninstances = {INSTANCES}\n'
