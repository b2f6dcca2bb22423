"""One incident of the past, followed until it is over."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime

from opsagent.detectors.describe import symptom_text
from opsagent.model import EvidenceKind, Fault, Incident, SignalKind
from opsagent.replay.grouping import kind_of
from opsagent.replay.words import Found, Seen
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.past import PastEvent, PastKind
from opsagent_tools.units import UnitId

CALM_S = 60.0
"""So long a unit must be well before its incident is over."""
_CAUSE_S = 3.0
"""An error this short before a death is taken for its reason."""
_STOOD_S = 1.0
"""What ran for so long before somebody stopped it had come back."""
_SHOWN = 5
_DIES = frozenset({Fault.CRASH, Fault.CRASH_LOOP})
_LINE = 300


class Case:
    """Collects what belongs to one incident."""

    def __init__(self, incident: Incident, now: float) -> None:
        self.incident = incident
        self.withdrawn = False
        self.ended_at: float | None = None
        self._ended = ""
        self._last = now
        """When it was last seen to be so."""
        self._up_since: float | None = None
        self._over = False
        self._gave_up = ""
        self._deaths = 0
        self._errors = 0
        self._told_deaths = 0
        self._counts: Counter[str] = Counter()
        self._seen: dict[str, Seen] = {}
        self._causes: Counter[str] = Counter()
        self._last_error: tuple[float, str, bool] | None = None
        self._how = ""
        for symptom in incident.symptoms:
            if symptom.kind is SignalKind.DEATH and symptom.unit == incident.unit:
                self._how = str(symptom.data.get("exit_code", ""))
                self._died(symptom.at.timestamp())

    @property
    def unit(self) -> UnitId:
        return self.incident.unit

    @property
    def began_at(self) -> float:
        return self.incident.began_at.timestamp()

    def update(self, incident: Incident) -> None:
        """More is known of it."""
        self.incident = incident

    def logged(self, at: float, seen: Seen, *, much: bool) -> None:
        """Take an error line of one of its units. `much`: so many that a burst is not over."""
        self._errors += seen.count
        self._counts[seen.key] += seen.count
        self._seen.setdefault(seen.key, seen)
        if much and self.incident.fault not in _DIES:
            self._last = max(self._last, at)
        held = self._last_error
        if held is None or seen.trace or not held[2] or at - held[0] > _CAUSE_S:
            self._last_error = (at, seen.key, seen.trace)
        if self.incident.fault in _DIES and self._deaths and not self._causes and 0 <= self._last - at <= _CAUSE_S:
            self._blame_last_error(self._last)

    def happened(self, event: PastEvent) -> None:
        """Take what the supervisor's log says of one of its units."""
        match event.kind:
            case PastKind.DIED:
                self._told_deaths += 1
                if self._told_deaths > 1 or not self._deaths:  # the first one opened it
                    self._died(event.at)
            case PastKind.GAVE_UP:
                self._gave_up = event.reason
            case PastKind.SPAWNED:
                self._up_since = event.at
                self._gave_up = ""
            case PastKind.STOPPED if self.incident.fault in _DIES:
                self._stopped(event.at)
            case _:
                pass

    def is_over(self, now: float, *, runs: bool) -> bool:
        """Tell whether its unit is well again."""
        if self._over:
            return True
        if now - self._last < CALM_S:
            return False
        if self.incident.fault in _DIES:
            if not runs or self._up_since is None or now - self._up_since < CALM_S:
                return False
            self._end(max(self._up_since, self._last), "it ran again")
        else:
            self._end(self._last, "it was over")
        return True

    def end_of_time(self, now: float) -> None:
        """Nothing is known any more; a unit that has been well for some seconds already is."""
        if self._over:
            return
        if self.incident.fault in _DIES and self._up_since is not None and self._up_since >= self._last:
            self._end(self._up_since, "it ran again")
        elif self.incident.fault not in _DIES and now - self._last > 10.0:
            self._end(self._last, "it was over")
        else:
            gave_up = f"its supervisor gave up ({self._gave_up}); " if self._gave_up else ""
            self._ended = f"{gave_up}still so at the end of what was read"

    def taken_back(self, now: float, why: str) -> None:
        """The detector closed it: stopped by a person, or a part of another one."""
        if "on purpose" in why:
            self._stopped(now)
        else:
            self.withdrawn = True

    def _stopped(self, at: float) -> None:
        """Somebody stopped it; what was started again before had ended the incident already."""
        if self._up_since is not None and self._up_since >= self._last and at - self._up_since >= _STOOD_S:
            self._end(self._up_since, "it ran again")
        else:
            self._end(at, "a person stopped it")

    def found(self) -> Found:
        """Return it as what is shown and remembered."""
        incident = self.incident
        signatures = self._signatures()
        summary = incident.summary
        if self._gave_up and self.ended_at is None:
            summary += "; its supervisor gave up"
        return Found(
            id=_id(incident),
            fault=incident.fault,
            unit=incident.unit,
            began_at=self.began_at,
            ended_at=self.ended_at,
            ended=self._ended,
            summary=redact(summary),
            memory_text=symptom_text(incident),
            how=self._how,
            affected=tuple(sorted(incident.affected)),
            evidence=tuple(kind for kind in EvidenceKind if any(kind is one.evidence for one in incident.symptoms)),
            deaths=self._deaths,
            errors=self._errors,
            signatures=signatures,
        )

    def _died(self, at: float) -> None:
        self._deaths += 1
        self._last = max(self._last, at)
        self._up_since = None
        self._blame_last_error(at)

    def _blame_last_error(self, at: float) -> None:
        if self._last_error is not None and at - self._last_error[0] <= _CAUSE_S:
            self._causes[self._last_error[1]] += 1
            self._last_error = None

    def _end(self, at: float, how: str) -> None:
        self.ended_at, self._ended, self._over = at, how, True

    def _signatures(self) -> tuple[Seen, ...]:
        """Return the likely cause first, then what was logged most."""
        order = sorted(self._counts, key=lambda key: (-self._causes[key], -self._counts[key], key))
        return tuple(_shown(self._seen[key], self._counts[key]) for key in order[:_SHOWN])


def own_case(fault: Fault, unit: UnitId, at: float, words: str) -> Case:
    """Return a case of what only the supervisor's log knows of: over in the moment in which it began."""
    began = datetime.fromtimestamp(at, UTC)
    incident = Incident(id="", fault=fault, unit=unit, opened_at=began, began_at=began, summary=redact(words))
    return _Told(incident, at)


class _Told(Case):
    """What a supervisor did and told; there is nothing to follow."""

    def __init__(self, incident: Incident, now: float) -> None:
        super().__init__(incident, now)
        self._end(now, "its supervisor started it again" if incident.fault is Fault.MEMORY_GROWTH else "it is back")

    def found(self) -> Found:
        found = super().found()
        found.evidence = (EvidenceKind.SUPERVISOR,)
        return found


def _id(incident: Incident) -> str:
    """Return the same id whatever else was read: neither the host nor what a signature was merged into is in it."""
    unit, began = incident.unit, int(incident.began_at.timestamp())
    said = f"{unit.supervisor}|{unit.name}|{kind_of(incident.fault).value}|{began}"
    return f"past-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _shown(seen: Seen, count: int) -> Seen:
    line = redact(" ".join(seen.line[: 4 * _LINE].split()))
    shown = line if len(line) <= _LINE else line[: _LINE - 1] + "…"
    return Seen(key=seen.key, template=seen.template, level=seen.level, line=shown, count=count, trace=seen.trace)
