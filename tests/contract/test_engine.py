"""The embedded engine, for real: what it promises beyond the port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Changes, Engine
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.port import EventKind, SupervisorError, SupervisorUnreachable
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.support.supervisors import listening, names, pids, spec, web_spec
from tests.support.waiting import eventually, until


class Running:
    """An engine with its supervisor."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.supervisor = CircusSupervisor(engine)

    async def unit(self, name: str) -> Unit:
        return await self.supervisor.describe(UnitId.local("circus", name))

    async def when(self, name: str, condition: Callable[[Unit], bool]) -> Unit:
        async def look() -> Unit | None:
            unit = await self.unit(name)
            return unit if condition(unit) else None

        found = await until(look, why=name)
        assert found is not None
        return found

    def kill_daemon(self) -> None:
        pid = self.engine.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not self.engine.is_running())


@pytest.fixture
async def running(tmp_path: Path, runtime_root: Path) -> AsyncIterator[Running]:
    found = Running(Engine(tmp_path / "engine", runtime_root / "run"))
    yield found
    await found.supervisor.close()
    await found.engine.shutdown()


def script(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def ask(port: int) -> int | None:
    """The pid that answers on a port; None when nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=3) as answer:
            return int(answer.read())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.fixture
def stranger(free_port: int) -> Iterator[socket.socket]:
    """Somebody else who listens on `free_port`."""
    with socket.create_server(("127.0.0.1", free_port)) as server:
        yield server


async def test_starts_its_daemon_once_and_outlives_who_started_it(running: Running) -> None:
    assert not running.engine.is_running()

    assert await running.engine.ensure_running() is True
    pid = running.engine.pid()
    assert pid is not None
    daemon = psutil.Process(pid)

    assert await running.engine.ensure_running() is False
    assert running.engine.pid() == pid
    assert any("circusd" in argument for argument in daemon.cmdline())
    assert os.getpid() not in {parent.pid for parent in daemon.parents()}
    assert os.getsid(pid) != os.getsid(0)


async def test_a_surged_instance_that_nobody_decides_about_ends(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path, instances=2)])
    before = await running.unit("api")

    taken = await running.supervisor.surge(before.id, lease_s=1.0)
    await running.supervisor.retire(before.id, before.processes[0].key)
    forgotten = await running.supervisor.surge(before.id, lease_s=1.0)  # and whoever asked for it is killed
    after = await running.when("api", lambda unit: forgotten.pid not in pids(unit))

    assert pids(after) == {taken.pid, before.processes[1].pid}
    assert after.last_exit is not None  # it was ended, and not started anew
    assert not alive(forgotten.pid)


async def test_where_its_state_cannot_be_written_services_are_as_they_are_and_it_is_written_later(
    running: Running, tmp_path: Path
) -> None:
    await running.engine.apply([spec("job", tmp_path, autorestart=False), spec("api", tmp_path)])
    state = running.engine.paths.engine_dir / "state.json"
    in_the_way = state.with_name(f"state.{running.engine.pid()}.new")
    in_the_way.mkdir()  # stands for a full disk: root may write everywhere, but not over a folder

    os.kill(next(iter(pids(await running.unit("job")))), signal.SIGKILL)
    ended = await running.when("job", lambda unit: unit.state is UnitState.EXITED)
    await running.supervisor.stop(UnitId.local("circus", "api"))
    stopped = await running.unit("api")
    unwritten = read(state)
    in_the_way.rmdir()

    assert ended.reason == "was ended by SIGKILL"
    assert stopped.state is UnitState.STOPPED
    assert '"exited"' not in unwritten
    eventually(lambda: '"exited"' in read(state) and '"stopped"' in read(state))
    await running.supervisor.start(ended.id)
    assert (await running.unit("job")).state is UnitState.RUNNING


async def test_two_at_once_start_one_daemon(running: Running) -> None:
    engines = [Engine(running.engine.paths.engine_dir, running.engine.paths.runtime_dir) for _ in range(3)]

    started = await asyncio.gather(*(engine.ensure_running() for engine in engines))

    assert sorted(started) == [False, False, True]
    assert len({engine.pid() for engine in engines}) == 1


async def test_nobody_else_can_reach_its_sockets_or_read_its_files(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path, command=("sh", "-c", "echo hello; exec sleep 600"))])
    log = running.engine.paths.log("api")
    await until(lambda: "hello" in read(log))

    paths = running.engine.paths
    found = [paths.engine_dir, paths.runtime_dir, *paths.engine_dir.rglob("*"), *paths.runtime_dir.rglob("*")]

    assert paths.endpoint in found
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


async def test_apply_adds_changes_removes_and_keeps(running: Running, tmp_path: Path) -> None:
    first = await running.engine.apply([spec("a", tmp_path), spec("b", tmp_path), spec("c", tmp_path)])
    a, b, _ = await running.supervisor.list()

    second = await running.engine.apply([spec("b", tmp_path, env={"X": "1"}), spec("a", tmp_path), spec("d", tmp_path)])

    assert first == Changes(added=("a", "b", "c"))
    assert second == Changes(added=("d",), changed=("b",), removed=("c",), kept=("a",))
    assert names(await running.supervisor.list()) == ["b", "a", "d"]
    assert await running.unit("a") == a
    assert not pids(await running.unit("b")) & pids(b)
    assert [found.name for found in running.engine.specs()] == ["b", "a", "d"]


async def test_what_does_not_concern_a_process_does_not_replace_it(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])
    before = await running.unit("api")

    changes = await running.engine.apply([spec("api", tmp_path, protected=True, max_memory=2**20, instances=2)])

    after = await running.unit("api")
    assert changes == Changes(changed=("api",))
    assert len(after.processes) == 2
    assert pids(before) < pids(after)


async def test_a_changed_port_moves_the_shared_socket(
    running: Running, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    old, new = free_ports(2)
    await running.engine.apply([web_spec("web", tmp_path, old, share_socket=True)])
    await until(lambda: ask(old))

    await running.engine.apply([web_spec("web", tmp_path, new, share_socket=True)])

    await until(lambda: ask(new))
    assert ask(old) is None


async def test_argv_reaches_the_program_untouched_and_the_environment_is_known(
    running: Running, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    odd = ("$(circus.wid)", "((circus.env.PATH))", "$WID", "a b", "", "%(x)s", "{0}", "'", "*")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", "show", 'printf "<%s>" "$@" > argv; env > environment; exec sleep 600')
    service = spec("api", tmp_path, command=("bin/show", *odd), port=free_port, env={"OWN": "1"})

    await running.engine.apply([service])

    await until(lambda: "OWN=1" in read(tmp_path / "environment"))
    assert read(tmp_path / "argv") == "".join(f"<{argument}>" for argument in odd)
    environment = dict(line.split("=", 1) for line in read(tmp_path / "environment").splitlines() if "=" in line)
    assert environment["OPSAGENT_UNIT"] == str(UnitId.local("circus", "api"))
    assert environment["OPSAGENT_ENGINE"] == running.engine.id
    assert environment["PORT"] == str(free_port)
    assert environment["PATH"] == os.environ["PATH"]
    assert "SECRET_OF_THE_CALLER" not in environment
    assert "LISTEN_FD" not in environment


def sockets_of(pid: int) -> list[str]:
    """What a process has open that is a socket."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return [target for target in found if target.startswith("socket:")]


async def test_a_process_inherits_its_own_socket_and_nothing_else(
    running: Running, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    ports = free_ports(2)
    await running.engine.apply([web_spec(f"web{port}", tmp_path, port, share_socket=True) for port in ports])
    for port in ports:
        pid = await until(lambda port=port: ask(port))
        assert pid is not None
        listened = {conn.laddr.port for conn in psutil.Process(pid).net_connections() if conn.status == "LISTEN"}
        assert listened == {port}
        # That of the question may still be about to be closed.
        await until(lambda pid=pid: len(sockets_of(pid)) == 1, why=f"{pid} has one socket")
        assert os.getsid(pid) == pid


@pytest.mark.parametrize(
    ("command", "reason"),
    [(("./missing",), "No such file"), (("no-such-program-anywhere",), "No such file"), (("./text",), "denied")],
)
async def test_what_cannot_be_executed_ends_with_a_reason_and_blocks_nobody(
    running: Running, tmp_path: Path, command: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "text").write_text("no program")

    await running.engine.apply([spec("bad", tmp_path, command=command), spec("good", tmp_path)])

    bad, good = await running.supervisor.list()
    assert (bad.state, bad.processes) == (UnitState.EXITED, ())
    assert reason in bad.reason
    assert good.state is UnitState.RUNNING
    with pytest.raises(SupervisorError, match=reason):
        await running.supervisor.start(bad.id)
    script(tmp_path, command[0].removeprefix("./"), "exec sleep 600")
    if command[0].startswith("./"):
        await running.supervisor.start(bad.id)
        assert (await running.unit("bad")).state is UnitState.RUNNING


async def test_a_missing_folder_is_a_reason_too(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("bad", tmp_path / "nowhere")])

    bad = await running.unit("bad")
    assert bad.state is UnitState.EXITED
    assert str(tmp_path / "nowhere") in bad.reason


async def test_a_port_held_by_a_stranger_costs_one_service_only(
    running: Running, tmp_path: Path, free_port: int, stranger: socket.socket
) -> None:
    await running.engine.apply([web_spec("web", tmp_path, free_port, share_socket=True), spec("other", tmp_path)])

    web, other = await running.supervisor.list()
    assert web.state is UnitState.EXITED
    assert f"port {free_port}" in web.reason
    assert "in use" in web.reason
    assert other.state is UnitState.RUNNING
    with pytest.raises(SupervisorError, match="in use"):
        await running.supervisor.start(web.id)

    stranger.close()
    await running.supervisor.start(web.id)

    assert await until(lambda: ask(free_port)) in pids(await running.unit("web"))


async def test_a_crash_loop_is_restarted_and_blocks_nobody(running: Running, tmp_path: Path) -> None:
    loop = spec("loop", tmp_path, command=("sh", "-c", "echo >> starts; exit 3"))
    await running.engine.apply([loop, spec("good", tmp_path)])
    starts = tmp_path / "starts"

    await until(lambda: len(read(starts).splitlines()) >= 6)

    unit = await running.unit("loop")
    assert unit.last_exit == 3
    assert unit.restarts >= 5
    assert unit.state in (UnitState.STARTING, UnitState.RUNNING)
    assert (await running.unit("good")).restarts == 0
    await running.supervisor.stop(unit.id)
    assert (await running.unit("loop")).state is UnitState.STOPPED


async def test_a_log_that_was_removed_is_begun_anew(running: Running, tmp_path: Path) -> None:
    ticking = "while :; do echo tick; sleep 0.05; done"
    await running.engine.apply([spec("api", tmp_path, command=("sh", "-c", ticking))])
    log = running.engine.paths.log("api")
    await until(lambda: "tick" in read(log))

    log.unlink()

    await until(lambda: "tick" in read(log))


async def test_stop_ends_children_that_hold_the_port(running: Running, tmp_path: Path, free_port: int) -> None:
    body = f"setsid {sys.executable} -m http.server --bind 127.0.0.1 {free_port} & echo $! > child; exec sleep 600"
    await running.engine.apply([spec("api", tmp_path, command=("sh", "-c", body))])
    child = int(await until(lambda: read(tmp_path / "child").strip()))
    assert alive(child)

    await running.supervisor.stop(UnitId.local("circus", "api"))

    assert not alive(child)
    with socket.create_server(("127.0.0.1", free_port)):
        pass


async def test_children_of_a_process_that_died_are_ended_before_the_next_one_starts(
    running: Running, tmp_path: Path, free_port: int
) -> None:
    body = f"{sys.executable} -m http.server --bind 127.0.0.1 {free_port} & echo $! >> children; wait"
    await running.engine.apply([spec("api", tmp_path, command=("sh", "-c", body))])
    first = int(await until(lambda: read(tmp_path / "children").strip()))
    (leader,) = pids(await running.unit("api"))

    os.kill(leader, signal.SIGKILL)

    await until(lambda: len(read(tmp_path / "children").split()) == 2)
    assert not alive(first)


async def test_a_stopped_process_can_be_stopped_and_one_that_does_not_listen_is_killed(
    running: Running, tmp_path: Path
) -> None:
    deaf = spec("deaf", tmp_path, command=("sh", "-c", "trap '' TERM; echo ready; sleep 600"), stop_timeout_s=0.3)
    await running.engine.apply([spec("frozen", tmp_path), deaf])
    frozen = await running.unit("frozen")
    await running.supervisor.signal(frozen.id, signal.SIGSTOP)
    await until(lambda: psutil.Process(frozen.processes[0].pid).status() == psutil.STATUS_STOPPED)
    await until(lambda: "ready" in read(running.engine.paths.log("deaf")))

    await asyncio.gather(*(running.supervisor.stop(UnitId.local("circus", name)) for name in ("frozen", "deaf")))

    assert (await running.unit("frozen")).last_exit == -signal.SIGTERM
    assert (await running.unit("deaf")).last_exit == -signal.SIGKILL


async def test_one_slow_stop_blocks_no_other_service(running: Running, tmp_path: Path) -> None:
    deaf = spec("deaf", tmp_path, command=("sh", "-c", "trap '' TERM; echo ready; sleep 600"), stop_timeout_s=60)
    await running.engine.apply([deaf, spec("api", tmp_path)])
    await until(lambda: "ready" in read(running.engine.paths.log("deaf")))
    (doomed,) = pids(await running.unit("deaf"))
    slow = asyncio.ensure_future(running.supervisor.stop(UnitId.local("circus", "deaf")))
    await running.when("deaf", lambda unit: unit.state is UnitState.STOPPING)
    before = await running.unit("api")

    await running.supervisor.restart(before.id)
    os.kill((await running.unit("api")).processes[0].pid, signal.SIGKILL)
    await running.when("api", lambda unit: unit.restarts == 2 and len(unit.processes) == 1)

    assert not slow.done()
    os.kill(doomed, signal.SIGKILL)
    await slow


async def test_process_keys_are_those_of_psutil(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])

    (process,) = (await running.unit("api")).processes

    assert process.key.started == psutil.Process(process.pid).create_time()


