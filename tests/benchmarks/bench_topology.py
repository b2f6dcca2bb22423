"""What it costs the daemon to know who talks to whom: 100 processes with 1,000 sockets between them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opsagent.senses import topology_look
from opsagent.senses.topology import TopologySense
from opsagent.senses.topology_look import Scene
from opsagent.world import World
from opsagent_tools.processes.proc import key_of
from opsagent_tools.units import Process, Unit, UnitId, UnitState
from tests.benchmarks.conftest import Figure

PROCESSES, CALLS, LOOKS = 100, 5, 40
CROWD = """
import os, socket, sys, time
count, calls = int(sys.argv[1]), int(sys.argv[2])
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
ports = [one.getsockname()[1] for one in listeners]
for number in range(count):
    if os.fork() == 0:
        for other, listener in enumerate(listeners):
            if other != number:
                listener.close()
        kept = [socket.create_connection(("127.0.0.1", ports[(number + n) % count])) for n in range(1, calls + 1)]
        kept += [listeners[number].accept()[0] for _ in range(calls)]
        print(os.getpid(), flush=True)
        sys.stdin.read()
        os._exit(0)
for listener in listeners:
    listener.close()
sys.stdin.read()
"""


@contextmanager
def crowd() -> Iterator[list[Unit]]:
    """Processes that talk to each other, each a unit."""
    argv = [sys.executable, "-SEc", CROWD, str(PROCESSES), str(CALLS)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pids = [int(process.stdout.readline()) for _ in range(PROCESSES)]
            yield [a_unit(number, pid) for number, pid in enumerate(pids)]
        finally:
            process.stdin.close()


def a_unit(number: int, pid: int) -> Unit:
    key = key_of(pid)
    assert key is not None
    unit = UnitId.local("circus", f"svc{number}")
    return Unit(id=unit, state=UnitState.RUNNING, processes=(Process(key=key),))


async def measure(units: list[Unit]) -> tuple[float, float]:
    """Return the processor time of one look of the sense, and of reading descriptors, in seconds."""
    world = World()
    world.replace_units("circus", units)
    sense = TopologySense(world)
    await sense.look()
    assert len(world.topology) == PROCESSES * CALLS
    began = time.process_time()
    for _ in range(LOOKS):
        await sense.look()
    look = (time.process_time() - began) / LOOKS
    began = time.process_time()
    for _ in range(10):
        sense.looker._scan(Scene(units=units))
    return look, (time.process_time() - began) / 10


def bench_share_of_a_core(benchmark: Any, figure: Figure) -> None:
    costs: list[tuple[float, float]] = []

    def run() -> None:
        with crowd() as units:
            costs.append(asyncio.run(measure(units)))

    benchmark.pedantic(run, rounds=1, iterations=1)
    ((look, scan),) = costs
    note = f"{PROCESSES} processes, {PROCESSES * CALLS * 2} connected sockets"
    figure("topology: one look", look * 1000, "ms", note=note)
    figure("topology: reading descriptors", scan * 1000, "ms", note=note)
    share = look / 5 + scan / 60
    figure("topology: share of one core", share * 100, "%", bar=1.0, note=f"{note}; settled, a look every 5 s")
    young = look / max(1.0, topology_look._SHARE * look) + scan / 10  # it waits for as long as its own cost demands
    figure(
        "topology: share of one core, first minute",
        young * 100,
        "%",
        bar=2.0,
        note=f"{note}; a look every second at most",
    )
