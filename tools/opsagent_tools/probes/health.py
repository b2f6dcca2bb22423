"""Asks a service whether it serves, the way a person configured it: one HTTP GET or one TCP connect.

Every probe has a connection of its own: a kept one proves that an old connection works, not that new ones do. Plain
streams and no client library: a probe costs 0.4 ms of processor time where httpx takes 2, no proxy of the environment
comes between, no redirect is followed, and at most 64 KiB of a body are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
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


async def ask(health: Health) -> ProbeResult:
    """Ask once; every failure is a result, none is raised. Takes at most `health.timeout_s`, and 0.2 s for a body."""
    began = time.monotonic()
    status: int | None = None
    reason: Reason = ""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(health.timeout_s):
            if health.http is not None:
                url = urlsplit(health.http)
                reader, writer = await _connect(url.hostname or "", _port(url), tls=url.scheme == "https")
                writer.write(_request(url))
                status = _status(await reader.readline())
                reason = "" if 200 <= status <= 399 else "status"
            elif health.tcp is not None:
                host, _, port = health.tcp.rpartition(":")
                reader, writer = await _connect(host.strip("[]"), int(port), tls=False)
        latency = time.monotonic() - began
        if status is not None:
            await _drain(reader)
    except TimeoutError:
        reason, latency = "timeout", time.monotonic() - began
    except ConnectionRefusedError:
        reason, latency = "refused", time.monotonic() - began
    except (OSError, ValueError, EOFError):
        reason, latency = "error", time.monotonic() - began
    finally:
        if writer is not None:
            writer.close()
    return ProbeResult(ok=not reason, reason=reason, latency_s=latency, status=status)


async def _drain(reader: asyncio.StreamReader) -> None:
    """Read the rest of a small answer: closing in the middle of it would show as an error in the service's log."""
    got = 0
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_BODY_WAIT_S):
            while got < _BODY_LIMIT and (more := await reader.read(_BODY_LIMIT)):
                got += len(more)


async def _connect(host: str, port: int, *, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; `localhost` is both loopback addresses, so that a refusal by both is told as one."""
    *others, last = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    name = host if tls else None
    for address in others:
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(
                address, port, ssl=tls or None, server_hostname=name, limit=_HEAD_LIMIT
            )
    try:
        return await asyncio.open_connection(last, port, ssl=tls or None, server_hostname=name, limit=_HEAD_LIMIT)
    except OSError as error:
        if others and not isinstance(error, TimeoutError):  # a machine without IPv6 has no ::1 to refuse
            raise ConnectionRefusedError from error
        raise


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
