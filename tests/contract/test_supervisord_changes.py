"""A real supervisord: what it is asked to do, what it cannot, and what a person's own commands look like."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import (
    Busy,
    EventKind,
    NotPermitted,
    NotSupported,
    SupervisorError,
    SupervisorUnreachable,
)
from opsagent_tools.supervisors.supervisord.adapter import SupervisordSupervisor
from opsagent_tools.supervisors.supervisord.look import look
from opsagent_tools.units import UnitId, UnitState
from tests.support.supervisord import Supervisord
from tests.support.supervisors import listening, pids
from tests.support.waiting import eventually, until

_PROGRAMS = """\
[program:api]
command=sleep 600
environment=API_TOKEN="sk-live-0123456789abcdef",MODE="fast"
numprocs=2
process_name=%(program_name)s_%(process_num)02d
stdout_logfile={folder}/api-%(process_num)d.log
startsecs=0
[program:job]
command=sleep 600
autorestart=false
startsecs=0
"""


@pytest.fixture
def daemon(runtime_root: Path) -> Iterator[Supervisord]:
    found = Supervisord(runtime_root, _PROGRAMS.format(folder=runtime_root))
    try:
        found.start()
        found.settle()
        yield found
    finally:
        found.end()


@pytest.fixture
async def supervisor(daemon: Supervisord) -> AsyncIterator[SupervisordSupervisor]:
    found = SupervisordSupervisor(daemon.address)
    yield found
    await found.close()


API, JOB = UnitId.local("supervisord", "api"), UnitId.local("supervisord", "job")


async def test_a_unit_is_told_with_its_setup_and_without_its_secrets(
    supervisor: SupervisordSupervisor, daemon: Supervisord
) -> None:
    api = await supervisor.describe(API)
    setup = await supervisor.setup(API)
    assert (api.instances, api.numbered, api.autorestart) == (2, True, True)
    assert set(api.logs) >= {daemon.folder / "api-0.log", daemon.folder / "api-1.log"}
    assert (setup.command, setup.config_file) == (("sleep", "600"), daemon.conf)
    assert setup.env["MODE"] == "fast"
    assert "0123456789abcdef" not in repr(setup.env["API_TOKEN"])
    assert (setup.stop_signal, setup.stop_timeout_s, setup.max_restarts) == (signal.SIGTERM, 10.0, 3)


async def test_all_is_seen_at_once_without_a_loop_too(supervisor: SupervisordSupervisor, daemon: Supervisord) -> None:
    assert look(daemon.address) == tuple(await supervisor.list())


async def test_scale_says_where_the_number_stands(supervisor: SupervisordSupervisor, daemon: Supervisord) -> None:
    with pytest.raises(NotSupported, match=r"supervisorctl update api") as error:
        await supervisor.scale(API, 3)
    assert f"numprocs=2` at {daemon.conf}:" in str(error.value)
    await supervisor.scale(API, 2)  # so it is already


async def test_persist_says_that_nothing_is_to_be_saved(supervisor: SupervisordSupervisor) -> None:
    with pytest.raises(NotSupported, match="its configuration says is what comes back"):
        await supervisor.persist()


async def test_a_stop_by_a_person_is_a_stop_and_no_death(
    supervisor: SupervisordSupervisor, daemon: Supervisord
) -> None:
    before = await supervisor.describe(API)
    async with listening(supervisor) as events:
        daemon.ctl("stop", "api:*")
        await events.until(EventKind.STOPPED, API)
        assert (await supervisor.describe(API)).state is UnitState.STOPPED
        assert {event.pid for event in events.of(EventKind.STOPPING, API)} == pids(before)
        daemon.ctl("start", "api:*")
        await events.until(EventKind.STARTED, API)
        assert events.of(EventKind.EXITED, API) == []


async def test_a_restart_by_a_person_is_no_death_and_no_stop(
    supervisor: SupervisordSupervisor, daemon: Supervisord
) -> None:
    before = await supervisor.describe(JOB)
    async with listening(supervisor) as events:
        daemon.ctl("restart", "job")
        spawned = await events.until(EventKind.SPAWNED, JOB)
        assert spawned.pid not in pids(before)
        victim = next(iter(pids(await supervisor.describe(JOB))))
        os.kill(victim, signal.SIGKILL)
        await events.until(EventKind.EXITED, JOB)
        assert [event.pid for event in events.of(EventKind.EXITED, JOB)] == [victim]


async def test_a_shutdown_by_a_person_is_no_loss(supervisor: SupervisordSupervisor, daemon: Supervisord) -> None:
    async with listening(supervisor) as events:
        daemon.ctl("shutdown")
        await events.until(EventKind.ENDED)
        assert events.of(EventKind.LOST) == []
        assert events.of(EventKind.EXITED, API) == []
        found = await supervisor.daemon()
        assert (found.pid, found.ended) == (None, "it was shut down")
        daemon.start()
        await events.until(EventKind.BACK)


async def test_a_start_over_with_its_configuration_is_neither_a_loss_nor_a_death(
    supervisor: SupervisordSupervisor, daemon: Supervisord
) -> None:
    before = await supervisor.describe(JOB)
    async with listening(supervisor) as events:
        await asyncio.to_thread(daemon.ctl, "reload")

        async def again() -> bool:
            try:
                job = await supervisor.describe(JOB)
            except SupervisorUnreachable:  # it closes its door while it starts over
                return False
            return job.state is UnitState.RUNNING and not pids(job) & pids(before)

        await until(again)
        assert events.of(EventKind.LOST) == events.of(EventKind.ENDED) == []
        assert events.of(EventKind.EXITED, JOB) == events.of(EventKind.EXITED, API) == []


async def test_killed_in_the_middle_of_a_call_it_is_unreachable_and_then_back(
    supervisor: SupervisordSupervisor, daemon: Supervisord
) -> None:
    slow = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    daemon.write(
        f'[program:slow]\ncommand={sys.executable} -S -c "{slow}"\nstopwaitsecs=30\nstartsecs=0\n'
        f"stdout_logfile={daemon.folder}/slow.log\n"
    )
    daemon.update()
    eventually((daemon.folder / "slow.log").exists)
    eventually((daemon.folder / "slow.log").read_text)
    unit = UnitId.local("supervisord", "slow")
    before = await supervisor.describe(unit)
    async with listening(supervisor) as events:
        with pytest.raises(SupervisorUnreachable):
            await _stop_and_kill(supervisor, unit, daemon)
        await events.until(EventKind.LOST)
        left = await supervisor.daemon()
        assert (left.pid, left.outlived) == (None, 1)
        assert "after ending 1 program" in left.revival
        os.kill(before.processes[0].pid, signal.SIGKILL)  # it would ignore its stop signal for half a minute
        await until(lambda: not is_alive(before.processes[0].key))
        assert "runs again" in await supervisor.revive()
        await events.until(EventKind.BACK)
        after = await supervisor.describe(unit)
        assert len(after.processes) == 1
        assert not pids(after) & pids(before)


async def _stop_and_kill(supervisor: SupervisordSupervisor, unit: UnitId, daemon: Supervisord) -> None:
    stopping = asyncio.ensure_future(supervisor.stop(unit))

    async def begun() -> bool:
        return (await supervisor.describe(unit)).state is UnitState.STOPPING

    await until(begun)
    daemon.kill()
    await stopping


async def test_one_change_of_a_unit_at_a_time(supervisor: SupervisordSupervisor) -> None:
    results = await asyncio.gather(supervisor.reload(API), supervisor.reload(API), return_exceptions=True)
    assert [type(one) for one in results if one is not None] == [Busy]


async def test_a_start_that_fails_says_why(supervisor: SupervisordSupervisor, daemon: Supervisord) -> None:
    daemon.write(
        "[program:bad]\ncommand=sh -c 'exit 3'\nautostart=false\nstartretries=0\n[program:none]\ncommand=/no/such\nautostart=false\n"
    )
    daemon.update()
    with pytest.raises(SupervisorError, match=r"bad:bad did not start: .*exit code 3"):
        await supervisor.start(UnitId.local("supervisord", "bad"))
    with pytest.raises(SupervisorError, match="cannot be started"):
        await supervisor.start(UnitId.local("supervisord", "none"))


async def test_one_process_is_replaced_alone(supervisor: SupervisordSupervisor) -> None:
    before = await supervisor.describe(API)
    old, kept = (process.key for process in before.processes)
    await supervisor.replace(API, old)
    after = await supervisor.describe(API)
    assert kept.pid in pids(after)
    assert old.pid not in pids(after)


_HTTP = """\
[inet_http_server]
port=127.0.0.1:{port}
username=ops
password=s3cret
[supervisord]
logfile={folder}/main.log
pidfile={folder}/s.pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""


