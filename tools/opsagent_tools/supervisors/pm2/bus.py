"""The reader of PM2's bus (`pub.sock`): drains it always, and keeps a bounded part of what came.

A reader that stalls costs the daemon its memory (it buffers without a limit, and gives nothing back), so the socket is
read as fast as it fills, whoever listens here and how slowly. Events go before output: when there is too much, output is
dropped first, and what was dropped is counted and told. There is no subscription and no replay on this bus.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.home import PUB, Home
from opsagent_tools.supervisors.pm2.rpc import connect
from opsagent_tools.trust import Peer

OUTPUT = frozenset({"log:out", "log:err"})
MAX_MESSAGE = 16 * 1024 * 1024
_EVENTS, _OUTPUT = 4096, 4096
_OUTPUT_BYTES = 8 * 1024 * 1024
_RECEIVE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the bus. `topic` empty: messages were dropped before this point; `data` says how many of which."""

    topic: str
    data: dict[str, Any] = field(repr=False)


class _Protocol(asyncio.BufferedProtocol):
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._buffer = memoryview(bytearray(_RECEIVE))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._bus.take(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._bus.ended(f"the bus closed ({exc})" if exc else "the bus closed")


class Bus:
    """One connection to the bus. `topics`: only these are kept; None: all but output."""

    def __init__(self, peer: Peer, topics: Collection[str] | None = None, *, max_message: int = MAX_MESSAGE) -> None:
        self.peer = peer
        self.dropped: Counter[str] = Counter()
        """Messages that were thrown away since the start, by topic."""
        self.over = ""
        """Why there is no more; empty while it is open."""
        self._topics = None if topics is None else frozenset(topics)
        self._decoder = codec.Decoder(max_message)
        self._events: deque[tuple[str, bytes]] = deque()
        self._output: deque[tuple[str, bytes]] = deque()
        self._output_bytes = 0
        self._untold: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    @classmethod
    async def open(cls, home: Home, topics: Collection[str] | None = None) -> Bus:
        """Connect. From its return on nothing is missed. Raises SupervisorUnreachable, NotPermitted."""
        talk, peer = await connect(home, PUB)
        bus = cls(peer, topics)
        loop = asyncio.get_running_loop()
        bus._transport, _ = await loop.create_unix_connection(lambda: _Protocol(bus), sock=talk)
        return bus

    def close(self) -> None:
        """Hang up. Harmless when called twice."""
        self.ended("closed")
        if self._transport is not None:
            self._transport.close()

    async def next(self) -> Message | None:
        """Return the next message, events before output; None once the bus is closed and everything was given."""
        while True:
            if self._untold:
                lost, self._untold = self._untold, Counter()
                return Message(topic="", data=dict(lost))
            if self._events or self._output:
                message = _read(*self._pop())
                if message is not None:
                    return message
                continue
            if self.over:
                return None
            self._news.clear()
            await self._news.wait()

    def take(self, data: bytes) -> None:
        """Take what came from the socket."""
        try:
            for frame in self._decoder.feed(data):
                self._keep(frame)
        except codec.FrameError as error:
            self.ended(str(error))
        if self._decoder.broken:
            self.ended(self._decoder.broken)
        self._news.set()

    def ended(self, why: str) -> None:
        """Note that nothing more comes."""
        self.over = self.over or why
        self._news.set()
        if self._decoder.broken and self._transport is not None:
            self._transport.close()

    def _keep(self, frame: codec.Frame) -> None:
        if len(frame) != 2 or not frame[0].startswith(b"s:"):
            return
        topic = codec.text_of(frame[0])
        if topic not in self._topics if self._topics is not None else topic in OUTPUT:
            return
        if topic in OUTPUT:
            self._output.append((topic, frame[1]))
            self._output_bytes += len(frame[1])
            while len(self._output) > _OUTPUT or self._output_bytes > _OUTPUT_BYTES:
                lost, payload = self._output.popleft()
                self._output_bytes -= len(payload)
                self._lose(lost)
        else:
            self._events.append((topic, frame[1]))
            if len(self._events) > _EVENTS:
                self._lose(self._events.popleft()[0])

    def _pop(self) -> tuple[str, bytes]:
        if self._events:
            return self._events.popleft()
        topic, payload = self._output.popleft()
        self._output_bytes -= len(payload)
        return topic, payload

    def _lose(self, topic: str) -> None:
        self.dropped[topic] += 1
        self._untold[topic] += 1


def _read(topic: str, payload: bytes) -> Message | None:
    try:
        data = codec.json_of(payload)
    except codec.FrameError:
        return None
    return Message(topic=topic, data=data) if isinstance(data, dict) else None