async def test_a_new_release_that_ends_at_once_leaves_the_old_instances_alone(running: Running, tmp_path: Path) -> None:
    run = script(tmp_path, "run", "exec sleep 600")
    await running.engine.apply([spec("api", tmp_path, command=("./run",), instances=2)])
    before = await running.unit("api")
    run.write_text("#!/bin/sh\nexit 7\n")

    with pytest.raises(SupervisorError, match="exit code 7"):
        await running.supervisor.reload(before.id)

    assert pids(await running.unit("api")) == pids(before)


async def test_killed_daemon_survivors_are_ended_and_the_port_is_served_again(
    running: Running, tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    shared, own = free_ports(2)
    services = [
        web_spec("shared", tmp_path, shared, share_socket=True, instances=2),
        web_spec("own", tmp_path, own),
        spec("talkative", tmp_path, command=("sh", "-c", "while :; do echo word; sleep 0.02; done")),
        spec("idle", tmp_path),
        spec("job", tmp_path, command=("sh", "-c", "exit 0"), autorestart=False),
        spec("lasting_job", tmp_path, autorestart=False),
    ]
    await running.engine.apply(services)
    await running.supervisor.stop(UnitId.local("circus", "idle"))
    await running.when("job", lambda unit: unit.state is UnitState.EXITED)
    await until(lambda: ask(shared) and ask(own))
    before = {unit.name: pids(unit) for unit in await running.supervisor.list()}
    running.kill_daemon()
    assert all(alive(pid) for found in before.values() for pid in found), "they live on without the daemon"
    assert ask(own) in before["own"]

    assert await running.engine.ensure_running() is True

    after = {unit.name: unit for unit in await running.supervisor.list()}
    assert not any(alive(pid) for found in before.values() for pid in found)
    states = {name: (unit.state.value, len(unit.processes)) for name, unit in after.items()}
    assert states == {
        "shared": ("running", 2),
        "own": ("running", 1),
        "talkative": ("running", 1),
        "idle": ("stopped", 0),
        "job": ("exited", 0),
        "lasting_job": ("running", 1),
    }
    assert await until(lambda: ask(shared)) in pids(after["shared"])
    assert await until(lambda: ask(own)) in pids(after["own"])


async def test_only_what_the_engine_started_counts_as_a_survivor(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])
    mark = {"OPSAGENT_UNIT": str(UnitId.local("circus", "api")), "OPSAGENT_ENGINE": "another"}
    forged = f"OPSAGENT_ENGINE={running.engine.id}"
    lookalikes = [
        await asyncio.create_subprocess_exec("sleep", "601", env={**os.environ, **mark}),
        await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)", forged, "circusd"),
    ]
    try:
        running.kill_daemon()
        await running.engine.ensure_running()

        assert [process.returncode for process in lookalikes] == [None, None]
        assert all(alive(process.pid) for process in lookalikes)
    finally:
        for process in lookalikes:
            process.kill()
            await process.wait()


