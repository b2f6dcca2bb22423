"""Hands for single processes, on real ones: what they do, and above all what they refuse."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from opsagent.check import Checker
from opsagent.process_hands import ProcessHands, no_backend
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.processes import priority
from opsagent_tools.processes.proc import HAS_PROC, is_alive, key_of
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

pytestmark = pytest.mark.skipif(not HAS_PROC, reason="Linux only")
WEB = UnitId(supervisor="circus", name="web", host="here")
_CATCHES = """
import signal, sys
got = []
signal.signal(signal.SIGUSR1, lambda *_: (print('caught', flush=True)))
print('ready', flush=True)
sys.stdin.read()
"""


class OneUnit:
    """What the hands ask of the checker: the unit as it is now."""

    def __init__(self, *pids: int, ports: tuple[int, ...] = ()) -> None:
        self._pids, self._ports = pids, ports

    async def unit(self, unit: UnitId) -> Unit:
        keys = [key for pid in self._pids if (key := key_of(pid)) is not None]
        processes = tuple(Process(key=key) for key in keys)
        return cast("Unit", _Unit(unit, processes, self._ports))


class _Unit:
    def __init__(self, unit: UnitId, processes: tuple[Process, ...], ports: tuple[int, ...]) -> None:
        self.id, self.name, self.processes, self.ports = unit, unit.name, processes, ports
        self.state = UnitState.RUNNING


def hands(*pids: int, ports: tuple[int, ...] = ()) -> ProcessHands:
    return ProcessHands(cast("Checker", OneUnit(*pids, ports=ports)))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-Sc", _CATCHES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def of(process: subprocess.Popen[Any]) -> ProcessKey:
    key = key_of(process.pid)
    assert key is not None
    return key


def action(name: ActionName, key: ProcessKey, **args: str | int) -> Action:
    return Action(name=name, unit=WEB, args={"pid": key.pid, "started": key.started, **args})


async def test_a_signal_that_is_handled_is_sent(child: subprocess.Popen[str]) -> None:
    outcome = await hands(child.pid).signal(action(ActionName.SIGNAL, of(child), signal="USR1"))
    assert outcome.done
    assert child.stdout is not None
    assert child.stdout.readline() == "caught\n"


@pytest.mark.parametrize("name", ["HUP", "USR2", "TERM", "KILL", "STOP", "INT"])
async def test_a_signal_that_would_end_it_is_refused(child: subprocess.Popen[str], name: str) -> None:
    outcome = await hands(child.pid).signal(action(ActionName.SIGNAL, of(child), signal=name))
    assert not outcome.done
    assert child.poll() is None


async def test_nothing_is_done_to_a_process_of_somebody_else(child: subprocess.Popen[str]) -> None:
    key = of(child)
    were = priority.read([key])
    assert were is not None
    elsewhere = hands()
    assert not (await elsewhere.signal(action(ActionName.SIGNAL, key, signal="USR1"))).done
    assert not (await elsewhere.renice(action(ActionName.RENICE, key, were=str(were[0]), nice=19))).done
    assert priority.read([key]) == were


async def test_a_unit_is_made_nicer_and_back(child: subprocess.Popen[str]) -> None:
    key = of(child)
    were = priority.read([key])
    assert were is not None
    outcome = await hands(child.pid).renice(action(ActionName.RENICE, key, were=str(were[0]), nice=19))
    assert outcome.done, outcome.detail
    lowered = priority.read([key])
    assert lowered is not None
    assert lowered[0].nice == 19
    if priority.may_restore(were[0].nice):
        back = Action(name=ActionName.RENICE, unit=WEB, args={"were": str(were[0]), "back": True})
        assert (await hands(child.pid).renice(back)).done
        assert priority.read([key]) == were


async def test_a_session_is_known_by_kinship_and_program(child: subprocess.Popen[str]) -> None:
    outcome = await hands(child.pid).end_session(action(ActionName.END_SESSION, of(child)))
    assert not outcome.done
    assert child.poll() is None


async def test_the_child_of_a_server_of_that_name_is_asked_to_end(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    shell = shutil.which("sh")
    assert shell is not None
    shutil.copy(Path(shell).resolve(), program)
    # the loop keeps the inner one from being run in the outer one's place
    server = subprocess.Popen(  # noqa: ASYNC220  # it begins at once
        [str(program), "-c", f"while :; do {program} -c 'echo $$; read line; :'; echo over; done"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        backend = key_of(int(server.stdout.readline()))
        assert backend is not None
        assert "does not run" in no_backend(backend, [server.pid], program=str)
        outcome = await hands(server.pid).end_session(action(ActionName.END_SESSION, backend))
        assert outcome.done, outcome.detail
        assert "over" in server.stdout.readline()
        assert not is_alive(backend)
        assert server.poll() is None
    finally:
        server.kill()
        server.communicate()


async def test_only_who_holds_the_port_now_is_ended(child: subprocess.Popen[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    holder = subprocess.Popen(  # noqa: ASYNC220  # it begins at once
        [sys.executable, "-Sc", f"import socket; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        wrong = await hands(ports=(port,)).free_port(action(ActionName.FREE_PORT, of(child), port=port))
        other = await hands(ports=(port + 1,)).free_port(action(ActionName.FREE_PORT, of(holder), port=port))
        assert (wrong.done, other.done) == (False, False)
        assert holder.poll() is None
        right = await hands(ports=(port,)).free_port(action(ActionName.FREE_PORT, of(holder), port=port))
        assert right.done
        assert holder.wait(5) == -signal.SIGTERM
    finally:
        holder.kill()
        holder.communicate()
