"""Senses running over a supervisor, and everything that they told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from opsagent.detect import Detection, Detector
from opsagent.model import Incident, Signal, SignalKind
from opsagent.sense import Senses, SenseSettings
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId
from tests.support.waiting import until

QUICK = SenseSettings(sample_s=0.2, resync_s=1.0, log_idle_s=0.1, retry_s=0.1)


class Told:
    """What the senses told, and what the detector made of it."""

    def __init__(self, world: World, senses: Senses) -> None:
        self.world = world
        self.senses = senses
        self.detector = Detector()
        self.signals: list[Signal] = []
        self.detections: list[Detection] = []

    def emit(self, signal: Signal) -> None:
        self.signals.append(signal)
        self.detections += self.detector.observe(signal, self.world, datetime.now(UTC))

    def of(self, kind: SignalKind, unit: UnitId | None = None, **data: object) -> list[Signal]:
        return [
            signal
            for signal in self.signals
            if signal.kind is kind
            and (unit is None or signal.unit == unit)
            and all(signal.data.get(name) == value for name, value in data.items())
        ]

    async def until(self, kind: SignalKind, unit: UnitId | None = None, count: int = 1, **data: object) -> Signal:
        def told() -> list[Signal]:
            return self.of(kind, unit, **data)[count - 1 : count]

        why = f"{count} {kind} of {unit} {data}; told: {[(s.kind.value, dict(s.data)) for s in self.signals[-20:]]}"
        (signal,) = await until(told, timeout=20, why=why)
        return signal

    async def incident(self) -> Incident:
        (incident, *_) = await until(lambda: self.detector.open, timeout=20)
        return incident

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.detections += self.detector.tick(self.world, datetime.now(UTC))


@asynccontextmanager
async def sensing(
    supervisors: Iterable[Supervisor], specs: Iterable[ServiceSpec] = (), settings: SenseSettings = QUICK
) -> AsyncIterator[Told]:
    """Run senses and detector until the block is left."""
    world = World(specs)
    senses = Senses(list(supervisors), world, settings=settings)
    told = Told(world, senses)
    tasks = [asyncio.create_task(senses.run(told.emit)), asyncio.create_task(told.tick())]
    try:
        await until(lambda: senses.ready.is_set() or tasks[0].done(), timeout=20)
        yield told
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [each for each in results if not isinstance(each, asyncio.CancelledError)]
        assert not failures, failures
