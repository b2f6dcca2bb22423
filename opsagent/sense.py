"""sense: sources → Signal. What the machine does right now, from the kernel, supervisors, logs and probes.

Each sense is a file in `opsagent/senses/`, and none of them failing stops the others. The world is current before a
signal is emitted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from opsagent.model import Signal, SignalKind
from opsagent.senses.deaths import DeathSense
from opsagent.senses.desk import Desk, Emit, SenseSettings
from opsagent.senses.logs import LogSense
from opsagent.senses.probes import ProbeSense
from opsagent.senses.samples import SampleSense
from opsagent.senses.supervisors import SupervisorSense
from opsagent.world import World
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import Unit, UnitId

__all__ = ["Emit", "SenseSettings", "Senses"]


class Senses:
    """All senses over all supervisors. Keeps `world` current for as long as `run` runs."""

    def __init__(
        self, supervisors: Sequence[Supervisor], world: World, *, settings: SenseSettings | None = None
    ) -> None:
        self.world = world
        self._supervisors = tuple(supervisors)
        self._settings = settings or SenseSettings()
        self._by_kind: dict[str, SupervisorSense] = {}
        self._specs = world.specs
        self.ready = asyncio.Event()
        """Set once every supervisor was listed (or found unreachable)."""

    async def run(self, emit: Emit) -> None:
        """Sense until cancelled; `emit` is called in the event loop and must not block."""
        desk = Desk(self.world, self._noticing(emit), self._settings)
        self._logs = LogSense(desk)
        self._deaths = DeathSense(desk, self._describe, self._logs.look_now)
        self._samples = SampleSense(desk, self._new_specs)
        self._probes = ProbeSense(desk, self._samples.look_now)
        self._by_kind = {
            supervisor.kind: SupervisorSense(supervisor, desk, self._deaths, self._sync)
            for supervisor in self._supervisors
        }
        try:
            async with asyncio.TaskGroup() as group:
                for kind, sense in self._by_kind.items():
                    group.create_task(desk.keep(f"events of {kind}", sense.follow))
                await self._followed()  # events first, then the list: nothing falls between
                for kind, sense in self._by_kind.items():
                    await desk.tried(f"list of {kind}", sense.refresh)
                self.ready.set()
                for kind, sense in self._by_kind.items():
                    group.create_task(desk.keep(f"list of {kind}", sense.relist))
                group.create_task(desk.keep("logs", self._logs.watch))
                group.create_task(desk.keep("samples", self._samples.watch))
        finally:
            self.ready.clear()
            self._deaths.close()
            self._logs.close()
            self._samples.close()
            await self._probes.close()
            self._by_kind = {}

    async def refresh(self, supervisor: Supervisor) -> None:
        """List this supervisor now, so that the world shows what was just changed."""
        sense = self._by_kind.get(supervisor.kind)
        if sense is not None:
            await sense.refresh()

    async def _followed(self) -> None:
        try:
            async with asyncio.timeout(self._settings.follow_s):
                for sense in self._by_kind.values():
                    await sense.heard.wait()
        except TimeoutError:
            return  # it is down, or slow: what it lists will do for now

    def _noticing(self, emit: Emit) -> Emit:
        def notice(signal: Signal) -> None:
            emit(signal)
            if signal.unit is not None and signal.kind in {SignalKind.DEATH, SignalKind.SPAWNED, SignalKind.STOPPED}:
                self._probes.ask_soon(signal.unit)
                self._by_kind[signal.unit.supervisor].request()

        return notice

    async def _describe(self, unit: UnitId, seconds: float) -> Unit | None:
        sense = self._by_kind.get(unit.supervisor)
        return await sense.describe(unit, seconds) if sense is not None else None

    def _sync(self) -> None:
        units = list(self.world.units.values())
        self._logs.sync(units)
        self._probes.sync(units)

    def _new_specs(self) -> None:
        if self.world.specs is not self._specs:
            self._specs = self.world.specs
            self._sync()
