"""How instances are started, and tried again where they cannot be."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Any

from circus.sockets import CircusSocket

from opsagent_tools.supervisors.circus import pidfile
from opsagent_tools.supervisors.circus.channel import Channel
from opsagent_tools.supervisors.circus.endings import Endings
from opsagent_tools.supervisors.circus.environment import service_env
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.logplaces import numbered
from opsagent_tools.supervisors.circus.othersfiles import refuse_unsafe_files
from opsagent_tools.supervisors.circus.process import Launch, ServiceProcess
from opsagent_tools.supervisors.circus.slots import START_ATTEMPTS, Slot, restart_delay

logger = logging.getLogger(__name__)


class Instances(Endings):
    """The instances of one service, without its commands."""

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
        await self._until_ready(self.processes.values())

    async def _until_ready(self, processes: Iterable[ServiceProcess]) -> None:
        """Wait until these have said that they are ready or have ended, or their time is up."""
        waiting = [asyncio.ensure_future(_ready_or_ended(one)) for one in processes if not one.ready.done()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self.spec.ready_timeout_s)
            for task in late:
                task.cancel()

    def _fill(self) -> None:
        for slot in self.slots:
            if slot.process is None and slot.timer is None and not slot.over:
                self._spawn_or_retry(slot)

    def _spawn(self, slot: Slot) -> ServiceProcess:
        refuse_unsafe_files(self.spec)

        def ready() -> None:
            process.is_ready()

        channel = Channel(ready) if self.spec.has_channel else None
        descriptors: tuple[int, ...] = ()
        try:
            descriptors = self.outputs.open_for_child(slot.number)
            process = ServiceProcess(self, slot.number, self._launch(slot, descriptors, channel))
        except BaseException:
            if channel is not None:
                channel.close()
            raise
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if channel is not None:
            channel.started()
        slot.process = process
        slot.starts += 1
        slot.over = False
        self.restarts += slot.starts > 1
        self.processes[process.pid] = process
        self.arbiter.record_processes()
        if self.spec.pid_file is not None:
            pidfile.write(numbered(self.spec.pid_file, self.spec, slot.number), process.pid)
        self.notify_event("spawn", {"process_pid": process.pid})
        return process

    def _launch(self, slot: Slot, descriptors: tuple[int, ...], channel: Channel | None) -> Launch:
        base, spec = self.arbiter.base, self.spec
        listen_fd = self.socket.fileno() if self.socket is not None else None
        channel_fd = channel.child if channel is not None else None
        env = service_env(base, spec, self.arbiter.engine, listen_fd, number=slot.number, channel_fd=channel_fd)
        return Launch(
            unit=self.name,
            argv=spec.command,
            cwd=spec.cwd,
            env=env,
            umask=base.umask,
            output=descriptors[0],
            errors=descriptors[1],
            listen_fd=listen_fd,
            channel=channel,
            waits_for_ready=spec.wait_ready,
            uid=spec.uid,
            gid=spec.gid,
        )

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
                self._later(slot, restart_delay(slot.failures))

    def _open_socket(self) -> None:
        if self.spec.share_socket and self.socket is None:
            found = CircusSocket(self.name, host="127.0.0.1", port=self.spec.port, blocking=True)
            try:
                found.bind_and_listen()
            except OSError:
                found.close()
                raise
            self.socket = found

    def _why_not(self, error: Exception) -> str:
        if isinstance(error, OSError) and self.spec.share_socket and self.socket is None:
            return f"port {self.spec.port} cannot be listened on: {error.strerror or error}"
        if isinstance(error, OSError) and error.filename:
            return f"{error.strerror}: {error.filename}"
        return str(error)


async def _ready_or_ended(process: ServiceProcess) -> None:
    either: list[asyncio.Future[Any]] = [process.ready, process.ended]
    await asyncio.wait(either, return_when="FIRST_COMPLETED")
