"""All detectors of measured values behind one door: what is used up, flaps, is unusual, or disturbs its neighbours.

What only deserves to be noticed is a Notice; what a person has to act on is a Suspicion. Pure: no clock but `now`.
Memory does not grow with time, only with the number of units and processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from opsagent.detectors.flapping import FlappingDetector
from opsagent.detectors.metric_settings import MetricSettings
from opsagent.detectors.metric_unusual import UnusualDetector
from opsagent.detectors.neighbour import NeighbourDetector
from opsagent.detectors.saturation_forecast import SaturationDetector
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Scalar, Signal, SignalKind
from opsagent.notice import Notice
from opsagent.world import World
from opsagent_tools.units import ProcessKey, UnitId

Found = Sequence[Suspicion | Notice]


class MetricDetectors:
    """Takes SAMPLE, HOST_SAMPLE, PROBE_OK, PROBE_FAILED and STOPPED; the world must be current."""

    def __init__(self, settings: MetricSettings | None = None) -> None:
        self._settings = settings or MetricSettings()
        self._saturation = SaturationDetector(self._settings)
        self._flapping = FlappingDetector()
        self._unusual = UnusualDetector(self._settings)
        self._neighbour = NeighbourDetector(self._settings)
        self._waiting: list[UnitId] = []
        self._round_at: datetime | None = None
        self._units_a_tick = 0
        self._ticked_at: datetime | None = None

    def observe(self, signal: Signal, world: World, now: datetime) -> Found:
        """Take one signal."""
        match signal.kind:
            case SignalKind.SAMPLE:
                return self._saturation.of_a_process(signal)
            case SignalKind.HOST_SAMPLE:
                return self._saturation.of_the_machine(signal)
            case SignalKind.PROBE_OK | SignalKind.PROBE_FAILED:
                return self._flapping.observe(signal)
            case SignalKind.STOPPED if signal.unit is not None:
                self._flapping.stopped(signal.unit)
            case _:
                pass
        return ()

    def tick(self, world: World, now: datetime) -> Found:
        """Judge what time alone decides; call it about once a second. Each call looks at a part of the units."""
        found: list[Suspicion | Notice] = []
        if self._round_at is None or (now - self._round_at).total_seconds() >= self._settings.every_s:
            found += self._begin_round(world, now)
        passed = (now - self._ticked_at).total_seconds() if self._ticked_at is not None else 1.0
        self._ticked_at = now
        found += self._some(world, now, max(1, round(self._units_a_tick * max(passed, 1.0))))
        return found

    def forget(self, process: ProcessKey | None) -> None:
        """The process is gone."""
        if process is not None:
            self._saturation.forget(process)
            self._unusual.forget(process)

    def forecast(self, resource: str) -> Mapping[str, Scalar] | None:
        """Return when a resource is used up, if that can be told: resource, full_in_s, soonest_s, latest_s, rate.

        `resource`: `disk:/var`, `inodes:/var`, `memory`, `files`, `fds:UNIT`.
        """
        return self._saturation.forecast(resource)

    def _begin_round(self, world: World, now: datetime) -> Iterator[Notice]:
        yield from self._some(world, now, len(self._waiting))
        self._round_at = now
        self._waiting = list(world.units)
        # a little more than needed: the round is over before the next one begins
        self._units_a_tick = -(-len(self._waiting) // max(1, int(self._settings.every_s) - 1))
        self._saturation.tidy(world)
        self._unusual.tidy(world)
        self._flapping.keep(set(world.units))
        yield from self._unusual.machine(world, now)
        yield from self._neighbour.tick(world, now)

    def _some(self, world: World, now: datetime, number: int) -> Iterator[Notice]:
        for _ in range(min(number, len(self._waiting))):
            unit = world.units.get(self._waiting.pop())
            if unit is not None:
                yield from self._unusual.unit(unit, world, now)