async def test_a_survivor_that_wrote_over_its_environment_is_found_by_the_record(
    running: Running, tmp_path: Path
) -> None:
    # `env -i` gives the program an empty environment while pid and start time stay: as after setproctitle().
    await running.engine.apply([spec("api", tmp_path, command=("env", "-i", "/bin/sleep", "600"))])
    (old,) = pids(await running.unit("api"))
    await until(lambda: psutil.Process(old).cmdline()[0].endswith("sleep"))
    running.kill_daemon()

    await running.engine.ensure_running()

    assert not alive(old)
    assert len((await running.unit("api")).processes) == 1


async def test_a_scaled_service_keeps_its_number_over_the_death_of_the_daemon(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])
    await running.supervisor.scale(UnitId.local("circus", "api"), 3)
    running.kill_daemon()

    await running.engine.ensure_running()

    api = await running.unit("api")
    assert (api.instances, len(api.processes)) == (3, 3)


async def test_a_daemon_that_is_ended_politely_takes_its_services_along_and_starts_them_again(
    running: Running, tmp_path: Path
) -> None:
    await running.engine.apply([spec("api", tmp_path), spec("idle", tmp_path)])
    await running.supervisor.stop(UnitId.local("circus", "idle"))
    (before,) = pids(await running.unit("api"))
    daemon = running.engine.pid()
    assert daemon is not None

    os.kill(daemon, signal.SIGTERM)
    await until(lambda: not running.engine.is_running())

    assert not alive(before)
    assert await running.engine.ensure_running() is True
    assert [unit.state for unit in await running.supervisor.list()] == [UnitState.RUNNING, UnitState.STOPPED]


