"""Reading `look.sock` where something else than our daemon is at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.circus.look import look
from opsagent_tools.supervisors.circus.paths import EnginePaths
from opsagent_tools.supervisors.port import SupervisorUnreachable


@pytest.fixture
def paths(runtime_root: Path) -> EnginePaths:
    return EnginePaths(runtime_root, runtime_root)


@pytest.fixture
def saying(paths: EnginePaths) -> Iterator[Callable[[bytes], None]]:
    """`saying(b"...")`: whoever connects hears this, and then the end."""
    threads: list[threading.Thread] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.look))
        listener.listen()
        listener.settimeout(10)

        def serve(said: bytes) -> None:
            talk, _ = listener.accept()
            with talk:
                talk.sendall(said)

        def start(said: bytes) -> None:
            threads.append(threading.Thread(target=serve, args=(said,)))
            threads[-1].start()

        yield start
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"", "hung up"),
        (b"hello", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"units": [{"name": "api"}]}', "cannot be read"),
        (b'{"units": 7}', "cannot be read"),
        (b'{"status": "error", "kind": "failed", "reason": "the engine is\\nending"}', "^the engine is ending$"),
    ],
)
def test_what_is_no_answer_is_said_in_one_line(
    paths: EnginePaths, saying: Callable[[bytes], None], said: bytes, complaint: str
) -> None:
    saying(said)
    with pytest.raises(SupervisorUnreachable, match=complaint):
        look(paths, 10)


def test_no_services_are_no_units(paths: EnginePaths, saying: Callable[[bytes], None]) -> None:
    saying(b'{"units": []}')
    assert look(paths, 10) == ()


def test_nobody_there(paths: EnginePaths) -> None:
    with pytest.raises(SupervisorUnreachable, match="older version"):
        look(paths)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(paths.look))
    with pytest.raises(SupervisorUnreachable, match="does not answer"):
        look(paths)


def test_patience_ends(paths: EnginePaths) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(paths.look))
        silent.listen()
        with pytest.raises(SupervisorUnreachable, match="does not answer"):
            look(paths, 0.1)


_IMPOSTOR = """
import os, socket, sys
os.setgroups([]); os.setgid(12345); os.setuid(12345)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1]); listener.listen(); print("up", flush=True); sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_daemon_is_not_believed(paths: EnginePaths) -> None:
    paths.runtime_dir.chmod(0o777)
    command = [sys.executable, "-I", "-c", _IMPOSTOR, str(paths.look)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as impostor:
        assert impostor.stdout is not None
        assert impostor.stdout.readline() == b"up\n"
        with pytest.raises(SupervisorUnreachable, match="belongs to user 12345"):
            look(paths)


def test_reading_loads_no_event_loop_and_no_zmq() -> None:
    program = (
        "import sys, opsagent_tools.supervisors.circus.look, opsagent_tools.supervisors.circus.view\n"
        "heavy = {'asyncio', 'zmq', 'circus', 'logging', 'subprocess', 'tempfile', 'psutil'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
