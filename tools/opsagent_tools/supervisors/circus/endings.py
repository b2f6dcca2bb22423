"""How instances end: by themselves, because they were told to, and with what they leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time

from opsagent_tools.supervisors.circus import ending, marks, pidfile
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.logplaces import numbered
from opsagent_tools.supervisors.circus.process import ServiceProcess
from opsagent_tools.supervisors.circus.service import Service
from opsagent_tools.supervisors.circus.slots import Slot, ended_how, what_next

logger = logging.getLogger(__name__)

_NOTICE_S = 0.01
"""Between saying that a process will be ended and doing so: who watches its pid learns the first before the second."""
_LEFT_BEHIND_S = 2.0
_KILL_WAIT_S = 5.0


class Endings(Service):
    """A service whose instances can end."""

    def reaped(self, process: ServiceProcess, code: int) -> None:
        """Take note that an instance has ended, and start it again where that is wanted."""
        self.processes.pop(process.pid, None)
        self.last_exit = code
        process.reaped(code)
        self.outputs.ended(process.wid)
        message = {"process_pid": process.pid, "exit_code": code, "deliberate": process.deliberate}
        self.notify_event("reap", message)  # before anything is written to a disk: who waits for it waits no longer
        if self.spec.pid_file is not None:
            pidfile.remove(numbered(self.spec.pid_file, self.spec, process.wid), process.pid)
        self.arbiter.record_processes()
        slot = next((slot for slot in self.slots if slot.process is process), None)
        if slot is not None:
            slot.process = None
            if slot.extra:
                self.slots.remove(slot)  # one beside the wanted ones is never respawned
        if not process.deliberate:
            self.beside(self._after_death(slot, process, code))

    async def _after_death(self, slot: Slot | None, process: ServiceProcess, code: int) -> None:
        try:
            await self._end_left_behind(process)
        finally:
            if slot in self.slots and self.is_active() and slot.process is None and slot.timer is None:
                self._follow(slot, code, time.time() - process.started)
            elif self.is_active():
                self._end_if_over("exited", ended_how(code))

    def _follow(self, slot: Slot, code: int, lived_s: float) -> None:
        following = what_next(self.spec, slot, code, lived_s)
        if following.delay_s is not None:
            self._later(slot, following.delay_s)
            return
        slot.over = True
        if not self._end_if_over(following.phase, following.reason) and following.phase == "failed":
            self._enter(self.phase, f"one of its instances is {following.reason}")
            self.notify_event("updated", {})

    def _end_if_over(self, phase: str, reason: str) -> bool:
        """Give up where no instance is left, and none will be started; return whether that is so."""
        if self.processes or not all(slot.over for slot in self.slots):
            return False
        self._give_up("failed" if phase == "failed" else "exited", reason)
        return True

    def _later(self, slot: Slot, delay_s: float) -> None:
        slot.timer = asyncio.get_event_loop().call_later(delay_s, self._spawn_or_retry, slot)

    def _spawn_or_retry(self, slot: Slot) -> None:
        raise NotImplementedError

    # On purpose

    async def _end_all(self) -> None:
        self._status = "stopping"
        for slot in self.slots:
            slot.forget_delay()
        await asyncio.gather(*(self._end(process) for process in list(self.processes.values())))
        self.slots = [slot for slot in self.slots if not slot.extra]

    async def _end(self, process: ServiceProcess, why: str = "") -> None:
        """End an instance. `why`: what the engine itself ends it for. Raises EngineError where not even SIGKILL helps."""
        if process.is_alive():
            process.deliberate = True
            self.notify_event("kill", {"process_pid": process.pid, "deliberate": True, "reason": why})
            await asyncio.sleep(_NOTICE_S)
            process.ask_to_end(
                signal.Signals[self.spec.stop_signal],
                group=self.spec.treekill is True,
                by_message=self.spec.shutdown_with_message,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.spec.stop_timeout_s):
                    await asyncio.shield(process.ended)
            if process.is_alive():
                logger.warning("%s: %d did not end in time, killing it", self.name, process.pid)
                alone = self.spec.treekill is False
                (process.send_signal if alone else process.send_signal_group)(signal.SIGKILL)
                await asyncio.wait([process.ended], timeout=_KILL_WAIT_S)
            if process.is_alive():
                raise EngineError(f"{self.name}: process {process.pid} does not end, even by SIGKILL")
        await self._end_left_behind(process)

    async def _end_left_behind(self, process: ServiceProcess) -> None:
        if self.spec.treekill is False:
            return
        loop = asyncio.get_event_loop()
        users = () if self.spec.uid is None else (self.spec.uid,)
        found = await loop.run_in_executor(None, marks.find_left_behind, process.instance, process.pid, users)
        if found:
            logger.warning("%s: ending what %d left behind: %s", self.name, process.pid, [pid for pid, _ in found])
            signum = signal.Signals[self.spec.stop_signal]
            await loop.run_in_executor(None, ending.end_processes, found, signum, _LEFT_BEHIND_S)
