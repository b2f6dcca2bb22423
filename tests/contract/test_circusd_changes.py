"""A real circusd of somebody else: what it is asked to do, what it cannot, and what a person's own commands look like."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.circusd.adapter import CircusdSupervisor
from opsagent_tools.supervisors.circusd.look import look
from opsagent_tools.supervisors.port import (
    Busy,
    EventKind,
    NotPermitted,
    NotSupported,
    SupervisorError,
    SupervisorUnreachable,
)
from opsagent_tools.units import UnitId, UnitState
from tests.support.circusd import Circusd
from tests.support.supervisors import WEB_WORKER, listening, pids
from tests.support.waiting import until

_WATCHERS = """\
[env]
HOME = {folder}/home
API_TOKEN = sk-live-0123456789abcdef
[watcher:Api Server]
cmd = sleep 600
numprocesses = 2
graceful_timeout = 5
stdout_stream.class = FileStream
stdout_stream.filename = {folder}/api.log
[watcher:one]
cmd = sleep 600
singleton = True
"""
API, ONE = UnitId.local("circusd", "Api Server"), UnitId.local("circusd", "one")


def stubborn(ready: Path) -> str:
    """A watcher `slow` that ignores its stop signal, from the moment that a file is there."""
    code = "import pathlib, signal, time; signal.signal(15, signal.SIG_IGN)"
    code += f"; pathlib.Path('{ready}').touch(); time.sleep(600)"
    return f'[watcher:slow]\ncmd = {sys.executable} -S -c "{code}"\ngraceful_timeout = 60\n'


@pytest.fixture
def daemon(runtime_root: Path) -> Iterator[Circusd]:
    found = Circusd(runtime_root, _WATCHERS.format(folder=runtime_root))
    try:
        found.start()
        yield found
    finally:
        found.end()


@pytest.fixture
async def supervisor(daemon: Circusd) -> AsyncIterator[CircusdSupervisor]:
    found = CircusdSupervisor(daemon.address)
    yield found
    await found.close()


async def test_a_unit_is_told_with_its_setup_and_without_its_secrets(
    supervisor: CircusdSupervisor, daemon: Circusd
) -> None:
    api = await supervisor.describe(API)
    setup = await supervisor.setup(API)
    assert (api.instances, len(api.processes), api.shares_socket, api.logs) == (
        2,
        2,
        False,
        (daemon.folder / "api.log",),
    )
    assert tuple(supervisor.log_files(API)) == api.logs
    assert (setup.command, setup.config_file, setup.stop_timeout_s) == (("sleep", "600"), daemon.conf, 5.0)
    assert (setup.stop_signal, setup.shape) == (signal.SIGTERM, "processes")
    assert "0123456789abcdef" not in repr(dict(setup.env))
    assert setup.env["HOME"] == f"{daemon.folder}/home"


async def test_all_is_seen_at_once_without_a_loop_too(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    assert look(daemon.address) == tuple(await supervisor.list())


async def test_what_it_cannot_do_is_refused_with_a_reason(supervisor: CircusdSupervisor) -> None:
    with pytest.raises(NotSupported, match="singleton"):
        await supervisor.scale(ONE, 2)
    with pytest.raises(NotSupported, match="ends its oldest"):
        await supervisor.surge(API)
    with pytest.raises(NotSupported, match="its configuration says is what comes back"):
        await supervisor.persist()


async def test_a_stop_by_a_person_is_a_stop_and_no_death(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    before = await supervisor.describe(API)
    async with listening(supervisor) as events:
        await asyncio.to_thread(daemon.do, "stop", name="api server", match="simple")
        await events.until(EventKind.STOPPED, API)
        stopped = await supervisor.describe(API)
        assert (stopped.state, stopped.last_exit) == (UnitState.STOPPED, -signal.SIGTERM)
        assert {event.pid for event in events.of(EventKind.STOPPING, API)} == pids(before)
        await asyncio.to_thread(daemon.do, "start", name="api server", match="simple")
        await events.until(EventKind.STARTED, API)
        assert events.of(EventKind.EXITED, API) == []


@pytest.mark.parametrize("command", ["restart", "reload"])
async def test_a_restart_by_a_person_is_no_death_and_no_stop(
    supervisor: CircusdSupervisor, daemon: Circusd, command: str
) -> None:
    before = await supervisor.describe(API)
    async with listening(supervisor) as events:
        await asyncio.to_thread(daemon.do, command, name="api server")

        async def replaced() -> bool:
            now = pids(await supervisor.describe(API))
            return len(now) == 2 and not now & pids(before)

        await until(replaced)
        victim = next(iter(pids(await supervisor.describe(API))))
        os.kill(victim, signal.SIGKILL)
        await events.until(EventKind.EXITED, API)
        assert [event.pid for event in events.of(EventKind.EXITED, API)] == [victim]
        assert events.of(EventKind.STOPPED, API) == []


async def test_a_quit_by_a_person_is_no_loss(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    async with listening(supervisor) as events:
        os.kill(daemon.pid, signal.SIGTERM)
        await events.until(EventKind.ENDED)
        assert events.of(EventKind.LOST) == []
        assert events.of(EventKind.EXITED, API) == []
        found = await supervisor.daemon()
        assert (found.pid, found.ended) == (None, "it was told to quit")


async def test_a_start_over_is_neither_a_loss_nor_a_death(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    before = await supervisor.describe(ONE)
    async with listening(supervisor) as events:
        await asyncio.to_thread(daemon.ask, "restart")

        async def again() -> bool:
            one = await supervisor.describe(ONE)
            return one.state is UnitState.RUNNING and not pids(one) & pids(before)

        await until(again)
        await events.until(EventKind.SPAWNED, ONE)
        assert events.of(EventKind.LOST) == events.of(EventKind.ENDED) == []
        assert events.of(EventKind.EXITED, ONE) == events.of(EventKind.EXITED, API) == []


async def test_killed_in_the_middle_of_a_call_it_is_unreachable_and_then_back(
    supervisor: CircusdSupervisor, daemon: Circusd
) -> None:
    ready = daemon.folder / "ready"
    daemon.write(f"[env]\nHOME = {daemon.folder}/home\n" + stubborn(ready))
    await asyncio.to_thread(daemon.update)
    await until(ready.exists)
    unit = UnitId.local("circusd", "slow")
    before = await supervisor.describe(unit)
    async with listening(supervisor) as events:
        stopping = asyncio.ensure_future(supervisor.stop(unit))
        await events.until(EventKind.STOPPING, unit)
        daemon.kill()
        with pytest.raises(SupervisorUnreachable):
            await stopping
        await events.until(EventKind.LOST)
        left = await supervisor.daemon()
        assert (left.pid, left.outlived) == (None, 1)
        assert "after ending 1 process" in left.revival
        os.kill(before.processes[0].pid, signal.SIGKILL)  # it would ignore its stop signal for a minute
        assert "runs again" in await supervisor.revive()
        await events.until(EventKind.BACK)
        after = await supervisor.describe(unit)
        assert len(after.processes) == 1
        assert not pids(after) & pids(before)


async def test_one_change_of_a_unit_at_a_time(supervisor: CircusdSupervisor) -> None:
    results = await asyncio.gather(supervisor.reload(API), supervisor.reload(API), return_exceptions=True)
    assert [type(one) for one in results if one is not None] == [Busy]


async def test_another_change_that_lasts_is_told_as_busy(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    ready = daemon.folder / "ready"
    daemon.write(_WATCHERS.format(folder=daemon.folder) + stubborn(ready))
    await asyncio.to_thread(daemon.update)
    await until(ready.exists)
    slow = asyncio.ensure_future(supervisor.stop(UnitId.local("circusd", "slow")))

    async def stops() -> bool:
        return (await supervisor.describe(UnitId.local("circusd", "slow"))).state is UnitState.STOPPING

    await until(stops)
    with pytest.raises(Busy, match="one change at a time"):
        await supervisor.restart(ONE)
    daemon.kill()
    with pytest.raises(SupervisorUnreachable):
        await slow


async def test_a_start_that_fails_says_so(supervisor: CircusdSupervisor, daemon: Circusd) -> None:
    daemon.write("[watcher:none]\ncmd = /no/such/program\nautostart = False\n")
    await asyncio.to_thread(daemon.update)
    with pytest.raises(SupervisorError, match="could not start none"):
        await supervisor.start(UnitId.local("circusd", "none"))


async def test_nothing_waits_for_the_next_look_of_circusd(runtime_root: Path) -> None:
    daemon = Circusd(runtime_root, _WATCHERS.format(folder=runtime_root), check_delay=600)
    supervisor = CircusdSupervisor(daemon.address)
    try:
        daemon.start()
        for unit in (API, ONE):
            before = await supervisor.describe(unit)
            await supervisor.replace(unit, before.processes[0].key)
            after = await supervisor.describe(unit)
            assert len(after.processes) == len(before.processes)
            assert before.processes[0].pid not in pids(after)
            os.kill(after.processes[0].pid, signal.SIGKILL)

            async def one_less(unit: UnitId = unit, full: int = len(after.processes)) -> bool:
                return len((await supervisor.describe(unit)).processes) < full

            await until(one_less)
            await supervisor.start(unit)
            assert len((await supervisor.describe(unit)).processes) == len(before.processes)
    finally:
        await supervisor.close()
        daemon.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: asks as another user")
def test_who_may_not_open_the_socket_is_told_what_would_help(daemon: Circusd) -> None:
    daemon.folder.chmod(0o755)
    (daemon.folder / "c.sock").chmod(0o700)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # another user asks
        said = b"nothing was raised"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            look(daemon.address)
        except NotPermitted as error:
            said = str(error).encode()
        finally:
            os.write(write, said)
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read().decode()
    assert "uid 65534" in text
    assert "endpoint_owner" in text


async def test_a_socket_that_circusd_holds_is_known_and_stays_open(
    supervisor: CircusdSupervisor, daemon: Circusd, free_port: int
) -> None:
    daemon.write(
        f"[env]\nHOME = {daemon.folder}/home\nLISTEN_FD = $(circus.sockets.web)\n"
        f"[socket:web]\nhost = 127.0.0.1\nport = {free_port}\n"
        f"[watcher:web]\ncmd = {sys.executable} -c \"import os,sys; os.environ['LISTEN_FD']=sys.argv[1]; sys.argv[:]=['{WEB_WORKER}']; "
        f"exec(open('{WEB_WORKER}').read())\" $(circus.sockets.web)\nnumprocesses = 2\nuse_sockets = True\n"
        "stop_signal = TERM\ngraceful_timeout = 5\n"
    )
    await asyncio.to_thread(daemon.update)
    await asyncio.to_thread(daemon.settle)
    again = CircusdSupervisor(daemon.address)
    web = UnitId.local("circusd", "web")
    try:
        unit = await again.describe(web)
        assert (unit.shares_socket, unit.ports) == (True, (free_port,))
        assert [one.check for one in await again.findings() if one.unit == web] == []

        def ask() -> int:
            with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=10) as answer:
                return int(answer.status)

        assert await asyncio.to_thread(ask) == 200
        await again.reload(web)
        after = await again.describe(web)
        assert not pids(after) & pids(unit)
        assert len(after.processes) == 2
        assert await asyncio.to_thread(ask) == 200
    finally:
        await again.close()


async def test_whose_it_must_be_is_demanded(daemon: Circusd) -> None:
    supervisor = CircusdSupervisor(daemon.address, uid=os.geteuid() + 1)
    with pytest.raises(NotPermitted, match="not asked anything"):
        await supervisor.list()
    with pytest.raises(NotPermitted, match="not asked anything"):
        look(daemon.address, uid=os.geteuid() + 1)
    await supervisor.close()
