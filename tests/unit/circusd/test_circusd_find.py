"""Which circusds of others are found, and which of them are not asked anything. The embedded engine is none of them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from opsagent_tools.processes.sweep import sweep
from opsagent_tools.supervisors.circusd.find import find
from opsagent_tools.supervisors.circusd.origin import NAMES
from opsagent_tools.supervisors.found import At, Found, Machine, Wanted
from opsagent_tools.supervisors.started import program_at
from tests.support.waiting import eventually

NOBODY = 65534
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: processes and files of another user")
Pretend = Callable[..., subprocess.Popen[bytes]]
IPC = "[circus]\nendpoint = ipc://{folder}/c.sock\npubsub_endpoint = ipc://{folder}/e.sock\n"


@pytest.fixture
def folder(runtime_root: Path) -> Path:
    runtime_root.chmod(0o755)
    return runtime_root


@pytest.fixture
def pretend(folder: Path) -> Iterator[Pretend]:
    """`pretend(uid=...)`: a process that is called as a circusd with the configuration of the folder."""
    with ExitStack() as stack:

        def start(*args: str, uid: int | None = None) -> subprocess.Popen[bytes]:
            program = folder / "circusd"
            if uid is None:
                program.write_text("import time\ntime.sleep(60)\n")
                argv = [sys.executable, "-S", program, *(args or ["--daemon", "circus.ini"])]
                process = subprocess.Popen(argv, cwd=folder)
            else:  # who may not reach our Python
                shutil.copy(str(shutil.which("tail")), program)
                argv = [program, "-f", "circus.ini"]
                process = subprocess.Popen(
                    argv, cwd=folder, user=uid, group=uid, extra_groups=[], stdout=subprocess.DEVNULL
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            eventually(lambda: b"circusd" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
            return process

        yield start


@pytest.fixture
def listener(folder: Path) -> Iterator[Path]:
    path = folder / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield path


def configure(folder: Path, text: str = IPC) -> None:
    (folder / "circus.ini").write_text(text.format(folder=folder))


def found(folder: Path, wanted: Wanted | None = None, uid: int | None = None) -> list[Found]:
    machine = Machine(sweep=sweep(), uid=os.geteuid() if uid is None else uid)
    return [one for one in find(machine, wanted or Wanted()) if str(folder) in one.address + one.why]


def test_one_that_runs_is_found_with_its_endpoints(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder)
    process = pretend()
    (one,) = found(folder)
    assert (one.family, one.address, one.pid, one.refused) == ("circusd", f"ipc://{listener}", process.pid, "")
    assert one.options == {"pubsub": f"ipc://{folder}/e.sock"}


def test_without_endpoints_it_is_where_circus_listens_by_itself(folder: Path, pretend: Pretend) -> None:
    configure(folder, "[circus]\ncheck_delay = 1\n")
    pretend("--log-level", "info", "circus.ini")
    (one,) = found(folder)
    assert (one.address, dict(one.options)) == ("tcp://127.0.0.1:5555", {"pubsub": "tcp://127.0.0.1:5556"})


@pytest.mark.parametrize(
    ("args", "text", "says"),
    [
        (["--daemon"], IPC, "names no configuration"),
        (["circus.ini"], None, "cannot be read"),
        (["circus.ini"], "[circus]\nendpoint = tcp://10.0.0.7:5555\n", "is not this machine"),
        (["circus.ini"], "[circus]\nendpoint = $(circus.env.WHERE)\n", "cannot be used"),
    ],
)
def test_one_that_cannot_be_reached_is_told_with_the_reason(
    folder: Path, pretend: Pretend, args: list[str], text: str | None, says: str
) -> None:
    if text is not None:
        configure(folder, text)
    process = pretend(*args)
    machine = Machine(sweep=sweep(), uid=os.geteuid())
    (one,) = [one for one in find(machine, Wanted()) if one.pid == process.pid]
    assert says in one.refused
    assert "config.toml" in one.refused


@root
def test_a_forged_socket_of_another_user_is_refused(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder)
    pretend(uid=NOBODY)
    (one,) = found(folder)
    assert one.uid == NOBODY
    assert "belongs to user root" in one.refused
    assert not one.usable


@root
def test_that_of_another_user_is_for_an_agent_of_that_user(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder)
    pretend()
    (one,) = found(folder, uid=NOBODY)
    assert "let an agent of that user keep it" in one.refused


def test_one_that_is_named_and_does_not_run_is_idle_or_was_killed(folder: Path) -> None:
    path = folder / "c.sock"
    wanted = Wanted(discover=False, circusd=(At(address=f"ipc://{path}", pubsub="ipc:///x"),))
    assert [one.state for one in found(folder, wanted)] == ["idle"]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    (one,) = found(folder, wanted)
    assert (one.state, dict(one.options)) == ("died", {"pubsub": "ipc:///x"})


def test_the_embedded_engine_is_none_of_them() -> None:
    argv = ["python3", "-P", "-m", "opsagent_tools.supervisors.circus.circusd", "/engine", "/run"]
    assert program_at(argv, NAMES) is None
    assert program_at(["python3", "-m", "circus.circusd", "x.ini"], NAMES) == 2