async def test_a_daemon_that_hangs_is_unreachable_within_bounded_time(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])
    pid = running.engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(SupervisorUnreachable):
                await asyncio.gather(running.supervisor.list(), running.supervisor.stop(UnitId.local("circus", "api")))
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_shutdown_leaves_no_process_socket_or_pidfile(running: Running, tmp_path: Path, free_port: int) -> None:
    deaf = spec("deaf", tmp_path, command=("sh", "-c", "trap '' TERM; echo ready; sleep 600"), stop_timeout_s=0.2)
    await running.engine.apply([web_spec("web", tmp_path, free_port, share_socket=True), spec("api", tmp_path), deaf])
    await until(lambda: ask(free_port))
    found = {pid for unit in await running.supervisor.list() for pid in pids(unit)} | {running.engine.pid()}
    async with listening(running.supervisor) as events:
        await running.engine.shutdown()
        await until(lambda: events.seen[-1].kind is EventKind.CHANGED and events.seen[-1].unit is None)

        assert events.of(EventKind.LOST) == [], "it was meant to end"

    assert not any(alive(pid) for pid in found if pid)
    assert list(running.engine.paths.runtime_dir.iterdir()) == []
    left = {path.name for path in running.engine.paths.engine_dir.iterdir()}
    assert left <= {"logs", "circusd.log"}
    assert running.engine.specs() == ()
    assert list(await running.supervisor.list()) == []
    with socket.create_server(("127.0.0.1", free_port)):
        pass


