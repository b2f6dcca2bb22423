"""The engine's events: circus' publish socket, and the kernel's word for the death of the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, Self

import zmq
import zmq.asyncio

from opsagent_tools.supervisors.circus.client import Client
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.port import EventKind, SupervisorError, SupervisorEvent
from opsagent_tools.units import UnitId

_LOOK_S = 0.1
_SYNC_S = 0.1
_LAST_WORDS_S = 0.01
_KINDS = {
    "spawn": EventKind.SPAWNED,
    "kill": EventKind.STOPPING,
    "stop": EventKind.STOPPED,
    "start": EventKind.STARTED,
    "updated": EventKind.CHANGED,
}


async def watch(engine: Engine, kind: str) -> AsyncIterator[SupervisorEvent]:
    """Yield events for ever. The first is CHANGED as soon as nothing can be missed any more: list then.

    LOST comes when the daemon is gone although services were applied and not shut down; BACK when it serves again.
    """
    lost = False
    while True:
        pid = engine.pid()
        if pid is None:
            if not lost and _is_missed(engine):
                lost = True
                yield _own(EventKind.LOST)
            await asyncio.sleep(_LOOK_S)
            continue
        async with _Subscription(engine, pid) as subscription:
            if await subscription.is_in_place():
                yield _own(EventKind.BACK if lost else EventKind.CHANGED)
                lost = False
                async for event in subscription.events(kind):
                    yield event
        if not _is_missed(engine):
            yield _own(EventKind.CHANGED)  # it was shut down on purpose: there are no units any more
        elif not lost:
            lost = True
            yield _own(EventKind.LOST)


def _is_missed(engine: Engine) -> bool:
    try:
        return bool(engine.specs())
    except SupervisorError:
        return True


def _own(kind: EventKind) -> SupervisorEvent:
    return SupervisorEvent(kind=kind, unit=None, at=time.time())


class _Subscription:
    """One connection to the events of one daemon; ends with it."""

    def __init__(self, engine: Engine, pid: int) -> None:
        self._engine = engine
        self._pid = pid
        self._pidfd: int | None = None
        self._gone = asyncio.Event()
        self._seq = 0

    async def __aenter__(self) -> Self:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.subscribe(b"")
        self._socket.connect(f"ipc://{self._engine.paths.pubsub}")
        self._watcher = asyncio.ensure_future(self._watch_daemon())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watcher
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._context.destroy(linger=0)

    async def _watch_daemon(self) -> None:
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(self._pid)
                asyncio.get_running_loop().add_reader(self._pidfd, self._gone.set)
        while self._engine.pid() == self._pid:  # noqa: ASYNC110  # another process' life: the pidfd tells, this is the net
            await asyncio.sleep(_LOOK_S if self._pidfd is None else 1.0)
        self._gone.set()

    async def is_in_place(self) -> bool:
        """Have the daemon publish a token until it arrives; False when the daemon goes before."""
        client = Client(self._engine.paths.endpoint, self._engine.is_running)
        token = secrets.token_hex(8)
        try:
            while not self._gone.is_set():
                with contextlib.suppress(SupervisorError):
                    await client.call("sync", token=token)
                while await self._socket.poll(_SYNC_S * 1000):
                    topic, message = await self._receive()
                    if topic == "engine.sync" and message.get("token") == token:
                        self._seq = int(message["seq"])
                        return True
        finally:
            await client.close()
        return False

    async def events(self, kind: str) -> AsyncIterator[SupervisorEvent]:
        """Yield the daemon's events until it is gone."""
        gone = asyncio.ensure_future(self._gone.wait())
        received = asyncio.ensure_future(self._receive())
        try:
            while True:
                await asyncio.wait([gone, received], return_when="FIRST_COMPLETED")
                if not received.done():
                    await asyncio.wait([received], timeout=_LAST_WORDS_S)
                if not received.done():
                    return
                topic, message = received.result()
                received = asyncio.ensure_future(self._receive())
                if message.get("seq") != self._seq + 1:
                    yield _own(EventKind.CHANGED)  # some were dropped because we read too slowly
                self._seq = int(message.get("seq", self._seq))
                event = _translated(topic, message, kind)
                if event is not None:
                    yield event
        finally:
            for task in (gone, received):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, zmq.ZMQError):
                    await task

    async def _receive(self) -> tuple[str, dict[str, Any]]:
        while True:
            parts = await self._socket.recv_multipart()
            with contextlib.suppress(ValueError):
                if len(parts) == 2:
                    return parts[0].decode(), json.loads(parts[1])


def _translated(topic: str, message: dict[str, Any], kind: str) -> SupervisorEvent | None:
    if topic == "engine.changed":
        return _own(EventKind.CHANGED)
    what = topic.rpartition(".")[2]
    found = _KINDS.get(what)
    if what == "reap" and not message.get("deliberate"):
        found = EventKind.EXITED
    if found is None or "name" not in message:
        return None
    return SupervisorEvent(
        kind=found,
        unit=UnitId.local(kind, str(message["name"])),
        pid=message.get("process_pid"),
        exit_code=message.get("exit_code"),
        reason=str(message.get("reason") or ""),
        at=float(message["time"]),
    )
