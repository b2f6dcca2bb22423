"""Plays the past to the detector that watches the present, on a clock of its own.

Beside the detector stand two things that it cannot know of: what a supervisor did about memory, and that a supervisor
itself was gone. An incident is over when its unit has been quiet for a while: nobody repairs anything here.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from opsagent.detect import Closed, Detection, Detector, DetectorConfig, Opened, Updated
from opsagent.model import EvidenceKind, Fault, Incident, Scalar, Signal, SignalKind
from opsagent.naming import daemon_unit
from opsagent.notice import Noticed
from opsagent.replay.case import Case, own_case
from opsagent.replay.echo import Echo
from opsagent.replay.stage import Stage, moment
from opsagent.replay.words import Beat, Found, Happened, Seen
from opsagent_tools.supervisors.past import PastKind
from opsagent_tools.units import UnitId

_HOT_S = 6.0
"""So long after a supervisor said something the detector is asked every second …"""
_STEP_S = 15.0
"""… and then in steps that double while nothing of the kind happens, up to this one."""
_LONGEST_STEP_S = 1800.0
_VOLUME_S = 300.0
_VOLUME_ERRORS_S = 10.0
"""How much a unit logged is told for spans of this length; of the shorter one if there are errors."""


@dataclass(slots=True)
class _Volume:
    """What a unit logged in a while."""

    since: float
    lines: int = 0
    errors: int = 0
    fresh: int = 0


class Rehearsal:
    """Takes what happened, in order; knows at the end what would have been found."""

    def __init__(self, stage: Stage, config: DetectorConfig | None = None) -> None:
        self.noticed: Counter[str] = Counter()
        self.cases: list[Case] = []
        self._stage = stage
        self._config = config or DetectorConfig()
        numbers = itertools.count(1)
        self._detector = Detector(self._config, make_id=lambda: f"past-{next(numbers)}")
        self._open: dict[str, Case] = {}
        self._echo = Echo(self._config)
        self._now = 0.0
        self._ticked = 0.0
        self._hot_until = 0.0
        self._step = _STEP_S
        self._volumes: dict[UnitId, _Volume] = {}

    def take(self, item: Beat | Happened) -> None:
        """Take the next thing that happened."""
        self._advance(max(item.at, self._now))
        if isinstance(item, Beat):
            self._logged(item)
        else:
            self._happened(item)

    def end(self, at: float) -> None:
        """Nothing more is known; what is open then stays so unless it is quiet by `at`."""
        self._advance(max(at, self._now))
        for case in self._open.values():
            case.end_of_time(self._now)
        self._open.clear()

    def found(self, since: float) -> list[Found]:
        """Return the incidents that began at `since` or later, in order."""
        kept = [case.found() for case in self.cases if not case.withdrawn and case.began_at >= since]
        return sorted(kept, key=lambda one: (one.began_at, str(one.unit), one.fault.value, one.id))

    # Time

    def _advance(self, to: float) -> None:
        """Let time pass, looking as often as there may be something to see."""
        if not self._now:
            self._now = self._ticked = to
            return
        while True:
            hot = self._ticked < self._hot_until
            if self._ticked + (1.0 if hot else self._step) > to:
                break
            self._look(self._ticked + (1.0 if hot else self._step))
            self._step = _STEP_S if hot else min(self._step * 2, _LONGEST_STEP_S)
        self._now = to

    def _look(self, at: float) -> None:
        """Look at the world as it is at this moment."""
        self._now = self._ticked = at
        for unit, volume in list(self._volumes.items()):
            if self._now - volume.since >= _VOLUME_S:
                self._tell_volume(unit, volume)
        self._detected(self._detector.tick(self._stage.world, moment(self._now)))
        for case in list(self._open.values()):
            if case.is_over(self._now, runs=self._stage.runs(case.unit)):
                self._close(case)

    def _close(self, case: Case) -> None:
        self._open.pop(case.incident.id, None)
        self._detector.close(case.incident.id, mended=True)

    # What happened

    def _happened(self, happened: Happened) -> None:
        event, unit = happened.event, happened.unit
        if self._ticked < self._now - 1.0:  # what was last looked at long ago is looked at before something changes
            self._look(self._now)
        self._hot_until = self._now + _HOT_S
        if event.kind is PastKind.MEMORY and unit is not None:
            words = f"{unit.name} was restarted for its memory ({event.reason})"
            self.cases.append(own_case(Fault.MEMORY_GROWTH, unit, event.at, words))
        if event.kind is PastKind.DAEMON_BEGAN and event.reason:
            words = f"the daemon of {happened.kind} began anew: {event.reason} (killed, or the machine went down)"
            self.cases.append(own_case(Fault.ENGINE_DOWN, daemon_unit(happened.kind), event.at, words))
        for signal in self._stage.play(happened):
            self._observe(signal)
        if unit is not None:
            for case in self._cases_of(unit):
                case.happened(event)

    def _logged(self, beat: Beat) -> None:
        unit = beat.unit
        volume = self._volumes.get(unit)
        if volume is None:
            self._stage.enter(unit)
            volume = self._volumes[unit] = _Volume(beat.at)
        volume.lines += beat.lines
        volume.fresh += len(beat.fresh)
        for seen in beat.fresh:
            self._observe(self._echo.signal(SignalKind.LOG_NEW, unit, beat.at, seen))
        if beat.errors and self._open and self._ticked < self._now - _STEP_S:  # what is over by now is told first
            self._look(self._now)
        for seen in beat.errors.values():
            volume.errors += seen.count
            self._error(unit, beat.at, seen)
        if self._now - volume.since >= (_VOLUME_ERRORS_S if volume.errors else _VOLUME_S):
            self._tell_volume(unit, volume)

    def _error(self, unit: UnitId, at: float, seen: Seen) -> None:
        self._observe(self._echo.signal(SignalKind.LOG_ERROR, unit, at, seen))
        self._echo.heard(unit, at, seen)
        for case in self._cases_of(unit):
            case.logged(at, seen, much=self._echo.much(unit, at))

    def _tell_volume(self, unit: UnitId, volume: _Volume) -> None:
        del self._volumes[unit]
        data: dict[str, Scalar] = {
            "seconds": self._now - volume.since,
            "lines": volume.lines,
            "errors": volume.errors,
            "signatures": volume.fresh,
            "sampled": 0,
            "skipped": 0,
        }
        at, kind = moment(self._now), SignalKind.LOG_VOLUME
        self._observe(Signal(kind=kind, unit=unit, at=at, evidence=EvidenceKind.TEXT, data=data))

    # What the detector makes of it

    def _observe(self, signal: Signal) -> None:
        self._stage.world.apply(signal)
        self._detected(self._detector.observe(signal, self._stage.world, moment(self._now)))

    def _detected(self, detections: Iterable[Detection]) -> None:
        for detection in detections:
            match detection:
                case Opened(incident=incident):
                    self._opened(incident)
                case Updated(incident=incident) if incident.id in self._open:
                    self._open[incident.id].update(incident)
                case Closed(incident_id=incident_id, why=why) if incident_id in self._open:
                    self._open.pop(incident_id).taken_back(self._now, why)
                case Noticed(notice=notice):
                    self.noticed[notice.kind.value] += 1
                case _:
                    pass

    def _opened(self, incident: Incident) -> None:
        case = self._open[incident.id] = Case(incident, self._now)
        self.cases.append(case)
        self._step = _STEP_S
        for at, seen in self._echo.lately(incident.unit, self._now, self._config.errors_before_s):
            case.logged(at, seen, much=True)

    def _cases_of(self, unit: UnitId) -> list[Case]:
        return [case for case in self._open.values() if unit == case.unit or unit in case.incident.affected]
