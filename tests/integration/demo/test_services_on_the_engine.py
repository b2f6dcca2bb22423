"""The demo's gateway on the embedded engine: its workers are replaced under load, and no request is lost."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from opsagent.demo.services import deploy
from opsagent.demo.services.load import Counters
from opsagent.demo.services.web import Unreachable, fetch
from opsagent_tools.services.toml import load_services
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.units import UnitId
from tests.support.waiting import until

GATEWAY = UnitId.local("circus", "gateway")


@pytest.fixture
def deployment(tmp_path: Path) -> deploy.Deployment:
    return deploy.write(tmp_path)


@pytest.fixture
async def supervisor(
    deployment: deploy.Deployment, tmp_path: Path, runtime_root: Path
) -> AsyncIterator[CircusSupervisor]:
    engine = Engine(tmp_path / "engine", runtime_root)
    try:
        await engine.apply(load_services(deployment.services_toml))
        supervisor = CircusSupervisor(engine)
        yield supervisor
        await supervisor.close()
    finally:
        await engine.shutdown()


@pytest.fixture
def counters(deployment: deploy.Deployment, tmp_path: Path) -> Iterator[Path]:
    """The counters of a load that runs while the test does."""
    out = tmp_path / "load.json"
    load = subprocess.Popen(deploy.load_command(deployment.url, out, rate=60))
    yield out
    load.kill()
    load.wait()


async def answers(deployment: deploy.Deployment) -> bool:
    try:
        return (await fetch(f"{deployment.url}/items/x")).status == 200
    except Unreachable:
        return False


@pytest.mark.timeout(120)
async def test_a_surge_and_retire_of_every_worker_loses_no_request(
    deployment: deploy.Deployment, supervisor: CircusSupervisor, counters: Path
) -> None:
    await until(lambda: answers(deployment), timeout=20)
    await until(lambda: counters.exists() and Counters.read(counters).ok > 20)
    before = Counters.read(counters)
    old = (await supervisor.describe(GATEWAY)).processes
    assert len(old) == deploy.GATEWAY_WORKERS
    for process in old:
        served = Counters.read(counters).ok
        new = await supervisor.surge(GATEWAY)
        await until(partial(listens, new.pid))
        await supervisor.retire(GATEWAY, process.key)
        await until(partial(has_served, counters, served + 10))
    now = (await supervisor.describe(GATEWAY)).processes
    assert len(now) == deploy.GATEWAY_WORKERS
    assert {process.pid for process in now}.isdisjoint(process.pid for process in old)
    seen = Counters.read(counters).since(before)
    assert dict(seen.failed) == {}
    assert seen.ok > 40


def has_served(counters: Path, requests: int) -> bool:
    return Counters.read(counters).ok > requests


def listens(pid: int) -> bool:
    """A worker that catches SIGTERM (bit 14) has got as far as its socket."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << 14)
