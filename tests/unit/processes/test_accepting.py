"""Whether a process takes connections from a socket that it inherited, told by the kernel."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent_tools.processes.accepting import waits_on
from tests.support.waiting import eventually

_HEAD = "import select, socket, time; s = socket.socket(fileno={fd}); "
_EPOLL = "p = select.epoll(); p.register({watched}); print('waits', flush=True); p.poll()"


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (_EPOLL.format(watched="s"), True),
        ("t = s.dup(); s.close(); " + _EPOLL.format(watched="t"), True),
        ("a, b = socket.socketpair(); " + _EPOLL.format(watched="a"), False),
        ("time.sleep(99)", False),
        ("print(flush=True)\nwhile True: pass", False),
        ("s.accept()", None),
        ("select.select([s], [], [])", None),
        ("p = select.poll(); p.register(s); p.poll()", None),
    ],
    ids=["epoll", "a second descriptor", "something else", "sleeps", "busy", "accept", "select", "poll"],
)
def test_who_inherits_a_socket_waits_on_it_or_not(door: socket.socket, code: str, expected: bool | None) -> None:
    argv = [sys.executable, "-SEc", _HEAD.format(fd=door.fileno()) + code]
    child = subprocess.Popen(argv, pass_fds=[door.fileno()], stdout=subprocess.DEVNULL)
    inode = os.fstat(door.fileno()).st_ino
    try:
        eventually(lambda: waits_on({inode}, [child.pid]) is expected, timeout=10, why="it has come so far")
        assert waits_on({inode + 1}, [child.pid]) is False
    finally:
        child.kill()
        child.wait()
    assert waits_on({inode}, [child.pid]) is False


def test_what_may_not_be_read_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "fd").write_text("not a folder")
    assert waits_on({1}, [7], str(tmp_path)) is None
