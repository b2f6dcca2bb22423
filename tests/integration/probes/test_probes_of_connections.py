"""Who waits for whom, who holds and who floods connections, which instance answers badly, who takes the processor."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from opsagent.probes import clients
from opsagent.probes.neighbours import busiest
from opsagent_tools.services.spec import Health
from opsagent_tools.units import UnitId
from tests.support.byhand import Scene, service
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

SILENT = """
import os
import socket
door = socket.create_server(("127.0.0.1", 0), backlog=16)
print(door.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(door.accept()[0])
"""
LATE = """
import socket, time
door = socket.create_server(("127.0.0.1", 0), backlog=16)
print(door.getsockname()[1], flush=True)
while True:
    with door.accept()[0]:
        time.sleep(0.1)
"""
PASSES_ON = """
import socket, sys
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(door.accept()[0])
    kept.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
    kept[-1].sendall(kept[-2].recv(100))
"""
ASKS = """
import signal, socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(b"question\\n")
print("asked", flush=True)
signal.pause()
"""
HOLDS = """
import signal, socket, sys
kept = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(5)]
print("held", flush=True)
signal.pause()
"""
FLOODS = """
import socket, sys, time
print("begun", flush=True)
while True:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1) as sock:
        sock.sendall(b"question\\n")
        time.sleep(0.02)
"""
WORKER = """
import os, socket, sys
door = socket.socket(fileno=int(sys.argv[1]))
print("up", flush=True)
while True:
    caller, _ = door.accept()
    with caller:
        caller.recv(1000)
        caller.sendall(b"HTTP/1.0 " + sys.argv[2].encode() + b" x\\r\\n\\r\\n")
"""


def unit(name: str) -> str:
    return str(UnitId.local("circus", name))


async def test_a_wait_is_followed_to_its_end(scene: Scene, tmp_path: Path, start: Any) -> None:
    store, store_port = start(SILENT)
    hub, hub_port = start(PASSES_ON, store_port)
    api, _ = start(ASKS, hub_port)
    for name, process in (("store", store), ("hub", hub), ("api", api)):
        scene.add(service(tmp_path, name), process.pid)

    async def waits() -> Any:
        found = await scene.ask("wait_chain")
        return found if found["waiting"] else None

    facts = await until(waits)
    assert (facts["end"], facts["hops"], facts["idle"], facts["flows"]) == (unit("store"), 2, True, False)
    assert "api waits for hub waits for store" in facts["said"]


async def test_who_waits_for_no_unit_waits_outside(scene: Scene, tmp_path: Path, start: Any) -> None:
    _, port = start(SILENT)
    api, _ = start(ASKS, port)
    scene.add(service(tmp_path), api.pid)

    async def outside() -> Any:
        found = await scene.ask("wait_chain")
        return found if found["outside"] else None

    facts = await until(outside)
    assert (facts["outside"], facts["end"]) == (f"127.0.0.1:{port}", "")


async def test_who_holds_connections_and_uses_none(
    scene: Scene, tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_IDLE_S", 0.3)
    store, port = start(SILENT)
    holder, _ = start(HOLDS, port)
    api, _ = start(ASKS, port)
    for name, process in (("store", store), ("holder", holder), ("api", api)):
        scene.add(service(tmp_path, name), process.pid)

    async def held() -> Any:
        found = await scene.ask("clients")
        return found if found["holder_name"] else None

    facts = await until(held)
    assert (facts["server"], facts["holder"], facts["holder_held"]) == (unit("store"), unit("holder"), 5)
    assert facts["others_wait"] == 1
    assert (await scene.ask("held_open", "holder"))["count"] == 5
    assert (await scene.ask("held_open", "api"))["count"] == 0


async def test_who_asks_again_and_again_and_gives_up(scene: Scene, tmp_path: Path, start: Any) -> None:
    store, port = start(SILENT)
    flooder, _ = start(FLOODS, port)
    scene.add(service(tmp_path, "store", port=int(port)), store.pid)
    scene.add(service(tmp_path, "flooder"), flooder.pid)
    facts = await scene.ask("clients", "store")
    assert (facts["flooder"], facts["flooder_share"]) == (unit("flooder"), 1.0)
    assert facts["flooder_s"] >= 4
    assert facts["given_up"] >= 5
    assert facts["jammed"], "it takes questions, and gets rid of none"


async def test_who_is_flooded_works_off_one_question_after_the_other(scene: Scene, tmp_path: Path, start: Any) -> None:
    store, port = start(LATE)
    flooder, _ = start(FLOODS, port)
    scene.add(service(tmp_path, "store", port=int(port)), store.pid)
    scene.add(service(tmp_path, "flooder"), flooder.pid)
    facts = await scene.ask("clients", "store")
    assert facts["flooder"] == unit("flooder")
    assert facts["given_up"]
    assert not facts["jammed"]


async def test_the_ill_instance_is_known_by_its_answers(scene: Scene, tmp_path: Path, start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        os.set_inheritable(door.fileno(), True)
        port, fd = door.getsockname()[1], str(door.fileno())
        workers = [start(WORKER, fd, status, pass_fds=(door.fileno(),))[0] for status in ("200", "500", "200")]
        health = Health(http=f"http://127.0.0.1:{port}/", timeout_s=1.0)
        scene.add(service(tmp_path, "web", port=port, health=health), *(worker.pid for worker in workers))
        facts = await scene.ask("workers", "web")
        assert facts["ill_pid"] == workers[1].pid, facts
        assert facts["ill_good"] == 0
        well = (workers[0].pid, workers[2].pid)
        scene.add(service(tmp_path, "web", port=port, health=health), *well)
        workers[1].kill()
        workers[1].wait()
        facts = await scene.ask("workers", "web")
        assert (facts["ill_pid"], facts["bad"]) == (0, 0), facts


async def test_who_takes_the_processor(scene: Scene, tmp_path: Path, start: Any) -> None:
    api, _ = start("import signal; print('up', flush=True); signal.pause()")
    job, _ = start("print('up', flush=True)\nwhile True: pass", start_new_session=True)
    scene.add(service(tmp_path), api.pid)
    scene.add(service(tmp_path, "job"), job.pid)
    facts = await scene.ask("cpu_hogs")
    assert (facts["hog"], facts["job"], facts["related"]) == (unit("job"), True, False)
    assert facts["hog_cpu"] > 0.1
    assert str(job.pid) in facts["were"]
    assert not facts["stranger_takes"]


def test_what_nobody_supervises_counts_with_all_of_its_name(start: Any) -> None:
    named = "import ctypes, signal; ctypes.CDLL(None).prctl(15, b'greedy'); print('up', flush=True); signal.pause()"
    greedy = [start(named)[0].pid for _ in range(3)]
    one, _ = start("import signal; print('up', flush=True); signal.pause()")
    found = busiest({**dict.fromkeys(greedy, 0.4), greedy[1]: 0.5, one.pid: 0.9})
    assert found == {"stranger_cpu": 1.3, "stranger": "greedy", "stranger_pid": greedy[1], "stranger_count": 3}
    assert busiest({one.pid: 0.01}) == {"stranger_cpu": 0.0}
