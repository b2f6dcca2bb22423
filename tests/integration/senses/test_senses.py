"""Logs, samples and probes of real services; one sense failing leaves the others at work."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from opsagent.model import EvidenceKind, Fault, SignalKind
from opsagent_tools.services.spec import Health
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.units import Unit
from tests.support.sensing import sensing
from tests.support.supervisors import CircusHarness, spec, web_spec
from tests.support.waiting import until


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_error_lines_are_told_redacted_with_their_signature(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("ERROR: of yesterday\n")
    specs = [spec("api", tmp_path, logs=(log,))]
    supervisor = FakeSupervisor(specs)
    async with sensing([supervisor], specs) as told:
        append(log, "INFO fine\nERROR: login of bob failed, password=hunter2hunter2 after 12 ms\n")
        error = await told.until(SignalKind.LOG_ERROR)
        assert error.unit is not None
        assert error.unit.name == "api"
        assert error.evidence is EvidenceKind.TEXT
        assert error.text is not None
        assert "hunter2" not in error.text.raw + str(error.data["signature"])
        assert "<dur>" in str(error.data["signature"])
        log.rename(tmp_path / "app.log.1")
        append(log, "Traceback (most recent call last):\n  File x\nKeyError: 'user'\n")
        await until(
            lambda: [e for e in told.of(SignalKind.LOG_ERROR) if str(e.data["signature"]).startswith("KeyError")]
        )


async def test_a_flood_of_one_error_is_a_few_signals_that_count_all_lines(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    specs = [spec("api", tmp_path, logs=(log,))]
    async with sensing([FakeSupervisor(specs)], specs) as told:
        append(log, "".join(f"ERROR: cannot reach 10.0.0.{n % 250}:5432\n" for n in range(5000)))

        def counted() -> int:
            return sum(int(error.data["count"]) for error in told.of(SignalKind.LOG_ERROR))

        await until(lambda: counted() == 5000)
        assert len(told.of(SignalKind.LOG_ERROR)) <= 5


async def test_a_log_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    good = tmp_path / "good.log"
    good.touch()
    specs = [
        spec("bad", tmp_path, logs=(tmp_path / "loop.log", tmp_path / "folder.log", tmp_path / "none" / "x.log")),
        spec("api", tmp_path, logs=(good,)),
    ]
    async with sensing([FakeSupervisor(specs)], specs) as told:
        append(good, "ERROR: x\n")
        await told.until(SignalKind.LOG_ERROR)


async def test_a_supervisor_that_fails_leaves_the_others_at_work(tmp_path: Path) -> None:
    class Broken(FakeSupervisor):
        async def list(self) -> Sequence[Unit]:
            raise RuntimeError("a bug of an adapter")

    log = tmp_path / "good.log"
    log.touch()
    specs = [spec("api", tmp_path, logs=(log,))]
    broken, good = Broken(specs, kind="broken"), FakeSupervisor(specs, kind="good")
    async with sensing([broken, good], specs) as told:
        append(log, "ERROR: x\n")
        error = await told.until(SignalKind.LOG_ERROR)
        assert error.unit is not None
        assert error.unit.supervisor == "good"


async def test_a_supervisor_that_starts_processes_elsewhere_tells_of_them_itself(tmp_path: Path) -> None:
    supervisor = FakeSupervisor([spec("api", tmp_path)])
    async with sensing([supervisor]) as told:
        ((unit, seen),) = told.world.units.items()
        supervisor.die(unit, seen.processes[0].pid, 3)
        death = await told.until(SignalKind.DEATH, unit)
        assert (death.process, death.data["exit_code"]) == (seen.processes[0].key, 3)
        assert death.evidence is EvidenceKind.SUPERVISOR
        await supervisor.stop(unit)
        await told.until(SignalKind.STOPPED, unit, scope="unit")
        assert len(told.of(SignalKind.DEATH)) == 1


async def test_samples_of_every_process(circus: CircusHarness, tmp_path: Path) -> None:
    await circus.apply([spec("api", tmp_path, instances=2)])
    async with sensing([circus.supervisor]) as told:
        unit = circus.id("api")
        keys = {process.key for process in told.world.units[unit].processes}
        await until(lambda: {sample.process for sample in told.of(SignalKind.SAMPLE, unit)} == keys)
        sample = told.of(SignalKind.SAMPLE, unit)[0]
        assert sample.data["rss"] > 0  # type: ignore[operator]
        assert sample.data["state"] == "S"


async def test_a_hang_is_found_by_its_probe_and_the_kernels_word(
    circus: CircusHarness, tmp_path: Path, free_port: int
) -> None:
    health = Health(http=f"http://127.0.0.1:{free_port}/", interval_s=0.2, timeout_s=0.5)
    specs = [web_spec("api", tmp_path, free_port, health=health)]
    await circus.apply(specs)
    unit = circus.id("api")
    async with sensing([circus.supervisor], specs) as told:
        await told.until(SignalKind.PROBE_OK, unit)
        assert told.of(SignalKind.PROBE_FAILED) == []
        pid = told.world.units[unit].processes[0].pid
        os.kill(pid, signal.SIGSTOP)
        await told.until(SignalKind.PROBE_FAILED, unit, reason="timeout")
        incident = await told.incident()
        assert (incident.fault, incident.unit) == (Fault.HANG, unit)
        assert "stopped by a signal" in incident.summary
        good = len(told.of(SignalKind.PROBE_OK))
        os.kill(pid, signal.SIGCONT)
        await told.until(SignalKind.PROBE_OK, unit, good + 1)


async def test_who_is_still_starting_does_not_fail(circus: CircusHarness, tmp_path: Path, free_port: int) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import pathlib, socket, time\n"
        "while not pathlib.Path('go').exists():\n    time.sleep(0.02)\n"
        f"server = socket.create_server(('127.0.0.1', {free_port}))\n"
        "while True:\n    server.accept()[0].close()\n"
    )
    health = Health(tcp=f"127.0.0.1:{free_port}", interval_s=0.1, grace_s=60)
    specs = [spec("api", tmp_path, command=(sys.executable, "-S", str(slow)), health=health)]
    await circus.apply(specs)
    async with sensing([circus.supervisor], specs) as told:
        await told.until(SignalKind.SAMPLE, count=5)
        assert told.of(SignalKind.PROBE_FAILED) == []
        (tmp_path / "go").touch()
        await told.until(SignalKind.PROBE_OK)
        assert told.of(SignalKind.PROBE_FAILED) == []


async def test_after_its_grace_a_failure_is_one(tmp_path: Path, free_port: int, circus: CircusHarness) -> None:
    health = Health(tcp=f"127.0.0.1:{free_port}", interval_s=0.1, grace_s=0.3)
    specs = [spec("api", tmp_path, health=health)]
    await circus.apply(specs)
    async with sensing([circus.supervisor], specs) as told:
        failed = await told.until(SignalKind.PROBE_FAILED, reason="refused")
        started = told.world.units[circus.id("api")].processes[0].key.started
        assert failed.at.timestamp() >= started + 0.3


async def test_a_unit_that_a_person_stopped_is_not_asked(circus: CircusHarness, tmp_path: Path, free_port: int) -> None:
    health = Health(tcp=f"127.0.0.1:{free_port}", interval_s=0.1)
    specs = [web_spec("api", tmp_path, free_port, health=health), spec("other", tmp_path)]
    await circus.apply(specs)
    unit = circus.id("api")
    async with sensing([circus.supervisor], specs) as told:
        await told.until(SignalKind.PROBE_OK, unit)
        await circus.supervisor.stop(unit)
        await told.until(SignalKind.STOPPED, unit, scope="unit")
        told.signals.clear()
        await told.until(SignalKind.SAMPLE, circus.id("other"), 4)
        assert told.of(SignalKind.PROBE_FAILED) == told.of(SignalKind.PROBE_OK) == []
        assert unit not in told.world.health
        await circus.supervisor.start(unit)
        await told.until(SignalKind.PROBE_OK, unit)


async def test_services_described_at_run_time_are_taken_up(
    circus: CircusHarness, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    first, second = free_ports(2)
    specs = [web_spec("one", tmp_path, first), web_spec("two", tmp_path, second)]
    await circus.apply(specs[:1])
    async with sensing([circus.supervisor], specs[:1]) as told:
        await circus.apply(specs)
        await until(lambda: circus.id("two") in told.world.units)
        described = [
            web_spec("one", tmp_path, first, health=Health(tcp=f"127.0.0.1:{first}", interval_s=0.1)),
            web_spec("two", tmp_path, second, health=Health(tcp=f"127.0.0.1:{second}", interval_s=0.1)),
        ]
        told.world.replace_specs({each.name: each for each in described})
        await told.until(SignalKind.PROBE_OK, circus.id("one"))
        await told.until(SignalKind.PROBE_OK, circus.id("two"))


async def test_a_port_that_nobody_configured_is_never_connected_to(circus: CircusHarness, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        specs = [spec("api", tmp_path, port=server.getsockname()[1])]
        await circus.apply(specs)
        async with sensing([circus.supervisor], specs) as told:
            await told.until(SignalKind.SAMPLE, count=5)
        with pytest.raises(BlockingIOError):
            server.accept()
