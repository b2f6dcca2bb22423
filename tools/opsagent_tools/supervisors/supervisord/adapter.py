"""The Supervisor port on a supervisord (4.x; 3.3 and later as far as it has the methods), over its XML-RPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from opsagent_tools.findings import Finding
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import (
    Daemon,
    EventKind,
    NotPermitted,
    NotSupported,
    SupervisorError,
    SupervisorEvent,
    SupervisorUnreachable,
)
from opsagent_tools.supervisors.supervisord.address import Address, Credentials
from opsagent_tools.supervisors.supervisord.changes import Changes
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.desk import Desk, Ending, said, unknown
from opsagent_tools.supervisors.supervisord.info import ACTIVE, ALIVE
from opsagent_tools.supervisors.supervisord.wire import Wire
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup, UnitState


class SupervisordSupervisor:
    """Programs that a supervisord runs. `numprocs` of one program are one unit with so many instances."""

    def __init__(
        self,
        address: str,
        *,
        username: str = "",
        password_file: Path | None = None,
        kind: str = "supervisord",
        beyond_loopback: bool = False,
        uid: int | None = None,
    ) -> None:
        """Reach it at `unix:///path` or `http://host:port`; nothing is connected to yet. Raises ValueError.

        `uid`: whose it must be, where that is known.
        """
        credentials = Credentials(username=username, password_file=password_file) if password_file else None
        self.kind = kind
        place = Address.parse(address, beyond_loopback=beyond_loopback)
        self._wire = Wire(address=place, credentials=credentials, owner=uid)
        self._desk = Desk(self._wire, kind)
        self._hub = Hub()
        self._changes = Changes(self._desk, self._hub)

    async def daemon(self) -> Daemon:
        """Tell of supervisord itself, and of what outlived it."""
        from opsagent_tools.supervisors.supervisord.standing import standing

        return await standing(self._desk)

    async def list(self) -> Sequence[Unit]:
        """Return all programs; event listeners are supervisord's own matter."""
        try:
            await self._desk.refresh()
        except Ending:
            return tuple(_ending(unit) for unit in self._desk.book.units())
        except Fault as fault:
            raise said(fault, "its programs") from None
        return self._desk.book.units()

    async def describe(self, unit: UnitId) -> Unit:
        """Return one program."""
        try:
            await self._changes.members(unit)
        except Ending:
            return _ending(self._known(unit))
        return self._desk.book.unit(unit.name)

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how its configuration describes it."""
        from opsagent_tools.supervisors.supervisord.setup import setup_of

        members = await self._changes.members(unit)
        await self._desk.reread_conf()
        return await asyncio.to_thread(setup_of, unit, members[0], self._desk)

    async def start(self, unit: UnitId) -> None:
        """Start what of it does not run; SupervisorError says why it could not be started."""
        members = await self._changes.members(unit)
        await self._changes.start(members)

    async def stop(self, unit: UnitId) -> None:
        """Stop it. With `autostart=true` it starts again with supervisord itself."""
        members = await self._changes.members(unit)
        await self._changes.stop(unit, members)
        await self._changes.members(unit)
        self._hub.tell(EventKind.STOPPED, unit, reason="asked by a person")

    async def restart(self, unit: UnitId) -> None:
        """Stop all of it, then start all of it."""
        members = await self._changes.members(unit)
        with self._hub.change(unit, "restart"):
            await self._changes.stop(unit, members)
            await self._changes.start(await self._changes.members(unit))

    async def reload(self, unit: UnitId) -> None:
        """Replace its processes one by one; stops at the first that does not start."""
        members = await self._changes.members(unit)
        with self._hub.change(unit, "reload"):
            running = [info for info in members if info.state in ACTIVE]
            if not running:
                await self._changes.start(members)
            for info in running:
                await self._changes.replace(unit, info)

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Raise NotSupported: the number is in its configuration; the text says where."""
        self._changes.cannot_scale(unit, await self._changes.members(unit), instances)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Raise NotSupported: supervisord runs the processes of its configuration and none beside them."""
        await self._changes.members(unit)
        raise NotSupported(
            "supervisord runs exactly the processes of its configuration: none can be started beside them; "
            "replace them one by one"
        )

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """Replace this one process: none is ever surplus."""
        await self.replace(unit, process)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Stop this process and start it anew under its name; the others go on."""
        info = self._changes.find(unit, await self._changes.members(unit), process)
        with self._hub.change(unit, "replacement"):
            await self._changes.replace(unit, info)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Have supervisord send a signal to every process of it, or to one."""
        members = [info for info in await self._changes.members(unit) if info.state in ALIVE]
        if pid is not None:
            members = [info for info in members if info.pid == pid]
            if not members:
                raise SupervisorError(f"process {pid} is none of {unit.name}'s")
        await self._changes.signal(members, signum)

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever; deaths within milliseconds, from the kernel."""
        from opsagent_tools.supervisors.supervisord.events import watch

        return watch(self._desk, self._hub)

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        """Return the files of its standard output and error; none where they go to syslog or nowhere."""
        return self._known(unit).logs

    async def persist(self) -> str:
        """Raise NotSupported: its configuration is what comes back, nothing is saved."""
        raise NotSupported(
            "supervisord saves nothing: what its configuration says is what comes back. `opsagent lint` shows where "
            "the configuration on disk differs from what runs"
        )

    async def revive(self) -> str:
        """Start it again as it was started, after ending what outlived it; only where that is known and ours to do."""
        from opsagent_tools.supervisors.supervisord.revive import revive

        return await revive(self._desk, self._hub)

    async def findings(self) -> Sequence[Finding]:
        """Return what supervisord does not notice."""
        from opsagent_tools.supervisors.supervisord.findings import findings_of

        try:
            await self._desk.refresh()
            await self._desk.reread_conf()
        except Fault as fault:
            raise said(fault, "its configuration") from None
        await self._desk.read_log()
        return await asyncio.to_thread(findings_of, self._desk)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _known(self, unit: UnitId) -> Unit:
        book = self._desk.book
        if unit == UnitId.local(self.kind, unit.name):
            if not book.infos:
                try:
                    self._desk.refresh_now(timeout_s=1.0)
                except (SupervisorUnreachable, NotPermitted, Fault):
                    raise unknown(unit) from None
            if book.members(unit.name):
                return book.unit(unit.name)
        raise unknown(unit)


def _ending(unit: Unit) -> Unit:
    """It is being stopped with supervisord, or for its start over."""
    processes = tuple(replace(process, wanted=False) for process in unit.processes)
    return replace(unit, state=UnitState.STOPPING if processes else UnitState.STOPPED, processes=processes)
