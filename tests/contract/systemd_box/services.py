"""Services of process 1, changed by the adapter and by people. Runs inside a box (../test_systemd.py)."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.port import EventKind, NotSupported, SupervisorError, UnknownUnit
from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor
from opsagent_tools.supervisors.systemd.look import look
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.support.supervisors import listening, pids, spec
from tests.support.systemd import Services, systemctl, unit_text
from tests.support.systemd_box import inside
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not inside(), reason="runs inside a box: tests/contract/test_systemd.py")

API = UnitId.local("systemd", "api")


@pytest.fixture
def services() -> Iterator[Services]:
    found = Services("system")
    yield found
    found.end()


@pytest.fixture
async def systemd(services: Services) -> AsyncIterator[SystemdSupervisor]:
    supervisor = SystemdSupervisor()
    yield supervisor
    await supervisor.close()


def run(services: Services, folder: Path, *lines: str, name: str = "api", autorestart: bool = True) -> None:
    """Have a service run that sleeps. `lines`: more for its [Service] section."""
    services.write(f"{name}.service", unit_text(spec(name, folder, autorestart=autorestart), *lines))
    services.tell()
    services.start([f"{name}.service"])


def python(code: str) -> str:
    """The command of a unit file that runs a piece of Python without `%`, `$` and `"`."""
    return f'{sys.executable} -S -c "{code}"'


async def test_one_look_says_what_the_adapter_lists(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path)

    assert look() == tuple(await systemd.list())


async def test_its_own_way_to_reload_keeps_the_process(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path, f"ExecReload=touch {tmp_path}/reloaded")
    before = await systemd.describe(API)

    await systemd.reload(API)

    assert before.reloads_in_place
    assert (tmp_path / "reloaded").exists()
    assert (await systemd.describe(API)).processes == before.processes


async def test_a_reload_that_fails_is_told_and_the_service_goes_on(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path, "ExecReload=false")
    before = await systemd.describe(API)

    with pytest.raises(SupervisorError, match="goes on as before"):
        await systemd.reload(API)

    assert (await systemd.describe(API)).processes == before.processes


async def test_what_runs_once_cannot_be_scaled(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, tmp_path)

    with pytest.raises(NotSupported, match=r"api\.service is no template.*api@\.service"):
        await systemd.scale(API, 2)


async def test_an_instance_is_found_under_its_template(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    services.write("worker@.service", unit_text(spec("worker", tmp_path)), instances=2)
    services.tell()
    services.start(["worker@.service"])

    (unit,) = await systemd.list()

    assert (unit.name, len(unit.processes), unit.numbered, unit.surges) == ("worker@", 2, True, True)
    with pytest.raises(UnknownUnit, match="belong to their template, worker@"):
        await systemd.describe(UnitId.local("systemd", "worker@1"))


async def test_a_service_that_cannot_start_says_why(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    services.write("api.service", "[Service]\nType=notify\nExecStart=false\nRestart=no\n")
    services.tell()

    with pytest.raises(SupervisorError, match=r"api\.service did not start.*ended with exit code 1"):
        await systemd.start(API)

    unit = await systemd.describe(API)
    assert (unit.state, unit.last_exit) == (UnitState.EXITED, 1)


async def test_what_systemd_gave_up_on_starts_when_it_is_told_to(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    text = "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=60\n[Service]\nRestart=always\nRestartSec=10ms\nExecStart="
    services.write("api.service", text + python(f"import os,time; os.stat('{tmp_path}/there'); time.sleep(600)") + "\n")
    services.tell()
    services.start(["api.service"])
    gave_up = await until(lambda: _in_state(systemd, UnitState.EXITED))
    assert "start-limit-hit" in gave_up.reason

    (tmp_path / "there").touch()
    await systemd.start(API)

    assert (await systemd.describe(API)).state is UnitState.RUNNING


async def _in_state(systemd: SystemdSupervisor, state: UnitState) -> Unit | None:
    unit = await systemd.describe(API)
    return unit if unit.state is state else None


async def test_a_persons_stop_is_no_death(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, tmp_path)
    (pid,) = pids(await systemd.describe(API))
    async with listening(systemd) as events:
        systemctl("stop", "api.service")
        await events.until(EventKind.STOPPED, API)

        assert [event.pid for event in events.of(EventKind.STOPPING, API)] == [pid]
        assert events.of(EventKind.EXITED, API) == []
        assert (await systemd.describe(API)).state is UnitState.STOPPED


async def test_however_often_a_person_restarts_it_there_is_no_death(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path)
    async with listening(systemd) as events:
        for _ in range(5):
            for verb in ("restart", "stop", "start"):
                await asyncio.to_thread(systemctl, verb, "api.service")
        await until(lambda: len(events.of(EventKind.STARTED, API)) == 5)

        assert events.of(EventKind.EXITED, API) == []
        assert len(events.of(EventKind.STOPPING, API)) == len(events.of(EventKind.SPAWNED, API)) == 10


async def test_what_crashes_at_once_is_told_each_time(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    services.write(
        "api.service",
        "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n[Service]\nRestart=always\nRestartSec=1ms\nExecStart=false\n",
    )
    services.tell()
    async with listening(systemd) as events:
        services.start(["api.service"])
        unit = await until(lambda: _in_state(systemd, UnitState.EXITED))

        told = events.of(EventKind.EXITED, API)
        assert len({event.pid for event in told}) == len(told) == 3
        assert {event.exit_code for event in told} <= {1, None}  # the kernel's word, where it is quicker, has no code
        assert (unit.last_exit, unit.restarts) == (1, 2)


async def test_a_stop_that_the_program_answers_with_an_error_is_still_a_stop(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    code = "import signal,sys,time; signal.signal(15, lambda *_: sys.exit(7)); open('ready','w'); time.sleep(600)"
    services.write("api.service", f"[Service]\nWorkingDirectory={tmp_path}\nExecStart={python(code)}\n")
    services.tell()
    services.start(["api.service"])
    await until((tmp_path / "ready").exists)
    async with listening(systemd) as events:
        systemctl("stop", "api.service")
        await events.until(EventKind.STOPPED, API)

        assert events.of(EventKind.EXITED, API) == []
        unit = await systemd.describe(API)
        assert (unit.state, unit.last_exit) == (UnitState.STOPPED, 7)


async def test_a_persons_restart_is_no_death(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, tmp_path)
    before = await systemd.describe(API)
    async with listening(systemd) as events:
        systemctl("restart", "api.service")
        await events.until(EventKind.SPAWNED, API)

        assert [event.pid for event in events.of(EventKind.STOPPING, API)] == [before.processes[0].pid]
        assert events.of(EventKind.EXITED, API) == []


async def test_a_signal_from_elsewhere_is_a_death(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path, "RestartSec=1min")
    (pid,) = pids(await systemd.describe(API))
    async with listening(systemd) as events:
        os.kill(pid, signal.SIGTERM)

        exited = await events.until(EventKind.EXITED, API)

        assert (exited.pid, exited.exit_code) == (pid, -signal.SIGTERM)
        assert (
            not exited.reason or "SIGTERM" in exited.reason
        )  # on a busy machine the death is told before it is explained


async def test_exit_codes_and_restarts_are_systemds_own(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    services.write(
        "api.service", f"[Service]\nRestart=on-failure\nRestartSec=1min\nExecStart={python('raise SystemExit(3)')}\n"
    )
    services.tell()
    async with listening(systemd) as events:
        services.start(["api.service"])
        exited = await events.until(EventKind.EXITED, API)

        unit = await systemd.describe(API)
        assert (exited.exit_code, unit.last_exit, unit.state) == (3, 3, UnitState.STARTING)
        assert "exit code 3" in unit.reason
        assert "starts it again after 60 s" in unit.reason


async def test_an_adapter_that_comes_later_knows_how_often_it_was_restarted(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path, "RestartSec=10ms")
    for restarts in (1, 2):
        (pid,) = pids(look()[0])
        os.kill(pid, signal.SIGKILL)
        await until(lambda restarts=restarts: look()[0].restarts == restarts and look()[0].processes)

    unit = await systemd.describe(API)

    assert (unit.restarts, unit.state) == (2, UnitState.RUNNING)


async def test_two_changes_of_one_unit_do_not_overlap(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path)

    results = await asyncio.gather(systemd.restart(API), systemd.restart(API), return_exceptions=True)

    assert [str(one) for one in results if one is not None] == ["a restart of api is under way"]


async def test_systemd_executes_itself_anew_and_nothing_is_doubled(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path)
    before = await systemd.describe(API)
    async with listening(systemd) as events:
        systemctl("daemon-reexec")
        await events.until(EventKind.BACK)

        assert await systemd.describe(API) == before
        assert events.of(EventKind.LOST) == []
        assert events.of(EventKind.EXITED, API) == events.of(EventKind.SPAWNED, API) == []
        os.kill(before.processes[0].pid, signal.SIGKILL)
        await events.until(EventKind.EXITED, API)


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_systemd_executes_itself_anew_in_the_middle_of_a_change(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path, verb: str
) -> None:
    marks = tmp_path / "marks"
    run(services, tmp_path, f"ExecStartPre=sh -c 'echo >>{marks}; sleep .3'", "ExecStop=sleep .3")
    if verb == "start":
        await systemd.stop(API)
    starts = marks.read_text().count("\n")

    change = asyncio.ensure_future(getattr(systemd, verb)(API))
    await until(lambda: look()[0].state in {UnitState.STARTING, UnitState.STOPPING})
    systemctl("daemon-reexec")
    await change

    unit = await systemd.describe(API)
    assert unit.state is (UnitState.STOPPED if verb == "stop" else UnitState.RUNNING)
    assert len(unit.processes) == (0 if verb == "stop" else 1)
    assert marks.read_text().count("\n") == starts + (0 if verb == "stop" else 1)


async def test_a_change_that_reload_brings_is_told(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path)
    async with listening(systemd) as events:
        events.seen.clear()
        run(services, tmp_path, name="web")

        await events.until(EventKind.CHANGED)

        assert [unit.name for unit in await systemd.list()] == ["api", "web"]


async def test_all_processes_of_a_forking_service_are_its_own(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    services.write(
        "api.service", "[Service]\nType=forking\nGuessMainPID=no\nExecStart=sh -c 'sleep 600 & sleep 601 &'\n"
    )
    services.tell()
    services.start(["api.service"])

    unit = await systemd.describe(API)

    assert len(unit.processes) == 2
    with pytest.raises(NotSupported, match="as a whole"):
        await systemd.replace(API, unit.processes[0].key)


async def test_a_death_is_told_within_20_ms(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, tmp_path, "RestartSec=0")
    took = []
    async with listening(systemd) as events:
        for _ in range(20):
            unit = await until(lambda: _in_state(systemd, UnitState.RUNNING))
            events.seen.clear()
            pid = unit.processes[0].pid
            at = time.time()
            os.kill(pid, signal.SIGKILL)
            took.append((await events.until(EventKind.EXITED, API, pid=pid)).at - at)
            await events.until(EventKind.SPAWNED, API)

    assert statistics.median(took) < 0.02, (
        took
    )  # its p95 is measured by `make bench`, on a machine with nothing else to do