async def test_over_http_with_a_name_and_a_password(runtime_root: Path, free_port: int) -> None:
    secret = runtime_root / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    head = _HTTP.replace("{port}", str(free_port))
    program = f"[program:api]\ncommand=sleep 600\nstartsecs=0\nenvironment=HOME={runtime_root}/home\n"
    daemon = Supervisord(runtime_root, program, head=head)
    address = f"http://127.0.0.1:{free_port}"
    try:
        daemon.start()
        supervisor = SupervisordSupervisor(address, username="ops", password_file=secret)

        async def runs() -> bool:
            try:
                return (await supervisor.list())[0].state is UnitState.RUNNING
            except SupervisorUnreachable:
                return False

        await until(runs)
        assert [unit.name for unit in look(address, username="ops", password_file=secret)] == ["api"]
        with pytest.raises(NotPermitted, match="wrong user name or password"):
            await SupervisordSupervisor(address).list()
        secret.chmod(0o644)
        with pytest.raises(NotPermitted, match="chmod 600"):
            await supervisor.list()
    finally:
        daemon.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: asks as another user")
async def test_who_may_not_open_the_socket_is_told_what_would_help(daemon: Supervisord) -> None:
    socket_path = daemon.folder / "s.sock"
    daemon.folder.chmod(0o755)
    socket_path.chmod(0o700)
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
    os.waitpid(child, 0)  # noqa: ASYNC222  # it only asks once
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read().decode()
    assert "uid 65534" in text
    assert "chmod=0770" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a supervisord of another user is forged")
async def test_a_forged_socket_is_not_asked_anything(runtime_root: Path) -> None:
    path = runtime_root / "s.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(0.2)
        os.chown(path, 65534, 65534)
        with pytest.raises(NotPermitted, match="not trusted"):
            await SupervisordSupervisor(f"unix://{path}").list()
        talk, _ = server.accept()
        with talk:
            assert talk.recv(1) == b""
