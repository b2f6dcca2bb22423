"""The probe fails while the process lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion, errors_before, frozen_samples
from opsagent.model import Fault, Signal
from opsagent.world import World
from opsagent_tools.units import UnitId, UnitState


@dataclass(slots=True)
class _Row:
    """Failed probes in a row."""

    first: Signal
    began: datetime
    """When the first of them was asked, not when it had failed."""
    last: Signal
    count: int = 1


class HangDetector:
    """Counts failed probes in a row."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._rows: dict[UnitId, _Row] = {}

    def observe(self, failed: Signal, world: World) -> Suspicion | None:
        """Take one failed probe."""
        assert failed.unit is not None
        row = self._rows.get(failed.unit)
        if row is None:
            latency = float(failed.data.get("latency_s", 0.0))
            row = _Row(first=failed, began=failed.at - timedelta(seconds=latency), last=failed)
            self._rows[failed.unit] = row
        else:
            row.count += 1
            row.last = failed
        return self._judge(failed.unit, row, world, failed.at)

    def recovered(self, unit: UnitId) -> None:
        """A probe succeeded, or there is nothing to probe: begin again."""
        self._rows.pop(unit, None)

    def tick(self, world: World, now: datetime) -> list[Suspicion]:
        """Judge what time alone decides."""
        judged = (self._judge(unit, row, world, now) for unit, row in list(self._rows.items()))
        return [suspicion for suspicion in judged if suspicion is not None]

    def _judge(self, unit_id: UnitId, row: _Row, world: World, now: datetime) -> Suspicion | None:
        unit = world.units.get(unit_id)
        if unit is None or unit.state is not UnitState.RUNNING or not unit.processes:
            return None
        if now - row.began < timedelta(seconds=self._config.hang_s):
            return None
        frozen = frozen_samples(unit, world)
        if row.count < self._config.hang_failures and not frozen:
            return None
        probes = (row.first,) if row.last is row.first else (row.first, row.last)
        errors = errors_before(unit_id, world, now, self._config.errors_before_s)
        symptoms = tuple(sorted((*errors, *probes, *frozen), key=lambda signal: signal.at))
        return Suspicion(
            fault=Fault.HANG, unit=unit_id, began_at=row.began, symptoms=symptoms, may_be_upstream=not frozen
        )
