"""The open incidents: opened, strengthened, moved to their cause, closed. One incident per cause, one per unit."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from opsagent.detectors.describe import summary
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent.notice import Noticed
from opsagent_tools.units import UnitId

_RANK = (
    Fault.FLAPPING,
    Fault.ERROR_BURST,
    Fault.DEGRADED,
    Fault.DEPENDENCY_DOWN,
    Fault.MEMORY_GROWTH,
    Fault.SATURATION,
    Fault.HANG,
    Fault.CRASH,
    Fault.CRASH_LOOP,
    Fault.BAD_RELEASE,
    Fault.ENGINE_DOWN,
)
"""What an incident turns into when another fault of the same unit joins it: the later in this row."""
_FIRST_KEPT = 10
_SEEN_KEPT, _ERRORS_TOLD = 500, 50
"""Kinds of symptoms that are remembered of one incident, and of how many kinds of error lines each is news."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new incident."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Updated:
    """More is known of an open incident: symptoms, units affected, its fault, or where its cause is."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Closed:
    """Detect takes an incident back: it was no trouble (a person stopped the unit), or is part of another one."""

    incident_id: str
    why: str


Detection = Opened | Updated | Closed | Noticed


def new_id() -> str:
    """Return a fresh incident id."""
    return f"inc-{secrets.token_hex(4)}"


@dataclass(slots=True)
class _Entry:
    incident: Incident
    seen: dict[tuple[str, ...], None]
    """Kinds of symptoms that it has already, the oldest first: the same again is no news."""
    moves: bool = True
    """False: something is decided, its unit stays."""

    def is_news(self, symptom: Signal) -> bool:
        if _news(symptom) in self.seen:
            return False
        # who logs something else each time says nothing new by that
        return symptom.kind is not SignalKind.LOG_ERROR or sum(kind[0] == _ERROR for kind in self.seen) < _ERRORS_TOLD

    def take(self, symptom: Signal) -> None:
        for kind in [kind for kind in self.seen if _contradicts(symptom, kind)]:
            del self.seen[kind]
        self.seen[_news(symptom)] = None
        while len(self.seen) > _SEEN_KEPT:
            del self.seen[next(iter(self.seen))]


class Book:
    """All open incidents by unit."""

    def __init__(self, symptoms_kept: int, make_id: Callable[[], str] = new_id) -> None:
        self._kept = symptoms_kept
        self._make_id = make_id
        self._entries: dict[str, _Entry] = {}
        self._by_unit: dict[UnitId, Incident] | None = None
        """The same by unit; None: something changed since it was worked out."""

    def __iter__(self) -> Iterator[Incident]:
        return iter([entry.incident for entry in self._entries.values()])

    def has(self, unit: UnitId) -> bool:
        """Tell whether there is an open incident whose cause is at `unit`."""
        return self.at(unit) is not None

    def at(self, unit: UnitId) -> Incident | None:
        """Return the open incident whose cause is at `unit`."""
        if self._by_unit is None:  # of two at one unit the older one
            self._by_unit = {incident.unit: incident for incident in reversed(list(self))}
        return self._by_unit.get(unit)

    def touching(self, unit: UnitId) -> list[Incident]:
        """Return the open incidents that are at `unit` or affect it."""
        return [incident for incident in self if unit == incident.unit or unit in incident.affected]

    def open(
        self, suspicion: Suspicion, now: datetime, affected: frozenset[UnitId] = frozenset(), *, why: str = ""
    ) -> Opened:
        """Open an incident."""
        incident = Incident(
            id=self._make_id(),
            fault=suspicion.fault,
            unit=suspicion.unit,
            opened_at=now,
            began_at=suspicion.began_at,
            symptoms=self._bounded(suspicion.symptoms),
            affected=affected - {suspicion.unit},
            why_root=why,
        )
        entry = _Entry(incident=_described(incident), seen=dict.fromkeys(map(_news, suspicion.symptoms)))
        self._entries[incident.id], self._by_unit = entry, None
        return Opened(entry.incident)

    def adopt(self, incident: Incident) -> None:
        """Take over an incident that was open before this process began."""
        seen = dict.fromkeys(map(_news, incident.symptoms))
        self._entries[incident.id], self._by_unit = _Entry(incident=incident, seen=seen, moves=False), None

    def add(
        self,
        incident: Incident,
        symptoms: Iterable[Signal] = (),
        *,
        affected: frozenset[UnitId] = frozenset(),
        fault: Fault | None = None,
        unit: UnitId | None = None,
        always: bool = False,
        why: str = "",
    ) -> tuple[Updated, ...]:
        """Add to an incident; nothing comes of it if nothing of it is news (`always`: each symptom is)."""
        entry = self._entries[incident.id]
        before = entry.incident
        news = [symptom for symptom in symptoms if always or entry.is_news(symptom)]
        for symptom in news:
            entry.take(symptom)
        unit = unit or before.unit
        stronger = fault if fault is not None and (unit != before.unit or _rank(fault) > _rank(before.fault)) else None
        after = replace(
            before,
            fault=stronger or before.fault,
            unit=unit,
            began_at=min([before.began_at, *(symptom.at for symptom in news if unit != before.unit)]),
            symptoms=self._bounded((*before.symptoms, *news)),
            affected=(before.affected | affected | ({before.unit} if unit != before.unit else frozenset())) - {unit},
        )
        if why and (not before.why_root or (after.affected, after.unit) != (before.affected, before.unit)):
            after = replace(after, why_root=why)
        if not news and after == before:
            return ()
        entry.incident, self._by_unit = _described(after), None
        return (Updated(entry.incident),)

    def movable(self, units: Iterable[UnitId], since: datetime) -> list[Incident]:
        """Return the incidents at `units` that were opened since then and of which nothing is decided."""
        among = set(units)
        return [
            entry.incident
            for entry in self._entries.values()
            if entry.moves and entry.incident.unit in among and entry.incident.opened_at >= since
        ]

    def fix(self, incident_id: str) -> None:
        """Something is decided of it: it does not move to another unit any more."""
        if incident_id in self._entries:
            self._entries[incident_id].moves = False

    def close(self, incident_id: str) -> Incident | None:
        """Take an incident out; return it, None if it was not there."""
        entry, self._by_unit = self._entries.pop(incident_id, None), None
        return entry.incident if entry is not None else None

    def _bounded(self, symptoms: tuple[Signal, ...]) -> tuple[Signal, ...]:
        """Keep how it began and what came last."""
        if len(symptoms) <= self._kept:
            return symptoms
        return (*symptoms[:_FIRST_KEPT], *symptoms[_FIRST_KEPT - self._kept :])


def since(now: datetime, seconds: float) -> datetime:
    """Return the time so many seconds before `now`."""
    return now - timedelta(seconds=seconds)


def _described(incident: Incident) -> Incident:
    line = summary(incident.fault, incident.unit, incident.symptoms, incident.affected)
    return replace(incident, summary=line)


_ERROR = "error"


def _rank(fault: Fault) -> int:
    return _RANK.index(fault)


def _news(symptom: Signal) -> tuple[str, ...]:
    match symptom.kind:
        case SignalKind.LOG_ERROR:
            return (_ERROR, str(symptom.unit), str(symptom.data.get("signature", "")))
        case SignalKind.PROBE_FAILED:
            return ("probe", str(symptom.unit), str(symptom.data.get("reason", "")))
        case SignalKind.HOST_SAMPLE:
            return (symptom.kind.value, str(symptom.data.get("resource", "")), str(symptom.data.get("mount", "")))
        case _:
            return (symptom.kind.value, str(symptom.unit), str(symptom.process))


def _contradicts(symptom: Signal, kind: tuple[str, ...]) -> bool:
    """Tell whether that kind of symptom is news again after this one: a failed probe after a good one, and so on."""
    if symptom.kind is SignalKind.PROBE_FAILED:
        return kind[:2] == (SignalKind.PROBE_OK.value, str(symptom.unit))
    return symptom.kind is SignalKind.PROBE_OK and kind[:2] == ("probe", str(symptom.unit))
