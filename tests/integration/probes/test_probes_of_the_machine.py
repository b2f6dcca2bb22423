"""Limits, the clock, who is at work, and what the probes of dependencies say: against real processes and files."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.evidence import gather
from opsagent.model import ProbeRequest
from opsagent_tools.host.clock import clock_state, looked
from opsagent_tools.processes.limits import limits_of, soft_limits
from opsagent_tools.services.spec import Health
from opsagent_tools.units import UnitId
from tests.support.byhand import Scene, service

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

HUNGRY = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = [open('/dev/null') for _ in range(int(sys.argv[1]))]
print('ready', flush=True)
time.sleep(60)
"""


async def test_the_limit_that_is_nearest_is_told(scene: Scene, start: Any, tmp_path: Path) -> None:
    process, _ = start(HUNGRY, "58")
    scene.add(service(tmp_path), process.pid)
    facts = await scene.ask("limits")
    assert (facts["resource"], facts["most"], facts["pid"]) == ("descriptors", 64, process.pid)
    assert facts["share"] >= 0.9
    assert "of 64 descriptors" in facts["said"]


async def test_of_what_has_ended_no_limit_is_known(scene: Scene, tmp_path: Path) -> None:
    scene.add(service(tmp_path))
    assert "failed" in await scene.ask("limits")


def test_limits_are_read_as_the_kernel_has_them() -> None:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft_limits(os.getpid())["Max open files"] == soft
    mine = {limit.resource: limit for limit in limits_of(os.getpid())}
    assert 0 < mine["descriptors"].used < mine["descriptors"].most == soft
    assert soft_limits(2**22 + 1) == {}


async def test_the_clock_of_this_machine_did_not_jump(scene: Scene, tmp_path: Path) -> None:
    scene.add(service(tmp_path))
    facts = await scene.ask("clock")
    assert facts["jumped"] is False
    assert "did not jump" in facts["said"]


def test_a_jump_is_seen_against_the_clock_that_nobody_can_set() -> None:
    distance, at = looked()
    assert clock_state((distance, at)).jumped_s == 0.0
    assert clock_state((distance - 300.0, at)).jumped_s == pytest.approx(300.0, abs=1.0)


def _people(unit: UnitId) -> tuple[str, str]:
    return ("", "by kim since 12:00 UTC") if unit.name == "api" else ("", "")


async def test_a_deploy_and_what_was_edited_last_are_told(scene: Scene, tmp_path: Path) -> None:
    config = tmp_path / "app.json"
    config.write_text("{}", encoding="utf-8")
    os.utime(config, (time.time() - 7, time.time() - 7))
    unit = scene.add(service(tmp_path, config_files=(config,)))
    supervisors: Any = {"circus": scene.supervisor}
    request = ProbeRequest("who_is_at_work", unit.id)
    (found,) = await gather([request], scene.world, supervisors, datetime.now(UTC), people=_people)
    assert found.facts["deploy"] == "by kim since 12:00 UTC"
    assert found.facts["edited"] == str(config)
    assert 5 <= float(found.facts["ago_s"]) <= 60
    alone = await scene.ask("who_is_at_work")
    assert (alone["deploy"], alone["hold"]) == ("", "")
    assert "somebody edited app.json" in alone["said"]


async def test_an_old_file_says_nothing_of_now(scene: Scene, tmp_path: Path) -> None:
    config = tmp_path / "app.json"
    config.write_text("{}", encoding="utf-8")
    os.utime(config, (time.time() - 4000, time.time() - 4000))
    scene.add(service(tmp_path, config_files=(config,)))
    facts = await scene.ask("who_is_at_work")
    assert "edited_at" not in facts
    assert "nobody" in facts["said"]


@pytest.fixture
def slow_port() -> Iterator[int]:
    """A port that accepts a connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def quick_port() -> Iterator[int]:
    """A port that answers every request at once."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    over.set()
    thread.join()
    server.close()


async def test_the_probes_of_dependencies_are_asked_now(
    scene: Scene, start: Any, tmp_path: Path, slow_port: int, quick_port: int
) -> None:
    program = "print('ready', flush=True); import time; time.sleep(60)"
    store, _ = start(program)
    cache, _ = start(program)
    health = {port: Health(http=f"http://127.0.0.1:{port}/", timeout_s=0.3) for port in (slow_port, quick_port)}
    scene.add(service(tmp_path, name="store", health=health[slow_port]), store.pid)
    scene.add(service(tmp_path, name="cache", health=health[quick_port]), cache.pid)
    scene.add(service(tmp_path, name="api", depends_on=("store", "cache")))
    facts = await scene.ask("dependency_probe")
    assert (facts["asked"], facts["failing"], facts["ok"]) == (2, 1, False)
    assert (facts["worst_name"], facts["worst_reason"]) == ("store", "timeout")
    assert facts["said"] == "store: their own probes fail"


async def test_what_nobody_configured_is_not_asked(scene: Scene, tmp_path: Path) -> None:
    scene.add(service(tmp_path, name="store"))
    scene.add(service(tmp_path, name="api", depends_on=("store",)))
    facts = await scene.ask("dependency_probe")
    assert (facts["asked"], facts["ok"]) == (0, True)
