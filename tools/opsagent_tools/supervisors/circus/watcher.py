"""One service inside the daemon: a circus watcher that never blocks the others.

Circus' own watcher retries a start that fails in a busy loop, respawns without delay, sleeps while it reaps and
lets one command at a time run in the whole daemon. This one keeps circus' names and events, and does the rest per
service: slots with a growing restart delay, a reason where it gives up, instances beside the wanted ones (surge).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zmq.utils.jsonapi as json
from circus.sockets import CircusSocket
from circus.watcher import Watcher

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import ending, marks, procfs
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.logfile import LogFile
from opsagent_tools.supervisors.circus.process import Launch, ServiceProcess
from opsagent_tools.supervisors.circus.state import Base, Phase, Wanted
from opsagent_tools.supervisors.port import NotSupported
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter

logger = logging.getLogger(__name__)

STAYED_UP_S = 10.0
"""An instance that lived this long was well: its next restart is not delayed."""
MAX_DELAY_S = 3.0
START_ATTEMPTS = 6
"""Restarts that cannot even be executed (the program is missing, say) before the engine gives up."""
_NOTICE_S = 0.01
"""Between saying that a process will be ended and doing so: who watches its pid learns the first before the second."""
_LEFT_BEHIND_S = 2.0
_RELOAD_SETTLE_S = 0.3
_KILL_WAIT_S = 5.0


@dataclass(slots=True)
class Slot:
    """One place for an instance; its number stays when the instance in it changes."""

    number: int
    process: ServiceProcess | None = None
    extra: bool = False
    """True: beside the wanted instances (surge); it is not respawned."""
    starts: int = 0
    failures: int = 0
    """Quick deaths and failed starts in a row."""
    timer: asyncio.TimerHandle | None = None

    def forget_delay(self) -> None:
        """Cancel a pending restart."""
        self.failures = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def restart_delay(failures: int) -> float:
    """Return how long to wait before the restart after so many failures in a row: 0, 0.1, 0.2, 0.4 ... 3 s."""
    return 0.0 if failures <= 1 else min(0.1 * 2.0 ** (failures - 2), MAX_DELAY_S)


class ServiceWatcher(Watcher):  # type: ignore[misc]  # circus has no types
    """One service. Its public coroutines are the commands; each runs alone, per service."""

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

    # Commands

    async def start_service(self) -> None:
        """Bring it up to its instances. Raises EngineError when none of them could be started."""
        async with self.lock:
            await self._start_all()

    async def stop_service(self, phase: Phase | None = "stopped") -> None:
        """End all instances; None keeps the phase, for when the daemon itself ends."""
        if phase is not None and self.phase != phase:
            self._enter(phase)  # written down first: if the daemon dies in the middle, it stays stopped
        async with self.lock:
            if phase is not None:
                self._enter(phase)
            await self._end_all()
            self.close_socket()
            self._status = "stopped"
            self.notify_event("stop", {})

    async def restart_service(self) -> None:
        """End all instances, then start them; a held socket stays open throughout."""
        async with self.lock:
            await self._end_all()
            await self._start_all()

    async def reload_service(self) -> None:
        """Replace one instance after the other, the new one first where both can be there at once."""
        async with self.lock:
            self._must_run()
            for slot in [slot for slot in self.slots if slot.process is not None and not slot.extra]:
                old = slot.process
                if old is None or not old.is_alive():
                    continue
                if self._can_surge():
                    await self._replace_by_new(slot)
                else:
                    await self._end(old)
                    self._spawn(slot)
            self.notify_event("reload", {})

    async def scale_service(self, instances: int) -> None:
        """Set the number of instances."""
        if instances < 1:
            raise EngineError(f"{self.name} cannot have {instances} instances; stop it instead")
        if instances > 1 and not self._can_surge():
            raise NotSupported(f"{self.name} binds port {self.spec.port} itself: it cannot have several instances")
        async with self.lock:
            self.numprocesses = instances
            self.arbiter.save()
            if self.is_active():
                surplus = self._fit_slots()
                await asyncio.gather(*(self._end(slot.process) for slot in surplus if slot.process))
                self._fill()
            self.notify_event("updated", {})

    async def surge_service(self) -> ServiceProcess:
        """Start one instance beside the wanted ones."""
        async with self.lock:
            self._must_run()
            if not self._can_surge():
                raise NotSupported(f"{self.name} binds port {self.spec.port} itself: no second instance beside it")
            slot = self._new_slot(extra=True)
            try:
                return self._spawn(slot)
            except (OSError, ValueError) as error:
                self.slots.remove(slot)
                raise EngineError(f"{self.name} could not be started: {error}") from None

    async def retire_process(self, pid: int, started: float) -> None:
        """End one instance; it is replaced only if fewer than the wanted ones would be left."""
        async with self.lock:
            slot = self._slot_of(pid)
            old = slot.process
            if old is None or abs(procfs.epoch(old.birth, procfs.boot_time()) - started) > 2:
                raise EngineError(f"{self.name} has no process {pid} that started then")
            heir = None if slot.extra else self._living_extra()
            if heir is not None:
                self._promote(heir, slot)
            elif slot.extra:
                self.slots.remove(slot)
            await self._end(old)
            if slot in self.slots and self.is_active():
                self._spawn_or_retry(slot)

    def signal_processes(self, signum: int, pid: int | None) -> None:
        """Send a signal to every instance, or to one."""
        self._must_run()
        targets = [self._slot_of(pid).process] if pid is not None else list(self.processes.values())
        for process in targets:
            if process is not None:
                process.send_signal(signum)

    async def reconfigure(self, spec: ServiceSpec) -> None:
        """Take over a changed description; instances are replaced only if it concerns them."""
        async with self.lock:
            old = self.spec
            replaced = self.is_active() and _process_keys(old) != _process_keys(spec)
            if replaced:
                await self._end_all()  # as their own description says
            self.spec = spec
            self.numprocesses = spec.instances
            if replaced:
                if (old.port, old.share_socket) != (spec.port, spec.share_socket):
                    self.close_socket()
                with contextlib.suppress(EngineError):  # its reason is in its state
                    await self._start_all()
            elif self.is_active():
                surplus = self._fit_slots()
                await asyncio.gather(*(self._end(slot.process) for slot in surplus if slot.process))
                self._fill()

    def dispose(self) -> None:
        """Close what it holds, after it was stopped."""
        asyncio.get_event_loop().remove_reader(self.log.fileno())
        self.log.close()
        self.close_socket()

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
            if not self.processes:
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
        if process.deliberate:
            return
        task = asyncio.ensure_future(self._after_death(slot, process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after_death(self, slot: Slot | None, process: ServiceProcess) -> None:
        try:
            await self._end_left_behind(process)
        finally:
            if slot is not None and slot in self.slots and slot.process is None and self.is_active():
                self._replace_dead(slot, process)

    def _replace_dead(self, slot: Slot, process: ServiceProcess) -> None:
        if slot.extra:
            self.slots.remove(slot)
        elif self.spec.autorestart:
            if slot.timer is None:
                slot.failures = 1 if time.time() - process.started >= STAYED_UP_S else slot.failures + 1
                self._later(slot)
            return
        if not self.processes and not any(one.timer for one in self.slots):
            self._give_up("exited", _ended_how(self.last_exit))

    def _give_up(self, phase: Phase, reason: str) -> None:
        self._enter(phase, reason)
        self._status = "stopped"
        self.close_socket()
        for slot in self.slots:
            slot.forget_delay()
        self.notify_event("updated", {})

    def _enter(self, phase: Phase, reason: str = "") -> None:
        self.phase = phase
        self.reason = reason
        self.arbiter.save()

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

    async def _replace_by_new(self, slot: Slot) -> None:
        beside = self._new_slot(extra=True)
        try:
            new = self._spawn(beside)
        except (OSError, ValueError) as error:
            self.slots.remove(beside)
            raise EngineError(f"{self.name}: no new instance: {self._why_not(error)}; the old ones are kept") from None
        await asyncio.wait([new.ended], timeout=_RELOAD_SETTLE_S)
        if not new.is_alive():
            problem = f"a new instance {_ended_how(new.ended.result())} at once; the old ones are kept"
            raise EngineError(f"{self.name}: {problem}")
        old = slot.process
        self._promote(beside, slot)
        if old is not None:
            await self._end(old)

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

    def _can_surge(self) -> bool:
        return self.spec.share_socket or self.spec.port is None or self.spec.instances > 1

    def _must_run(self) -> None:
        if not self.is_active():
            raise EngineError(f"{self.name} is not running")


def service_env(base: Base, spec: ServiceSpec, engine: str, listen_fd: int | None) -> dict[str, str]:
    """Return the whole environment of an instance: the base, its own, and what the engine says."""
    found = {"PYTHONUNBUFFERED": "1", **base.env}  # else the last words of a killed Python service are lost
    if spec.port is not None:
        found["PORT"] = str(spec.port)
    found.update(spec.env)
    found[marks.UNIT] = str(UnitId.local("circus", spec.name))
    found[marks.ENGINE] = engine
    found.pop("LISTEN_FD", None)
    if listen_fd is not None:
        found["LISTEN_FD"] = str(listen_fd)
    return found


def _process_keys(spec: ServiceSpec) -> tuple[object, ...]:
    return (spec.command, spec.cwd, dict(spec.env), spec.port, spec.share_socket)


def _ended_how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
