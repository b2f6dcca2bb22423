"""Hears what one circusd publishes, and the kernel's word on each of its processes: who ended, how, and who wanted it.

circusd looks for deaths every `check_delay` seconds only; a pidfd tells at once. What it publishes says whether it was
told to end a process (`kill` comes before `reap`, over one connection). Runs while the adapter is open: an exit code is
told once, and asked for later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from opsagent_tools.processes.deaths import Death, DeathWatch
from opsagent_tools.supervisors.circus_line import ANSWER_MAX
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import EventKind, SupervisorError, SupervisorEvent
from opsagent_tools.units import ProcessKey, UnitId

_IN_PLACE_S = 1.0
"""Longer than it takes to subscribe to a circusd that lives."""
_VERDICT_S = 0.25
_LAST_WORDS_S = 0.01
"""Between an answer on one connection and what was published before it on the other …"""
_OWN_WORDS_S = 0.25
"""… which is waited for longer where it was surely said: it is we who had it end something."""
_REMEMBERED = 4096
_PREFIX = b"watcher."


class Ear:
    """One subscription to one circusd, and a watch over its processes. Bound to the event loop of its first use."""

    def __init__(self, desk: Desk, hub: Hub) -> None:
        self._desk, self._hub = desk, hub
        self._deaths = DeathWatch()
        self._daemon: ProcessKey | None = None
        self._context: zmq.asyncio.Context | None = None
        self._reader: asyncio.Task[None] | None = None
        self._settling: dict[ProcessKey, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: dict[ProcessKey, None] = {}
        self.hears = False
        """Whether it is subscribed: who ended a process on purpose is known."""
        self.on_gone: list[Callable[[Death], None]] = []
        """Called when the daemon itself has ended."""

    async def attend(self) -> None:
        """See to it that nothing of the circusd that answers now is missed from here on."""
        daemon = self._desk.daemon
        if daemon is None or daemon == self._daemon:
            return
        self._daemon = daemon
        await self._subscribe()
        self._deaths.watch(daemon, self._daemon_ended)

    def watch_all(self) -> None:
        """Watch every process that the book knows; tell of those that were not watched."""
        book = self._desk.book
        for name in book.watchers:
            for key in book.keys(name):
                if key not in self._deaths.watched and self._watch(name, key):
                    self.tell(EventKind.SPAWNED, book.unit_id(name), key.pid)

    async def settle(self) -> None:
        """Wait until it is known of every death that was seen whether it was wanted."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Hear nothing any longer."""
        for task in self._tasks:
            task.cancel()
        await self._unsubscribe()
        self._deaths.close()
        self._daemon = None

    # What it publishes

    async def _subscribe(self) -> None:
        await self._unsubscribe()
        try:
            endpoint = Endpoint.parse(self._desk.pubsub)
            peer = await asyncio.to_thread(endpoint.whose)
        except (ValueError, SupervisorError):
            return  # nothing is published that we may hear: deaths are judged by what circusd answers
        if peer.uid != self._desk.book.daemon_uid:
            return
        self._context = zmq.asyncio.Context()
        socket = self._context.socket(zmq.SUB)
        socket.linger, socket.maxmsgsize, socket.rcvhwm = 0, ANSWER_MAX, 100_000
        monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        socket.subscribe(_PREFIX)
        socket.connect(str(endpoint))
        try:
            async with asyncio.timeout(_IN_PLACE_S):
                parse_monitor_message(await monitor.recv_multipart())
                self.hears = True
        except TimeoutError:
            pass
        finally:
            socket.disable_monitor()
            monitor.close(0)
        self._reader = asyncio.ensure_future(self._read(socket))
        with contextlib.suppress(SupervisorError):
            await self._desk.statuses()  # a round trip: the subscription has arrived before it

    async def _unsubscribe(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, zmq.ZMQError):
                await self._reader
        if self._context is not None:
            self._context.destroy(linger=0)
        self._reader, self._context, self.hears = None, None, False

    async def _read(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            frames = await socket.recv_multipart()
            if len(frames) != 2:
                continue
            res_name, _, topic = frames[0][len(_PREFIX) :].decode("utf-8", "replace").rpartition(".")
            with contextlib.suppress(ValueError, RecursionError):
                said = json.loads(frames[1])
                self._heard(res_name, topic, said if isinstance(said, dict) else {})

    def _heard(self, res_name: str, topic: str, said: dict[str, Any]) -> None:
        book = self._desk.book
        name = next((one for one in book.watchers if one.lower().replace(" ", "_") == res_name), None)
        if name is None:
            if topic in {"add", "start"}:
                self._hub.wake()
            return
        pid, unit = said.get("process_pid"), book.unit_id(name)
        if isinstance(pid, int):
            self._heard_of_process(name, topic, pid, said.get("exit_code"))
        elif topic == "stop":
            book.stopped(name)
            self._hub.wake()
        elif topic == "start":
            self._hub.wake()
        elif topic in {"add", "remove", "updated"}:
            self.tell(EventKind.CHANGED, None, reason=f"{unit.name}: {topic}")
            self._hub.wake()

    def _heard_of_process(self, name: str, topic: str, pid: int, code: object) -> None:
        book, unit = self._desk.book, self._desk.book.unit_id(name)
        if topic == "spawn":
            key = book.spawned(name, pid)
            if key is not None and key not in self._deaths.watched and self._watch(name, key):
                self.tell(EventKind.SPAWNED, unit, pid)
            self._hub.wake()
            return
        key = book.key(name, pid)
        if key is None:
            return
        if topic == "kill" and not book.is_expected(key) and key not in self._told:
            book.pardon(name, key)
            self.tell(EventKind.STOPPING, unit, pid)
        elif topic == "reap":
            book.died(name, key, code if isinstance(code, int) else None)
            if not book.is_expected(key):
                self._exited(name, key, code if isinstance(code, int) else None)
        if key in self._settling:
            self._settling[key].set()

    # What the kernel tells

    def _watch(self, name: str, key: ProcessKey) -> bool:
        return self._deaths.watch(key, lambda death: self._died(name, death))

    def _daemon_ended(self, death: Death) -> None:
        for tell in self.on_gone:
            tell(death)
        self._hub.wake()

    def _died(self, name: str, death: Death) -> None:
        task = asyncio.get_running_loop().create_task(self._judge(name, death))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, name: str, death: Death) -> None:
        """Find out whether circusd was told to end it; what it has published says so, if anything does."""
        book, key = self._desk.book, death.key
        known = book.is_expected(key) or self._hub.is_expected(key) or key in self._told
        if not known and not (self.hears and book.surely_by_itself(name, death.exit_code)):
            self._settling[key] = asyncio.Event()
            try:
                await self._last_words(name, key)
            finally:
                del self._settling[key]
        if self._hub.is_expected(key):
            book.pardon(name, key)
        book.died(name, key, death.exit_code)
        if not book.is_expected(key):
            self._exited(name, key, death.exit_code)
        self._hub.wake()

    async def _last_words(self, name: str, key: ProcessKey) -> None:
        heard = self._settling[key]
        try:
            async with asyncio.timeout(_VERDICT_S):
                asked = asyncio.ensure_future(self._desk.statuses())
                waiting = asyncio.ensure_future(heard.wait())
                try:
                    await asyncio.wait([asked, waiting], return_when=asyncio.FIRST_COMPLETED)
                    if heard.is_set():
                        return
                    status = asked.result().get(name)
                    if not self.hears and status in {"stopping", "stopped", None}:
                        self._desk.book.pardon(name, key)
                        return
                finally:
                    for one in (asked, waiting):
                        one.cancel()
            ours = self._hub.is_changing(self._desk.book.unit_id(name))
            async with asyncio.timeout(_OWN_WORDS_S if ours else _LAST_WORDS_S):
                await heard.wait()
        except (TimeoutError, SupervisorError):
            return

    def _exited(self, name: str, key: ProcessKey, code: int | None) -> None:
        if key in self._told:
            return
        self._told[key] = None
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self.tell(EventKind.EXITED, self._desk.book.unit_id(name), key.pid, code)

    def tell(
        self, kind: EventKind, unit: UnitId | None, pid: int | None = None, code: int | None = None, reason: str = ""
    ) -> None:
        """Tell every listener."""
        event = SupervisorEvent(kind=kind, unit=unit, pid=pid, exit_code=code, reason=reason, at=time.time())
        for listener in tuple(self._hub.listeners):
            listener.hear(event)
