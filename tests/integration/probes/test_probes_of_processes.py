"""What supervisor and kernel tell of real processes, sockets and connections. The probes read; they change nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.evidence import PROBES
from opsagent.model import EvidenceKind, Signal, SignalKind
from opsagent.topology import Link, Node
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import Health
from opsagent_tools.units import ProcessKey, UnitId, UnitState
from tests.support.byhand import EngineByHand, Scene, end, service
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

LISTEN = """
import os, signal, socket, sys
sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(sock.getsockname()[1], flush=True)
signal.pause()
"""
SILENT = """
import signal, socket
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(sock.accept()[0])
"""
ASKS = """
import signal, socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if "ask" in sys.argv:
    sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
print("asked", flush=True)
signal.pause()
"""


# what the supervisor says


async def test_unit_state_is_asked_afresh(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("import signal; print('up', flush=True); signal.pause()")
    unit = scene.add(service(tmp_path), process.pid, restarts=2, last_exit=-9)
    scene.world.replace_units("circus", [])  # what the world knows is old
    facts = await scene.ask("unit_state")
    assert facts["state"] == "running"
    assert facts["pids"] == str(process.pid)
    assert (facts["restarts"], facts["last_exit"]) == (2, -9)
    assert facts["foreign"] is False
    assert 0 <= facts["age_s"] < 60
    assert unit.id.name in facts["said"]


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    process = subprocess.Popen(["/bin/sleep", "60"], user=65534, cwd="/")
    yield process
    end(process)


async def test_processes_of_another_user_are_told(
    scene: Scene, tmp_path: Path, foreign: subprocess.Popen[bytes]
) -> None:
    scene.add(service(tmp_path), foreign.pid)
    facts = await scene.ask("unit_state")
    assert facts["foreign"] is True
    assert facts["owner"]


async def test_a_supervisor_that_is_gone(scene: Scene, tmp_path: Path) -> None:
    scene.add(service(tmp_path))
    assert (await scene.ask("supervisor_state"))["reachable"] is True
    scene.supervisor.gone = True
    facts = await scene.ask("supervisor_state")
    assert (facts["reachable"], facts["gone"]) == (False, True)
    assert "SupervisorUnreachable" in (await scene.ask("unit_state"))["failed"]


async def test_the_dependency_furthest_up_is_the_root_of_the_trouble(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("import signal; print('up', flush=True); signal.pause()")
    scene.add(service(tmp_path, "db", port=1), last_exit=-9)
    scene.add(service(tmp_path, "store", depends_on=("db",)), last_exit=1)
    scene.add(service(tmp_path, depends_on=("store",)), process.pid)
    facts = await scene.ask("dependencies")
    assert facts["ok"] is False
    assert (facts["root_name"], facts["root_state"], facts["troubled"]) == ("db", "exited", 2)


async def test_dependencies_that_are_well_or_done(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("import signal; print('up', flush=True); signal.pause()")
    scene.add(service(tmp_path, "store"), process.pid)
    scene.add(service(tmp_path, "migrate"), last_exit=0)
    scene.add(service(tmp_path, depends_on=("store", "migrate")), process.pid)
    assert (await scene.ask("dependencies"))["ok"] is True


async def test_a_frozen_dependency_is_seen_though_its_port_accepts(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, port = start(LISTEN, "0")
    health = Health(tcp=f"127.0.0.1:{port}", timeout_s=1.0)
    scene.add(service(tmp_path, "store", port=int(port), health=health), process.pid)
    scene.add(service(tmp_path, depends_on=("store",)), process.pid)
    assert (await scene.ask("dependencies"))["ok"] is True
    process.send_signal(signal.SIGSTOP)
    await until(lambda: _letter(process.pid) == "T")
    assert (await scene.ask("health_now", "store"))["ok"] is True, "its port still accepts"
    facts = await scene.ask("dependencies")
    assert facts["root_name"] == "store"
    assert "state T" in facts["said"]


def _letter(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


# what the kernel says of processes


async def test_a_stopped_process(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("import signal; print('up', flush=True); signal.pause()")
    scene.add(service(tmp_path), process.pid)
    assert (await scene.ask("process_state"))["stopped"] == 0
    process.send_signal(signal.SIGSTOP)
    await until(lambda: _letter(process.pid) == "T")
    facts = await scene.ask("process_state")
    assert (facts["stopped"], facts["stopped_pids"]) == (1, str(process.pid))
    process.send_signal(signal.SIGCONT)
    await until(lambda: _letter(process.pid) != "T")
    assert (await scene.ask("process_state"))["stopped"] == 0


async def test_a_stopped_child_is_not_taken_for_its_parent(scene: Scene, tmp_path: Path, start: Any) -> None:
    code = "import subprocess, sys; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); c.wait()"
    process, child = start(code)
    try:
        scene.add(service(tmp_path), process.pid)
        os.kill(int(child), signal.SIGSTOP)
        await until(lambda: _letter(int(child)) == "T")
        facts = await scene.ask("process_state")
        assert (facts["stopped"], facts["stopped_below"], facts["processes"]) == (0, 1, 2)
    finally:
        os.kill(int(child), signal.SIGKILL)


async def test_spinning_working_and_waiting_are_told_apart(scene: Scene, tmp_path: Path, start: Any) -> None:
    spins, _ = start("print('up', flush=True)\nwhile True: pass")
    works, _ = start("import os\nprint('up', flush=True)\nwhile True: os.close(os.open('/dev/null', 0))")
    locked, _ = start("import threading\nl = threading.Lock(); l.acquire(); print('up', flush=True); l.acquire()")
    for name, process in (("spins", spins), ("works", works), ("locked", locked)):
        scene.add(service(tmp_path, name), process.pid)
    spinning, working, waiting = [await scene.ask("process_state", name) for name in ("spins", "works", "locked")]
    # on a machine that is overloaded itself, both of the first two are starved, and nothing is done
    assert spinning["spinning"] or spinning["starved"]
    assert not spinning["busy"]
    assert working["busy"] or working["starved"]
    assert not working["spinning"]
    assert not any(waiting[mood] for mood in ("spinning", "busy", "starved", "debugged"))
    assert waiting["fds"] > 0
    assert waiting["fds_limit"] > 0


async def test_descriptors_near_their_limit(scene: Scene, tmp_path: Path, start: Any) -> None:
    code = """
