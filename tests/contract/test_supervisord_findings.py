"""What a real supervisord does not notice: loops without end, a configuration that drifted, logs, what outlived it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.port import EventKind, NotSupported
from opsagent_tools.supervisors.supervisord.adapter import SupervisordSupervisor
from opsagent_tools.units import UnitId, UnitState
from tests.support import processes
from tests.support.supervisord import Supervisord
from tests.support.supervisors import listening, pids
from tests.support.waiting import until


@pytest.fixture
def daemon(runtime_root: Path) -> Iterator[Supervisord]:
    found = Supervisord(runtime_root)
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
async def supervisor(daemon: Supervisord) -> AsyncIterator[SupervisordSupervisor]:
    found = SupervisordSupervisor(daemon.address)
    yield found
    await found.close()


def unit(name: str) -> UnitId:
    return UnitId.local("supervisord", name)


async def found(supervisor: SupervisordSupervisor, check: str) -> list[Finding]:
    return [one for one in await supervisor.findings() if one.check == f"supervisord/{check}"]


async def test_a_program_that_ends_at_once_is_fatal_and_a_finding(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.write("[program:bad]\ncommand=sh -c 'exit 3'\nstartretries=0\nstdout_logfile=NONE\n")
    daemon.start()

    async def dead() -> bool:
        return (await supervisor.describe(unit("bad"))).state is UnitState.EXITED

    await until(dead)
    bad = await supervisor.describe(unit("bad"))
    assert bad.reason.startswith("supervisord gave up")
    (finding,) = await found(supervisor, "fatal")
    assert (finding.severity, finding.unit) == (Severity.SERIOUS, unit("bad"))
    assert "supervisorctl start bad" in finding.mend


async def test_a_loop_that_supervisord_never_ends_is_seen(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.write("[program:loop]\ncommand=sh -c 'exit 7'\nstartsecs=0\nautorestart=true\n")
    daemon.start()

    async def loops() -> Finding | None:
        return next(iter(await found(supervisor, "crash_loop")), None)

    finding = await until(loops, timeout=20)
    assert finding is not None
    assert "last with exit code 7" in finding.says
    assert "never gives up" in finding.says
    assert finding.severity is Severity.SERIOUS


async def test_what_differs_on_disk_is_seen_and_supervisord_is_not_made_to_read_it(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.write("[program:api]\ncommand=sleep 600\nstartsecs=0\n")
    daemon.start()
    assert await found(supervisor, "configuration_drift") == []
    daemon.write(
        "[program:api]\ncommand=sleep 601\nstartsecs=0\nnumprocs=2\nprocess_name=%(process_num)d\n[program:new]\ncommand=sleep 1\n"
    )
    says = " | ".join(one.says for one in await found(supervisor, "configuration_drift"))
    assert "new is in the configuration and does not run" in says
    assert daemon.ask("reloadConfig") == [[["new"], ["api"], []]]  # it had not seen it before


async def test_a_log_without_bound_is_seen(daemon: Supervisord, supervisor: SupervisordSupervisor) -> None:
    log = daemon.folder / "api.log"
    daemon.write(f"[program:api]\ncommand=sleep 600\nstartsecs=0\nstdout_logfile={log}\nstdout_logfile_maxbytes=0\n")
    daemon.start()
    log.write_text("x" * 1000)
    (finding,) = await found(supervisor, "log_unbounded")
    assert (finding.unit, finding.facts) == (unit("api"), {"bytes": 1000})
    assert str(log) in finding.says


async def test_what_a_reboot_would_lose_is_seen(daemon: Supervisord, supervisor: SupervisordSupervisor) -> None:
    daemon.start()
    booted = await found(supervisor, "no_boot_unit")
    assert all("after a reboot" in one.says for one in booted)
    from opsagent_tools.supervisors.supervisord.findings import _boot_unit

    assert bool(booted) == (not _boot_unit())


async def test_what_outlived_a_killed_one_is_seen_beside_the_new_one_and_ended(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.write("[program:api]\ncommand=sleep 600\nstartsecs=0\n")
    daemon.start()
    before = await supervisor.describe(unit("api"))
    async with listening(supervisor) as events:
        daemon.kill()
        await events.until(EventKind.LOST)
        await asyncio.to_thread(daemon.start)  # a person starts it by hand, and everything is doubled
        await events.until(EventKind.BACK)
        doubled = await supervisor.daemon()
        assert (doubled.outlived, doubled.trouble) == (
            1,
            "1 program of an earlier supervisord run on beside what this one started",
        )
        assert "1 program that had outlived it ended first" in await supervisor.revive()
        after = await supervisor.describe(unit("api"))
        assert (await supervisor.daemon()).trouble == ""
        assert events.of(EventKind.EXITED, unit("api")) == []  # ended on purpose
        sleeping = processes.mentioning([f"SUPERVISOR_SERVER_URL={daemon.address}", daemon.address])
        assert {one.pid for one in sleeping if "sleep" in one.cmdline()[0]} == pids(after)
        assert not pids(after) & pids(before)


async def test_one_in_the_foreground_is_for_whoever_started_it(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.head = daemon.head.replace("[supervisord]", "[supervisord]\nnodaemon=true")
    daemon.write("")
    with daemon.foreground():
        assert (await supervisor.daemon()).pid == daemon.pid
        daemon.kill()

        async def gone() -> bool:
            return (await supervisor.daemon()).pid is None

        await until(gone)
        assert "in the foreground" in (await supervisor.daemon()).hint
        with pytest.raises(NotSupported, match="in the foreground"):
            await supervisor.revive()


async def test_an_exit_code_and_a_signal_are_told_as_they_were(
    daemon: Supervisord, supervisor: SupervisordSupervisor
) -> None:
    daemon.write("[program:job]\ncommand=sleep 600\nstartsecs=0\nautorestart=false\n")
    daemon.start()
    (key,) = (process.key for process in (await supervisor.describe(unit("job"))).processes)
    async with listening(supervisor) as events:
        await supervisor.signal(unit("job"), signal.SIGUSR1)
        exited = await events.until(EventKind.EXITED, unit("job"))
        assert (exited.pid, exited.exit_code) == (key.pid, -signal.SIGUSR1)
        job = await supervisor.describe(unit("job"))
        assert (job.state, job.last_exit) == (UnitState.EXITED, -signal.SIGUSR1)
