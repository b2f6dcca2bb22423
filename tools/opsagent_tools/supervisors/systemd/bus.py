"""One connection to systemd from asyncio: calls, answers, signals, and that it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from opsagent_tools.supervisors.port import SupervisorError, SupervisorUnreachable
from opsagent_tools.supervisors.systemd import wire
from opsagent_tools.supervisors.systemd.endpoint import (
    BUS,
    BUS_INTERFACE,
    BUS_PATH,
    MANAGER,
    MANAGER_PATH,
    SERVICE,
    Endpoint,
    demand_greeted,
    demand_owner,
    greeting,
)

_log = logging.getLogger(__name__)

_CALL_S = 25.0
"""systemd's own default for an answer to a method call."""
_CONNECT_S = 5.0
_CHUNK = 256 * 1024
_RULES = (
    f"type='signal',sender='{SERVICE}',interface='{MANAGER}'",
    f"type='signal',sender='{SERVICE}',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
    f"type='signal',sender='{BUS}',interface='{BUS_INTERFACE}',member='NameOwnerChanged',arg0='{SERVICE}'",
)


class BusError(SupervisorError):
    """systemd answered with an error: its name (`org.freedesktop.systemd1.NoSuchUnit`) and text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


class ConnectionGone(SupervisorUnreachable):
    """The connection ended before the answer came: whether the call was heard is not known."""


Listener = Callable[[wire.Message], None]


class Bus:
    """A connection that is there already. `gone` is set when it no longer is; then a new one is needed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.gone = asyncio.Event()
        self.peer = _peer(writer)[0]
        """Pid of this systemd."""
        self._reader, self._writer = reader, writer
        self._serials = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Any, ...]]] = {}
        self._listeners: list[Listener] = []
        self._owner = ""
        self._task = asyncio.ensure_future(self._read())

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any, timeout: float = _CALL_S
    ) -> tuple[Any, ...]:
        """Call a method of systemd. Raises BusError, SupervisorUnreachable (ConnectionGone: it may have been heard)."""
        return await self._call(SERVICE, path, interface, member, signature, *body, timeout=timeout)

    async def manager(self, member: str, signature: str = "", *body: Any, timeout: float = _CALL_S) -> tuple[Any, ...]:
        """Call a method of the manager."""
        return await self.call(MANAGER_PATH, MANAGER, member, signature, *body, timeout=timeout)

    def listen(self, listener: Listener) -> None:
        """Have every signal of systemd from now on."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Hang up."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._end()

    async def settle(self) -> None:
        """Make the bus pass systemd's signals on to us, and systemd send them."""
        if not self.endpoint.private:
            await self._call(BUS, BUS_PATH, BUS_INTERFACE, "Hello")
            for rule in _RULES:
                await self._call(BUS, BUS_PATH, BUS_INTERFACE, "AddMatch", "s", rule)
            await self.call(MANAGER_PATH, "org.freedesktop.DBus.Peer", "Ping")
            (self._owner,) = await self._call(BUS, BUS_PATH, BUS_INTERFACE, "GetNameOwner", "s", SERVICE)
            (self.peer,) = await self._call(BUS, BUS_PATH, BUS_INTERFACE, "GetConnectionUnixProcessID", "s", SERVICE)
        with contextlib.suppress(BusError):  # AlreadySubscribed, on a bus that outlived us
            await self.manager("Subscribe")

    async def _call(
        self, to: str, path: str, interface: str, member: str, signature: str = "", *body: Any, timeout: float = _CALL_S
    ) -> tuple[Any, ...]:
        if self.gone.is_set():
            raise _unreachable(self.endpoint, "hung up")
        serial = next(self._serials)
        future: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        self._waiting[serial] = future
        try:
            self._writer.write(wire.encode_call(serial, to, path, interface, member, signature, *body))
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError as error:
            raise _unreachable(self.endpoint, f"did not answer {member} within {timeout:g} s") from error
        finally:
            self._waiting.pop(serial, None)

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(wire.HEADER)
                rest = await self._reader.readexactly(wire.length_of(head) - wire.HEADER)
                self._take(wire.decode(head + rest))
        except (asyncio.IncompleteReadError, OSError):
            pass
        except wire.ProtocolError as error:
            _log.warning("%s sends what cannot be read: %s", self.endpoint.path, error)
        finally:
            self._end()

    def _take(self, message: wire.Message) -> None:
        if message.kind in {wire.RETURN, wire.ERROR}:
            future = self._waiting.get(message.reply_to)
            if future is None or future.done():
                return
            if message.kind == wire.RETURN:
                future.set_result(message.body)
            else:
                text = message.body[0] if message.body and isinstance(message.body[0], str) else ""
                future.set_exception(BusError(message.error, _one_line(text)))
        elif message.kind == wire.SIGNAL and self._is_systemds(message):
            for listener in self._listeners:
                listener(message)

    def _is_systemds(self, message: wire.Message) -> bool:
        """Anybody on a bus may send us a signal that looks like systemd's: only its owner's count."""
        if self.endpoint.private:
            return True
        if message.sender == BUS and message.member == "NameOwnerChanged" and message.body[:1] == (SERVICE,):
            self._owner = str(message.body[2])
            return True
        return bool(self._owner) and message.sender == self._owner

    def _end(self) -> None:
        self.gone.set()
        self._writer.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_gone(self.endpoint))
        self._waiting.clear()


async def connect(candidates: Iterable[Endpoint]) -> Bus:
    """Connect to the first that answers. Raises SupervisorUnreachable with the reason of the last one."""
    failure: SupervisorUnreachable | None = None
    for endpoint in candidates:
        try:
            async with asyncio.timeout(_CONNECT_S):
                bus = await _open(endpoint)
        except (OSError, TimeoutError) as error:
            said = "does not answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            failure = _unreachable(endpoint, f"cannot be reached ({said})")
            continue
        try:
            await bus.settle()
        except SupervisorError as error:
            await bus.close()
            failure = error if isinstance(error, SupervisorUnreachable) else _unreachable(endpoint, str(error))
            continue
        return bus
    raise failure or SupervisorUnreachable("there is no systemd to reach")


async def _open(endpoint: Endpoint) -> Bus:
    reader, writer = await asyncio.open_unix_connection(endpoint.path, limit=_CHUNK)
    try:
        demand_owner(endpoint, _peer(writer)[1])
        writer.write(greeting())
        demand_greeted(await reader.readline())
        return Bus(reader, writer, endpoint)
    except BaseException:
        writer.close()
        raise


def _peer(writer: asyncio.StreamWriter) -> tuple[int, int]:
    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", found)
    return int(pid), int(uid)


def _unreachable(endpoint: Endpoint, what: str) -> SupervisorUnreachable:
    who = "systemd" if endpoint.uids == {0} else f"systemd of user {os.geteuid()}"
    return SupervisorUnreachable(f"{who}: {endpoint.path} {what}")


def _gone(endpoint: Endpoint) -> ConnectionGone:
    return ConnectionGone(f"systemd: {endpoint.path} hung up before it answered")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
