"""One service inside the daemon: a circus watcher that never blocks the others.

Circus' own watcher retries a start that fails in a busy loop, respawns without delay, sleeps while it reaps and
lets one command at a time run in the whole daemon. This one keeps circus' names and events, and does the rest per
service: slots with a growing restart delay, a reason where it gives up, instances beside the wanted ones (surge).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.instances import Instances
from opsagent_tools.supervisors.circus.logplaces import numbered
from opsagent_tools.supervisors.circus.outputs import Outputs
from opsagent_tools.supervisors.circus.pidfile import partial_of
from opsagent_tools.supervisors.circus.process import ServiceProcess
from opsagent_tools.supervisors.circus.slots import Slot, ended_how
from opsagent_tools.supervisors.circus.state import Phase, Wanted
from opsagent_tools.supervisors.circus.triggers import Triggers, resident_bytes
from opsagent_tools.supervisors.port import NotSupported, SupervisorError

if TYPE_CHECKING:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter

logger = logging.getLogger(__name__)

_RELOAD_SETTLE_S = 0.3
_MORE_INSTANCES = 16
STARTED_WITH = (
    "command", "cwd", "env", "port", "share_socket", "wait_ready", "instance_var", "increment_var", "filter_env",
    "uid", "gid", "out_file", "error_file", "log_file", "merge_logs", "log_date_format", "log_type", "disable_logs",
    "pid_file",
)  # fmt: skip
"""Keys of a spec that an instance is started with; all others take effect without replacing it."""
_MEMORY_AGAIN_S = 30.0
"""An instance that is too large and could not be replaced is left alone for so long."""


class ServiceWatcher(Instances):
    """One service. Its public coroutines are the commands; each runs alone, per service."""

    def __init__(self, wanted: Wanted, arbiter: EngineArbiter) -> None:
        super().__init__(wanted, arbiter)
        self.triggers = self._begin_triggers()

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
            await self._replace_all("")

    async def renew_service(self, why: str) -> None:
        """Replace all instances because the service itself asked for it (a schedule, changed files).

        What a person stopped stays stopped; what has ended is started, what waits for its restart is at once.
        """
        async with self.lock:
            if self.phase == "stopped" or self.arbiter.leaving:
                return
            logger.info("%s: replaced, %s", self.name, why)
            if not self.is_active():
                await self._start_all()
                return
            for slot in [slot for slot in self.slots if slot.process is None and not slot.extra]:
                slot.forget_delay()
                self._spawn_or_retry(slot)
            await self._replace_all(why)

    async def replace_process(self, pid: int, started: float, why: str = "") -> None:
        """Replace one instance under its own number, the new one first where both can be there at once."""
        async with self.lock:
            self._must_run()
            slot = self._slot_of(pid)
            await self._replace(slot, self._that_started(slot, started), why)

    def look_at_memory(self) -> None:
        """Replace every instance that is larger than its service says."""
        limit = self.spec.max_memory_restart
        if limit is None or not self.is_active():
            return
        for process in [slot.process for slot in self.slots if not slot.extra]:
            if process is None or process.deliberate or process.condemned:
                continue
            size = resident_bytes(process.pid)
            if size > limit:
                process.condemned = True
                self.beside(self._replace_too_large(process, f"{size >> 20} MB of memory, more than {limit >> 20} MB"))

    async def scale_service(self, instances: int) -> None:
        """Set the number of instances."""
        if instances < 1:
            raise EngineError(f"{self.name} cannot have {instances} instances; stop it instead")
        if instances > 1 and not self.can_multiply():
            raise NotSupported(f"{self.name} binds port {self.spec.port} itself: it cannot have several instances")
        async with self.lock:
            self.numprocesses = instances
            self.arbiter.note()
            if self.is_active():
                surplus = self._fit_slots()
                await asyncio.gather(*(self._end(slot.process) for slot in surplus if slot.process))
                self._fill()
            self.notify_event("updated", {})

    async def surge_service(self, lease_s: float) -> ServiceProcess:
        """Start one instance beside the wanted ones; it ends if it takes nobody's place within `lease_s`."""
        async with self.lock:
            self._must_run()
            if not self.can_surge():
                raise NotSupported(self._why_no_surge())
            slot = self._new_slot(extra=True)
            try:
                process = self._spawn(slot)
            except (OSError, ValueError) as error:
                self.slots.remove(slot)
                raise EngineError(f"{self.name} could not be started: {error}") from None
            await self._must_get_ready(slot, process)
            asyncio.get_event_loop().call_later(lease_s, lambda: self.beside(self._lapse(process)))
            return process

    async def retire_process(self, pid: int, started: float) -> None:
        """End one instance; it is replaced only if fewer than the wanted ones would be left."""
        async with self.lock:
            slot = self._slot_of(pid)
            old = self._that_started(slot, started)
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
            differs = process_keys(old) != process_keys(spec)
            replaced = self.is_active() and differs
            if replaced:
                await self._end_all()  # as their own description says
            self.triggers.stop()
            self.spec = spec
            self.numprocesses = spec.instances
            if differs:
                self.outputs.close()
                self.outputs = Outputs(spec, self.arbiter.paths.log(spec.name))
            self.triggers = self._begin_triggers()
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
        self.triggers.stop()
        self.outputs.close()
        self.close_socket()

    async def _lapse(self, process: ServiceProcess) -> None:
        async with self.lock:
            slot = next((slot for slot in self.slots if slot.process is process and slot.extra), None)
            if slot is not None and self.is_active():
                logger.warning("%s: %d took nobody's place, it ends", self.name, process.pid)
                self.slots.remove(slot)
                await self._end(process)

    def _begin_triggers(self) -> Triggers:
        found = Triggers(self.spec, self._own_files(), self.renew_service)
        found.start()
        return found

    def _own_files(self) -> tuple[Path, ...]:
        """Return the files that the engine writes for it, where the number of instances may grow a little."""
        numbers = range(1, self.numprocesses + _MORE_INSTANCES)
        named = self.spec.pid_file
        pid_files = () if named is None else (numbered(named, self.spec, number) for number in numbers)
        partial = (each for path in pid_files for each in (path, partial_of(path)))
        return (*self.outputs.files(self.numprocesses + _MORE_INSTANCES), *partial)

    def _why_no_surge(self) -> str:
        if not self.spec.surge:
            return f"{self.name} is described with surge = false: no second instance beside it"
        return f"{self.name} binds port {self.spec.port} itself: no second instance beside it"

    def _that_started(self, slot: Slot, started: float) -> ServiceProcess:
        process = slot.process
        if process is None or abs(procfs.epoch(process.birth, procfs.boot_time()) - started) > 2:
            raise EngineError(f"{self.name} has no such process that started then")
        return process

    async def _replace_too_large(self, process: ServiceProcess, why: str) -> None:
        logger.warning("%s: %d has %s: replaced", self.name, process.pid, why)
        started = procfs.epoch(process.birth, procfs.boot_time())
        try:
            await self.replace_process(process.pid, started, why)
        except SupervisorError as error:
            logger.warning("%s", error)
            await asyncio.sleep(_MEMORY_AGAIN_S)
        finally:
            process.condemned = False

    async def _replace_all(self, why: str) -> None:
        for slot in [slot for slot in self.slots if slot.process is not None and not slot.extra]:
            if slot.process is not None and slot.process.is_alive():
                await self._replace(slot, slot.process, why)
        self.notify_event("reload", {})

    async def _replace(self, slot: Slot, old: ServiceProcess, why: str) -> None:
        if self.can_surge():
            await self._replace_by_new(slot, why)
            return
        await self._end(old, why)
        self._spawn_or_retry(slot)
        if slot.process is None:
            raise EngineError(f"{self.name} could not be started again: {self.reason}")
        await self._until_ready([slot.process])

    async def _replace_by_new(self, slot: Slot, why: str) -> None:
        beside = self._new_slot(extra=True, number=slot.number)
        try:
            new = self._spawn(beside)
        except (OSError, ValueError) as error:
            self.slots.remove(beside)
            raise EngineError(f"{self.name}: no new instance: {self._why_not(error)}; the old ones are kept") from None
        await self._must_get_ready(beside, new)
        await asyncio.wait([new.ended], timeout=_RELOAD_SETTLE_S)
        if not new.is_alive():
            problem = f"a new instance {ended_how(new.ended.result())} at once; the old ones are kept"
            raise EngineError(f"{self.name}: {problem}")
        old = slot.process
        self._promote(beside, slot)
        if old is not None:
            await self._end(old, why)

    async def _must_get_ready(self, slot: Slot, new: ServiceProcess) -> None:
        """End a new instance that does not say in time that it is ready, and raise EngineError."""
        await self._until_ready([new])
        if new.ready.done() or not new.is_alive():
            return
        if slot in self.slots:
            self.slots.remove(slot)
        await self._end(new)
        waited = f"{self.spec.ready_timeout_s:g} s"
        raise EngineError(f"{self.name}: a new instance did not send ready within {waited}; the old ones are kept")


def process_keys(spec: ServiceSpec) -> tuple[object, ...]:
    """Return what a running instance was started with: where it changes, instances are replaced."""
    return tuple(
        dict(value) if isinstance(value, Mapping) else value
        for value in (getattr(spec, name) for name in (*STARTED_WITH, "has_channel"))
    )
