"""What is noticed beside incidents: in logs and of probes, and with restraint whatever else is."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from datetime import datetime

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.logs import LogDetectors
from opsagent.detectors.restraint import Restraint
from opsagent.detectors.slow import SlowDetector
from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent.notice import Notice
from opsagent.world import World
from opsagent_tools.units import UnitId

_ANSWERS = frozenset({SignalKind.PROBE_OK, SignalKind.PROBE_FAILED})
_OF_LOGS = frozenset({SignalKind.LOG_NEW, SignalKind.LOG_ERROR, SignalKind.LOG_VOLUME})


class Noticing:
    """All that detect notices. Nothing of units that people are at work on."""

    def __init__(self, config: DetectorConfig, degraded: Mapping[UnitId, Notice] | None = None) -> None:
        """`degraded`: a live view of units that are known to be slow otherwise."""
        self._degraded = degraded if degraded is not None else {}
        self._logs = LogDetectors(config)
        self._slow = SlowDetector(config)
        self._restraint = Restraint(config)
        self._orders: Mapping[UnitId, str] = {}
        self._paused = ""

    def ordered(self, units: Mapping[UnitId, str], paused: str) -> None:
        """Take over what people ordered: units on hold or being deployed, and the pause, each with its reason."""
        self._orders, self._paused = units, paused

    def muted(self, unit: UnitId, world: World, now: datetime) -> str:
        """Return why nothing is to be noticed of a unit now; empty where it is."""
        return self._paused or self._orders.get(unit, "") or world.in_maintenance(unit, now)

    @property
    def slow(self) -> Mapping[UnitId, Notice]:
        """Units whose probe answers far more slowly than usual."""
        return ChainMap(dict(self._slow.slow), dict(self._degraded))

    def may_be_slow(self, unit: UnitId) -> bool:
        """Tell whether the last answer of its probe was slow: it is not sure yet that the next ones are too."""
        return self._slow.may_be(unit)

    def observe(self, signal: Signal, world: World, now: datetime) -> list[Notice]:
        """Take one signal."""
        if signal.unit is None:
            return []
        if signal.kind in _OF_LOGS:
            muted = bool(self.muted(signal.unit, world, now))
            return self.let(self._logs.observe(signal, now, muted=muted), world, now)
        if signal.kind is SignalKind.STOPPED:
            self._slow.forget(signal.unit)
        slow = self._slow.observe(signal) if signal.kind in _ANSWERS else None
        return self.let([slow], world, now) if slow is not None else []

    def tick(self, world: World, now: datetime) -> list[Notice]:
        """Judge what time alone decides."""
        self._slow.know(list(world.units))
        found = self.let(self._logs.tick(world, now), world, now)
        summaries = self._restraint.tick(now, lambda unit: self.muted(unit, world, now))
        return [*found, *summaries]

    def let(self, notices: Iterable[Notice], world: World, now: datetime) -> list[Notice]:
        """Return those that are news."""
        return [one for one in notices if not self.muted(one.unit, world, now) and self._restraint.let(one, now)]

    def beside(self, incident: Incident, world: World, now: datetime) -> list[Notice]:
        """Return what is noticed only because an incident was opened."""
        if incident.fault is not Fault.HANG:
            return []
        return self.let(self._logs.beside_a_hang(incident.unit, now), world, now)

    def released(self, unit: UnitId, at: datetime) -> None:
        """The unit got another release then."""
        self._logs.released(unit, at)

    def repaired(self, incident: Incident, now: datetime, *, sure: bool = True) -> None:
        """An incident is thought repaired: what it was made of is not expected again."""
        self._logs.repaired(incident, now, sure=sure)
