"""From the `kill -9` of a process to its supervisor's event, for every kind of supervisor, each for real."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import deaths
from tests.benchmarks.conftest import Figure, percentile
from tests.support import systemd_box
from tests.support.circusd import CircusdHarness
from tests.support.pm2 import Pm2Harness
from tests.support.supervisord import SupervisordHarness
from tests.support.supervisors import CircusHarness, Harness

BAR_MS = 20.0
_HERE: dict[str, Callable[[Path, Path], Harness]] = {
    "circus": lambda folder, runtime: CircusHarness(folder / "engine", runtime),
    "supervisord": lambda folder, runtime: SupervisordHarness(runtime),
    "circusd": lambda folder, runtime: CircusdHarness(runtime, check_delay=0.2),
    "PM2 in fork mode": lambda folder, runtime: Pm2Harness(),
    "PM2 in cluster mode": lambda folder, runtime: Pm2Harness(cluster=True),
}
"""What runs on the machine itself; a systemd gets one of its own (`deaths.INSIDE`)."""


@pytest.mark.parametrize("kind", [*_HERE, *deaths.INSIDE])
def bench_death_to_event(kind: str, benchmark: Any, figure: Figure, tmp_path: Path, runtime_root: Path) -> None:
    took: list[float] = []

    def run() -> None:
        if kind in _HERE:
            took.extend(asyncio.run(deaths.measure(_HERE[kind](tmp_path, runtime_root), tmp_path)))
        else:
            took.extend(in_a_box(kind))

    benchmark.pedantic(run, rounds=1, iterations=1)
    note = f"median {percentile(took, 0.5):.1f} ms, n={len(took)}"
    figure(f"{kind}: death of a process to its event, p95", percentile(took, 0.95), "ms", bar=BAR_MS, note=note)


def in_a_box(kind: str) -> list[float]:
    """Measure where systemd is process 1."""
    systemd_box.needed()
    with systemd_box.booted() as box:
        environment = ["env", "-C", str(systemd_box.ROOT), "PYTHONDONTWRITEBYTECODE=1"]
        done = box.run(*environment, sys.executable, "-m", "tests.benchmarks.deaths", kind, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return [float(one) for one in json.loads(done.stdout)]
