"""A process ended and nobody wanted it to."""

from __future__ import annotations

from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion, errors_before, is_desired, is_down
from opsagent.model import EvidenceKind, Fault, Scalar, Signal, SignalKind
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState

_ABORT = -6
"""A process raises SIGABRT against itself; other signals come from outside and no upstream explains them."""


class CrashDetector:
    """Turns deaths, and units found dead, into suspicions."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._dead_since: dict[UnitId, datetime] = {}
        self._reported: set[UnitId] = set()

    def observe(self, death: Signal, world: World) -> Suspicion | None:
        """Judge one death."""
        unit = death.unit
        assert unit is not None
        if _finished(death, world.units.get(unit), world):
            return None
        self._reported.add(unit)
        return self._suspicion(unit, death, world)

    def tick(self, world: World, now: datetime) -> list[Suspicion]:
        """Judge units whose death nobody saw: each is reported once, until it ran again."""
        found = []
        for unit in world.units.values():
            dead = unit.state is UnitState.EXITED and is_down(unit, world) and is_desired(unit, world)
            if not dead:
                self._dead_since.pop(unit.id, None)
                self._reported.discard(unit.id)
            elif unit.id not in self._reported and unit.id.supervisor not in world.lost:
                since = self._dead_since.setdefault(unit.id, now)
                if now - since >= timedelta(seconds=self._config.dead_s):
                    found.append(self._suspicion(unit.id, _found_dead(unit, now), world))
        return found

    def reported(self, unit: UnitId) -> None:
        """Take note that this unit's being dead is known."""
        self._reported.add(unit)

    def not_reported(self, unit: UnitId) -> None:
        """Take note that its death was laid to another unit: judge it again, should it stay dead when that is well."""
        self._reported.discard(unit)

    def _suspicion(self, unit: UnitId, death: Signal, world: World) -> Suspicion:
        code = death.data.get("exit_code")
        by_itself = code == _ABORT or (isinstance(code, int) and code > 0)
        errors = errors_before(unit, world, death.at, self._config.errors_before_s)
        symptoms = (*errors, death)
        return Suspicion(fault=Fault.CRASH, unit=unit, began_at=death.at, symptoms=symptoms, may_be_upstream=by_itself)


def _finished(death: Signal, unit: Unit | None, world: World) -> bool:
    """Tell whether a job has done its work: exit code 0 and nothing that expects it to run on."""
    return death.data.get("exit_code") == 0 and unit is not None and not is_desired(unit, world)


def _found_dead(unit: Unit, now: datetime) -> Signal:
    data: dict[str, Scalar] = {} if unit.last_exit is None else {"exit_code": unit.last_exit}
    return Signal(kind=SignalKind.DEATH, unit=unit.id, at=now, evidence=EvidenceKind.SUPERVISOR, data=data)
