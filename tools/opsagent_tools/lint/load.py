"""A few clients that ask one port of this machine, as browsers and proxies do, and count the answers that never came.

Half of them keep their connection, half open one for each request. Nothing but 127.0.0.1 is ever asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

_HOST = "127.0.0.1"
_PAUSE_S = 0.004
"""Between two requests of one client: connections are idle now and then, as real ones are."""
_ANSWER_S = 15.0
_LONGEST_BODY = 16 * 1024 * 1024
_KEPT = 5


@dataclass(slots=True, kw_only=True)
class Load:
    """What the clients saw."""

    asked: int = 0
    failed: int = 0
    cut: int = 0
    """Of those that failed: on a connection that had answered before."""
    slowest_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    """The first few, in words."""

    def count(self, began: float, failure: str, *, kept: bool) -> None:
        """Count one request; `kept`: its connection had answered before."""
        self.asked += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if failure:
            self.failed += 1
            self.cut += kept
            if len(self.failures) < _KEPT and failure not in self.failures:
                self.failures.append(failure)


class _Failed(Exception):
    pass


async def ask_until(stop: asyncio.Event, port: int, path: str, load: Load, *, clients: int = 8) -> None:
    """Ask until somebody says stop; `load` counts while it runs."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(_Client(port, path, keeps=number % 2 == 0).ask(stop, load))


class _Client:
    def __init__(self, port: int, path: str, *, keeps: bool) -> None:
        self._port = port
        self._keeps = keeps
        how = "keep-alive" if keeps else "close"
        self._request = f"GET {path} HTTP/1.1\r\nHost: {_HOST}:{port}\r\nConnection: {how}\r\n\r\n".encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, stop: asyncio.Event, load: Load) -> None:
        while not stop.is_set():
            began, failure, kept = time.monotonic(), "", self._streams is not None
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._once()
            except TimeoutError:
                failure = f"no answer within {_ANSWER_S:g} s"
            except (OSError, EOFError, ValueError, _Failed) as error:
                failure = str(error) or type(error).__name__
            if failure:
                await self._hang_up()
            load.count(began, failure, kept=kept)
            await asyncio.sleep(_PAUSE_S)
        await self._hang_up()

    async def _once(self) -> None:
        if self._streams is None:
            self._streams = await asyncio.open_connection(_HOST, self._port)
        reader, writer = self._streams
        writer.write(self._request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        closes = await _read_body(reader, head, status)
        if status >= 500:
            raise _Failed(f"answer {status}")
        if closes or not self._keeps:
            await self._hang_up()

    async def _hang_up(self) -> None:
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_body(reader: asyncio.StreamReader, head: str, status: int) -> bool:
    """Read the rest of an answer; return whether its connection ends with it."""
    fields = dict(line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
    said = fields.get("connection", "")
    closes = "close" in said or (head.startswith("http/1.0") and "keep-alive" not in said)
    if status in {204, 304}:
        return closes
    if "chunked" in fields.get("transfer-encoding", ""):
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    elif "content-length" in fields:
        await reader.readexactly(min(int(fields["content-length"]), _LONGEST_BODY))
    else:
        await reader.read(_LONGEST_BODY)
        return True
    return closes