import os, resource, signal
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True: kept.append(os.open("/dev/null", 0))
except OSError:
    print("full", flush=True)
signal.pause()
"""
    process, _ = start(code)
    scene.add(service(tmp_path), process.pid)
    facts = await scene.ask("process_state")
    assert (facts["fds"], facts["fds_limit"], facts["fds_share"]) == (64, 64, 1.0)


async def test_memory_against_its_limit_and_when_it_gets_there(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("b = bytearray(50_000_000); print('up', flush=True); import signal; signal.pause()")
    unit = scene.add(service(tmp_path, max_memory=100_000_000), process.pid)
    key = unit.processes[0].key
    for ago, rss in ((20, 20_000_000), (0, 60_000_000)):
        scene.world.apply(_sample(unit.id, key, ago, rss))
    facts = await scene.ask("memory")
    assert 0.5 < facts["share"] < 0.9
    assert facts["worst_pid"] == process.pid
    assert facts["growth_bytes_s"] == pytest.approx(2_000_000, rel=0.05)
    assert 5 < facts["limit_in_s"] < 40
    scene.add(service(tmp_path), process.pid)
    assert "share" not in await scene.ask("memory"), "without a limit there is nothing to compare with"


def _sample(unit: UnitId, key: ProcessKey, ago: float, rss: int) -> Signal:
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - ago, UTC)
    kind, evidence = SignalKind.SAMPLE, EvidenceKind.KERNEL
    return Signal(kind=kind, unit=unit, at=at, evidence=evidence, process=key, data={"rss": rss})


# what connections wait for


async def test_a_question_without_an_answer_and_whose_it_is(scene: Scene, tmp_path: Path, start: Any) -> None:
    slow, port = start(SILENT)
    asks, _ = start(ASKS, port, "ask")
    idle, _ = start(ASKS, port)
    scene.add(service(tmp_path, "store", port=int(port)), slow.pid)
    scene.add(service(tmp_path), asks.pid)
    scene.add(service(tmp_path, "idle"), idle.pid)
    facts = await _waits(scene, "api")
    assert facts["on"] == str(UnitId.local("circus", "store"))
    assert facts["waiting_s"] >= 0.5
    assert "api has waited for an answer of store" in facts["said"]
    assert (await scene.ask("connections", "idle"))["waiting"] is False, "it has asked nothing"
    assert (await scene.ask("connections", "store"))["waiting"] is False, "who owes an answer waits for nobody"


async def test_whose_a_port_is_that_was_only_seen_to_be_served_is_known_too(
    scene: Scene, tmp_path: Path, start: Any
) -> None:
    slow, port = start(SILENT)
    asks, _ = start(ASKS, port, "ask")
    store = scene.add(service(tmp_path, "store"), slow.pid)
    api = scene.add(service(tmp_path), asks.pid)
    scene.world.topology.take(
        [Link(Node.of(api.id), Node.of(store.id), int(port))], scene.world.units, datetime.now(UTC), 1.0
    )
    assert (await _waits(scene, "api"))["on"] == str(store.id)


async def _waits(scene: Scene, unit: str) -> Any:
    for _ in range(10):
        facts = await scene.ask("connections", unit)
        if facts["waiting"]:
            return facts
    raise AssertionError(facts)


async def test_whom_nobody_knows_is_named_by_its_address(scene: Scene, tmp_path: Path, start: Any) -> None:
    _, port = start(SILENT)
    asks, _ = start(ASKS, port, "ask")
    scene.add(service(tmp_path), asks.pid)
    assert (await _waits(scene, "api"))["on"] == f"127.0.0.1:{port}"


# who has the port


async def test_the_port_is_free_or_the_units_own(scene: Scene, tmp_path: Path, start: Any, free_port: int) -> None:
    scene.add(service(tmp_path, port=free_port))
    assert (await scene.ask("port_holder"))["relation"] == "free"
    process, _ = start(LISTEN, str(free_port))
    scene.add(service(tmp_path, port=free_port), process.pid)
    assert (await scene.ask("port_holder"))["relation"] == "own"


async def test_a_stranger_is_named_whatever_it_calls_itself(
    scene: Scene, tmp_path: Path, start: Any, free_port: int
) -> None:
    renamed = LISTEN.replace(
        "import os", "import ctypes; ctypes.CDLL(None).prctl(15, b'\\x1b[31mapi', 0, 0, 0)\nimport os"
    )
    process, _ = start(renamed, str(free_port))
    scene.add(service(tmp_path, port=free_port))
    facts = await scene.ask("port_holder")
    assert facts["relation"] == "stranger"
    assert facts["pid"] == process.pid
    assert f"process {process.pid}" in facts["said"]
    assert "\x1b" not in facts["said"]


def _marks(unit: UnitId, engine: str = EngineByHand.id) -> dict[str, str]:
    return {**os.environ, "OPSAGENT_UNIT": str(unit), "OPSAGENT_ENGINE": engine}


async def test_an_orphan_of_this_very_unit_and_engine(scene: Scene, tmp_path: Path, start: Any, free_port: int) -> None:
    unit = UnitId.local("circus", "api")
    process, _ = start(LISTEN, str(free_port), env=_marks(unit))
    scene.add(service(tmp_path, port=free_port))
    facts = await scene.ask("port_holder")
    assert facts["relation"] == "orphan"
    key = key_of(process.pid)
    assert key is not None
    assert (facts["pid"], facts["started"]) == (key.pid, key.started)


async def test_what_was_seen_below_the_unit_while_it_lived_is_an_orphan_without_a_mark(
    scene: Scene, tmp_path: Path, start: Any, free_port: int
) -> None:
    """Other supervisors than ours leave no mark of theirs."""
    process, _ = start(LISTEN, str(free_port))
    unit = scene.add(service(tmp_path, port=free_port))
    assert (await scene.ask("port_holder"))["relation"] == "stranger"
    key = key_of(process.pid)
    assert key is not None
    scene.world.seen_below(unit.id, [ProcessKey(key.pid, key.started - 1.0)])  # its number was another's before
    assert (await scene.ask("port_holder"))["relation"] == "stranger"
    scene.world.seen_below(unit.id, [key])
    assert (await scene.ask("port_holder"))["relation"] == "orphan"


@pytest.mark.parametrize("mark", ["another unit", "another engine", "no engine"])
async def test_what_is_not_proven_to_be_an_orphan_is_a_stranger(
    mark: str, scene: Scene, tmp_path: Path, start: Any, free_port: int
) -> None:
    env = _marks(UnitId.local("circus", "api"))
    if mark == "another unit":
        env = _marks(UnitId.local("circus", "api2"))
    elif mark == "another engine":
        env = _marks(UnitId.local("circus", "api"), "somebody else's")
    else:
        del env["OPSAGENT_ENGINE"]
    start(LISTEN, str(free_port), env=env)
    scene.add(service(tmp_path, port=free_port))
    assert (await scene.ask("port_holder"))["relation"] == "stranger"


async def test_a_process_that_is_supervised_is_no_orphan(
    scene: Scene, tmp_path: Path, start: Any, free_port: int
) -> None:
    """Another unit was given the same port: it is not ours to end, and is named."""
    process, _ = start(LISTEN, str(free_port), env=_marks(UnitId.local("circus", "api")))
    scene.add(service(tmp_path, "batch"), process.pid)
    scene.add(service(tmp_path, port=free_port))
    facts = await scene.ask("port_holder")
    assert facts["relation"] == "stranger"
    assert "of batch" in facts["said"]


async def test_a_port_that_nobody_configured_is_never_connected_to(
    scene: Scene, tmp_path: Path, free_port: int
) -> None:
    with socket.create_server(("127.0.0.1", free_port)) as listening:
        listening.setblocking(False)
        scene.add(service(tmp_path, port=free_port), os.getpid(), state=UnitState.RUNNING)
        for probe in PROBES:
            await scene.ask(probe)
        with pytest.raises(BlockingIOError):
            listening.accept()
