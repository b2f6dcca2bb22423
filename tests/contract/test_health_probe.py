"""Health probes against real servers, good and bad."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from opsagent_tools.probes.health import ask
from opsagent_tools.services.spec import Health
from tests.support.waiting import until

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()


def answering(raw: bytes, seen: list[bytes] | None = None) -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(raw)
        await writer.drain()

    return handle


def http(port: int, path: str = "/health", timeout_s: float = 5.0) -> Health:
    return Health(http=f"http://127.0.0.1:{port}{path}", timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("status", "ok", "reason"),
    [(200, True, ""), (204, True, ""), (302, True, ""), (404, False, "status"), (500, False, "status"), (503, False, "status")],
)  # fmt: skip
async def test_the_status_decides(status: int, ok: bool, reason: str) -> None:
    raw = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\nLocation: http://127.0.0.1:1/\r\n\r\nhi".encode()
    async with serving(answering(raw)) as port:
        result = await ask(http(port))
    assert (result.ok, result.reason, result.status) == (ok, reason, status)
    assert 0 < result.latency_s < 5


async def test_the_request_is_what_servers_expect() -> None:
    seen: list[bytes] = []
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n", seen)) as port:
        await ask(http(port, "/deep/health?full=1"))
    head = seen[0].decode().split("\r\n")
    assert head[0] == "GET /deep/health?full=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in head
    assert "Connection: close" in head


async def test_nobody_listens(free_port: int) -> None:
    for health in (http(free_port), Health(tcp=f"127.0.0.1:{free_port}"), Health(tcp=f"localhost:{free_port}")):
        result = await ask(health)
        assert (result.ok, result.reason, result.status) == (False, "refused", None)


async def test_accepted_but_never_answered_is_a_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        result = await ask(http(port, timeout_s=0.1))
    assert (result.ok, result.reason) == (False, "timeout")


async def test_a_listener_that_never_accepts_still_accepts_tcp_but_answers_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert (await ask(Health(tcp=f"127.0.0.1:{port}"))).ok
        assert (await ask(http(port, timeout_s=0.1))).reason == "timeout"


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n", b"x" * 100_000])
async def test_what_is_no_http_is_an_error(raw: bytes) -> None:
    async with serving(answering(raw)) as port:
        result = await ask(http(port))
    assert (result.ok, result.reason) == (False, "error")


async def test_a_body_without_end_is_not_read_to_the_end() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with serving(endless) as port:
        assert (await ask(http(port))).ok
    assert sent < 50_000_000


async def test_the_answer_is_read_so_that_the_service_sees_no_broken_connection() -> None:
    ends: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000)
        await writer.drain()
        writer.write_eof()
        ends.append(await reader.read())

    async with serving(handle) as port:
        assert (await ask(http(port))).ok
        await until(lambda: ends)
    assert ends == [b""]


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        assert (await ask(http(port))).ok


@pytest.mark.parametrize(
    "health", [Health(http="http://:80/"), Health(tcp="127.0.0.1:notaport"), Health(tcp="nonsense")]
)
async def test_nonsense_is_an_error_and_not_an_exception(health: Health) -> None:
    assert (await ask(health)).reason in {"error", "refused"}
