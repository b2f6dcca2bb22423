"""Whose fault is it? The unit furthest up the dependencies whose own trouble can be what is seen below.

A dependency explains the trouble below it if it is a dependency at all (configured, or seen lately), if its trouble began
before (as far as that is known), if it is of a kind that reaches others, and if it is told by more than text wherever
the trouble below is. Of several, one with an open incident comes before one that is down, and that before one that only
fails; in a circle the one that began first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from opsagent.detectors.book import Book
from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion, frozen_samples, is_down, is_frozen
from opsagent.model import EvidenceKind, Fault, Incident, Signal
from opsagent.notice import Notice
from opsagent.world import World
from opsagent_tools.units import Process, Unit, UnitId, UnitState

_STRENGTH = (EvidenceKind.KERNEL, EvidenceKind.SUPERVISOR, EvidenceKind.PROBE, EvidenceKind.TEXT)
"""The strongest kind first."""
_REACHES_NOBODY = frozenset({Fault.MEMORY_GROWTH, Fault.BAD_RELEASE, Fault.SATURATION})
"""Those who depend on the unit do not feel it, as long as it serves."""
_WELL_UNSEEN = frozenset({Fault.ERROR_BURST, Fault.FLAPPING, Fault.DEGRADED})
"""A probe that succeeds says nothing against these."""
_ENDED = frozenset({Fault.CRASH, Fault.CRASH_LOOP, Fault.DEPENDENCY_DOWN})
"""A process that runs for a while says that these are over."""
_WELL_S = 15.0
"""What is well for this long before trouble below began did not cause it."""


_WORDS = {
    Fault.CRASH: "ended by itself",
    Fault.CRASH_LOOP: "dies again and again",
    Fault.HANG: "does not serve",
    Fault.ERROR_BURST: "logs far more errors than usual",
    Fault.DEPENDENCY_DOWN: "is down",
    Fault.ENGINE_DOWN: "is gone",
    Fault.FLAPPING: "is well and not well in turn",
    Fault.DEGRADED: "answers slowly, or only part of the time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """A unit whose trouble may explain that of others."""

    unit: UnitId
    evidence: EvidenceKind
    what: str
    """What is wrong with it, after `which`."""
    began_at: datetime | None = None
    """When it was well for the last time, as far as that is known."""
    before_s: float = 0.0
    """How long before the trouble below it began."""
    has_incident: bool = False
    down: bool = False
    slow: bool = False
    """Its probe answers, but far more slowly than usual."""
    serves: bool = False
    """It may well serve: only that it has been well since long before speaks against it."""

    @classmethod
    def of(cls, suspicion: Suspicion, below: Incident) -> Culprit:
        """Return the culprit that a suspicion makes of its unit, for an incident further down."""
        before_s = max(0.0, (below.began_at - suspicion.began_at).total_seconds())
        what = _WORDS.get(suspicion.fault, "is in trouble")
        return cls(unit=suspicion.unit, evidence=strength(suspicion), what=what, before_s=before_s)


@dataclass(frozen=True, slots=True)
class Blame:
    """Whom a suspicion is laid to; where nobody, who is suspected all the same."""

    culprit: Culprit | None = None
    doubt: str = ""


def strength(suspicion: Suspicion) -> EvidenceKind:
    """Return the strongest kind of evidence that the unit's own signals are."""
    return strongest(symptom for symptom in suspicion.symptoms if symptom.unit == suspicion.unit)


def strongest(signals: Iterable[Signal]) -> EvidenceKind:
    """Return the strongest kind of evidence among signals; text where there is none."""
    return min((signal.evidence for signal in signals), key=_STRENGTH.index, default=EvidenceKind.TEXT)


