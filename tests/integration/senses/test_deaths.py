"""Deaths of real workers of the real engine: crashes told apart from what somebody wanted."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from opsagent.model import EvidenceKind, Fault, SignalKind
from opsagent_tools.units import UnitState
from tests.support.sensing import sensing
from tests.support.supervisors import CircusHarness, spec
from tests.support.waiting import until


async def test_a_killed_worker_is_a_death_and_its_successor_is_seen(circus: CircusHarness, tmp_path: Path) -> None:
    await circus.apply([spec("api", tmp_path)])
    unit = circus.id("api")
    async with sensing([circus.supervisor]) as told:
        (process,) = told.world.units[unit].processes
        os.kill(process.pid, signal.SIGKILL)
        death = await told.until(SignalKind.DEATH, unit)
        assert (death.process, death.data["exit_code"], death.evidence) == (process.key, -9, EvidenceKind.KERNEL)
        spawned = await told.until(SignalKind.SPAWNED, unit)
        await until(lambda: [p.key for p in told.world.units[unit].processes] == [spawned.process])
        assert len(told.of(SignalKind.DEATH)) == 1
        incident = await told.incident()
        assert (incident.fault, incident.unit) == (Fault.CRASH, unit)


async def test_what_was_asked_for_is_never_a_death(circus: CircusHarness, tmp_path: Path) -> None:
    specs = [spec("api", tmp_path, instances=3), spec("web", tmp_path)]
    await circus.apply(specs)
    api, web = circus.id("api"), circus.id("web")
    supervisor = circus.supervisor
    async with sensing([supervisor], specs) as told:
        await supervisor.restart(api)
        await supervisor.reload(api)
        await supervisor.scale(api, 1)
        await supervisor.retire(api, await supervisor.surge(api))
        await supervisor.stop(api)
        await told.until(SignalKind.STOPPED, api, scope="unit")
        assert told.world.units[api].state is UnitState.STOPPED
        await supervisor.start(api)
        await until(lambda: told.world.units[api].processes)
        await circus.apply([specs[0]])
        await told.until(SignalKind.STOPPED, web, scope="process")
        await until(lambda: web not in told.world.units)
        os.kill(told.world.units[api].processes[0].pid, signal.SIGKILL)
        await told.until(SignalKind.DEATH, api)
        assert len(told.of(SignalKind.DEATH)) == 1, [
            (s.kind.value, s.at.time(), s.process, dict(s.data))
            for s in told.signals
            if s.kind not in {SignalKind.SAMPLE, SignalKind.HOST_SAMPLE}
        ]


async def test_a_unit_that_is_stopped_is_told_once(circus: CircusHarness, tmp_path: Path) -> None:
    await circus.apply([spec("api", tmp_path)])
    unit = circus.id("api")
    async with sensing([circus.supervisor]) as told:
        await circus.supervisor.stop(unit)
        await told.until(SignalKind.STOPPED, unit, scope="unit")
        await circus.supervisor.start(unit)
        await told.until(SignalKind.SPAWNED, unit)
        assert len(told.of(SignalKind.STOPPED, unit, scope="unit")) == 1
        await circus.supervisor.stop(unit)
        await told.until(SignalKind.STOPPED, unit, 2, scope="unit")


async def test_processes_that_come_and_go_at_once_are_deaths_and_a_loop(circus: CircusHarness, tmp_path: Path) -> None:
    program = tmp_path / "boom.py"
    program.write_text("raise ValueError('no user 17 in /etc/app/users.toml')\n")
    async with sensing([circus.supervisor]) as told:
        await circus.apply([spec("api", tmp_path, command=(sys.executable, "-S", str(program)))])
        unit = circus.id("api")
        death = await told.until(SignalKind.DEATH, unit, 4)
        assert death.data["exit_code"] == 1
        await until(lambda: [incident.fault for incident in told.detector.open] == [Fault.CRASH_LOOP], timeout=20)
        assert len(told.detector.open) == 1
        error = await told.until(SignalKind.LOG_ERROR, unit)
        assert error.data["signature"] == "ValueError: no user <n> in <path>" or "ValueError" in str(error.text)


async def test_dead_before_anybody_looked(circus: CircusHarness, tmp_path: Path) -> None:
    specs = [spec("job", tmp_path, port=1, autorestart=False, command=("false",))]
    await circus.apply(specs)
    unit = circus.id("job")

    async def ended() -> bool:
        return (await circus.supervisor.describe(unit)).state is UnitState.EXITED

    await until(ended)
    async with sensing([circus.supervisor], specs) as told:
        incident = await told.incident()
        assert (incident.fault, incident.unit) == (Fault.CRASH, unit)


async def test_without_its_daemon_the_workers_are_still_watched(circus: CircusHarness, tmp_path: Path) -> None:
    specs = [spec("api", tmp_path), spec("web", tmp_path)]
    await circus.apply(specs)
    api = circus.id("api")
    async with sensing([circus.supervisor], specs) as told:
        (process,) = told.world.units[api].processes
        circus.lose()
        await told.until(SignalKind.SUPERVISOR_LOST, supervisor="circus")
        assert told.world.lost == {"circus"}
        os.kill(process.pid, signal.SIGKILL)
        death = await told.until(SignalKind.DEATH, api)
        assert death.process == process.key
        await circus.come_back()
        await told.until(SignalKind.SUPERVISOR_BACK, supervisor="circus")
        await until(lambda: all(unit.processes for unit in told.world.units.values()))
        assert process.key not in {p.key for p in told.world.units[api].processes}
        assert told.world.lost == set()
        assert len(told.of(SignalKind.SUPERVISOR_LOST)) == len(told.of(SignalKind.SUPERVISOR_BACK)) == 1
        (incident,) = told.detector.open
        assert incident.fault is Fault.ENGINE_DOWN
        assert api in incident.affected
