"""What files, logs and the service itself tell, and that every question gets one answer."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.evidence import PROBES, gather
from opsagent.model import EvidenceKind, ProbeRequest, Signal, SignalKind
from opsagent_tools.services.spec import Health
from opsagent_tools.units import ProcessKey, UnitId
from tests.support.byhand import Scene, service

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


# what files say


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def _lock(tmp_path: Path, content: str, *, name: str = "api.lock", log: str = "lock {path} is held") -> Path:
    state = tmp_path / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    lock = state / name
    lock.write_text(content, encoding="utf-8")
    (tmp_path / "api.log").write_text(log.format(path=lock, name=name) + "\n", encoding="utf-8")
    return lock


def _locked(scene: Scene, tmp_path: Path, **fields: Any) -> None:
    env = {"STATE_DIR": str(tmp_path / "state")}
    scene.add(service(tmp_path, env=env, logs=(tmp_path / "api.log",)), last_exit=3, **fields)


@pytest.mark.parametrize(
    "content", ["{pid}\n", "{pid}", "  {pid}\n/data\n5432\n", '{{"pid": {pid}, "host": "a"}}', "pid={pid}\n"]
)
async def test_a_stale_lock_is_found(content: str, scene: Scene, tmp_path: Path) -> None:
    dead = _dead_pid()
    lock = _lock(tmp_path, content.format(pid=dead))
    _locked(scene, tmp_path)
    facts = await scene.ask("stale_lock")
    assert facts["found"] is True, facts["said"]
    assert (facts["path"], facts["holder"]) == (str(lock), dead)
    assert facts["sha256"] == hashlib.sha256(lock.read_bytes()).hexdigest()


async def test_a_lock_is_found_by_its_name_alone(scene: Scene, tmp_path: Path) -> None:
    _lock(tmp_path, f"{_dead_pid()}", log="another instance runs (see {name})")
    _locked(scene, tmp_path)
    assert (await scene.ask("stale_lock"))["found"] is True


async def test_a_lock_whose_holder_lives_is_not_stale(scene: Scene, tmp_path: Path) -> None:
    _lock(tmp_path, f"{os.getpid()}\n")
    _locked(scene, tmp_path)
    facts = await scene.ask("stale_lock")
    assert facts["found"] is False
    assert "lives" in facts["said"]


async def test_a_reused_pid_is_another_process(scene: Scene, tmp_path: Path, start: Any) -> None:
    process, _ = start("import signal; print('up', flush=True); signal.pause()")
    lock = _lock(tmp_path, f"{process.pid}\n")
    os.utime(lock, (1_000_000_000, 1_000_000_000))
    _locked(scene, tmp_path)
    assert (await scene.ask("stale_lock"))["found"] is True


async def test_a_file_that_somebody_holds_a_kernel_lock_on_is_in_use(scene: Scene, tmp_path: Path, start: Any) -> None:
    lock = _lock(tmp_path, f"{_dead_pid()}\n")
    start(
        "import fcntl, signal, sys\nf = open(sys.argv[1])\nfcntl.flock(f, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsignal.pause()",
        str(lock),
    )
    _locked(scene, tmp_path)
    assert (await scene.ask("stale_lock"))["found"] is False


@pytest.mark.parametrize("trick", ["symlink", "hard link", "no pid", "huge", "not named", "a foreign folder", "pid 1"])
async def test_tricks_with_locks(trick: str, scene: Scene, tmp_path: Path) -> None:
    lock = _lock(tmp_path, f"{_dead_pid()}\n")
    log = tmp_path / "api.log"
    match trick:
        case "symlink":
            real = lock.rename(tmp_path / "state" / "real")
            lock.symlink_to(real)
        case "hard link":
            (tmp_path / "state" / "other").hardlink_to(lock)
        case "no pid":
            lock.write_text("precious data\n", encoding="utf-8")
        case "huge":
            lock.write_text(f"{_dead_pid()}\n" + "x" * 5000, encoding="utf-8")
        case "not named":
            log.write_text("it does not start\n", encoding="utf-8")
        case "a foreign folder":
            log.write_text("lock /etc/passwd.lock /etc/passwd /run/lock is held\n", encoding="utf-8")
        case _:
            lock.write_text("1\n", encoding="utf-8")
    _locked(scene, tmp_path)
    assert (await scene.ask("stale_lock"))["found"] is False


async def test_a_folder_that_others_may_write_to_is_not_the_services_own(scene: Scene, tmp_path: Path) -> None:
    lock = _lock(tmp_path, f"{_dead_pid()}\n")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    lock = lock.rename(shared / "api.lock")
    (tmp_path / "api.log").write_text(f"lock {lock} is held\n", encoding="utf-8")
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    scene.add(service(cwd, logs=(tmp_path / "api.log",)), last_exit=3)
    assert (await scene.ask("stale_lock"))["found"] is False


async def test_whose_lock_it_is_the_one_of_the_run_that_died_or_of_an_earlier_one(scene: Scene, tmp_path: Path) -> None:
    dead, now = _dead_pid(), datetime.now(UTC)
    _lock(tmp_path, f"{dead}\n", log="starting")
    _locked(scene, tmp_path)
    unit = UnitId.local("circus", "api")
    scene.world.apply(_death(unit, dead, now, lived_s=100.0))
    facts = await scene.ask("stale_lock")
    assert (facts["found"], facts["by_last_run"]) == (True, True), "no text is needed: it holds the dead one's pid"
    later = datetime.fromtimestamp(now.timestamp() + 30, UTC)
    scene.world.apply(_death(unit, dead + 1, later, lived_s=0.5))
    (tmp_path / "api.log").write_text("api.lock is held\n", encoding="utf-8")
    facts = await scene.ask("stale_lock")
    assert (facts["found"], facts["by_last_run"], facts["named"]) == (True, False, True), "a later run found it there"
    (tmp_path / "api.log").write_text("une autre instance tourne\n", encoding="utf-8")
    facts = await scene.ask("stale_lock")
    assert (facts["found"], facts["by_last_run"], facts["named"]) == (True, False, False), "it need not be named"


async def test_a_lock_that_no_process_of_the_service_wrote_while_it_lived_is_not_looked_for(
    scene: Scene, tmp_path: Path
) -> None:
    dead, now = _dead_pid(), datetime.now(UTC)
    lock = _lock(tmp_path, f"{dead}\n", log="starting")
    _locked(scene, tmp_path)
    unit = UnitId.local("circus", "api")
    scene.world.apply(_death(unit, dead + 1, now, lived_s=0.5))
    assert (await scene.ask("stale_lock"))["found"] is False, "of nobody who is known"
    scene.world.apply(_death(unit, dead, now, lived_s=5.0))
    os.utime(lock, (now.timestamp() - 500, now.timestamp() - 500))
    assert (await scene.ask("stale_lock"))["found"] is False, "written before that one lived"


async def test_a_lock_that_says_nothing_is_of_the_process_in_whose_time_it_was_written(
    scene: Scene, tmp_path: Path
) -> None:
    now, unit = datetime.now(UTC), UnitId.local("circus", "api")
    lock = _lock(tmp_path, "", log='level=error msg="no" file={path}')
    _locked(scene, tmp_path)
    assert (await scene.ask("stale_lock"))["found"] is False, "nobody is known to have died"
    scene.world.apply(_death(unit, _dead_pid(), datetime.fromtimestamp(now.timestamp() + 1, UTC), lived_s=50.0))
    later = datetime.fromtimestamp(now.timestamp() + 5, UTC)
    scene.world.apply(_death(unit, 2**22 - 1, later, lived_s=0.2))
    facts = await scene.ask("stale_lock")
    assert (facts["found"], facts["by_last_run"], facts["path"]) == (True, False, str(lock))
    with lock.open():
        assert (await scene.ask("stale_lock"))["found"] is False, "somebody has it open"
    (tmp_path / "api.log").write_text("starting\n", encoding="utf-8")
    assert (await scene.ask("stale_lock"))["found"] is False, "nobody complains of it"
    lock.write_text("something", encoding="utf-8")
    (tmp_path / "api.log").write_text(f"file={lock}\n", encoding="utf-8")
    assert (await scene.ask("stale_lock"))["found"] is False, "it says something, and no pid"


def _death(unit: UnitId, pid: int, at: datetime, *, lived_s: float) -> Signal:
    key = ProcessKey(pid, at.timestamp() - lived_s)
    return Signal(kind=SignalKind.DEATH, unit=unit, at=at, evidence=EvidenceKind.KERNEL, process=key)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_file_system(scene: Scene, tmp_path: Path, small: Path) -> None:
    scene.add(service(tmp_path))
    assert (await scene.ask("disk"))["full"] is False
    scene.add(service(tmp_path, env={"DATA": str(small)}))
    assert (await scene.ask("disk"))["full"] is False
    (small / "log").write_bytes(b"x" * 900_000)
    facts = await scene.ask("disk")
    assert facts["full"] is True
    assert str(small) in facts["said"]


async def test_a_full_file_system_below_the_folder_of_the_service(scene: Scene, tmp_path: Path, small: Path) -> None:
    scene.add(service(tmp_path))
    assert (await scene.ask("disk"))["full"] is False
    (small / "log").write_bytes(b"x" * 900_000)
    assert str(small) in (await scene.ask("disk"))["said"]


async def test_a_full_file_system_that_only_an_open_file_is_on(
    scene: Scene, tmp_path: Path, small: Path, start: Any
) -> None:
    process, _ = start(
        "import signal, sys\nf = open(sys.argv[1], 'w')\nprint('up', flush=True)\nsignal.pause()", str(small / "data")
    )
    (small / "log").write_bytes(b"x" * 900_000)
    scene.add(service(tmp_path), process.pid)
    assert (await scene.ask("disk"))["full"] is True


async def test_a_command_that_cannot_be_run(scene: Scene, tmp_path: Path) -> None:
    plain = tmp_path / "serve"
    plain.write_text("#!/bin/sh\n", encoding="utf-8")
    commands = {
        (sys.executable,): "",
        ("./serve",): "may not be executed",
        ("./missing",): "is not there",
        ("no-such-program-anywhere",): "there is no program",
        (str(tmp_path),): "is no file",
    }
    for command, why in commands.items():
        scene.add(service(tmp_path, command=command))
        facts = await scene.ask("executable")
        assert facts["ok"] is (not why)
        assert why in facts["said"]


# what the service says


async def test_health_is_asked_now_and_says_since_when_it_fails(scene: Scene, tmp_path: Path, free_port: int) -> None:
    health = Health(tcp=f"127.0.0.1:{free_port}", timeout_s=1.0)
    unit = scene.add(service(tmp_path, port=free_port, health=health))
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 7, UTC)
    failed = Signal(
        kind=SignalKind.PROBE_FAILED, unit=unit.id, at=at, evidence=EvidenceKind.PROBE, data={"reason": "refused"}
    )
    scene.world.apply(failed)
    facts = await scene.ask("health_now")
    assert (facts["ok"], facts["reason"]) == (False, "refused")
    assert facts["failing_s"] >= 7
    with socket.create_server(("127.0.0.1", free_port)):
        assert (await scene.ask("health_now"))["ok"] is True
    scene.add(service(tmp_path, "quiet"))
    assert (await scene.ask("health_now", "quiet"))["configured"] is False


async def test_the_last_lines_are_text_redacted_and_harmless(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("INFO up\nERROR login failed password=hunter2secret \x1b[2J\nINFO bye\n", encoding="utf-8")
    scene.add(service(tmp_path, logs=(log,)))
    (evidence,) = await scene.evidence("last_log")
    assert evidence.kind is EvidenceKind.TEXT
    assert evidence.text is not None
    assert "hunter2secret" not in evidence.text.raw
    assert "login failed" in str(evidence.facts["last_error"])
    assert "\x1b" not in str(evidence.facts["last_error"])


async def test_a_log_that_is_a_fifo_keeps_nobody_waiting(scene: Scene, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "api.log")
    scene.add(service(tmp_path, logs=(tmp_path / "api.log",)))
    async with asyncio.timeout(10):
        assert (await scene.ask("last_log"))["lines"] == 0


# gathering


async def test_every_request_gets_one_answer_in_order_whatever_happens(scene: Scene, tmp_path: Path) -> None:
    unit = scene.add(service(tmp_path)).id
    nobody, elsewhere = UnitId.local("circus", "nobody"), UnitId.local("pm2", "api")
    requests = [
        ProbeRequest("unit_state", nobody),
        ProbeRequest("read_minds", unit),
        ProbeRequest("unit_state", unit),
        ProbeRequest("unit_state", elsewhere),
        *(ProbeRequest(probe, nobody) for probe in PROBES),
    ]
    supervisors: Any = {"circus": scene.supervisor}
    found = await gather(requests, scene.world, supervisors, datetime.now(UTC))
    assert [ProbeRequest(one.probe, one.unit) for one in found] == requests
    assert [("failed" in one.facts) for one in found[:4]] == [True, True, False, True]
