"""One service inside the daemon, as it is: its description, its slots, its phase, and what it says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import zmq.utils.jsonapi as json
from circus.sockets import CircusSocket
from circus.watcher import Watcher

from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.circus.outputs import Outputs
from opsagent_tools.supervisors.circus.slots import Slot
from opsagent_tools.supervisors.circus.state import Phase, Wanted

if TYPE_CHECKING:
    from opsagent_tools.supervisors.circus.arbiter import EngineArbiter


class Service(Watcher):  # type: ignore[misc]  # circus has no types
    """A service, without what happens to its instances."""

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
        self.outputs = Outputs(spec, arbiter.paths.log(spec.name))
        self.lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.initialize(arbiter.evpub_socket, {}, arbiter)

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

    # What it allows

    def can_surge(self) -> bool:
        """Tell whether a new instance can stand beside the old ones."""
        if not self.spec.surge:
            return False
        if self.spec.share_socket or self.spec.port is None:
            return True
        # Where each has a port of its own, a new one would want that of the one whose place it takes.
        return self.spec.instances > 1 and not self.spec.increment_var

    def can_multiply(self) -> bool:
        """Tell whether it can have more than one instance."""
        return self.spec.share_socket or self.spec.port is None or self.spec.instances > 1

    def is_numbered(self) -> bool:
        """Tell whether its instances differ by their numbers, which a reload has to keep."""
        spec = self.spec
        return self.numprocesses > 1 and bool(spec.instance_var or spec.increment_var or not spec.merge_logs)

    def unready(self) -> str:
        """Return how many instances have not said that they are ready; empty where none is waited for."""
        waiting = sum(not one.ready.done() for one in self.processes.values())
        return f"{waiting} of {len(self.processes)} has not sent ready" if waiting else ""

    def _must_run(self) -> None:
        if not self.is_active():
            raise EngineError(f"{self.name} is not running")

    # Its phase

    def _enter(self, phase: Phase, reason: str = "") -> None:
        if (phase, reason) == (self.phase, self.reason):
            return
        self.phase = phase
        self.reason = reason
        self.arbiter.note()

    def _give_up(self, phase: Phase, reason: str) -> None:
        self._enter(phase, reason)
        self._status = "stopped"
        self.close_socket()
        for slot in self.slots:
            slot.forget_delay()
        self.notify_event("updated", {})

    def close_socket(self) -> None:
        """Refuse connections rather than let them wait for nobody."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something be done beside everything else; it is kept until it ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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

    def _new_slot(self, *, extra: bool, number: int | None = None) -> Slot:
        """Add a slot; `number`: that of the one whose place it will take."""
        used = {slot.number for slot in self.slots}
        free = next(number for number in range(1, len(used) + 2) if number not in used)
        slot = Slot(free if number is None else number, extra=extra)
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
