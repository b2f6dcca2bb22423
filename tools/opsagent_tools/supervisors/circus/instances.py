"""What goes on beneath a service's commands: instances are started, found dead, replaced and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import zmq.utils.jsonapi as json
from circus.sockets import CircusSocket
from circus.watcher import Watcher

from opsagent_tools.supervisors.circus import ending, marks
from opsagent_tools.supervisors.circus.environment import service_env
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.logfile import LogFile
from opsagent_tools.supervisors.circus.process import Launch, ServiceProcess
from opsagent_tools.supervisors.circus.slots import START_ATTEMPTS, STAYED_UP_S, Slot, ended_how, restart_delay
from opsagent_tools.supervisors.circus.state import Phase, Wanted

if TYPE_CHECKING:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter

logger = logging.getLogger(__name__)

_NOTICE_S = 0.01
"""Between saying that a process will be ended and doing so: who watches its pid learns the first before the second."""
_LEFT_BEHIND_S = 2.0
_KILL_WAIT_S = 5.0


class Instances(Watcher):  # type: ignore[misc]  # circus has no types
    """The instances of one service, without its commands."""

    arbiter: EngineArbiter

    def __init__(self, wanted: Wanted, arbiter: EngineArbiter) -> None:
        spec = wanted.spec
        super().__init__(spec.name, spec.command[0], numprocesses=wanted.instances, working_dir=str(spec.cwd))
        self.arbiter = arbiter
        self.spec = spec
        self.phase: Phase = wanted.phase
        self.reason = wanted.reason
        self.last_exit = wanted.last_exit
        self.restarts = 0
        self.slots: list[Slot] = []
        self.socket: CircusSocket | None = None
        self.log = LogFile(arbiter.paths.log(spec.name))
        self.lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.initialize(arbiter.evpub_socket, {}, arbiter)
        asyncio.get_event_loop().add_reader(self.log.fileno(), self.log.drain)

    # What circus asks a watcher

    def notify_event(self, topic: str, msg: dict[str, Any]) -> None:
        """Publish an event under circus' topic, with the exact name and a number that shows gaps."""
        content = {**msg, "name": self.name, "seq": self.arbiter.next_seq(), "time": time.time()}
        if self.evpub_socket is not None and not self.evpub_socket.closed:
            self.evpub_socket.send_multipart([f"watcher.{self.res_name}.{topic}".encode(), json.dumps(content)])

    def wanted(self) -> Wanted:
        """Return what has to survive the daemon."""
        return Wanted(
            spec=self.spec,
            instances=self.numprocesses,
            phase=self.phase,
            reason=self.reason,
            last_exit=self.last_exit,
        )

    # Starting

    async def _start_all(self) -> None:
        if self.arbiter.leaving:
            raise EngineError("the engine is ending")
        self._enter("run")
        self._status = "starting"
        for slot in self.slots:
            slot.forget_delay()
        surplus = self._fit_slots()
        await asyncio.gather(*(self._end(slot.process) for slot in surplus if slot.process))
        try:
            self._open_socket()
            self._status = "active"
            for slot in self.slots:
                if slot.process is None:
                    self._spawn(slot)
        except (OSError, ValueError) as error:
            reason = self._why_not(error)
            if self.processes:
                self._fill()  # those that are missing are tried again
            else:
                self._give_up("failed", reason)
            raise EngineError(f"{self.name} could not be started: {reason}") from None
        self.notify_event("start", {})

    def _fill(self) -> None:
        for slot in self.slots:
            if slot.process is None and slot.timer is None:
                self._spawn_or_retry(slot)

    def _spawn(self, slot: Slot) -> ServiceProcess:
        output = self.log.open_for_child()
        try:
            fd = self.socket.fileno() if self.socket is not None else None
            launch = Launch(
                unit=self.name,
                argv=self.spec.command,
                cwd=self.spec.cwd,
                env=service_env(self.arbiter.base, self.spec, self.arbiter.engine, fd),
                umask=self.arbiter.base.umask,
                output=output,
                listen_fd=fd,
            )
            process = ServiceProcess(self, slot.number, launch)
        finally:
            os.close(output)
        slot.process = process
        slot.starts += 1
        self.restarts += slot.starts > 1
        self.processes[process.pid] = process
        self.arbiter.record_processes()
        self.notify_event("spawn", {"process_pid": process.pid})
        return process

    def _spawn_or_retry(self, slot: Slot) -> None:
        slot.timer = None
        if self.arbiter.leaving or not self.is_active() or slot.process is not None or slot not in self.slots:
            return
        try:
            self._spawn(slot)
        except (OSError, ValueError) as error:
            self.reason = self._why_not(error)
            logger.warning("%s: %s", self.name, self.reason)
            slot.failures += 1
            if slot.failures >= START_ATTEMPTS and not self.processes:
                self._give_up("failed", self.reason)
            else:
                self._later(slot)

    def _later(self, slot: Slot) -> None:
        loop = asyncio.get_event_loop()
        slot.timer = loop.call_later(restart_delay(slot.failures), self._spawn_or_retry, slot)

    def _open_socket(self) -> None:
        if self.spec.share_socket and self.socket is None:
            found = CircusSocket(self.name, host="127.0.0.1", port=self.spec.port, blocking=True)
            try:
                found.bind_and_listen()
            except OSError:
                found.close()
                raise
            self.socket = found

    def close_socket(self) -> None:
        """Refuse connections rather than let them wait for nobody."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _why_not(self, error: Exception) -> str:
        if isinstance(error, OSError) and self.spec.share_socket and self.socket is None:
            return f"port {self.spec.port} cannot be listened on: {error.strerror or error}"
        if isinstance(error, OSError) and error.filename:
            return f"{error.strerror}: {error.filename}"
        return str(error)

    # Deaths

    def reaped(self, process: ServiceProcess, code: int) -> None:
        """Take note that an instance has ended, and start it again where that is wanted."""
        self.processes.pop(process.pid, None)
        self.last_exit = code
        process.reaped(code)
        self.arbiter.record_processes()
        message = {"process_pid": process.pid, "exit_code": code, "deliberate": process.deliberate}
        self.notify_event("reap", message)
        slot = next((slot for slot in self.slots if slot.process is process), None)
        if slot is not None:
            slot.process = None
            if slot.extra:
                self.slots.remove(slot)  # one beside the wanted ones is never respawned
        if process.deliberate:
            return
        self._beside(self._after_death(slot, process))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after_death(self, slot: Slot | None, process: ServiceProcess) -> None:
        try:
            await self._end_left_behind(process)
        finally:
            if self.is_active() and self.spec.autorestart:
                if slot in self.slots and slot.process is None and slot.timer is None:
                    lived_s = time.time() - process.started
                    slot.failures = 1 if lived_s >= STAYED_UP_S else slot.failures + 1
                    self._later(slot)
            elif self.is_active() and not self.processes:
                self._give_up("exited", ended_how(self.last_exit))

    def _give_up(self, phase: Phase, reason: str) -> None:
        self._enter(phase, reason)
        self._status = "stopped"
        self.close_socket()
        for slot in self.slots:
            slot.forget_delay()
        self.notify_event("updated", {})

    def _enter(self, phase: Phase, reason: str = "") -> None:
        if (phase, reason) == (self.phase, self.reason):
            return
        self.phase = phase
        self.reason = reason
        self.arbiter.note()

    # Ending

    async def _end_all(self) -> None:
        self._status = "stopping"
        for slot in self.slots:
            slot.forget_delay()
        await asyncio.gather(*(self._end(process) for process in list(self.processes.values())))
        self.slots = [slot for slot in self.slots if not slot.extra]

    async def _end(self, process: ServiceProcess) -> None:
        if process.is_alive():
            process.deliberate = True
            self.notify_event("kill", {"process_pid": process.pid, "deliberate": True})
            await asyncio.sleep(_NOTICE_S)
            process.ask_to_end(signal.Signals[self.spec.stop_signal])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.ended), self.spec.stop_timeout_s)
            if process.is_alive():
                logger.warning("%s: %d did not end in time, killing it", self.name, process.pid)
                process.send_signal_group(signal.SIGKILL)
                await asyncio.wait([process.ended], timeout=_KILL_WAIT_S)
            if process.is_alive():
                raise EngineError(f"{self.name}: process {process.pid} does not end, even by SIGKILL")
        await self._end_left_behind(process)

    async def _end_left_behind(self, process: ServiceProcess) -> None:
        loop = asyncio.get_event_loop()
        found = await loop.run_in_executor(None, marks.find_left_behind, process.instance, process.pid)
        if found:
            logger.warning("%s: ending what %d left behind: %s", self.name, process.pid, [pid for pid, _ in found])
            signum = signal.Signals[self.spec.stop_signal]
            await loop.run_in_executor(None, ending.end_processes, found, signum, _LEFT_BEHIND_S)

    # Slots

    def _fit_slots(self) -> list[Slot]:
        """Make as many regular slots as instances are wanted; return those that are one too many."""
        regular = [slot for slot in self.slots if not slot.extra]
        surplus = regular[self.numprocesses :]
        for slot in surplus:
            slot.forget_delay()
            self.slots.remove(slot)
        for _ in range(self.numprocesses - len(regular)):
            heir = self._living_extra()
            if heir is not None:
                heir.extra = False
            else:
                self._new_slot(extra=False)
        return surplus

    def _new_slot(self, *, extra: bool) -> Slot:
        used = {slot.number for slot in self.slots}
        number = next(number for number in range(1, len(used) + 2) if number not in used)
        slot = Slot(number, extra=extra)
        self.slots.append(slot)
        return slot

    def _promote(self, heir: Slot, old: Slot) -> None:
        heir.extra = False
        self.slots.remove(old)
        self.restarts += 1

    def _living_extra(self) -> Slot | None:
        return next((one for one in self.slots if one.extra and one.process and one.process.is_alive()), None)

    def _slot_of(self, pid: int) -> Slot:
        for slot in self.slots:
            if slot.process is not None and slot.process.pid == pid:
                return slot
        raise EngineError(f"{self.name} has no process {pid}")

    def can_surge(self) -> bool:
        return self.spec.share_socket or self.spec.port is None or self.spec.instances > 1

    def _must_run(self) -> None:
        if not self.is_active():
            raise EngineError(f"{self.name} is not running")
