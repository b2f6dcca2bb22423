"""Signals of one cause in one incident: whose fault a suspicion is, and into which incident it belongs.

Two causes at once stay two: what explains must be upstream, must have begun before, must be of the kind of trouble that
reaches those who depend on it, and text never explains what kernel, supervisor or probes say (`opsagent.detectors.blame`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from opsagent.detectors import engine_down
from opsagent.detectors.blame import (
    Culprit,
    Judge,
    at_upstream,
    confirmed_down,
    could_explain,
    downstream_of,
    upstream_of,
)
from opsagent.detectors.book import Book, Closed, Detection, since
from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.noticing import Noticing
from opsagent.detectors.quiet import QuietUnits
from opsagent.detectors.reasons import since_release, why_here, why_not_there
from opsagent.detectors.shared import shared_cause
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Incident, SignalKind
from opsagent.naming import daemon_unit
from opsagent.world import World
from opsagent_tools.units import UnitId

_TOLD_ONCE = frozenset({Fault.HANG, Fault.DEPENDENCY_DOWN, Fault.ERROR_BURST, Fault.DEGRADED})
_MAY_MOVE = frozenset(
    {
        Fault.HANG,
        Fault.ERROR_BURST,
        Fault.CRASH,
        Fault.CRASH_LOOP,
        Fault.DEPENDENCY_DOWN,
        Fault.FLAPPING,
        Fault.DEGRADED,
    }
)
_ALWAYS_NEWS = frozenset({Fault.CRASH, Fault.CRASH_LOOP, Fault.BAD_RELEASE})


class Grouping:
    """Writes suspicions into the book. `noticing`: knows the units whose probe answers far more slowly than usual."""

    def __init__(
        self,
        config: DetectorConfig,
        book: Book,
        quiet: QuietUnits,
        taken_back: Callable[[Incident], None],
        noticing: Noticing,
    ) -> None:
        self._config = config
        self._book = book
        self._quiet = quiet
        self._taken_back = taken_back
        """Is told of each incident that turns out to be part of another one, as it was before."""
        self._waiting: dict[UnitId, datetime] = {}
        self._noticing = noticing
        self._released: dict[UnitId, datetime] = {}

    def released(self, unit: UnitId, at: datetime) -> None:
        """The unit got another release then."""
        self._released[unit] = max(at, self._released.get(unit, at))

    def changed(self, unit: UnitId) -> None:
        """The unit is well again, or stopped: nothing waits for its upstream any more."""
        self._waiting.pop(unit, None)

    def settle(self, suspicion: Suspicion, world: World, now: datetime) -> tuple[Detection, ...]:
        """Ask whose fault it is, and write it into the book."""
        unit, fault = suspicion.unit, suspicion.fault
        engine = self._book.at(daemon_unit(unit.supervisor))
        explains = engine is not None and engine.unit != unit and fault is not Fault.MEMORY_GROWTH
        if engine is not None and explains and engine_down.is_gone(engine):
            return self._join(engine, suspicion, engine.why_root or f"the daemon that runs {unit.name} is gone")
        own = self._book.at(unit)
        if own is not None:
            return self._book.add(own, suspicion.symptoms, fault=fault, always=fault in _ALWAYS_NEWS)
        shared = shared_cause(suspicion, self._book)
        if shared is not None:
            return self._join(shared.incident, suspicion, shared.incident.why_root or shared.why)
        if fault in _TOLD_ONCE and self._quiet.holds(unit, world, now):
            return ()
        doubt = ""
        if suspicion.may_be_upstream:
            found = Judge(suspicion, world, self._book, self._noticing.slow, self._config).blame()
            if found.culprit is not None:
                return self._lay_to(found.culprit, suspicion, world, now)
            if self._may_be_slow_above(suspicion, world) and self._waits(unit, now):
                return ()
            doubt = found.doubt
        self._waiting.pop(unit, None)
        return self._open(suspicion, world, now, doubt)

    def _join(self, incident: Incident, suspicion: Suspicion, why: str) -> tuple[Detection, ...]:
        self._waiting.pop(suspicion.unit, None)
        return self._book.add(incident, suspicion.symptoms, affected=frozenset({suspicion.unit}), why=why)

    def _lay_to(self, culprit: Culprit, suspicion: Suspicion, world: World, now: datetime) -> tuple[Detection, ...]:
        """The upstream explains it: to its incident, or to a new one; wait while that is not sure yet."""
        unit, cause = suspicion.unit, culprit.unit
        incident = self._book.at(cause)
        affected = frozenset({unit})
        if incident is not None:
            known = unit in incident.affected and incident.why_root
            return self._join(
                incident, suspicion, "" if known else why_here(culprit, affected | incident.affected, world)
            )
        if culprit.slow or confirmed_down(cause, world):
            self._waiting.pop(unit, None)
            if self._quiet.holds(cause, world, now):
                return ()
            at_cause = at_upstream(culprit, suspicion, world)
            return (self._book.open(at_cause, now, affected, why=why_here(culprit, affected, world)),)
        if self._waits(unit, now):
            return ()
        del self._waiting[unit]
        return self._open(suspicion, world, now, why_not_there(culprit))

    def _waits(self, unit: UnitId, now: datetime) -> bool:
        """Tell whether it is waited yet until it is clear how an upstream is."""
        waits_since = self._waiting.setdefault(unit, now)
        return (now - waits_since).total_seconds() < self._config.upstream_wait_s

    def _may_be_slow_above(self, suspicion: Suspicion, world: World) -> bool:
        """A probe that waits for a slow upstream fails before that upstream has answered slowly often enough."""
        above = upstream_of(suspicion.unit, world) if suspicion.fault is Fault.HANG else ()
        return any(self._noticing.may_be_slow(up) for up in above)

    def _open(self, suspicion: Suspicion, world: World, now: datetime, doubt: str = "") -> tuple[Detection, ...]:
        """Open an incident, or move one of its downstream here that was opened a moment ago."""
        if suspicion.fault is Fault.ENGINE_DOWN:
            return self._engine_gone(suspicion, now)
        downstream = self._explained_by(suspicion, world, now)
        if not downstream:
            why = doubt or since_release(suspicion, self._released, self._book, self._config.release_s)
            return (self._book.open(suspicion, now, why=why),)
        first, *others = downstream
        self._taken_back(first)
        affected = frozenset(unit for incident in downstream for unit in (incident.unit, *incident.affected))
        culprit = Culprit.of(suspicion, first)
        moved = self._book.add(
            first,
            suspicion.symptoms,
            affected=affected,
            fault=suspicion.fault,
            unit=suspicion.unit,
            always=True,
            why=why_here(culprit, affected, world),
        )
        return (*moved, *self.take_back(others, f"explained by {suspicion.unit.name}"))

    def _explained_by(self, suspicion: Suspicion, world: World, now: datetime) -> list[Incident]:
        """Return the incidents downstream that this suspicion explains, and of which nothing is decided."""
        below = downstream_of(suspicion.unit, world)
        recent = self._book.movable(below, since(now, self._config.reroot_s))
        slack = timedelta(seconds=self._config.onset_slack_s)
        return [
            incident
            for incident in recent
            if incident.fault in _MAY_MOVE
            and _explicable(incident)
            and could_explain(suspicion, incident, world, slack)
        ]

    def _engine_gone(self, suspicion: Suspicion, now: datetime) -> tuple[Detection, ...]:
        """Deaths that were seen a moment before the daemon was missed are of the same cause."""
        if not any(symptom.kind is SignalKind.SUPERVISOR_LOST for symptom in suspicion.symptoms):
            return (self._book.open(suspicion, now),)
        supervisor = suspicion.unit.supervisor
        units = [incident.unit for incident in self._book if incident.fault is not Fault.MEMORY_GROWTH]
        workers = [unit for unit in units if unit.supervisor == supervisor]
        recent = self._book.movable(workers, since(now, self._config.engine_tail_s))
        affected = frozenset(unit for incident in recent for unit in (incident.unit, *incident.affected))
        opened = self._book.open(suspicion, now, affected, why=f"all of {supervisor}'s units are run by this daemon")
        return (opened, *self.take_back(recent, f"{supervisor}'s daemon is gone"))

    def take_back(self, incidents: list[Incident], why: str) -> tuple[Detection, ...]:
        """Close incidents that are none of their own."""
        for incident in incidents:
            self._book.close(incident.id)
            self._taken_back(incident)
        return tuple(Closed(incident.id, why) for incident in incidents)


def _explicable(incident: Incident) -> bool:
    """Tell whether trouble upstream can be behind it: nothing upstream sends a signal to a process, or stops it by one."""
    if any(symptom.unit == incident.unit and symptom.data.get("state") == "T" for symptom in incident.symptoms):
        return False
    codes = [
        symptom.data.get("exit_code")
        for symptom in incident.symptoms
        if symptom.kind is SignalKind.DEATH and symptom.unit == incident.unit
    ]
    return all(isinstance(code, int) and (code > 0 or code == -6) for code in codes)
