"""The daemon's end of `look.sock`: shows all services to whoever connects, then hangs up. Nothing is read from it.

For commands that look at services often and briefly: loading a zmq client takes them longer than the answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsagent_tools.peers import peer_uid

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""Who has not read the answer by then is dropped."""
AT_ONCE = 32
"""Connections; further ones are hung up on."""
_BACKLOG = 128
_PAUSE_S = 0.2


class LookSocket:
    """A unix socket (0600) that answers each connection of the same user, or of root, with one JSON document."""

    def __init__(self, path: Path, answer: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._path = path
        self._answer = answer
        self._listener: socket.socket | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen. Only who holds the engine's lock may: the socket of a daemon that was killed is replaced."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)  # its folder is 0700: nobody can be quicker
        self._listener.listen(_BACKLOG)
        loop.add_reader(self._listener, self._accept, self._listener, loop)

    async def close(self) -> None:
        """Hang up on everybody and remove the socket. Harmless when called twice."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors, say: without a pause the loop would do nothing but try
            logger.warning("%s cannot accept: %s", self._path, error)
            loop.remove_reader(listener)
            loop.call_later(_PAUSE_S, self._resume, listener, loop)
            return
        uid = peer_uid(connection)
        if uid is None or uid not in {os.geteuid(), 0} or len(self._serving) >= AT_ONCE:
            logger.warning("%s refused a connection of user %s", self._path, uid)
            connection.close()
            return
        connection.setblocking(False)
        task = loop.create_task(self._serve(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def _resume(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        if self._listener is listener:
            loop.add_reader(listener, self._accept, listener, loop)

    async def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # it went away, or does not read (TimeoutError)
            document = json.dumps(await self._answer()).encode()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.get_running_loop().sock_sendall(connection, document)
