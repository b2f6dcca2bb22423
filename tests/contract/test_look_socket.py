"""The engine's `look.sock`, for real: what it shows, to whom, and that no onlooker can hold the daemon up."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.circus.look import look
from opsagent_tools.supervisors.circus.look_socket import AT_ONCE
from opsagent_tools.supervisors.port import SupervisorUnreachable
from tests.support.supervisors import names, spec
from tests.support.waiting import until


@pytest.fixture
async def engine(tmp_path: Path, runtime_root: Path) -> AsyncIterator[Engine]:
    found = Engine(tmp_path / "engine", runtime_root / "run")
    yield found
    await found.shutdown()


@pytest.fixture
async def supervisor(engine: Engine) -> AsyncIterator[CircusSupervisor]:
    found = CircusSupervisor(engine)
    yield found
    await found.close()


def connect(path: Path) -> socket.socket:
    talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    talk.settimeout(10)
    talk.connect(str(path))
    return talk


def hung_up(talk: socket.socket) -> bool:
    poll = select.poll()
    poll.register(talk, select.POLLHUP)
    return bool(poll.poll(0))


def read_all(talk: socket.socket) -> bytes:
    return b"".join(iter(lambda: talk.recv(1 << 20), b""))


async def test_it_shows_what_the_supervisor_lists(engine: Engine, supervisor: CircusSupervisor, tmp_path: Path) -> None:
    failing = spec("failing", tmp_path, command=("/no/such/program",))
    await engine.apply([spec("api", tmp_path, instances=2), spec("db", tmp_path, port=5432), failing])
    await supervisor.stop((await supervisor.list())[1].id)

    assert look(engine.paths) == await supervisor.list()
    assert names(look(engine.paths)) == ["api", "db", "failing"]


async def test_it_is_private_and_goes_with_the_daemon(engine: Engine, tmp_path: Path) -> None:
    await engine.apply([spec("api", tmp_path)])
    assert stat.S_IMODE(engine.paths.look.stat().st_mode) == 0o600
    pid = engine.pid()
    assert pid is not None

    os.kill(pid, signal.SIGTERM)

    await until(lambda: not psutil.pid_exists(pid))
    assert [path for path in engine.paths.sockets if path.exists()] == []


async def test_the_socket_of_a_killed_daemon_is_replaced(engine: Engine, tmp_path: Path) -> None:
    await engine.apply([spec("api", tmp_path)])
    pid = engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not engine.is_running())
    assert engine.paths.look.exists()
    with pytest.raises(SupervisorUnreachable):
        look(engine.paths)

    await engine.ensure_running()

    assert names(look(engine.paths)) == ["api"]


async def test_a_daemon_that_hangs_is_not_waited_for(engine: Engine, tmp_path: Path) -> None:
    await engine.apply([spec("api", tmp_path)])
    pid = engine.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(SupervisorUnreachable, match="does not answer"):
            look(engine.paths, 0.2)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert names(look(engine.paths, 10)) == ["api"]


async def test_who_does_not_read_is_dropped_and_holds_nobody_up(
    engine: Engine, supervisor: CircusSupervisor, tmp_path: Path
) -> None:
    logs = tuple(tmp_path / f"{number}-{'x' * 200}.log" for number in range(4000))  # more than a socket's buffer holds
    await engine.apply([spec("api", tmp_path, logs=logs)])
    with ExitStack() as stack:
        deaf = [stack.enter_context(connect(engine.paths.look)) for _ in range(AT_ONCE)]
        one_too_many = stack.enter_context(connect(engine.paths.look))
        assert read_all(one_too_many) == b""
        assert not any(hung_up(talk) for talk in deaf)

        assert names(await supervisor.list()) == ["api"]

        await until(lambda: all(hung_up(talk) for talk in deaf))
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(read_all(deaf[0]))
    (unit,) = look(engine.paths)
    assert unit.logs[:-1] == logs


async def test_who_goes_away_or_talks_harms_nobody(engine: Engine, tmp_path: Path) -> None:
    await engine.apply([spec("api", tmp_path)])
    for said in (b"", b'{"command": "shutdown"}\n', b"\xff" * 100_000):
        with connect(engine.paths.look) as talk:
            talk.setblocking(False)
            with suppress(OSError):  # it was quicker, and has hung up
                talk.send(said)
    assert names(look(engine.paths)) == ["api"]


_STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(12345); os.setuid(12345)
with socket.socket(socket.AF_UNIX) as talk:
    try:
        talk.connect(sys.argv[1])
        print(repr(talk.recv(1000)))
    except ConnectionError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_sees_nothing(engine: Engine, tmp_path: Path) -> None:
    """Even where folder and socket would let him in: the kernel says who he is."""
    await engine.apply([spec("api", tmp_path)])
    for folder in (engine.paths.runtime_dir, engine.paths.runtime_dir.parent):
        folder.chmod(0o755)
    engine.paths.look.chmod(0o666)
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", _STRANGER, str(engine.paths.look), stdout=asyncio.subprocess.PIPE
    )
    heard, _ = await stranger.communicate()
    assert stranger.returncode == 0
    assert heard.decode().strip() in {"b''", "ConnectionResetError"}
    assert names(look(engine.paths)) == ["api"]