class Judge:
    """Looks for the culprit of one suspicion."""

    def __init__(
        self, suspicion: Suspicion, world: World, book: Book, slow: Mapping[UnitId, Notice], config: DetectorConfig
    ) -> None:
        self._suspicion = suspicion
        self._own = strength(suspicion)
        self._world = world
        self._book = book
        self._slow = slow
        self._slack = timedelta(seconds=config.onset_slack_s)

    def blame(self) -> Blame:
        """Return the upstream whose trouble explains the suspicion; nobody where all that it depends on is well."""
        unit, world = self._suspicion.unit, self._world
        found = [each for up in upstream_of(unit, world) if (each := self._trouble(up)) is not None]
        able = {each.unit: each for each in found if self._explains(each)}
        among = frozenset(able)
        roots = [each for up, each in able.items() if among.isdisjoint(world.upstream_set(up))]
        candidates = roots or list(able.values())  # a circle has no root
        if candidates:
            return Blame(culprit=self._timed(min(candidates, key=self._order)))
        doubtful = next((each for each in found if each.evidence is EvidenceKind.TEXT), None)
        if doubtful is None:
            return Blame()
        return Blame(doubt=f"perhaps because of {doubtful.unit.name}, which {doubtful.what}; only its log says so")

    def _trouble(self, up: UnitId) -> Culprit | None:
        """Return what is wrong with an upstream, by the strongest evidence that there is; None if nothing is."""
        world, seen, health = self._world, self._world.units.get(up), self._world.health.get(up)
        incident = self._book.at(up)
        failing = health is not None and not health.ok
        known: list[Culprit] = []
        if incident is not None and (incident.fault not in _REACHES_NOBODY or failing):
            own = [symptom for symptom in incident.symptoms if symptom.unit == up]
            evidence = strongest(own) if own else EvidenceKind.PROBE  # opened for what others suffer: never by text
            seen_well = health is not None and up not in self._slow
            serves = incident.fault not in _WELL_UNSEEN and (seen_well or incident.fault in _ENDED)
            words = _WORDS.get(incident.fault, "is in trouble")
            began = _earliest(up, incident.began_at, world)
            known.append(Culprit(unit=up, evidence=evidence, what=words, began_at=began, serves=serves))
        if seen is not None and is_down(seen, world):
            what = "was stopped" if seen.state is UnitState.STOPPED else "is down"
            died = _last_death(up, world)
            known.append(Culprit(unit=up, evidence=EvidenceKind.SUPERVISOR, what=what, began_at=died, down=True))
        if seen is not None and is_frozen(seen, world):
            what = "is stopped by a signal"
            known.append(Culprit(unit=up, evidence=EvidenceKind.KERNEL, what=what))
        if health is not None and failing:
            began = _earliest(up, health.since, world)
            known.append(Culprit(unit=up, evidence=EvidenceKind.PROBE, what="does not serve", began_at=began))
        if up in self._slow and not known:
            slow = self._slow[up]
            known.append(
                Culprit(unit=up, evidence=slow.evidence, what=f"is slow: {slow.text}", began_at=slow.at, slow=True)
            )
        if not known:
            return None
        best = min(known, key=lambda each: _STRENGTH.index(each.evidence))
        down, serves = any(each.down for each in known), all(each.serves for each in known)
        return replace(best, has_incident=incident is not None, down=down, serves=serves)

    def _explains(self, each: Culprit) -> bool:
        """Tell whether the upstream's trouble can be behind this suspicion: its kind, its time, its evidence."""
        if each.evidence is EvidenceKind.TEXT and self._own is not EvidenceKind.TEXT:
            return False
        began = self._suspicion.began_at
        if each.serves and _well_for(each.unit, self._world, began) >= _WELL_S:
            return False
        if each.began_at is None:
            return True
        in_a_circle = self._suspicion.unit in self._world.upstream_set(each.unit)
        return each.began_at <= (began if in_a_circle and not each.has_incident else began + self._slack)

    def _order(self, each: Culprit) -> tuple[bool, bool, int, bool, float]:
        configured = is_configured(self._suspicion.unit, each.unit, self._world)
        began = each.began_at.timestamp() if each.began_at is not None else 0.0
        return (not each.has_incident, not each.down, _STRENGTH.index(each.evidence), not configured, began)

    def _timed(self, each: Culprit) -> Culprit:
        if each.began_at is None:
            return each
        return replace(each, before_s=max(0.0, (self._suspicion.began_at - each.began_at).total_seconds()))


