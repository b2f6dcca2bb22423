"""Asks a service whether it serves, the way a person configured it: one HTTP GET or one TCP connect.

Every probe has a connection of its own: a kept one proves that an old connection works, not that new ones do. Plain
sockets and no client library: a probe costs 0.2 ms of processor time where httpx takes 2, no proxy of the environment
comes between, no redirect is followed, and at most 64 KiB of a body are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from opsagent_tools.services.spec import Health

Reason = Literal["", "refused", "timeout", "status", "error"]

_HEAD_LIMIT = 8 * 1024
_BODY_LIMIT = 64 * 1024
_BODY_WAIT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The answer to one health probe."""

    ok: bool
    reason: Reason = ""
    """`refused`: nobody listens; `timeout`: no answer in time; `status`: an HTTP status outside 200..399;
    `error`: anything else (connection reset, no HTTP, unknown host). Empty when ok."""
    latency_s: float = 0.0
    """Until the status line (HTTP) or the connection (TCP)."""
    status: int | None = None
    """HTTP status, where there was one."""


Connected = Callable[[int], Awaitable[None]]
"""Called with the local port once a probe is connected and before it asks; its time is not part of the latency."""


async def ask(health: Health, *, connected: Connected | None = None) -> ProbeResult:
    """Ask once; every failure is a result, none is raised. Takes at most `health.timeout_s`, and 0.2 s for a body."""
    began = time.monotonic()
    status: int | None = None
    reason: Reason = ""
    connection: _Plain | _Tls | None = None
    try:
        async with asyncio.timeout(health.timeout_s):
            if health.http is not None:
                url = urlsplit(health.http)
                name = url.hostname or ""
                tls = url.scheme == "https"
                connection = await (_Tls.open(name, _port(url), health.ca) if tls else _Plain.open(name, _port(url)))
                began += await _tell(connection, connected)
                status = _status(await connection.exchange(_request(url)))
                reason = "" if 200 <= status <= 399 else "status"
            elif health.tcp is not None:
                host, _, port = health.tcp.rpartition(":")
                connection = await _Plain.open(host.strip("[]"), int(port))
                began += await _tell(connection, connected)
        latency = time.monotonic() - began
        if status is not None and connection is not None:
            await _drain(connection)
    except TimeoutError:
        reason, latency = "timeout", time.monotonic() - began
    except ConnectionRefusedError:
        reason, latency = "refused", time.monotonic() - began
    except (OSError, ValueError, EOFError):
        reason, latency = "error", time.monotonic() - began
    finally:
        if connection is not None:
            connection.close()
    return ProbeResult(ok=not reason, reason=reason, latency_s=latency, status=status)


async def _tell(connection: _Plain | _Tls, connected: Connected | None) -> float:
    """Let the caller look at the open connection; return how long that took."""
    if connected is None:
        return 0.0
    began = time.monotonic()
    await connected(connection.local_port)
    return time.monotonic() - began


async def _drain(connection: _Plain | _Tls) -> None:
    """Read the rest of a small answer: closing in the middle of it would show as an error in the service's log."""
    got = 0
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_BODY_WAIT_S):
            while got < _BODY_LIMIT and (more := await connection.read()):
                got += len(more)


class _Plain:
    """A bare socket: half the processor time of asyncio's streams, and probes are most of what the daemon does."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @property
    def local_port(self) -> int:
        return int(self._sock.getsockname()[1])

    @classmethod
    async def open(cls, host: str, port: int) -> _Plain:
        """Connect; `localhost` is both loopback addresses, so that a refusal by both is told as one."""
        *others, last = ("127.0.0.1", "::1") if host == "localhost" else (host,)
        for address in others:
            with contextlib.suppress(OSError):
                return cls(await _connected(address, port))
        try:
            return cls(await _connected(last, port))
        except OSError as error:
            if others and not isinstance(error, TimeoutError):  # a machine without IPv6 has no ::1 to refuse
                raise ConnectionRefusedError from error
            raise

    async def exchange(self, request: bytes) -> bytes:
        """Send a request and return the first line of the answer."""
        await asyncio.get_running_loop().sock_sendall(self._sock, request)
        head = b""
        while b"\n" not in head and len(head) < _HEAD_LIMIT:
            more = await self.read()
            if not more:
                break
            head += more
        return head.partition(b"\n")[0]

    async def read(self) -> bytes:
        """Return what has arrived; nothing at the end."""
        return await asyncio.get_running_loop().sock_recv(self._sock, _BODY_LIMIT)

    def close(self) -> None:
        self._sock.close()


async def _connected(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    if _is_address(host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        address: tuple[object, ...] = (host, port)
    else:
        family, *_, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


class _Tls:
    """A connection by asyncio's streams, which know TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def local_port(self) -> int:
        return int(self._writer.get_extra_info("sockname")[1])

    @classmethod
    async def open(cls, host: str, port: int, ca: str | None = None) -> _Tls:
        believed = ssl.create_default_context(cafile=ca) if ca is not None else True
        return cls(*await asyncio.open_connection(host, port, ssl=believed, limit=_HEAD_LIMIT))

    async def exchange(self, request: bytes) -> bytes:
        self._writer.write(request)
        return await self._reader.readline()

    async def read(self) -> bytes:
        return await self._reader.read(_BODY_LIMIT)

    def close(self) -> None:
        self._writer.close()


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _request(url: SplitResult) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    lines = (f"GET {target} HTTP/1.1", f"Host: {host}", "User-Agent: opsagent", "Accept: */*", "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _status(line: bytes) -> int:
    """Return the status in the first line of an HTTP/1.x answer. Raises ValueError if it is none."""
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if not line:
        raise EOFError("closed before the status line")
    if not version.startswith(b"HTTP/1.") or len(code) != 3 or not code.isdigit():
        raise ValueError("not an HTTP answer")
    return int(code)
