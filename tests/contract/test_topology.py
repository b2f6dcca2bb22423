"""Who talks to whom, seen between real processes: kept and short connections, IPv4 and IPv6, workers that share a socket,
children below a wrapper, unix sockets, and those of whom nothing is made up."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from opsagent.senses.topology_look import Looker, Scene
from opsagent.topology import Node, Sort
from opsagent_tools.processes.proc import key_of
from opsagent_tools.units import Process, Unit, UnitId, UnitState
from tests.support.pm2 import PM2, pm2
from tests.support.waiting import eventually

__all__ = ["pm2"]

SERVER = """
import socket, sys, threading
family, address = (socket.AF_INET6, sys.argv[1]) if ":" in sys.argv[1] else (socket.AF_INET, sys.argv[1])
if sys.argv[1].startswith("/"):
    listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()
else:
    listener = socket.socket(family); listener.bind((address, 0)); listener.listen(64)
print(listener.getsockname()[1] if not sys.argv[1].startswith("/") else 0, flush=True)
def serve(connection):
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
CLIENT = """
import socket, sys, time
if sys.argv[1].startswith("/"):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
else:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"x"); s.recv(1); print("connected", flush=True); time.sleep(600)
"""
SHORT = """
import socket, sys, time
print("going", flush=True)
while True:
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
        s.sendall(b"x"); s.recv(1); time.sleep(0.02)
    time.sleep(0.06)
"""
HOLDS = """
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: keep-alive\\r\\n\\r\\n")
print(s.recv(1000).split()[1].decode(), flush=True); time.sleep(600)
"""
WRAPPER = """
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "-SEc", sys.argv[1], *sys.argv[2:]]))
"""
MASTER = """
import os, socket, sys, time
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen(64)
os.set_inheritable(listener.fileno(), True)
for _ in range(2):
    if os.fork() == 0:
        if os.fork() == 0:  # not below the master any more
            print(listener.getsockname()[1], os.getpid(), flush=True)
            while True:
                connection, _ = listener.accept(); connection.sendall(connection.recv(1)); time.sleep(600)
        os._exit(0)
    os.wait()
time.sleep(600)
"""


def uid(name: str) -> UnitId:
    return UnitId("circus", name, "here")


