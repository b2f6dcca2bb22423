"""The demo's services, for real: what they answer, how they break, and that a rolling replacement loses nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from opsagent.demo.services import deploy, faults, runtime
from opsagent.demo.services.load import Counters
from opsagent_tools.services.toml import load_services

Eventually = Callable[..., Any]


class Demo:
    """The demo's services as plain processes, without an engine; this test holds the gateway's socket."""

    def __init__(self, folder: Path) -> None:
        self.deployment = deploy.write(folder)
        self.log = folder / "services.log"
        self._specs = tomllib.loads(self.deployment.services_toml.read_text())["services"]
        self._door = socket.create_server(("127.0.0.1", self.deployment.gateway), backlog=128)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> subprocess.Popen[bytes]:
        spec = self._specs[name]
        env = {**os.environ, **spec["env"]}
        if name == "gateway":
            env["LISTEN_FD"] = str(self._door.fileno())
        with self.log.open("ab") as log:
            process = subprocess.Popen(spec["command"], env=env, stderr=log, pass_fds=[self._door.fileno()])
        self.processes.append(process)
        return process

    def load(self, out: Path, rate: float) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(deploy.load_command(self.deployment.url, out, rate=rate))
        self.processes.append(process)
        return process

    def ask(self, service: str, path: str, method: str = "GET", body: str = "") -> tuple[int, Any, Mapping[str, str]]:
        connection = HTTPConnection("127.0.0.1", getattr(self.deployment, service), timeout=5)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def answers(self, service: str) -> bool:
        try:
            return self.ask(service, "/health")[0] == 200
        except OSError:
            return False

    def end(self) -> None:
        self._door.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    try:
        yield demo
    finally:
        demo.end()


@pytest.fixture
def backend(demo: Demo, eventually: Eventually) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Store and api, both serving."""
    pair = demo.start("store"), demo.start("api")
    eventually(lambda: demo.answers("store") and demo.answers("api"))
    return pair


Backend = tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]


def test_the_services_file_is_one_that_up_takes(tmp_path: Path) -> None:
    specs = {spec.name: spec for spec in load_services(deploy.write(tmp_path).services_toml)}
    assert specs["gateway"].share_socket
    assert specs["gateway"].instances == 4
    assert specs["api"].depends_on == ("store",)
    assert not specs["store"].autorestart


def test_an_item_goes_through_all_three_and_survives_a_restart_of_store(
    demo: Demo, backend: Backend, eventually: Eventually
) -> None:
    demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    assert demo.ask("gateway", "/items/a", "PUT", "1")[0] == 200
    assert demo.ask("gateway", "/items/a")[1] == {"item": "1"}
    faults.kill(backend[0].pid)
    backend[0].wait()
    demo.start("store")
    eventually(lambda: demo.answers("store"))
    assert demo.ask("gateway", "/items/a")[1] == {"item": "1"}


def test_without_store_api_is_unwell_says_so_and_names_who_failed(
    demo: Demo, backend: Backend, eventually: Eventually
) -> None:
    demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    faults.kill(backend[0].pid)
    backend[0].wait()
    assert demo.ask("api", "/health")[0] == 503
    status, _, headers = demo.ask("gateway", "/items/a")
    assert (status, headers["x-failed-at"], headers["x-kind"]) == (502, "store", "refused")
    assert "ERROR api: GET /items/a failed: store http://127.0.0.1:" in demo.log.read_text()


def test_a_hung_api_accepts_and_never_answers(demo: Demo, backend: Backend, eventually: Eventually) -> None:
    demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    faults.hang(backend[1].pid)
    status, _, headers = demo.ask("gateway", "/items/a")
    assert (status, headers["x-failed-at"], headers["x-kind"]) == (504, "api", "timeout")
    os.kill(backend[1].pid, signal.SIGCONT)
    eventually(lambda: demo.ask("gateway", "/items/a")[0] == 200)


