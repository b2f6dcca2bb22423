"""The daemon beside 20 idle services: how much of a core it takes, and how much memory before and after it remembers.

Everything is real: the services on the engine, `opsagent watch` in a process of its own, the memory used through the
local API. The engine's own daemon and the services are not counted.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from opsagent.home import Home
from opsagent_memory import Episode, Memory
from tests.benchmarks.conftest import Figure
from tests.support.waiting import eventually

SERVICES = 20
WATCHED_S = 30.0
SETTLE_S = 10.0
EPISODES = 200
IDLE = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""


def bench_daemon(
    benchmark: Any, figure: Figure, home: Path, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    remember(Home.open(home), EPISODES)
    (tmp_path / "idle.py").write_text(IDLE)
    services = tmp_path / "services.toml"
    services.write_text("\n".join(described(n, port) for n, port in enumerate(free_ports(SERVICES))))
    with running(services), watching(home) as daemon:
        time.sleep(SETTLE_S)
        before = memory_of(daemon.pid)
        share = benchmark.pedantic(lambda: cpu_share(daemon, WATCHED_S), rounds=1, iterations=1)
        assert ask(home, "status")["memory_loaded"] is False
        assert ask(home, "memory_search", query="port already in use", unit=None, limit=5)
        assert ask(home, "status")["memory_loaded"] is True
        after = memory_of(daemon.pid)
    setting = f"{SERVICES} idle services, each with a TCP health probe every 2 s"
    figure("daemon, share of one core", share * 100, "%", bar=2.0, note=f"{setting}; over {WATCHED_S:.0f} s")
    figure("daemon, memory before it is first needed", before["Rss"], "MB", bar=120.0, note=f"PSS {before['Pss']:.0f}")
    figure("daemon, memory with Chroma and model loaded", after["Rss"], "MB", bar=380.0, note=f"PSS {after['Pss']:.0f}")


def remember(home: Home, episodes: int) -> None:
    """Put a past into the memory, so that recalling it needs index and model."""
    with Memory.open(home.database, home.chroma_dir) as memory:
        for number in range(episodes):
            fields = {"remedy": "crash/start", "outcome": "worked", "class": "crash"}
            text = f"crash of service {number}: exit 1; port {8000 + number} already in use"
            scope = f"unit/circus/idle{number % SERVICES:02}"
            memory.add(Episode(scope=scope, text=text, fields=fields, created_at=datetime.now(UTC)))


def described(number: int, port: int) -> str:
    return (
        f"[services.idle{number:02}]\n"
        f"command = [{json.dumps(sys.executable)}, 'idle.py', '{port}']\nport = {port}\n"
        f"health = {{ tcp = '127.0.0.1:{port}' }}\n"
    )


@contextmanager
def running(services: Path) -> Iterator[None]:
    opsagent("up", str(services))
    try:
        yield
    finally:
        opsagent("down")


@contextmanager
def watching(home: Path, *options: str) -> Iterator[psutil.Process]:
    log = home / "watch.log"
    with log.open("wb") as output:
        child = subprocess.Popen([sys.executable, "-m", "opsagent", "watch", *options], stdout=output, stderr=output)
    try:
        eventually(lambda: answers(home), timeout=30, why="the daemon answers")
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(timeout=30)


def opsagent(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "opsagent", *arguments], check=True, capture_output=True)


def answers(home: Path) -> bool:
    try:
        return bool(ask(home, "status")["units"])
    except OSError:
        return False


def ask(home: Path, method: str, **params: Any) -> Any:
    """Ask the daemon over its local API."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(os.fspath(Home.open(home).api_socket))
        request = {"v": 1, "id": 1, "method": method, "params": params}
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile() as lines:
            answer = json.loads(lines.readline())
    assert "result" in answer, answer
    return answer["result"]


def cpu_share(process: psutil.Process, seconds: float) -> float:
    """Return the share of one core that a process and its children took over so long."""

    def spent() -> float:
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    began, used = time.monotonic(), spent()
    time.sleep(seconds)
    return (spent() - used) / (time.monotonic() - began)


def memory_of(pid: int) -> dict[str, float]:
    """Return resident (Rss) and proportional (Pss) memory in MB (10^6 bytes)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(kib) * 1024 / 1e6 for name, kib in re.findall(r"^(Rss|Pss):\s+(\d+) kB", rollup, re.MULTILINE)}
