"""From `kill -9` of a worker of the real engine to the incident, with all senses and the detector running."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.detect import Detection, Detector, Opened, Updated
from opsagent.model import Signal, SignalKind
from opsagent.sense import Senses
from opsagent.world import World
from tests.benchmarks.conftest import Figure, percentile
from tests.support.supervisors import CircusHarness, Harness, spec
from tests.support.waiting import until

DEATHS = 120
WORKERS = 30


class Watch:
    """Senses and detector as the daemon joins them; notes when each incident came."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.detector = Detector()
        self.told: list[tuple[float, Detection]] = []
        self.spawned = 0

    def sensed(self, sensed: Signal) -> None:
        self.spawned += sensed.kind is SignalKind.SPAWNED
        found = self.detector.observe(sensed, self.world, datetime.now(UTC))
        self.told += [(time.perf_counter(), detection) for detection in found]


async def measure(harness: Harness, folder: Path) -> list[float]:
    specs = [spec(f"worker{number}", folder) for number in range(WORKERS)]
    await harness.apply(specs)
    watch = Watch(World(specs))
    senses = Senses([harness.supervisor], watch.world)
    sensing = asyncio.create_task(senses.run(watch.sensed))
    try:
        await senses.ready.wait()
        return [await one_death(harness, watch, f"worker{number % WORKERS}") for number in range(DEATHS)]
    finally:
        sensing.cancel()
        await asyncio.gather(sensing, return_exceptions=True)
        await harness.end()


async def one_death(harness: Harness, watch: Watch, name: str) -> float:
    unit = harness.id(name)
    await until(lambda: watch.world.units[unit].processes, timeout=60)
    for incident in watch.detector.open:
        watch.detector.close(incident.id, mended=True)
    watch.told.clear()
    spawned = watch.spawned
    began = time.perf_counter()
    os.kill(watch.world.units[unit].processes[0].pid, signal.SIGKILL)
    await until(lambda: watch.told, why=f"an incident of {name}")
    at, detection = watch.told[0]
    assert isinstance(detection, Opened | Updated)
    assert detection.incident.unit == unit
    await until(lambda: watch.spawned > spawned, timeout=60)
    return (at - began) * 1000


def bench_death_to_incident(benchmark: Any, figure: Figure, tmp_path: Path, runtime_root: Path) -> None:
    engine_dir = tmp_path / "engine"
    engine_dir.mkdir(mode=0o700)
    latencies: list[float] = []

    def run() -> None:
        harness = CircusHarness(engine_dir, runtime_root)
        latencies.extend(asyncio.run(measure(harness, tmp_path)))

    benchmark.pedantic(run, rounds=1, iterations=1)
    note = f"kill -9 of workers of the engine, n = {len(latencies)}"
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    benchmark.extra_info.update(p50_ms=round(p50, 3), p95_ms=round(p95, 3))
    figure("death to incident, p50", p50, "ms", note=note)
    figure("death to incident, p95", p95, "ms", bar=20.0, note=note)
