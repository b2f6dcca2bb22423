"""A process of a service stays stopped by a signal (state T). Its port may still be open: the kernel keeps accepting."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Signal
from opsagent.world import World
from opsagent_tools.units import Process, Unit, UnitState


class FrozenDetector:
    """Looks at the samples, whatever the probes say: one of several workers hides behind the others."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config

    def tick(self, world: World, now: datetime) -> list[Suspicion]:
        """Judge what time alone decides."""
        units = (unit for unit in world.units.values() if unit.state is UnitState.RUNNING and _serves(unit, world))
        found = (self._judge(unit, world, now) for unit in units)
        return [suspicion for suspicion in found if suspicion is not None]

    def _judge(self, unit: Unit, world: World, now: datetime) -> Suspicion | None:
        rows = [row for process in unit.processes if (row := _stopped(unit, process, world))]
        long_ago = now - timedelta(seconds=self._config.frozen_s)
        long = [row for row in rows if row[0].at <= long_ago]
        if not long:
            return None
        symptoms = tuple(row[-1] for row in long)
        return Suspicion(fault=Fault.HANG, unit=unit.id, began_at=min(row[0].at for row in long), symptoms=symptoms)


def _serves(unit: Unit, world: World) -> bool:
    spec = world.spec(unit.id)
    return bool(unit.ports) or (spec is not None and spec.health is not None)


def _stopped(unit: Unit, process: Process, world: World) -> list[Signal]:
    """Return the samples since the process is in state T, oldest first; none where it is not."""
    past = world.history.get(unit.id)
    series = past.samples.get(process.key, ()) if past is not None else ()
    return list(takewhile(lambda sample: sample.data.get("state") == "T", reversed(series)))[::-1]
