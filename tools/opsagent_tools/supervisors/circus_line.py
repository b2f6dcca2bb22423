"""Ask a daemon that speaks circus' messages: the embedded engine's, and a circusd that somebody else runs.

A leaf beside the port. Imports pyzmq only, neither circus nor tornado.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import zmq
import zmq.asyncio

from opsagent_tools.supervisors.port import SupervisorUnreachable

ANSWER_S = 3.0
"""A daemon that does not even answer a ping for so long counts as unreachable."""
ANSWER_MAX = 32 * 1024 * 1024
"""Bytes of one answer; who sends more is hung up on."""
_LOOK_S = 0.25


class Line:
    """One connection. Calls may overlap; bound to the event loop of its first call."""

    def __init__(self, endpoint: str, alive: Callable[[], bool], *, who: str, ping: str) -> None:
        """`alive` tells whether somebody listens there at all; `ping` is a command that every such daemon answers."""
        self._endpoint = endpoint
        self._alive = alive
        self._who, self._ping = who, ping
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context: zmq.asyncio.Context | None = None
        self._socket: zmq.asyncio.Socket | None = None
        self._reader: asyncio.Task[None] | None = None

    async def call(self, command: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Send a command and return its answer, however long it takes while the daemon lives and answers pings.

        Raises SupervisorUnreachable.
        """
        answer = await self._send(command, properties)
        quiet = 0.0
        ping: asyncio.Future[dict[str, Any]] | None = None
        try:
            while not answer.done():
                await asyncio.wait([answer, *([ping] if ping else [])], timeout=_LOOK_S, return_when="FIRST_COMPLETED")
                if ping is not None and ping.done():
                    quiet, ping = 0.0, None
                    await asyncio.wait([answer], timeout=_LOOK_S)
                if answer.done():
                    break
                self._must_live()
                quiet += _LOOK_S
                if quiet >= ANSWER_S:
                    raise SupervisorUnreachable(f"{self._who} does not answer on {self._endpoint}")
                ping = ping or await self._send(self._ping, {})
        finally:
            for number, future in list(self._waiting.items()):
                if future is answer or future is ping:
                    del self._waiting[number]
        return answer.result()

    async def close(self) -> None:
        """Close the connection; the next call opens it again."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, zmq.ZMQError):
                await self._reader
        if self._context is not None:
            self._context.destroy(linger=0)
        self._context = self._socket = self._reader = None
        self._waiting.clear()

    def _must_live(self) -> None:
        if not self._alive():
            raise SupervisorUnreachable(f"{self._who} is not running")

    async def _send(self, command: str, properties: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        self._must_live()
        if self._socket is None:
            self._context = zmq.asyncio.Context()
            self._socket = self._context.socket(zmq.DEALER)
            self._socket.linger = 0
            self._socket.maxmsgsize = ANSWER_MAX
            self._socket.connect(self._endpoint)
            self._reader = asyncio.ensure_future(self._read(self._socket))
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        message = {"id": number, "command": command, "properties": {**properties, "waiting": True}}
        await self._socket.send(json.dumps(message).encode())
        return future

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            with contextlib.suppress(ValueError, RecursionError):
                answer = json.loads(await socket.recv())
                number = answer.get("id") if isinstance(answer, dict) else None
                future = self._waiting.pop(number, None) if isinstance(number, int) else None
                if future is not None and not future.done():
                    future.set_result(answer)
