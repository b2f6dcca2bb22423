"""The daemon's end of the local API. Whoever connects must be the same user (or root), as the kernel says."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import stat
from collections.abc import Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Self

from opsagent import __version__
from opsagent.api.errors import AlreadyServing, ApiError
from opsagent.api.handlers import Handler, Method, describe
from opsagent.api.protocol import PROTOCOL, REQUEST_MAX, BadFrame, decode, encode
from opsagent_tools.peers import peer_of, person_of

_LOG = logging.getLogger(__name__)
_CONNECTIONS_MAX = 64
_REQUESTS_MAX = 16
"""Requests that one connection may have running."""
_BACKLOG = 32


class ApiServer:
    """Serves methods by name on a unix socket.

    A coroutine function gives one result, an async generator function a stream. Parameters are converted to the types
    in the function's annotations, and unknown or missing ones are refused.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._methods = {name: describe(name, handler) for name, handler in handlers.items()}
        self._methods["hello"] = describe("hello", _hello)
        self._listener: socket.socket | None = None
        self._inode: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A dead daemon's socket is replaced; raises AlreadyServing where a living one answers."""
        self._listener = _listen(self._path)
        self._inode = self._path.lstat().st_ino
        self._spawn(self._accept(self._listener))

    async def close(self) -> None:
        """Stop listening, end all connections, remove the socket (if it still is ours)."""
        if self._listener is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()
        self._listener = None
        with suppress(OSError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a connection of the local API broke off", exc_info=error)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # out of descriptors, say: others still are served
                _LOG.warning("the local API cannot accept: %s", error)
                await asyncio.sleep(0.1)
                continue
            uid, pid = peer_of(connection)
            if uid is None or uid not in {os.geteuid(), 0} or len(self._tasks) > _CONNECTIONS_MAX:
                _LOG.warning("the local API refused a connection of user %s", uid)
                connection.close()
                continue
            self._spawn(self._converse(connection, person_of(uid, pid)))

    async def _converse(self, connection: socket.socket, by: str) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=REQUEST_MAX)
        except OSError:
            connection.close()
            return
        try:
            with suppress(ConnectionError):
                await _Conversation(self._methods, reader, writer, by).run()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class _Conversation:
    """One connection: requests run side by side, and end with it."""

    def __init__(
        self, methods: Mapping[str, Method], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, by: str
    ) -> None:
        self._methods = methods
        self._by = by
        """Who is at the other end, as the kernel says; whoever a request says that it is."""
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while line := await self._line():
                await self._take(line)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _line(self) -> bytes:
        """Return the next line; empty at the end, or where the line is too long to be a request."""
        try:
            return await self._reader.readline()
        except ValueError:
            await self._fail(None, "bad_request", f"a request may have {REQUEST_MAX} bytes")
            return b""

    async def _take(self, line: bytes) -> None:
        try:
            frame = decode(line)
        except BadFrame as error:
            await self._fail(None, "bad_request", str(error))
            return
        number, name = frame.get("id"), frame.get("method")
        if frame.get("v") != PROTOCOL:
            await self._fail(number, "version", f"this daemon speaks version {PROTOCOL} of the local API")
            return
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None:
            await self._fail(number, "no_method", f"this daemon has no method {name!r}")
            return
        if len(self._running) >= _REQUESTS_MAX:
            await self._fail(number, "bad_request", "too many requests at once on one connection")
            return
        task = asyncio.create_task(self._answer(number, method, frame.get("params", {})))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, number: Any, method: Method, params: Any) -> None:
        try:
            arguments = method.arguments(params)
        except ValueError as error:
            await self._fail(number, "bad_params", f"{method.name}: {error}")
            return
        if "by" in arguments:
            arguments["by"] = self._by
        try:
            # closed here, or the work would go on until it is collected where it is cancelled while it sends
            async with aclosing(method.run(arguments)) as answers:
                async for key, value in answers:
                    await self._send({"id": number, key: value})
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told
            code, message = method.explain(error)
            if code == "internal":
                _LOG.exception("method %s of the local API broke off", method.name)
            await self._fail(number, code, message)

    async def _fail(self, number: Any, code: str, message: str) -> None:
        await self._send({"id": number, "error": {"code": code, "message": message, "version": __version__}})

    async def _send(self, frame: dict[str, Any]) -> None:
        line = encode({"v": PROTOCOL, **frame})
        try:
            async with self._sending:
                self._writer.write(line)
                await self._writer.drain()
        except ConnectionError:  # it is noticed where the client's next request is waited for, which needs a turn
            await asyncio.sleep(0)


async def _hello() -> dict[str, Any]:
    return {"version": __version__, "protocol": PROTOCOL, "pid": os.getpid()}


def _listen(path: Path) -> socket.socket:
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        path.chmod(0o600)  # its folder is 0700: nobody can be quicker
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ApiError(f"{path}: cannot listen there ({error.strerror or error})") from error
    return listener


def _clear_stale(path: Path) -> None:
    """Remove the socket of a daemon that died."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ApiError(f"{path}: is no socket: move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        refused = probe.connect_ex(str(path))
    if refused == errno.ECONNREFUSED:
        with suppress(FileNotFoundError):
            path.unlink()
    elif refused != errno.ENOENT:
        raise AlreadyServing(f"{path}: another daemon serves it: end that one first")