@pytest.mark.parametrize("service", ["store", "api"])
def test_a_service_that_dies_at_locked_work_leaves_a_lock_for_which_it_refuses_to_start(
    demo: Demo, backend: Backend, service: str, eventually: Eventually
) -> None:
    process = backend[("store", "api").index(service)]
    port = getattr(demo.deployment, service)
    lock = faults.die_holding_lock(service, pid=process.pid, port=port, state=demo.deployment.state)
    assert process.wait() == -signal.SIGKILL
    assert lock.read_text() == f"{process.pid}\n"
    assert demo.start(service).wait(10) == runtime.EXIT_LOCKED
    assert f"CRITICAL {service}: lock {lock} is held by pid {process.pid}\n" in demo.log.read_text()
    lock.rename(lock.with_suffix(".aside"))
    demo.start(service)
    eventually(lambda: demo.answers(service))


@pytest.mark.parametrize("service", ["store", "api"])
def test_locked_work_that_ends_leaves_no_lock(demo: Demo, backend: Backend, service: str) -> None:
    path = {"store": "/compact", "api": "/reindex"}[service]
    assert demo.ask(service, path, "POST")[0] == 200
    assert not list(demo.deployment.state.glob("*.lock"))


def test_a_stale_locks_pid_is_dead(tmp_path: Path) -> None:
    pid = faults.write_stale_lock(tmp_path / "api.lock")
    assert (tmp_path / "api.lock").read_text() == f"{pid}\n"
    assert not psutil.pid_exists(pid)


def test_a_taken_port_is_told_in_one_line(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.deployment.store)):
        assert demo.start("store").wait(10) == runtime.EXIT_PORT_TAKEN
    assert "CRITICAL store: cannot listen on port" in demo.log.read_text()


def test_only_the_workers_that_are_told_to_leak_do(demo: Demo, backend: Backend, eventually: Eventually) -> None:
    leaking, other = demo.start("gateway"), demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    before = psutil.Process(other.pid).memory_info().rss
    faults.leak(demo.deployment.state, [leaking.pid], mb_per_s=100, up_to_mb=60)
    eventually(lambda: psutil.Process(leaking.pid).memory_info().rss > before + (50 << 20))
    assert psutil.Process(other.pid).memory_info().rss < before + (20 << 20)
    assert demo.answers("gateway")


def test_replacing_all_workers_under_load_loses_no_request(
    demo: Demo, backend: Backend, tmp_path: Path, eventually: Eventually
) -> None:
    workers = [demo.start("gateway") for _ in range(4)]
    eventually(lambda: demo.answers("gateway"))
    out = tmp_path / "load.json"
    load = demo.load(out, rate=100)
    eventually(lambda: out.exists() and Counters.read(out).ok > 50)
    for old in workers:
        new = demo.start("gateway")
        eventually(lambda new=new: _listens(new))
        before = Counters.read(out).ok
        old.terminate()
        assert old.wait(15) == 0
        eventually(lambda before=before: Counters.read(out).ok > before + 20)
    load.terminate()
    assert load.wait(15) == 0
    final = Counters.read(out)
    assert not final.running
    assert dict(final.failed) == {}
    assert final.ok == final.sent


def _listens(process: subprocess.Popen[bytes]) -> bool:
    """A worker is there once it answers a signal with a graceful end: its handler for SIGTERM is set."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():  # macOS
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def test_an_idle_kept_connection_gets_its_answer_from_a_worker_that_stops(
    demo: Demo, backend: Backend, eventually: Eventually
) -> None:
    worker = demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    connection = HTTPConnection("127.0.0.1", demo.deployment.gateway, timeout=5)
    connection.request("GET", "/items/a")
    assert connection.getresponse().read() == b'{"item": null}\n'
    worker.terminate()
    connection.request("GET", "/items/a")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (200, "close")
    connection.close()
    assert worker.wait(15) == 0


def test_the_load_counts_failures_by_service_and_kind_and_is_not_slowed_down(
    demo: Demo, backend: Backend, tmp_path: Path, eventually: Eventually
) -> None:
    demo.start("gateway")
    eventually(lambda: demo.answers("gateway"))
    out = tmp_path / "load.json"
    demo.load(out, rate=50)
    eventually(lambda: out.exists() and Counters.read(out).ok > 20)
    healthy = Counters.read(out)
    assert healthy.total_failed == 0
    faults.kill(backend[0].pid)
    eventually(lambda: Counters.read(out).by_service().get("store", 0) > 20)
    faults.hang(backend[1].pid)
    eventually(lambda: Counters.read(out).since(healthy).failed.get("api/timeout", 0) > 20)
    assert set(Counters.read(out).by_service()) == {"store", "api"}
