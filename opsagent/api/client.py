"""The command line's end of the local API. Light: importing it brings in neither the store nor the agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from opsagent.api.errors import ApiError, DaemonGone, DaemonNotRunning, NotTheOwner, RemoteError, VersionMismatch
from opsagent.api.exchange import Exchange
from opsagent.api.protocol import ANSWER_MAX

__all__ = ["ApiClient", "ApiError", "DaemonGone", "DaemonNotRunning", "RemoteError", "VersionMismatch"]


class ApiClient:
    """Calls to one daemon. Each call has a connection of its own, so one that is given up cannot confuse the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids = count(1)
        self.server_version = ""
        """Version of opsagent that the daemon runs."""

    @classmethod
    async def connect(cls, path: Path) -> ApiClient:
        """Return a client of the daemon at this socket. Raises DaemonNotRunning, VersionMismatch, NotTheOwner."""
        client = cls(path)
        said = await client.call("hello")
        client.server_version = str(said["version"])
        return client

    async def close(self) -> None:
        """Nothing stays open between calls."""

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the result of a method, as JSON-like data. Raises ApiError."""
        exchange = Exchange(self._path, next(self._ids), method, params)
        async with self._answers(exchange) as answers:
            async for frame in answers:
                if "result" in frame:
                    return frame["result"]
        raise exchange.gone()

    async def stream(self, method: str, params: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """Yield the items of a method as they come. Raises ApiError. Closing the iterator ends the work over there."""
        exchange = Exchange(self._path, next(self._ids), method, params)
        async with self._answers(exchange) as answers:
            async for frame in answers:
                if "end" in frame:
                    return
                if "item" in frame:
                    yield frame["item"]
        raise exchange.gone()

    @asynccontextmanager
    async def _answers(self, exchange: Exchange) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        reader, writer = await self._open(exchange)
        try:
            with suppress(ConnectionError):  # its answer may be there all the same; else the end of file tells
                writer.write(exchange.request())
                await writer.drain()
            yield _frames(reader, exchange)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _open(self, exchange: Exchange) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=ANSWER_MAX)
        except OSError as error:
            raise exchange.unreachable(error) from error
        try:
            exchange.check_server(writer.get_extra_info("socket"))
        except NotTheOwner:
            writer.close()
            raise
        return reader, writer


async def _frames(reader: asyncio.StreamReader, exchange: Exchange) -> AsyncIterator[dict[str, Any]]:
    while True:
        try:
            line = await reader.readline()
        except (ConnectionError, ValueError) as error:
            raise exchange.gone() from error
        if not line.endswith(b"\n"):
            return
        frame = exchange.frame(line)
        if frame is not None:
            yield frame
