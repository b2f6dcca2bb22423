"""The asyncio client of PM2's `rpc.sock`: calls in flight side by side, each answer matched by its id.

A call is never sent twice: when the daemon goes away in the middle, the caller is told and looks how things are. The
next call connects anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import select
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from opsagent_tools.redact import redact
from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.home import RPC, Home
from opsagent_tools.supervisors.port import Busy, NotSupported, SupervisorError, SupervisorUnreachable, UnknownUnit
from opsagent_tools.trust import Peer

CALL_S = 10.0
"""A daemon that has not answered by then hangs. Calls that wait for a process to end get more."""
_AT_ONCE = 64
_CONNECT_TRIES, _CONNECT_PAUSE_S = 20, 0.05
_LONGEST_ERROR = 300

NEEDED: Mapping[str, str] = MappingProxyType(
    {
        "getMonitorData": "list",
        "getVersion": "tell its version",
        "restartProcessId": "start and restart",
        "stopProcessId": "stop",
        "deleteProcessId": "delete and scale down",
        "duplicateProcessId": "scale up and surge",
        "reloadProcessId": "reload without a gap",
        "prepare": "start a new app",
        "notifyByProcessId": "tell others what was done",
        "stopWatch": "switch watching off",
        "startWatch": "switch watching on",
        "resetMetaProcessId": "reset counters",
        "sendLineToStdin": "send a line",
        "msgProcess": "trigger an app's own actions",
        "sendDataToProcessId": "send a message to an app",
        "reloadLogs": "open logs anew",
    }
)
"""Method of the daemon → what cannot be done without it, in words for a person."""


@dataclass(slots=True)
class _Line:
    """One connection."""

    peer: Peer
    transport: asyncio.Transport
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    methods: frozenset[str] | None = None
    version: str = ""
    lost: str = ""

    def hung_up(self) -> bool:
        """Tell whether the daemon has gone away, be it that nobody has read so yet: what is asked then is not answered."""
        if self.lost or self.waiting:
            return bool(self.lost)
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        if poll.poll(0):  # nothing was asked, so what comes is the end
            self.lost = "the daemon of PM2 went away"
            self.transport.abort()
        return bool(self.lost)


class _Protocol(asyncio.Protocol):
    def __init__(self, where: str) -> None:
        self.line: _Line | None = None
        self._where = where
        self._decoder = codec.Decoder()

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._answer(frame)
        except codec.FrameError as error:
            self._end(f"{self._where}: what answers is no PM2 ({error})")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"{self._where}: the daemon of PM2 went away")

    def _answer(self, frame: codec.Frame) -> None:
        if self.line is None or len(frame) != 2:
            return
        waiting = self.line.waiting.pop(codec.text_of(frame[1]), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(codec.json_of(frame[0]))

    def _end(self, why: str) -> None:
        if self.line is None or self.line.lost:
            return
        self.line.lost = why
        self.line.transport.abort()
        for waiting in self.line.waiting.values():
            if not waiting.done():
                waiting.set_exception(SupervisorUnreachable(why))
        self.line.waiting.clear()


class Rpc:
    """Calls methods of the daemon of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._line: _Line | None = None
        self._opening: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ids = itertools.count(1)
        self._gate: asyncio.Semaphore | None = None

    async def call(self, method: str, *args: object, timeout_s: float = CALL_S) -> Any:
        """Return what one method answers. `args` has to have exactly what the method takes: the daemon appends to it.

        Raises SupervisorUnreachable, NotPermitted, NotSupported, UnknownUnit, Busy, SupervisorError.
        """
        line = await self._connected()
        if line.methods is not None and method not in line.methods:
            raise NotSupported(f"PM2 {line.version or 'of this version'} cannot {NEEDED.get(method, method)}")
        answer = await self._ask(line, codec.request, (method, args), timeout_s, method)
        if "error" in answer:
            raise error_of(method, answer["error"])
        found = answer.get("args")
        return found[0] if isinstance(found, list) and found else None

    async def peer(self) -> Peer:
        """Return the daemon's process, as the kernel says."""
        return (await self._connected()).peer

    async def version(self) -> str:
        """Return the daemon's version, empty where it does not tell."""
        line = await self._connected()
        if not line.version:
            with contextlib.suppress(NotSupported):
                line.version = str(await self.call("getVersion", {}))[:40]
        return line.version

    async def lacks(self) -> tuple[str, ...]:
        """Return what this daemon cannot do, in words for a person."""
        line = await self._connected()
        methods = line.methods if line.methods is not None else frozenset(NEEDED)
        return tuple(words for method, words in NEEDED.items() if method not in methods)

    async def close(self) -> None:
        """Hang up. Harmless when called twice; the next call connects anew."""
        line, self._line = self._line, None
        if line is not None and not line.lost:
            line.lost = "closed"
            line.transport.abort()
            await asyncio.sleep(0)

    async def _connected(self) -> _Line:
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._opening is None:  # a loop of its own for each asyncio.run
            self._loop, self._line = loop, None
            self._opening, self._gate = asyncio.Lock(), asyncio.Semaphore(_AT_ONCE)
        if self._line is not None and not self._line.hung_up():
            return self._line
        async with self._opening:
            if self._line is None or self._line.hung_up():
                self._line = await self._open(loop)
            return self._line

    async def _open(self, loop: asyncio.AbstractEventLoop) -> _Line:
        talk, peer = await connect(self._home, RPC)
        protocol = _Protocol(str(self._home.path))
        transport, _ = await loop.create_unix_connection(lambda: protocol, sock=talk)
        line = protocol.line = _Line(peer=peer, transport=transport)
        answer = await self._ask(line, codec.probe, (), CALL_S, "methods")
        methods = answer.get("methods")
        if isinstance(methods, dict):
            line.methods = frozenset(methods)
        return line

    async def _ask(self, line: _Line, frame: Any, args: tuple[Any, ...], timeout_s: float, what: str) -> dict[str, Any]:
        assert self._gate is not None
        async with self._gate:
            identity = f"{os.getpid()}:{next(self._ids)}"
            waiting = line.waiting[identity] = asyncio.get_running_loop().create_future()
            try:
                if line.lost:
                    raise SupervisorUnreachable(line.lost)
                line.transport.write(frame(identity, *args))
                async with asyncio.timeout(timeout_s):
                    answer = await waiting
            except TimeoutError as error:
                said = f"{self._home.path}: the daemon of PM2 has not answered {what} in {timeout_s:g} s"
                raise SupervisorUnreachable(said) from error
            finally:
                line.waiting.pop(identity, None)
        if not isinstance(answer, dict):
            raise SupervisorUnreachable(f"{self._home.path}: what answers is no PM2")
        return answer


async def connect(home: Home, name: str) -> tuple[Any, Peer]:
    """Connect without ever blocking; a full queue of connections is waited for, for a second."""
    for left in reversed(range(_CONNECT_TRIES)):
        try:
            return home.connect(name)
        except SupervisorUnreachable as error:
            if not isinstance(error.__cause__, BlockingIOError) or not left:
                raise
        await asyncio.sleep(_CONNECT_PAUSE_S)
    raise AssertionError


def error_of(method: str, said: object) -> SupervisorError:
    """Return the error that a daemon's answer means."""
    text = redact(" ".join(str(said).split()))[:_LONGEST_ERROR]
    if "already in progress" in text:
        return Busy(f"PM2: {text}")
    if "does not exist" in text and method in text:
        return NotSupported(f"this PM2 cannot {NEEDED.get(method, method)}")
    if "unknown" in text.lower() and "id" in text.lower():
        return UnknownUnit(f"PM2: {text}")
    return SupervisorError(f"PM2 {method}: {text}")