def could_explain(suspicion: Suspicion, below: Incident, world: World, slack: timedelta) -> bool:
    """Tell whether an incident further down, opened before this was seen, can have this cause."""
    if suspicion.fault in _REACHES_NOBODY:
        return False
    of_below = strongest(symptom for symptom in below.symptoms if symptom.unit == below.unit)
    if strength(suspicion) is EvidenceKind.TEXT and of_below is not EvidenceKind.TEXT:
        return False
    return _earliest(suspicion.unit, suspicion.began_at, world) <= below.began_at + slack


def in_trouble(unit: UnitId, world: World, has_incident: Callable[[UnitId], bool]) -> bool:
    """Tell whether something is wrong with a unit: an incident, down, failing its probe, or frozen."""
    seen = world.units.get(unit)
    if has_incident(unit) or (seen is not None and is_down(seen, world)):
        return True
    health = world.health.get(unit)
    if health is not None and not health.ok:
        return True
    return seen is not None and is_frozen(seen, world)


def confirmed_down(unit: UnitId, world: World) -> bool:
    """Tell whether nothing more needs to be waited for: the unit has no process, or none that may run."""
    seen = world.units.get(unit)
    return seen is not None and (is_down(seen, world) or (is_frozen(seen, world) and not _is_asked(seen, world)))


def at_upstream(cause: Culprit, suspicion: Suspicion, world: World) -> Suspicion:
    """Return the suspicion against the culprit, of which nothing is known but that others suffer from it."""
    seen = world.units.get(cause.unit)
    samples = frozen_samples(seen, world) if seen is not None else ()
    fault = Fault.HANG if samples else Fault.DEGRADED if cause.slow else Fault.DEPENDENCY_DOWN
    symptoms = (*suspicion.symptoms, *samples)
    return Suspicion(fault=fault, unit=cause.unit, began_at=suspicion.began_at, symptoms=symptoms)


def upstream_of(unit: UnitId, world: World) -> tuple[UnitId, ...]:
    """Return all that a unit depends on, as far as blame may follow: what was configured, or seen lately."""
    return world.all_upstream(unit)


def downstream_of(unit: UnitId, world: World) -> tuple[UnitId, ...]:
    """Return all that depends on a unit, as far as blame may follow."""
    return world.all_downstream(unit)


def is_configured(unit: UnitId, up: UnitId, world: World) -> bool:
    """Tell whether a person said that `unit` depends on `up`, directly or by others."""
    found: set[UnitId] = set()
    frontier = {unit}
    while frontier and up not in found:
        frontier = {near for each in frontier for near in world.configured_upstream(each)} - found
        found |= frontier
    return up in found


def _earliest(unit: UnitId, began: datetime, world: World) -> datetime:
    """Return since when it may have been in trouble: a probe tells of it only when it is asked the next time."""
    health = world.health.get(unit)
    if health is None or health.ok or health.last_ok is None:
        return began
    return min(began, health.last_ok)


def _last_death(unit: UnitId, world: World) -> datetime | None:
    past = world.history.get(unit)
    return past.deaths[-1].at if past is not None and past.deaths else None


def _well_for(unit: UnitId, world: World, at: datetime) -> float:
    """Return for how many seconds the unit had been well at that time; 0 where it was not, or nobody knows."""
    seen, health = world.units.get(unit), world.health.get(unit)
    if seen is None or not seen.processes or any(_frozen_now(unit, process, world) for process in seen.processes):
        return 0.0
    if health is not None:
        return (at - health.since).total_seconds() if health.ok else 0.0
    return at.timestamp() - max(process.key.started for process in seen.processes)


def _frozen_now(unit: UnitId, process: Process, world: World) -> bool:
    past = world.history.get(unit)
    series = past.samples.get(process.key) if past is not None else None
    return bool(series) and series is not None and series[-1].data.get("state") == "T"


def _is_asked(unit: Unit, world: World) -> bool:
    spec = world.spec(unit.id)
    return spec is not None and spec.health is not None and unit.state is not UnitState.STOPPED