class Street:
    """Units that talk to each other."""

    def __init__(self) -> None:
        self.looker = Looker()
        self.units: dict[str, Unit] = {}
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, code: str, *arguments: object) -> tuple[int, str]:
        """Start a program; return its pid and its first line."""
        argv = [sys.executable, "-SEc", code, *map(str, arguments)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.processes.append(process)
        assert process.stdout is not None
        return process.pid, process.stdout.readline().strip()

    def unit(self, name: str, *pids: int) -> None:
        keys = [key for pid in pids if (key := key_of(pid)) is not None]
        processes = tuple(Process(key=key) for key in keys)
        self.units[name] = Unit(id=uid(name), state=UnitState.RUNNING, processes=processes)

    def run(self, name: str, code: str, *arguments: object) -> str:
        pid, said = self.start(code, *arguments)
        self.unit(name, pid)
        return said

    def seen(self, **scene: object) -> set[tuple[str, str]]:
        sight = self.looker.look(Scene(units=tuple(self.units.values()), **scene))  # type: ignore[arg-type]
        assert sight is not None
        return {(_name(link.source), _name(link.target)) for link in sight.links}

    def seen_ever(self, edge: tuple[str, str]) -> Callable[[], bool]:
        """Whether it is seen; descriptors may be read at each look, however short ago they were."""

        def look() -> bool:
            self.looker._scanned.next_at = 0.0
            return edge in self.seen()

        return look

    def end(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _name(node: Node) -> str:
    return node.unit.name if node.unit is not None else f"{node.sort}:{node.name}"


@pytest.fixture
def street() -> Iterator[Street]:
    made = Street()
    yield made
    made.end()


@pytest.mark.parametrize(
    ("bind", "call"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")]
)
def test_a_kept_connection_tells_who_called_whom(street: Street, bind: str, call: str) -> None:
    port = street.run("store", SERVER, bind)
    street.run("api", CLIENT, call, port)
    assert street.seen() == {("api", "store")}
    assert street.looker.hidden == frozenset()


def test_short_connections_are_caught_sooner_or_later(street: Street) -> None:
    port = street.run("store", SERVER, "127.0.0.1")
    street.run("api", SHORT, "127.0.0.1", port)
    eventually(street.seen_ever(("api", "store")), timeout=20)


def test_children_of_a_wrapper_are_their_units(street: Street) -> None:
    port = street.run("store", WRAPPER, SERVER, "127.0.0.1")
    street.run("api", WRAPPER, WRAPPER, CLIENT, "127.0.0.1", port)
    assert street.seen() == {("api", "store")}


def test_workers_that_share_a_socket_with_their_supervisor(street: Street) -> None:
    """As of PM2's cluster mode: the daemon listens, and deals connections out."""
    master, first = street.start(MASTER)
    assert street.processes[-1].stdout is not None
    second = street.processes[-1].stdout.readline().strip()
    port = first.split()[0]
    street.unit("web", *(int(line.split()[1]) for line in (first, second)))
    street.run("api", CLIENT, "127.0.0.1", port)
    assert street.seen(daemons=(master,)) == {("api", "web")}


def test_workers_of_pm2s_cluster_mode_are_known_though_its_daemon_listens(
    street: Street, pm2: PM2, free_port: int
) -> None:
    street.unit(
        "api", *pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": free_port}, wait_ready=True)
    )
    for _ in range(4):  # the daemon deals them out in turn
        argv = [sys.executable, "-SEc", HOLDS, str(free_port)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        street.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "200"
    street.unit("web", *(process.pid for process in street.processes))
    assert street.seen(daemons=(pm2.pid,)) == {("web", "api")}


def test_unix_sockets_are_seen_by_their_path(street: Street, tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    street.run("store", SERVER, path)
    street.run("api", CLIENT, path)
    sight = street.looker.look(Scene(units=tuple(street.units.values())))
    assert sight is not None
    (link,) = sight.links
    assert (_name(link.source), _name(link.target), link.path, link.port) == ("api", "store", str(path), 0)


def test_who_serves_a_unix_socket_without_a_supervisor_is_named_by_its_program(street: Street, tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    street.start(SERVER, path)
    street.run("api", CLIENT, path)
    assert street.seen() == {("api", f"{Sort.PROCESS}:{Path(sys.executable).resolve().name}")}


def test_what_nobody_supervises_is_named_by_its_program(street: Street) -> None:
    program = Path(sys.executable).resolve().name
    port = street.run("store", SERVER, "127.0.0.1")
    street.start(CLIENT, "127.0.0.1", port)
    assert street.seen() == {(f"{Sort.PROCESS}:{program}", "store")}


def test_the_agents_own_connections_make_no_edge(street: Street) -> None:
    port = street.run("store", SERVER, "127.0.0.1")
    with socket.create_connection(("127.0.0.1", int(port))) as probe:
        probe.sendall(b"x")
        assert probe.recv(1) == b"x"
        assert street.seen() == set()


def test_a_connection_that_comes_later_is_explained_without_waiting_for_the_next_round(street: Street) -> None:
    port = street.run("store", SERVER, "127.0.0.1")
    street.run("api", CLIENT, "127.0.0.1", port)
    assert street.seen() == {("api", "store")}
    before = street.looker._scanned.begun_at
    street.run("web", CLIENT, "127.0.0.1", port)
    eventually(street.seen_ever(("web", "store")), timeout=10)
    assert street.looker._scanned.begun_at > before


def test_a_process_that_is_gone_hides_nothing(street: Street) -> None:
    street.run("job", "print(1, flush=True); import time; time.sleep(600)")
    street.end()
    assert street.seen() == set()
    assert street.looker.hidden == frozenset()
    street.processes.clear()


def test_a_process_of_another_user_is_not_known_to_who_may_not_look(street: Street) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can look at it from another user's side")
    port = street.run("store", SERVER, "127.0.0.1")
    street.run("api", CLIENT, "127.0.0.1", port)
    os.seteuid(65534)
    try:
        assert street.seen() == set()
        assert street.looker.hidden == {uid("api"), uid("store")}
    finally:
        os.seteuid(0)
    street.looker._scanned.next_at, street.looker._scanned.begun_at = 0.0, 0.0
    assert street.seen() == {("api", "store")}


def test_a_process_in_another_network_namespace_is_not_known(street: Street) -> None:
    argv = ["unshare", "--net", sys.executable, "-SEc", "print(1, flush=True); import time; time.sleep(600)"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    street.processes.append(process)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "1":
        pytest.skip("network namespaces cannot be made here (not root, or a container without that right)")
    street.unit("boxed", process.pid)
    assert street.seen() == set()
    assert street.looker.hidden == {uid("boxed")}
