"""What a real circusd does not notice: slow looks, loops without end, drift, logs, who may command it, what outlived it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.circusd.adapter import CircusdSupervisor
from opsagent_tools.supervisors.port import EventKind, NotSupported
from opsagent_tools.units import UnitId, UnitState
from tests.support import processes
from tests.support.circusd import Circusd
from tests.support.supervisors import listening, pids
from tests.support.waiting import until

_API = "[env]\nHOME = {folder}/home\n[watcher:api]\ncmd = sleep 600\n"


@pytest.fixture
def daemon(runtime_root: Path) -> Iterator[Circusd]:
    found = Circusd(runtime_root, _API.format(folder=runtime_root))
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
async def supervisor(daemon: Circusd) -> AsyncIterator[CircusdSupervisor]:
    found = CircusdSupervisor(daemon.address)
    yield found
    await found.close()


def unit(name: str) -> UnitId:
    return UnitId.local("circusd", name)


async def found(supervisor: CircusdSupervisor, check: str) -> list[Finding]:
    return [one for one in await supervisor.findings() if one.check == f"circusd/{check}"]


async def test_slow_looks_and_no_flapping_plugin_are_seen(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    daemon.head = daemon.head.replace("check_delay = 0.1", "check_delay = 3")
    daemon.write(_API.format(folder=daemon.folder))
    daemon.start()
    (slow,) = await found(supervisor, "slow_check")
    assert (slow.facts, slow.severity) == ({"check_delay": 3.0}, Severity.WARNING)
    assert len(await found(supervisor, "no_flapping_plugin")) == 1
    async with listening(supervisor) as events:  # and a death is told long before circusd sees it
        (pid,) = pids(await supervisor.describe(unit("api")))
        os.kill(pid, signal.SIGKILL)
        exited = await events.until(EventKind.EXITED, unit("api"))
        assert (exited.pid, exited.exit_code) == (pid, -signal.SIGKILL)
        down = await supervisor.describe(unit("api"))
        assert (down.state, down.processes) == (UnitState.STARTING, ())
        assert down.reason == "ended by signal 9; circusd starts it again within 3 s"


async def test_with_sane_looks_nothing_is_said_of_them(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    daemon.start()
    assert await found(supervisor, "slow_check") == []
    assert await found(supervisor, "open_to_everyone") == []
    assert await found(supervisor, "crash_loop") == []


async def test_what_was_stopped_after_deaths_stays_stopped_and_is_told(
    daemon: Circusd, supervisor: CircusdSupervisor
) -> None:
    flapping = "[plugin:flapping]\nuse = circus.plugins.flapping.Flapping\nattempts = 1000\n"
    daemon.write(_API.format(folder=daemon.folder) + flapping)
    daemon.start()
    assert [one.name for one in await supervisor.list()] == ["api"]
    assert await found(supervisor, "no_flapping_plugin") == []
    dead: set[int] = set()

    async def another() -> set[int]:
        return pids(await supervisor.describe(unit("api"))) - dead

    for _ in range(2):
        fresh = await until(another)
        dead |= fresh or set()
        os.kill(next(iter(fresh or ())), signal.SIGKILL)
    await until(another)
    await asyncio.to_thread(daemon.do, "stop", name="api")  # as the plugin does, and as a person does

    async def told() -> Finding | None:
        return next(iter(await found(supervisor, "stopped_flapping")), None)

    finding = await until(told)
    assert finding is not None
    assert finding.facts == {"deaths": 2}
    api = await supervisor.describe(unit("api"))
    assert api.state is UnitState.STOPPED  # a person's stop is not undone, and who stopped it cannot be told
    assert api.reason == "stopped by the flapping plugin or by a person, after 2 deaths within 60 s"


async def test_a_loop_that_circusd_never_ends_is_seen(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    daemon.write(_API.format(folder=daemon.folder).replace("sleep 600", "sleep 0.05"))
    daemon.start()

    async def loops() -> Finding | None:
        return next(iter(await found(supervisor, "crash_loop")), None)

    async with listening(supervisor):
        finding = await until(loops, timeout=20)
    assert finding is not None
    assert (finding.unit, finding.severity) == (unit("api"), Severity.SERIOUS)
    assert "circusd shows it as active" in finding.says


async def test_what_differs_on_disk_is_seen(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    daemon.start()
    assert await found(supervisor, "configuration_drift") == []
    await supervisor.scale(unit("api"), 2)
    daemon.ask("add", name="byhand", cmd="sleep 600", options={"env": {"HOME": f"{daemon.folder}/home"}})
    daemon.write(_API.format(folder=daemon.folder) + "[watcher:new]\ncmd = sleep 1\n")
    says = " | ".join(one.says for one in await found(supervisor, "configuration_drift"))
    assert "api has 2 processes, the configuration says 1" in says
    assert "byhand runs and is not in the configuration" in says
    assert "new is in the configuration" in says


async def test_logs_without_bound_and_ports_that_nobody_keeps_open_are_seen(
    daemon: Circusd, supervisor: CircusdSupervisor, free_port: int
) -> None:
    log = daemon.folder / "web.log"
    script = f"import socket, time; print(1, flush=True); s = socket.create_server(('127.0.0.1', {free_port})); time.sleep(600)"
    daemon.write(
        f'[env]\nHOME = {daemon.folder}/home\n[watcher:web]\ncmd = python3 -S -c "{script}"\n'
        f"stdout_stream.class = FileStream\nstdout_stream.filename = {log}\n"
    )
    daemon.start()

    async def both() -> bool:
        checks = {one.check for one in await supervisor.findings() if one.unit == unit("web")}
        return checks == {"circusd/log_unbounded", "circusd/no_shared_socket"}

    await until(both)
    (socket,) = await found(supervisor, "no_shared_socket")
    assert f"port {free_port} itself" in socket.says
    assert "use_sockets" in socket.mend


async def test_an_endpoint_that_every_user_reaches_is_seen(runtime_root: Path, free_port: int) -> None:
    daemon = Circusd(runtime_root)
    local, port = daemon.address, f"tcp://127.0.0.1:{free_port}"
    daemon.head = daemon.head.replace(f"endpoint = {local}", f"endpoint = {port}", 1)
    daemon.write(_API.format(folder=runtime_root))
    supervisor = CircusdSupervisor(port)
    try:
        daemon.start(settle=False)

        async def runs() -> bool:
            return (await supervisor.daemon()).pid == daemon.pid and bool((await supervisor.list())[0].processes)

        await until((runtime_root / "c.pid").exists)
        await until(runs)
        (finding,) = await found(supervisor, "open_to_everyone")
        assert "asks for no password" in finding.says
        assert finding.severity is (Severity.SERIOUS if os.geteuid() == 0 else Severity.WARNING)
    finally:
        await supervisor.close()
        daemon.end()


async def test_what_outlived_a_killed_one_is_seen_beside_the_new_one_and_ended(
    daemon: Circusd, supervisor: CircusdSupervisor
) -> None:
    daemon.start()
    before = await supervisor.describe(unit("api"))
    async with listening(supervisor) as events:
        daemon.kill()
        await events.until(EventKind.LOST)
        (daemon.folder / "c.pid").unlink()
        await asyncio.to_thread(daemon.start)  # a person starts it by hand, and everything is doubled
        await events.until(EventKind.BACK)
        doubled = await supervisor.daemon()
        assert (doubled.outlived, doubled.trouble) == (
            1,
            "1 process of an earlier circusd run on beside what this one started",
        )
        assert "1 process that had outlived it ended first" in await supervisor.revive()
        after = await supervisor.describe(unit("api"))
        assert (await supervisor.daemon()).trouble == ""
        assert events.of(EventKind.EXITED, unit("api")) == []  # ended on purpose
        sleeping = {one.pid for one in processes.mentioning([f"{daemon.folder}/home"])}
        assert sleeping == pids(after)
        assert not pids(after) & pids(before)


async def test_one_in_the_foreground_is_for_whoever_started_it(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    with daemon.foreground():
        assert (await supervisor.daemon()).pid == daemon.pid
        before = await supervisor.describe(unit("api"))
        daemon.kill()

        async def gone() -> bool:
            return (await supervisor.daemon()).pid is None

        await until(gone)
        assert "in the foreground" in (await supervisor.daemon()).hint
        with pytest.raises(NotSupported, match="in the foreground"):
            await supervisor.revive()
        assert {one.pid for one in processes.mentioning([f"{daemon.folder}/home"])} == pids(before)  # left as they are


async def test_one_that_was_never_seen_is_not_started(daemon: Circusd, supervisor: CircusdSupervisor) -> None:
    assert (await supervisor.daemon()).ended == "it does not run"
    with pytest.raises(NotSupported, match="never seen"):
        await supervisor.revive()
