"""detect: Signals → Incident. One incident per cause, not one per signal. Pure: values in, values out.

Detectors in `opsagent/detectors/`, one per fault, suspect; this module asks whose fault it is, and keeps the book.
A deliberate stop is no incident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from opsagent.detectors import bad_release, engine_down
from opsagent.detectors.book import Book, Closed, Detection, Opened, Updated, new_id
from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.crash import CrashDetector
from opsagent.detectors.crash_loop import CrashLoopDetector
from opsagent.detectors.degraded import DegradedDetector
from opsagent.detectors.error_burst import ErrorBurstDetector
from opsagent.detectors.frozen import FrozenDetector
from opsagent.detectors.grouping import Grouping
from opsagent.detectors.hang import HangDetector
from opsagent.detectors.memory_growth import MemoryGrowthDetector
from opsagent.detectors.metrics import MetricDetectors
from opsagent.detectors.noticing import Noticing
from opsagent.detectors.quiet import QuietUnits
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent.naming import daemon_unit
from opsagent.notice import Notice, Noticed
from opsagent.world import World
from opsagent_tools.units import UnitId, UnitState

__all__ = ["Closed", "Detection", "Detector", "DetectorConfig", "Noticed", "Opened", "Updated"]


class Detector:
    """Makes incidents of signals. `now` is the only clock; the world must be current (sense sees to that)."""

    def __init__(self, config: DetectorConfig | None = None, *, make_id: Callable[[], str] = new_id) -> None:
        self.config = config or DetectorConfig()
        self._book = Book(self.config.symptoms_kept, make_id)
        self._crash = CrashDetector(self.config)
        self._loop = CrashLoopDetector(self.config)
        self._hang = HangDetector(self.config)
        self._frozen = FrozenDetector(self.config)
        self._burst = ErrorBurstDetector(self.config)
        self._memory = MemoryGrowthDetector(self.config)
        self._quiet = QuietUnits(self.config)
        self._degraded = DegradedDetector(self.config)
        self._noticing = Noticing(self.config, self._degraded.slow)
        self._groups = Grouping(self.config, self._book, self._quiet, self._taken_back, self._noticing)
        self.metrics = MetricDetectors()
        """What is measured; its `forecast` tells when something is used up."""
        self._now = datetime.min.replace(tzinfo=UTC)

    def observe(self, signal: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        """Take one signal; return what it changed, and what was noticed."""
        self._now = now
        incidents, noticed = self._measured(self.metrics.observe(signal, world, now), world, now)
        return self._with_notices(
            (*self._incidents(signal, world, now), *incidents),
            [*self._noticing.observe(signal, world, now), *noticed],
            world,
            now,
        )

    def _measured(
        self, found: Sequence[Suspicion | Notice], world: World, now: datetime
    ) -> tuple[list[Detection], list[Notice]]:
        """Write what the detectors of measured values suspect into the book."""
        incidents: list[Detection] = []
        for one in found:
            if isinstance(one, Suspicion) and not (
                one.fault is Fault.FLAPPING and self._noticing.muted(one.unit, world, now)  # a deploy looks like it
            ):
                incidents += self._groups.settle(one, world, now)
        noticed = [one for one in found if isinstance(one, Notice)]
        return incidents, self._noticing.let(noticed, world, now) if noticed else []

    def _incidents(self, signal: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        match signal.kind:
            case SignalKind.SUPERVISOR_LOST | SignalKind.SUPERVISOR_TROUBLED:
                return self._groups.settle(engine_down.observe(signal), world, now)
            case SignalKind.SUPERVISOR_BACK:
                return self._engine_back(signal)
            case SignalKind.SUPERVISOR_ENDED:
                return self._engine_ended(signal)
            case SignalKind.DEATH:
                return self._death(signal, world, now)
            case SignalKind.STOPPED:
                return self._stopped(signal, world)
            case SignalKind.SPAWNED:
                return self._changed(signal)
            case SignalKind.PROBE_OK:
                self._hang_over(signal)
                noted = self._note(signal) if self._troubled(signal.unit) else ()
                return (*noted, *self._answers_badly(signal, world, now))
            case SignalKind.PROBE_FAILED:
                return self._failed(signal, world, now)
            case SignalKind.LOG_ERROR:
                return self._error(signal, world, now)
            case SignalKind.RELEASE_UNFIT:
                return self._groups.settle(bad_release.observe(signal), world, now)
            case SignalKind.SAMPLE:
                suspicion = self._memory.observe(signal, world)
                return self._groups.settle(suspicion, world, now) if suspicion is not None else ()
            case SignalKind.LOG_NEW | SignalKind.LOG_VOLUME | SignalKind.HOST_SAMPLE:
                return ()

    def tick(self, world: World, now: datetime) -> tuple[Detection, ...]:
        """Judge what time alone decides; call it about once a second."""
        self._now = now
        self._burst.know(list(world.units), now)
        self._degraded.know(list(world.units))
        self._memory.tick(world)
        found: list[Detection] = []
        suspicions = (*self._crash.tick(world, now), *self._hang.tick(world, now), *self._frozen.tick(world, now))
        for suspicion in suspicions:
            found += self._groups.settle(suspicion, world, now)
            if suspicion.fault is Fault.CRASH and self._book.has(suspicion.unit):
                self._crash.reported(suspicion.unit)
        incidents, noticed = self._measured(self.metrics.tick(world, now), world, now)
        notices = [*self._noticing.tick(world, now), *noticed]
        return self._with_notices((*found, *incidents), notices, world, now)

    def ordered(self, units: Mapping[UnitId, str], paused: str = "") -> None:
        """Take over what people ordered (holds, deploys, the pause), with reasons: nothing is noticed of those units."""
        self._noticing.ordered(units, paused)

    def released(self, unit: UnitId, at: datetime) -> None:
        """The unit got another release then: for a while, new errors are laid to it."""
        self._noticing.released(unit, at)
        self._groups.released(unit, at)

    def remember(self, incident: Incident, at: datetime) -> None:
        """An incident of before this process began was thought repaired then."""
        self._noticing.repaired(incident, at, sure=False)

    def close(self, incident_id: str, *, mended: bool | None = None) -> None:
        """An incident is over: its unit can have another one.

        `mended` True: everything is armed again at once. False or None (not said): trouble that simply goes on opens
        no second incident until something changes. A death always does, except in a crash loop that goes on.
        """
        incident = self._book.close(incident_id)
        if incident is None:
            return
        self._quiet.after(incident, self._now, mended=mended is True)
        if mended:
            self._noticing.repaired(incident, self._now)
        if incident.fault is Fault.ERROR_BURST and not mended:
            self._burst.told(incident.unit)
        if incident.fault is Fault.CRASH_LOOP:
            self._loop.mended(incident.unit) if mended else self._loop.given_up(incident.unit)
        for unit in (incident.unit, *incident.affected):
            self._hang.recovered(unit)
            self._degraded.over(unit)

    def adopt(self, incident: Incident) -> None:
        """Take over an incident that was open before this process began; its trouble opens no second one."""
        self._book.adopt(incident)
        if incident.fault in {Fault.CRASH, Fault.CRASH_LOOP}:
            self._crash.reported(incident.unit)

    def decided(self, incident_id: str) -> None:
        """A plan is under way: the incident does not move to another unit any more."""
        self._book.fix(incident_id)

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that are open now."""
        return tuple(self._book)

    def _death(self, death: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        self._memory.forget(death.process)
        self.metrics.forget(death.process)
        suspicion = self._crash.observe(death, world)
        if suspicion is None:
            return ()
        looping = self._loop.observe(death)
        if self._loop.goes_on(death) and not self._book.touching(suspicion.unit):
            return ()
        fault = Fault.CRASH_LOOP if looping else Fault.CRASH
        found = self._groups.settle(replace(suspicion, fault=fault), world, now)
        if not self._book.has(suspicion.unit):  # if it stays dead when the cause is well, it has its own
            self._crash.not_reported(suspicion.unit)
        return found

    def _failed(self, failed: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        met_ill = "side_by_side" in failed.data  # others answered well at that moment: that is no hang
        suspicion = self._hang.observe(failed, world) if not met_ill else None
        noted = self._note(failed) if self._book.touching(_unit(failed)) else ()
        badly = self._answers_badly(failed, world, now)
        if noted or suspicion is None:
            return (*noted, *badly)
        return (*self._groups.settle(suspicion, world, now), *badly)

    def _answers_badly(self, answer: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        """Judge whether it is slow for long, or fails part of the time. A deploy, or a hold, is expected to look so."""
        suspicion = self._degraded.observe(answer, world)
        if suspicion is None or self._noticing.muted(suspicion.unit, world, now):
            return ()
        return self._groups.settle(suspicion, world, now)

    def _error(self, error: Signal, world: World, now: datetime) -> tuple[Detection, ...]:
        suspicion = self._burst.observe(error, world)
        if self._book.touching(_unit(error)):
            return self._note(error)
        if suspicion is None or self._quiet.in_aftermath(suspicion.unit, world, now):
            return ()
        return self._groups.settle(suspicion, world, now)

    def _stopped(self, signal: Signal, world: World) -> tuple[Detection, ...]:
        unit = _unit(signal)
        self._memory.forget(signal.process)
        self.metrics.forget(signal.process)
        seen = world.units.get(unit)
        if signal.data.get("scope") != "unit" and (seen is None or seen.state is not UnitState.STOPPED):
            return self._not_a_death(signal)
        self._hang.recovered(unit)
        self._degraded.forget(unit)
        self._groups.changed(unit)
        incident = self._book.at(unit)
        if incident is None or incident.fault is Fault.DEPENDENCY_DOWN:
            return ()
        self._book.close(incident.id)
        return (Closed(incident.id, f"{unit.name} was stopped on purpose"),)

    def _not_a_death(self, stopped: Signal) -> tuple[Detection, ...]:
        """The supervisor's word came after the death was told: it was asked to end that process."""
        incident = self._book.at(_unit(stopped))
        if incident is None or incident.fault is not Fault.CRASH or stopped.process is None:
            return ()
        deaths = [symptom for symptom in incident.symptoms if symptom.kind is SignalKind.DEATH]
        if [death.process for death in deaths] != [stopped.process]:
            return ()
        return self._groups.take_back([incident], f"its supervisor was told to end process {stopped.process.pid}")

    def _changed(self, signal: Signal) -> tuple[Detection, ...]:
        self._hang_over(signal)
        return ()

    def _hang_over(self, signal: Signal) -> None:
        unit = _unit(signal)
        self._hang.recovered(unit)
        self._groups.changed(unit)
        self._quiet.changed(unit)

    def _engine_back(self, signal: Signal) -> tuple[Detection, ...]:
        incident = self._book.at(daemon_unit(str(signal.data["supervisor"])))
        return self._book.add(incident, (signal,)) if incident is not None else ()

    def _engine_ended(self, signal: Signal) -> tuple[Detection, ...]:
        incident = self._book.at(daemon_unit(str(signal.data["supervisor"])))
        if incident is None:
            return ()
        self._book.close(incident.id)
        return (Closed(incident.id, f"nobody misses it: {signal.data.get('reason', '')}"),)

    def _note(self, signal: Signal) -> tuple[Detection, ...]:
        """Add a signal to the incidents that it belongs to."""
        updates = [self._book.add(incident, (signal,)) for incident in self._book.touching(_unit(signal))]
        return tuple(update for each in updates for update in each)

    def _troubled(self, unit: UnitId | None) -> bool:
        return unit is not None and any(
            symptom.kind is SignalKind.PROBE_FAILED and symptom.unit == unit
            for incident in self._book.touching(unit)
            for symptom in incident.symptoms
        )

    def _with_notices(
        self, found: tuple[Detection, ...], notices: list[Notice], world: World, now: datetime
    ) -> tuple[Detection, ...]:
        opened = (detection.incident for detection in found if isinstance(detection, Opened))
        beside = (notice for incident in opened for notice in self._noticing.beside(incident, world, now))
        return (*found, *(Noticed(notice) for notice in (*notices, *beside)))

    def _taken_back(self, incident: Incident) -> None:
        self._crash.not_reported(incident.unit)


def _unit(signal: Signal) -> UnitId:
    assert signal.unit is not None
    return signal.unit
