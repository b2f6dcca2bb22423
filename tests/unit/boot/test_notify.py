"""systemd hears that the daemon is ready and lives, over a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent.boot import notify as subject
from tests.support.waiting import until


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with (
        tempfile.TemporaryDirectory(prefix="oa-", dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
    ):
        path = Path(folder) / "notify"
        listening.bind(str(path))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listening


def heard(manager: socket.socket) -> list[str]:
    lines: list[str] = []
    while True:
        try:
            lines += manager.recv(4096).decode().splitlines()
        except BlockingIOError:
            return lines


async def test_ready_then_alive_for_as_long_as_the_loop_turns_then_stopping(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    said: list[str] = []

    def alive() -> bool:
        said.extend(heard(manager))
        return said.count("WATCHDOG=1") >= 3

    async with subject.notifying("watching"):
        await until(alive)
    said += heard(manager)
    assert said[:2] == ["READY=1", "STATUS=watching"]
    assert said[-1] == "STOPPING=1"


async def test_a_daemon_above_its_limit_ends_itself(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(subject.MEMORY_MAX, "1")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    try:
        async with subject.notifying("watching"):
            await asyncio.wait_for(ended.wait(), 10)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert "STATUS=ending: it takes too much memory" in heard(manager)


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}],
)
def test_where_nobody_listens_nothing_is_sent(environ: dict[str, str]) -> None:
    assert subject.notify("READY=1", environ) is False


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_fed_only_where_it_is_ours(environ: dict[str, str], period: float | None) -> None:
    assert subject.watchdog_s(environ) == period
