"""The Supervisor port on a circusd (0.18 and later) that somebody else runs, over its own endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from opsagent_tools.findings import Finding
from opsagent_tools.supervisors.circusd.desk import Desk, unknown
from opsagent_tools.supervisors.circusd.ear import Ear
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import Daemon, EventKind, NotSupported, SupervisorError, SupervisorEvent
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup, UnitState

_SETTLE_S = 5.0
"""How long circusd may take to start what it lacks once it was told to look."""
_POLL_S = 0.02


class CircusdSupervisor:
    """Watchers of a circusd. Its plugins and its statistics are its own matter and not listed."""

    def __init__(self, address: str, *, pubsub: str = "", kind: str = "circusd", uid: int | None = None) -> None:
        """Reach it at `ipc:///path` or `tcp://127.0.0.1:port`; nothing is connected to yet. Raises ValueError.

        `pubsub`: where it publishes its events, asked from it where it is empty; `uid`: whose it must be.
        """
        self.kind = kind
        self._desk = Desk(Endpoint.parse(address), kind, uid, pubsub)
        self._hub = Hub()
        self._ear = Ear(self._desk, self._hub)

    async def daemon(self) -> Daemon:
        """Tell of circusd itself, and of what outlived it."""
        from opsagent_tools.supervisors.circusd.standing import standing

        return await standing(self._desk)

    async def list(self) -> Sequence[Unit]:
        """Return all watchers but circus' own."""
        await self._ready()
        await self._desk.refresh()
        self._ear.watch_all()
        await self._ear.settle()
        return self._desk.book.units()

    async def describe(self, unit: UnitId) -> Unit:
        """Return one watcher."""
        await self._look(unit)
        await self._ear.settle()
        return self._desk.book.unit(unit.name)

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how it was told to run this watcher; its environment is masked."""
        from opsagent_tools.supervisors.circusd.setup import setup_of
        from opsagent_tools.supervisors.circusd.told import options_of

        told = await self._look(unit)
        options = options_of(await self._desk.call("options", name=unit.name))
        return await asyncio.to_thread(setup_of, unit, told, options, self._desk)

    async def start(self, unit: UnitId) -> None:
        """Start it. SupervisorError: circusd gave it up at once."""
        told = await self._look(unit)
        if told.status == "active" and len(self._desk.book.keys(unit.name)) < told.wanted:
            await self._nudge(told)  # it has not seen yet that a process is dead
        await self._desk.call("start", name=unit.name, match="simple")
        told = await self._look(unit)
        if told.status == "stopped" and told.options.get("on_demand") is not True:
            raise SupervisorError(
                f"circusd could not start {unit.name} ({' '.join(told.command[:1])}, in {told.text('working_dir')}): its "
                "own log says why"
            )

    async def stop(self, unit: UnitId) -> None:
        """Stop it. It starts again with circusd itself, unless its configuration says `autostart = False`."""
        await self._look(unit)
        await self._desk.call("stop", name=unit.name, match="simple")
        await self._look(unit)
        await self._ear.settle()
        self._hub.tell(EventKind.STOPPED, unit, reason="asked by a person")

    async def restart(self, unit: UnitId) -> None:
        """Stop all of it, then start all of it. A socket that circusd holds stays open."""
        await self._look(unit)
        with self._hub.change(unit, "restart"):
            await self._desk.call("restart", name=unit.name, match="simple")
            await self._complete(unit)

    async def reload(self, unit: UnitId) -> None:
        """Replace its processes: all at once where circusd holds its socket, else one by one.

        circusd does not wait for a new process to be ready, and goes on where one does not start.
        """
        told = await self._look(unit)
        with self._hub.change(unit, "reload"):
            await self._desk.call("reload", name=unit.name, graceful=True, sequential=not told.uses_sockets)
            await self._complete(unit)

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Set the number of processes. circusd ends its oldest first, and does not write the number down."""
        told = await self._look(unit)
        if instances < 1:
            raise SupervisorError(f"{unit.name} cannot have {instances} instances; stop it instead")
        if told.options.get("singleton") is True and instances > 1:
            raise NotSupported(
                f"{unit.name} is a singleton (`singleton = True` in its configuration): it has one process"
            )
        more = instances - told.wanted
        if more:
            with self._hub.change(unit, "change of its number"):
                await self._desk.call("incr" if more > 0 else "decr", name=unit.name, nb=abs(more))
                await self._complete(unit)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Raise NotSupported: what was added could not be taken back."""
        await self._look(unit)
        raise NotSupported(
            "circusd can start one process more, but ends its oldest when it is told to have fewer: a new one that is no "
            "good could not be taken back. Its processes are replaced one by one"
        )

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """Replace this one process: none is ever surplus."""
        await self.replace(unit, process)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """End this process and have circusd start another at once; the others go on."""
        await self._look(unit)
        if process not in self._desk.book.keys(unit.name):
            raise SupervisorError(f"process {process.pid} is none of {unit.name}'s")
        with self._hub.change(unit, "replacement"):
            await self._desk.call("kill", name=unit.name, pid=process.pid)
            await self._complete(unit)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Have circusd send a signal to every process of it, or to one."""
        await self._look(unit)
        if pid is not None and pid not in {key.pid for key in self._desk.book.keys(unit.name)}:
            raise SupervisorError(f"process {pid} is none of {unit.name}'s")
        await self._desk.call("signal", name=unit.name, signum=signum, **({} if pid is None else {"pid": pid}))

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever; deaths within milliseconds, from the kernel."""
        from opsagent_tools.supervisors.circusd.events import watch

        return watch(self._desk, self._ear, self._hub)

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        """Return the files of its standard output and error; none where they go to circusd's own, or nowhere."""
        book = self._desk.book
        if unit == book.unit_id(unit.name):
            if unit.name in book.watchers:
                return book.watchers[unit.name].logs
            if not book.watchers:
                from opsagent_tools.supervisors.circusd.look import tell_now

                told = tell_now(self._desk.endpoint, timeout_s=1.0)
                if unit.name in told:
                    return told[unit.name].logs
        raise unknown(unit)

    async def persist(self) -> str:
        """Raise NotSupported: its configuration is what comes back, nothing is saved."""
        raise NotSupported(
            "circusd saves nothing: what its configuration says is what comes back. `opsagent lint` shows where the "
            "configuration on disk differs from what runs"
        )

    async def revive(self) -> str:
        """Start it again as it was started, after ending what outlived it; only where that is known and ours to do."""
        from opsagent_tools.supervisors.circusd.revive import revive

        return await revive(self._desk, self._hub)

    async def findings(self) -> Sequence[Finding]:
        """Return what circusd does not notice, or would not survive."""
        from opsagent_tools.supervisors.circusd.findings import findings_of

        await self._ready()
        await self._desk.refresh()
        return await asyncio.to_thread(findings_of, self._desk)

    async def close(self) -> None:
        """Close the connections; the processes go on."""
        await self._ear.close()
        await self._desk.close()

    async def _ready(self) -> None:
        await self._desk.meet()
        await self._ear.attend()

    async def _look(self, unit: UnitId) -> Told:
        await self._ready()
        told = await self._desk.look(unit)
        self._ear.watch_all()
        return told

    async def _complete(self, unit: UnitId) -> None:
        """Have circusd look after a watcher now, and not after its `check_delay`; return once it has what it wants."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_S
        told = await self._look(unit)
        while told.status == "active" and told.respawns and len(self._wanted(unit)) != told.wanted:
            if asyncio.get_running_loop().time() >= deadline:
                raise SupervisorError(
                    f"{unit.name} has {len(self._wanted(unit))} of {told.wanted} processes: see its log"
                )
            await self._nudge(told)
            await asyncio.sleep(_POLL_S)
            told = await self._look(unit)
        await self._ear.settle()
        if told.status == "stopped":
            raise SupervisorError(f"circusd could not start {unit.name}: its own log says why")

    async def _nudge(self, told: Told) -> None:
        """Have circusd look after a watcher now: its number is set to what it is. A singleton takes no `incr`."""
        if told.options.get("singleton") is True:
            await self._desk.call("set", name=told.name, options={"numprocesses": told.wanted})
        else:
            await self._desk.call("incr", name=told.name, nb=0)

    def _wanted(self, unit: UnitId) -> Sequence[ProcessKey]:
        unit_now = self._desk.book.unit(unit.name)
        return () if unit_now.state is UnitState.STOPPED else [one.key for one in unit_now.processes if one.wanted]
