"""The command line's end of the local API. Light: importing it brings in neither the store nor the agent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from opsagent import __version__
from opsagent.api.errors import (
    ApiError,
    DaemonGone,
    DaemonNotRunning,
    NotTheOwner,
    RemoteError,
    RemoteLookup,
    VersionMismatch,
)
from opsagent.api.protocol import ANSWER_MAX, PROTOCOL, BadFrame, decode, encode, peer_uid

__all__ = ["ApiClient", "ApiError", "DaemonGone", "DaemonNotRunning", "RemoteError", "VersionMismatch"]

_NOBODY = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


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
        async with self._exchange(method, params) as answers:
            async for frame in answers:
                if "result" in frame:
                    return frame["result"]
        raise self._gone(method)

    async def stream(self, method: str, params: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """Yield the items of a method as they come. Raises ApiError. Closing the iterator ends the work over there."""
        async with self._exchange(method, params) as answers:
            async for frame in answers:
                if "end" in frame:
                    return
                if "item" in frame:
                    yield frame["item"]
        raise self._gone(method)

    @asynccontextmanager
    async def _exchange(
        self, method: str, params: Mapping[str, Any] | None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        reader, writer = await self._open()
        try:
            number = next(self._ids)
            request = {"v": PROTOCOL, "id": number, "method": method, "params": dict(params or {})}
            with suppress(ConnectionError):  # its answer may be there all the same; else the end of file tells
                writer.write(encode(request))
                await writer.drain()
            yield self._answers(reader, number, method)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=ANSWER_MAX)
        except _NOBODY as error:
            raise DaemonNotRunning(f"{self._path}: no daemon runs: start one with `opsagent watch`") from error
        except OSError as error:
            raise ApiError(f"{self._path}: cannot be reached ({error.strerror or error})") from error
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid != os.geteuid():
            writer.close()
            raise NotTheOwner(f"{self._path}: is served by user {uid}, not by you: remove it, or use your own home")
        return reader, writer

    async def _answers(self, reader: asyncio.StreamReader, number: int, method: str) -> AsyncIterator[dict[str, Any]]:
        while True:
            try:
                line = await reader.readline()
            except (ConnectionError, ValueError) as error:
                raise self._gone(method) from error
            if not line.endswith(b"\n"):
                return
            try:
                frame = decode(line)
            except BadFrame as error:
                raise ApiError(f"{self._path}: the daemon's answer cannot be read: restart `opsagent watch`") from error
            _refuse_other_version(frame)
            if "error" in frame:
                raise _remote_error(frame["error"])
            if frame.get("id") == number:
                yield frame

    def _gone(self, method: str) -> DaemonGone:
        return DaemonGone(
            f"{self._path}: the daemon went away during `{method}`: start `opsagent watch`;"
            " `opsagent incidents list` says how far it came"
        )


def _refuse_other_version(frame: Mapping[str, Any]) -> None:
    theirs = frame.get("v")
    if theirs == PROTOCOL:
        return
    error = frame.get("error")
    other = error.get("version", "?") if isinstance(error, dict) else "?"
    raise VersionMismatch(
        f"the daemon speaks version {theirs} of the local API (opsagent {other}), this command version {PROTOCOL}"
        f" (opsagent {__version__}): restart `opsagent watch`"
    )


def _remote_error(error: Mapping[str, Any]) -> RemoteError:
    code, message = str(error.get("code", "internal")), str(error.get("message", ""))
    return (RemoteLookup if code == "LookupError" else RemoteError)(code, message)
