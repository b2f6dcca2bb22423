"""A crash that nobody else mends: from the death of the service until it serves again, beyond what its own start takes.

Everything is real: services on the engine, `opsagent watch` in a process of its own, the kill. *From memory*: the remedy
is remembered for each service. *Cold*: nothing is remembered, and nothing learnt. Each service is killed once, so that no
kill is the return of another one's fault.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent_memory import Episode, Memory
from tests.benchmarks.bench_daemon import ask, running, watching
from tests.benchmarks.conftest import Figure, percentile
from tests.support.waiting import eventually

KILLS = int(os.environ.get("BENCH_KILLS", "20"))
SERVICE = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""


@pytest.mark.parametrize("known", [True, False], ids=["from memory", "cold"])
def bench_repair(  # noqa: PLR0917  # fixtures have no order
    benchmark: Any,
    figure: Figure,
    home: Path,
    tmp_path: Path,
    free_ports: Callable[[int], list[int]],
    known: bool,
) -> None:
    ports = free_ports(KILLS + 1)
    (tmp_path / "service.py").write_text(SERVICE)
    services = tmp_path / "services.toml"
    services.write_text("\n".join(described(number, port) for number, port in enumerate(ports[:-1])))
    configure(home, learn=known)
    if known:
        remember(Home.open(home))
    own_s = statistics.median(own_start_s(tmp_path, ports[-1]) for _ in range(7))
    with running(services), watching(home, "--mode", "auto"):
        eventually(lambda: all(unit["health"] for unit in ask(home, "status")["units"]), timeout=60)
        ask(home, "memory_search", query="a crash", unit=None, limit=1)  # it is warm, as after the first incident
        taken = benchmark.pedantic(
            lambda: [repaired_s(home, number, port) - own_s for number, port in enumerate(ports[:-1])],
            rounds=1,
            iterations=1,
        )
        sources = sources_of(home)
    assert sources == ["memory" if known else "runbook"] * KILLS
    how = "the remedy is remembered" if known else "nothing is remembered"
    note = f"{KILLS} kills, {how}; the start itself ({own_s * 1000:.0f} ms) is taken off"
    what = f"crash to serving again, beyond its own start, {'from memory' if known else 'cold'}"
    figure(f"{what}, median", statistics.median(taken), "s", bar=1.0 if known else None, note=note)
    figure(f"{what}, p95", percentile(taken, 0.95), "s", bar=1.0 if known else None)


def described(number: int, port: int) -> str:
    return (
        f"[services.api{number:02}]\ncommand = [{json.dumps(sys.executable)}, '-S', 'service.py', '{port}']\n"
        f"port = {port}\nautorestart = false\nhealth = {{ tcp = '127.0.0.1:{port}', interval_s = 1 }}\n"
    )


def configure(home: Path, *, learn: bool) -> None:
    config = home / "config.toml"
    config.write_text(
        f"[policy]\nglobal_budget_actions = {KILLS * 2}\n[memory]\nlearn = {str(learn).lower()}\n", encoding="ascii"
    )
    config.chmod(0o600)


def remember(home: Home) -> None:
    """Let each service have had this once."""
    with Memory.open(home.database, home.chroma_dir) as memory:
        for number in range(KILLS):
            fields = {"remedy": "crash/start", "outcome": "worked", "class": "crash"}
            text = f"crash of api{number:02}: killed by signal 9, SIGKILL"
            scope = f"unit/circus/api{number:02}"
            memory.learn(Episode(scope=scope, text=text, fields=fields, created_at=datetime.now(UTC)))


def own_start_s(folder: Path, port: int) -> float:
    """Return how long the service takes until it serves, with nobody around it."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-S", "service.py", str(port)], cwd=folder)
    try:
        wait_for(port)
        return time.perf_counter() - began
    finally:
        child.kill()
        child.wait()


def repaired_s(home: Path, number: int, port: int) -> float:
    """Kill a service; return the seconds until it serves again. Waits until the incident is over."""
    (pid,) = (one.pid for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[-1:] == [str(port)])
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not serves(port), timeout=5)
    wait_for(port)
    taken = time.perf_counter() - began

    def over() -> bool:
        with Journal.read(Home.open(home)) as journal:
            mine = [row for row in journal.incidents() if row.unit.name == f"api{number:02}"]
        return bool(mine) and mine[0].status == "resolved"

    eventually(over, timeout=60)
    return taken


def wait_for(port: int, within_s: float = 60.0) -> None:
    deadline = time.perf_counter() + within_s
    while not serves(port):
        assert time.perf_counter() < deadline, "it does not serve again"
        time.sleep(0.005)


def serves(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def sources_of(home: Path) -> Sequence[str]:
    with Journal.read(Home.open(home)) as journal:
        return [str(row.remedy_source) for row in journal.incidents()]
