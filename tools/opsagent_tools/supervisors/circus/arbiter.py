"""The daemon's heart: a circus arbiter that reaps at once, serves our commands and survives one bad service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import zmq
import zmq.utils.jsonapi as json
from circus.arbiter import Arbiter
from circus.controller import Controller

from opsagent_tools.services.graph import start_order
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import marks
from opsagent_tools.supervisors.circus.commands import Units, command_table
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.look_socket import LookSocket
from opsagent_tools.supervisors.circus.paths import EnginePaths
from opsagent_tools.supervisors.circus.process import ServiceProcess
from opsagent_tools.supervisors.circus.state import Base, Phase, State, StateFile, Wanted
from opsagent_tools.supervisors.circus.watcher import ServiceWatcher
from opsagent_tools.supervisors.port import UnknownUnit

logger = logging.getLogger(__name__)

CHECK_DELAY_S = 0.2
_MEMORY_TICKS = 5
"""Memory is looked at once a second."""
_LAST_WORDS_MS = 300


class EngineController(Controller):  # type: ignore[misc]  # circus has no types
    """Serves our commands only: circus' own would change services without writing a person's wish down."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = command_table()


class EngineArbiter(Arbiter):  # type: ignore[misc]  # circus has no types
    """All services of one engine."""

    def __init__(self, paths: EnginePaths, files: StateFile) -> None:
        socket.getfqdn = lambda name="": (
            socket.gethostname()
        )  # circus asks for it once; where DNS is broken that takes seconds
        self.paths = paths
        self.files = files
        self.engine = marks.engine_id(paths.engine_dir)
        self.base = Base()
        self.services: dict[str, ServiceWatcher] = {}
        self.apply_lock = asyncio.Lock()
        self.leaving = False
        self._unsaved = False
        self._ticks = 0
        self._seq = 0
        self._known = files.load()
        super().__init__([], f"ipc://{paths.endpoint}", f"ipc://{paths.pubsub}", check_delay=CHECK_DELAY_S)

    # What circus asks of an arbiter

    def _init_context(self, context: zmq.Context[Any] | None) -> None:
        self.context = context or zmq.Context.instance()
        self._ensure_ioloop()
        self.ctrl = EngineController(self.endpoint, None, self.context, self.loop, self, self.check_delay, None)

    def run(self, listening: Callable[[], None], ready: Callable[[], None]) -> None:
        """Serve until told to leave.

        `listening` is called once commands are answered, `ready` once what should run was started.
        """
        self.initialize()
        self.ctrl.start()
        self.evpub_socket.linger = self.ctrl.ctrl_socket.linger = _LAST_WORDS_MS
        loop: asyncio.AbstractEventLoop = self.loop.asyncio_loop
        loop.add_signal_handler(signal.SIGCHLD, self.reap_processes)
        look = LookSocket(self.paths.look, lambda: Units().answer(self, {}))
        look.open(loop)
        listening()
        begun = loop.create_task(self._begin(ready))
        begun.add_done_callback(self._stop_if_failed)
        try:
            self.start_io_loop()
        finally:
            self.stop_controller_and_close_sockets()
            loop.run_until_complete(look.close())
        if begun.done() and not begun.cancelled():
            begun.result()

    def _stop_if_failed(self, begun: asyncio.Task[None]) -> None:
        if begun.cancelled() or begun.exception() is not None:
            self.loop.add_callback(self.loop.stop)

    async def _begin(self, ready: Callable[[], None]) -> None:
        async with self.apply_lock:
            self.base = self._known.base
            for wanted in self._known.services:
                self._add(wanted)
            for watcher in self._in_order():
                if watcher.phase in ("run", "failed"):
                    await self._try_to_start(watcher)
        ready()

    def manage_watchers(self) -> None:
        """Look for ended children without being told, every check_delay; circus' own is blocked by any command."""
        self.reap_processes()
        if self._unsaved:
            self.note()
        self._ticks += 1
        if self._ticks % _MEMORY_TICKS == 0:
            for watcher in self.services.values():
                watcher.look_at_memory()

    def reap_processes(self) -> None:
        """Take every child that has ended, and tell its service."""
        owners = {pid: (watcher, one) for watcher in self.services.values() for pid, one in watcher.processes.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in owners:
                watcher, process = owners[pid]
                watcher.reaped(process, os.waitstatus_to_exitcode(status))

    async def stop(self) -> None:
        """Leave because of a signal: services end, and run again with the next daemon."""
        await self.leave(forget=False)

    def reload(self, graceful: bool = True, sequential: bool = False) -> None:
        """Ignore SIGHUP: the daemon has no file to read again."""

    # Services

    def service(self, name: str) -> ServiceWatcher:
        """Return the service of that name. Raises UnknownUnit."""
        try:
            return self.services[name]
        except KeyError:
            raise UnknownUnit(f"there is no service {name!r}") from None

    async def apply(self, specs: Sequence[ServiceSpec], base: Base) -> Mapping[str, Sequence[str]]:
        """Make the services be exactly these, sockets included."""
        async with self.apply_lock:
            self.base = base
            names = [spec.name for spec in specs]
            removed = [name for name in self.services if name not in names]
            await asyncio.gather(*(self._remove(name) for name in removed))
            added = [spec.name for spec in specs if spec.name not in self.services]
            changed = [spec.name for spec in specs if spec.name not in added and self._differs(spec)]
            for spec in specs:
                if spec.name in added:
                    phase: Phase = "run" if spec.autostart else "stopped"
                    self._add(Wanted(spec=spec, instances=spec.instances, phase=phase))
            self.services = {name: self.services[name] for name in names}
            self.save()
            by_name = {spec.name: spec for spec in specs}
            await asyncio.gather(*(self.services[name].reconfigure(by_name[name]) for name in changed))
            for watcher in self._in_order():
                if watcher.phase != "stopped" and not watcher.is_active():
                    await self._try_to_start(watcher)
            self.save()
            self.publish("changed")
            kept = [name for name in names if name not in added and name not in changed]
            return {"added": added, "changed": changed, "removed": removed, "kept": kept}

    async def redefine(self, spec: ServiceSpec) -> None:
        """Give one service another description; it is started with it, unless a person stopped it."""
        async with self.apply_lock:
            watcher = self.service(spec.name)
            await watcher.reconfigure(spec)
            if watcher.phase != "stopped" and not watcher.is_active():
                await self._try_to_start(watcher)
            self.save()
            self.publish("changed")

    async def leave(self, *, forget: bool) -> None:
        """End all services, then the daemon. `forget`: nothing is started again by the next one."""
        if self.leaving:
            return
        self.leaving = True
        async with self.apply_lock:
            stops = (watcher.stop_service(phase=None) for watcher in self.services.values())
            for problem in await asyncio.gather(*stops, return_exceptions=True):
                if problem is not None:
                    logger.error("%s", problem)  # what SIGKILL does not end cannot keep us
            for watcher in self.services.values():
                watcher.dispose()
            if forget:
                self.services = {}
                self.files.remove()
            self.publish("leaving")
        self.loop.call_later(0.05, self.loop.stop)

    def save(self) -> None:
        """Write down what has to survive the daemon."""
        services = tuple(watcher.wanted() for watcher in self.services.values())
        self.files.save(State(base=self.base, services=services))
        self._unsaved = False

    def note(self) -> None:
        """Save, and where that fails go on and try again: a full disk must not change what services do."""
        try:
            self.save()
        except OSError as error:
            if not self._unsaved:
                logger.error("%s: cannot be saved now: %s", self.paths.engine_dir, error)  # noqa: TRY400
            self._unsaved = not self.leaving

    def record_processes(self) -> None:
        """Write down what runs, to find it again if the daemon is killed."""
        with contextlib.suppress(OSError):  # on a full disk the mark in the environment has to do
            self.files.save_processes(one.record for one in self._processes())

    def _processes(self) -> list[ServiceProcess]:
        return [one for watcher in self.services.values() for one in watcher.processes.values()]

    def next_seq(self) -> int:
        """Return the next event's number."""
        self._seq += 1
        return self._seq

    def publish(self, topic: str, **content: Any) -> None:
        """Publish an event of the engine itself."""
        message = {**content, "seq": self.next_seq()}
        self.evpub_socket.send_multipart([f"engine.{topic}".encode(), json.dumps(message)])

    def _differs(self, spec: ServiceSpec) -> bool:
        watcher = self.services[spec.name]
        return bool(watcher.spec != spec or watcher.numprocesses != spec.instances)

    def _add(self, wanted: Wanted) -> None:
        watcher = ServiceWatcher(wanted, self)
        self.services[watcher.name] = watcher
        self.watchers.append(watcher)
        self._watchers_names[watcher.name.lower()] = watcher

    async def _remove(self, name: str) -> None:
        watcher = self.services[name]
        await watcher.stop_service(phase="stopped")
        watcher.dispose()
        del self.services[name]
        self.watchers.remove(watcher)
        del self._watchers_names[name.lower()]

    async def _try_to_start(self, watcher: ServiceWatcher) -> None:
        try:
            await watcher.start_service()
        except EngineError as error:
            logger.warning("%s", error)

    def _in_order(self) -> list[ServiceWatcher]:
        needs = {name: watcher.spec.depends_on for name, watcher in self.services.items()}
        return [self.services[name] for name in start_order(needs)]
