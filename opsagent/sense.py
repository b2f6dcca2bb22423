"""sense: sources → Signal. What the machine does right now, from the kernel, supervisors, logs and probes.

Each sense is a file in `opsagent/senses/`, and none of them failing stops the others. The world is current before a
signal is emitted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent.model import Scalar, Signal, SignalKind
from opsagent.senses.deaths import DeathSense
from opsagent.senses.desk import Desk, Emit, SenseSettings
from opsagent.senses.host import HostSense
from opsagent.senses.logs import LogSense
from opsagent.senses.probes import ProbeSense
from opsagent.senses.samples import SampleSense
from opsagent.senses.supervisors import SupervisorSense
from opsagent.world import World
from opsagent_tools.logs.sources import LogSource, TellsOutput
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import Unit, UnitId

__all__ = ["Emit", "SenseSettings", "Senses"]


class Senses:
    """All senses over all supervisors. Keeps `world` current for as long as `run` runs."""

    def __init__(
        self,
        supervisors: Sequence[Supervisor],
        world: World,
        *,
        settings: SenseSettings | None = None,
        folder: Path | None = None,
    ) -> None:
        """`folder`: where what is known of logs is kept over restarts; None: nowhere."""
        self.world = world
        self._folder = folder
        self._logs: LogSense | None = None
        self._supervisors = list(supervisors)
        self._settings = settings or SenseSettings()
        self._by_kind: dict[str, SupervisorSense] = {}
        self._late: asyncio.Queue[Supervisor] = asyncio.Queue()
        self._specs = world.specs
        self.ready = asyncio.Event()
        """Set once every supervisor that was there from the start was listed (or found unreachable)."""

    def add(self, supervisor: Supervisor) -> None:
        """Sense one supervisor more from now on."""
        self._supervisors.append(supervisor)
        self._late.put_nowait(supervisor)

    async def run(self, emit: Emit) -> None:
        """Sense until cancelled; `emit` is called in the event loop and must not block."""
        self._late = asyncio.Queue()
        self._desk = desk = Desk(self.world, self._noticing(emit), self._settings)
        self._logs = logs = LogSense(desk, self._folder, self._output)
        self._deaths = DeathSense(desk, self._describe, logs.look_now)
        self._samples = SampleSense(desk, self._new_specs, self._measured)
        self._probes = ProbeSense(desk, self._samples.look_now)
        try:
            async with asyncio.TaskGroup() as group:
                await self._begin(self._supervisors, group)
                self.ready.set()
                group.create_task(desk.keep("logs", logs.watch))
                group.create_task(desk.keep("samples", self._samples.watch))
                group.create_task(desk.keep("samples of the machine", HostSense(desk).watch))
                while True:
                    await self._begin([await self._late.get()], group)
        finally:
            self.ready.clear()
            self._deaths.close()
            self._logs = None
            logs.close()
            self._samples.close()
            await self._probes.close()
            self._by_kind = {}

    async def _begin(self, supervisors: Sequence[Supervisor], group: asyncio.TaskGroup) -> None:
        """Hear these supervisors' events, then list them: nothing falls between."""
        desk = self._desk
        fresh = {
            supervisor.kind: SupervisorSense(supervisor, desk, self._deaths, self._sync)
            for supervisor in supervisors
            if supervisor.kind not in self._by_kind
        }
        self._by_kind.update(fresh)
        for kind, sense in fresh.items():
            group.create_task(desk.keep(f"events of {kind}", sense.follow))
        await self._followed(fresh.values())
        for kind, sense in fresh.items():
            await desk.tried(f"list of {kind}", sense.refresh)
        for kind, sense in fresh.items():
            group.create_task(desk.keep(f"list of {kind}", sense.relist))

    def signatures(self, unit: str | None = None) -> list[dict[str, Any]]:
        """Return what the units log, folded (`LogSense.rows`); `unit`: only that of this id or name."""
        return self._logs.rows(unit) if self._logs is not None else []

    def _output(self, unit: UnitId) -> LogSource | None:
        sense = self._by_kind.get(unit.supervisor)
        supervisor: object = sense.supervisor if sense is not None else None
        return supervisor.output(unit) if isinstance(supervisor, TellsOutput) else None

    async def refresh(self, supervisor: Supervisor) -> None:
        """List this supervisor now, so that the world shows what was just changed."""
        sense = self._by_kind.get(supervisor.kind)
        if sense is not None:
            await sense.refresh()

    async def _followed(self, senses: Iterable[SupervisorSense]) -> None:
        try:
            async with asyncio.timeout(self._settings.follow_s):
                for sense in senses:
                    await sense.heard.wait()
        except TimeoutError:
            return  # it is down, or slow: what it lists will do for now

    def _noticing(self, emit: Emit) -> Emit:
        def notice(signal: Signal) -> None:
            emit(signal)
            if signal.unit is not None and signal.kind is SignalKind.LOG_ERROR:
                self._probes.look_closer(signal.unit)
            if signal.unit is not None and signal.kind in {SignalKind.DEATH, SignalKind.SPAWNED, SignalKind.STOPPED}:
                self._probes.ask_soon(signal.unit)
                sense = self._by_kind.get(signal.unit.supervisor)
                if sense is not None:
                    sense.request()

        return notice

    async def _describe(self, unit: UnitId, seconds: float) -> Unit | None:
        sense = self._by_kind.get(unit.supervisor)
        return await sense.describe(unit, seconds) if sense is not None else None

    def _measured(self, unit: UnitId) -> Mapping[str, Scalar]:
        """Return what a supervisor had of a unit's own measurements when it was listed last."""
        sense = self._by_kind.get(unit.supervisor)
        own = getattr(sense.supervisor, "measured", None) if sense is not None else None
        return own(unit) if own is not None else {}

    def _sync(self) -> None:
        units = list(self.world.units.values())
        if self._logs is not None:
            self._logs.sync(units)
        self._probes.sync(units)

    def _new_specs(self) -> None:
        if self.world.specs is not self._specs:
            self._specs = self.world.specs
            self._sync()
