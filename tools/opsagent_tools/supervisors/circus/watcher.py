"""One service inside the daemon: a circus watcher that never blocks the others.

Circus' own watcher retries a start that fails in a busy loop, respawns without delay, sleeps while it reaps and
lets one command at a time run in the whole daemon. This one keeps circus' names and events, and does the rest per
service: slots with a growing restart delay, a reason where it gives up, instances beside the wanted ones (surge).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.instances import Instances
from opsagent_tools.supervisors.circus.process import ServiceProcess
from opsagent_tools.supervisors.circus.slots import Slot, ended_how
from opsagent_tools.supervisors.circus.state import Phase
from opsagent_tools.supervisors.port import NotSupported

logger = logging.getLogger(__name__)

_RELOAD_SETTLE_S = 0.3


class ServiceWatcher(Instances):
    """One service. Its public coroutines are the commands; each runs alone, per service."""

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
                if self.can_surge():
                    await self._replace_by_new(slot)
                else:
                    await self._end(old)
                    self._spawn_or_retry(slot)
                    if slot.process is None:
                        raise EngineError(f"{self.name} could not be started again: {self.reason}")
            self.notify_event("reload", {})

    async def scale_service(self, instances: int) -> None:
        """Set the number of instances."""
        if instances < 1:
            raise EngineError(f"{self.name} cannot have {instances} instances; stop it instead")
        if instances > 1 and not self.can_surge():
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
                raise NotSupported(f"{self.name} binds port {self.spec.port} itself: no second instance beside it")
            slot = self._new_slot(extra=True)
            try:
                process = self._spawn(slot)
            except (OSError, ValueError) as error:
                self.slots.remove(slot)
                raise EngineError(f"{self.name} could not be started: {error}") from None
            asyncio.get_event_loop().call_later(lease_s, lambda: self._beside(self._lapse(process)))
            return process

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

    async def _lapse(self, process: ServiceProcess) -> None:
        async with self.lock:
            slot = next((slot for slot in self.slots if slot.process is process and slot.extra), None)
            if slot is not None and self.is_active():
                logger.warning("%s: %d took nobody's place, it ends", self.name, process.pid)
                self.slots.remove(slot)
                await self._end(process)

    async def _replace_by_new(self, slot: Slot) -> None:
        beside = self._new_slot(extra=True)
        try:
            new = self._spawn(beside)
        except (OSError, ValueError) as error:
            self.slots.remove(beside)
            raise EngineError(f"{self.name}: no new instance: {self._why_not(error)}; the old ones are kept") from None
        await asyncio.wait([new.ended], timeout=_RELOAD_SETTLE_S)
        if not new.is_alive():
            problem = f"a new instance {ended_how(new.ended.result())} at once; the old ones are kept"
            raise EngineError(f"{self.name}: {problem}")
        old = slot.process
        self._promote(beside, slot)
        if old is not None:
            await self._end(old)


def _process_keys(spec: ServiceSpec) -> tuple[object, ...]:
    return (spec.command, spec.cwd, dict(spec.env), spec.port, spec.share_socket)