async def test_shutdown_ends_what_outlived_a_killed_daemon(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("api", tmp_path)])
    (old,) = pids(await running.unit("api"))
    running.kill_daemon()

    await running.engine.shutdown()

    assert not alive(old)
    assert running.engine.specs() == ()


async def test_a_start_that_fails_is_one_clear_error(running: Running, tmp_path: Path) -> None:
    await running.engine.ensure_running()
    await running.engine.shutdown()
    (running.engine.paths.engine_dir / "state.json").write_text("{ broken")

    with pytest.raises(EngineError, match=r"state\.json: cannot be used") as caught:
        await running.engine.ensure_running()

    assert "\n" not in str(caught.value)
    assert not running.engine.is_running()
    (running.engine.paths.engine_dir / "state.json").unlink()


async def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, runtime_root: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EngineError, match="file"):
        await Engine(tmp_path / "file" / "engine", runtime_root).ensure_running()


async def test_a_deaf_worker_does_not_hold_up_the_news_of_another_death(running: Running, tmp_path: Path) -> None:
    await running.engine.apply([spec("a", tmp_path), spec("b", tmp_path)])
    a, b = await running.supervisor.list()
    async with listening(running.supervisor) as events:
        began = time.time()
        for unit in (a, b):
            os.kill(unit.processes[0].pid, signal.SIGKILL)
        for unit in (a, b):
            event = await events.until(EventKind.EXITED, unit.id)
            assert event.at >= began


