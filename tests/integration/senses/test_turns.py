"""One ill instance of several on one socket is met, also where somebody else's questions come in step with the probe."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from opsagent.model import Signal, SignalKind
from opsagent.senses.desk import Desk, SenseSettings
from opsagent.senses.probes import ProbeSense
from opsagent.world import World
from opsagent_tools.probes.burst import ask_side_by_side
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import Health
from opsagent_tools.units import Process, Unit, UnitId, UnitState
from tests.support.histories import service
from tests.support.waiting import until

_WORKER = """
import os, signal, socket, sys, time
s, ill, slow_s = socket.socket(fileno=int(sys.argv[1])), False, float(sys.argv[2])
def spoil(*_):
    global ill; ill = True
signal.signal(signal.SIGUSR2, spoil)
print(flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(2)
    try:
        c.recv(2000)
        time.sleep(slow_s)
        c.sendall(b"HTTP/1.0 500 No\\r\\n\\r\\n" if ill else b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    except OSError:
        pass
    c.close()
"""


@asynccontextmanager
async def workers(count: int, *, slow_s: float = 0.0) -> AsyncIterator[tuple[Health, list[int]]]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        os.set_inheritable(door.fileno(), True)
        address = "{}:{}".format(*door.getsockname())
        running = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-SE", "-c", _WORKER, str(door.fileno()), str(slow_s if number == 0 else 0.0)),
                pass_fds=[door.fileno()],
                stdout=asyncio.subprocess.PIPE,
            )
            for number in range(count)
        ]
        try:
            for one in running:
                assert one.stdout is not None
                await one.stdout.readline()
            health = Health(http=f"http://{address}/", interval_s=0.2, timeout_s=1.0, grace_s=1.0)
            yield health, [one.pid for one in running]
        finally:
            for one in running:
                one.kill()
            await asyncio.gather(*(one.wait() for one in running))


async def test_every_instance_is_met_at_once() -> None:
    async with workers(4) as (health, pids):
        assert all(one.ok for one in await ask_side_by_side(health, 8))
        os.kill(pids[2], signal.SIGUSR2)
        for _ in range(5):
            answers = await ask_side_by_side(health, 8)
            assert {one.status for one in answers} == {200, 500}


async def test_an_ill_instance_is_told_and_a_busy_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.senses.turns._FIRST_S", 0.2)
    monkeypatch.setattr("opsagent.senses.turns._EVERY_S", 0.5)
    unit_id, told = UnitId("fake", "web", "here"), list[Signal]()
    async with workers(4, slow_s=1.5) as (health, pids):
        world = World([service("web", health=health, instances=4)])
        keys = [key for pid in pids if (key := key_of(pid)) is not None]
        processes = tuple(Process(key=key) for key in keys)
        world.replace_units("fake", [Unit(id=unit_id, state=UnitState.RUNNING, instances=4, processes=processes)])
        sense = ProbeSense(Desk(world, told.append, SenseSettings()), lambda unit: None)

        def side_by_side() -> list[Signal]:
            return [one for one in told if "side_by_side" in one.data]

        try:
            sense.sync(list(world.units.values()))
            await until(lambda: sense._patients[unit_id].turns.was_well, timeout=20)
            assert not side_by_side()
            os.kill(pids[2], signal.SIGUSR2)
            await until(side_by_side, timeout=20)
            (*bad,) = side_by_side()
            assert {(one.kind, one.data["status"]) for one in bad} == {(SignalKind.PROBE_FAILED, 500)}
        finally:
            await sense.close()