async def test_one_service_is_given_another_environment_and_no_other_is_touched(
    running: Running, tmp_path: Path
) -> None:
    """What ended by itself stays so: a job that is over is not run a second time because of it."""
    code = "import os, time; open('seen', 'w').write(os.environ['HOST_']); time.sleep(60)"
    shows, seen = (sys.executable, "-S", "-c", code), tmp_path / "seen"
    api = replace(spec("api", tmp_path), command=shows, cwd=tmp_path, env={"HOST_": "right"})
    job = replace(spec("job", tmp_path), command=(sys.executable, "-S", "-c", "pass"), autorestart=False)
    await running.engine.apply([api, job, spec("other", tmp_path)])
    over = await running.when("job", lambda unit: unit.state is UnitState.EXITED)
    before = pids(await running.when("other", lambda unit: bool(unit.processes)))
    unit = UnitId.local("circus", "api")
    good = await running.supervisor.definition(unit)
    await running.engine.apply([replace(api, env={"HOST_": "wrong"}), job, spec("other", tmp_path)])
    await until(lambda: seen.exists() and seen.read_text() == "wrong")
    await running.when("job", lambda unit: unit.state is UnitState.EXITED)
    restarts = (await running.unit("job")).restarts
    assert await running.supervisor.definition(unit) != good
    await running.supervisor.redefine(unit, good)
    await until(lambda: seen.read_text() == "right")
    assert await running.supervisor.definition(unit) == good
    assert pids(await running.unit("other")) == before
    assert (await running.unit("job")).restarts == restarts
    assert over.last_exit == 0
