"""Reads evidence for the runbooks, and notes which probe is wanted where there is none yet.

A rule simply asks for what it needs (`findings.of("port_holder", target)`); where the probe has not run yet, NotAsked
leaves the rule and decide turns it into Investigate. A probe that has answered never raises again, and there are as
many questions as probes times units, so an investigation ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opsagent.model import Attempt, Evidence, EvidenceKind, ProbeRequest, SignalKind
from opsagent.runbooks.case import Case, Target
from opsagent_tools.units import UnitId

FAILED = "failed"
"""Fact of a probe that could not find out: why."""


class NotAsked(Exception):
    """These probes have to run before the rule can say anything."""

    def __init__(self, requests: tuple[ProbeRequest, ...]) -> None:
        self.requests = requests
        super().__init__(", ".join(f"{request.probe} of {request.unit.name}" for request in requests))


class Facts:
    """What one probe found, typed. What it does not tell reads as no, 0 or nothing: never as a reason to act."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @property
    def answered(self) -> bool:
        """Tell whether the probe could find out at all."""
        return FAILED not in self.evidence.facts

    def flag(self, name: str) -> bool:
        return self.evidence.facts.get(name) is True

    def number(self, name: str, default: float = 0.0) -> float:
        value = self.evidence.facts.get(name, default)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default

    def words(self, name: str) -> str:
        value = self.evidence.facts.get(name, "")
        return value if isinstance(value, str) else ""

    def has(self, name: str) -> bool:
        return name in self.evidence.facts


@dataclass(frozen=True, slots=True)
class Life:
    """Of one process; seconds since the epoch."""

    born: float
    died: float

    @property
    def lasted_s(self) -> float:
        return self.died - self.born


class Findings:
    """The case as the runbooks' rules see it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        since = case.fresh_since
        self._known: dict[ProbeRequest, Evidence] = {}
        for evidence in case.evidence:
            request = ProbeRequest(evidence.probe, evidence.unit)
            older = self._known.get(request)
            if (since is None or evidence.at >= since) and (older is None or evidence.at >= older.at):
                self._known[request] = evidence

    @property
    def root(self) -> Target | None:
        return Target(unit=self.case.unit, spec=self.case.spec) if self.case.unit is not None else None

    def of(self, probe: str, unit: UnitId) -> Facts:
        """Return what `probe` found about `unit`. Text is no ground for a rule: it reads as unanswered here."""
        self.want((probe, unit))
        evidence = self._known[ProbeRequest(probe, unit)]
        if evidence.kind is EvidenceKind.TEXT:
            return Facts(Evidence(probe=probe, kind=evidence.kind, unit=unit, at=evidence.at, facts={FAILED: "text"}))
        return Facts(evidence)

    def known(self, probe: str, unit: UnitId) -> Facts | None:
        """Return what is known without asking for it; for notes."""
        evidence = self._known.get(ProbeRequest(probe, unit))
        return Facts(evidence) if evidence is not None else None

    def want(self, *wanted: tuple[str, UnitId]) -> None:
        """Have these probes run side by side. Raises NotAsked with those that have not run."""
        requests = tuple(dict.fromkeys(ProbeRequest(probe, unit) for probe, unit in wanted))
        missing = tuple(request for request in requests if request not in self._known)
        if missing:
            raise NotAsked(missing)

    def upstream(self, unit_id: str) -> Target | None:
        """Return the upstream unit of that id."""
        return next((target for target in self.case.upstream if str(target.unit.id) == unit_id), None)

    def named(self, unit_id: str) -> Target | None:
        """Return the unit of that id, whatever it has to do with the root. Only for what kernel, supervisor or probe names."""
        root = self.root
        near = (*((root,) if root is not None else ()), *self.case.upstream, *self.case.others)
        return next((target for target in near if str(target.unit.id) == unit_id), None)

    def tried(self, remedy: str, unit: UnitId) -> bool:
        """Tell whether this remedy was tried on this unit for this incident."""
        return any(attempt.remedy == remedy and _concerns(attempt, unit) for attempt in self.case.tried)

    def tried_any(self, ending: str, unit: UnitId, *, in_vain: bool = False) -> bool:
        """Tell whether a remedy whose name ends like this was tried on this unit for this incident."""
        return any(
            attempt.remedy.endswith(ending) and _concerns(attempt, unit) and not (in_vain and attempt.better)
            for attempt in self.case.tried
        )

    def was_done(self, *beginnings: str, unit: UnitId | None = None) -> bool:
        """Tell whether a remedy whose name begins like one of these was carried out (on this unit), here or beside it."""
        return any(
            done.remedy.startswith(beginnings) and (unit is None or _concerns(done, unit))
            for done in (*self.case.tried, *self.case.beside)
        )

    def lives(self, unit: UnitId) -> tuple[Life, ...]:
        """Return from when to when each process of `unit` lived that died in this incident; first death first."""
        return tuple(self._lives(unit))

    def _lives(self, unit: UnitId) -> Iterator[Life]:
        for signal in sorted(self.case.incident.symptoms, key=lambda signal: signal.at):
            if signal.kind is SignalKind.DEATH and signal.unit == unit:
                died = signal.at.timestamp()
                # a process that came and went before anybody looked at it lived for a moment
                yield Life(born=min(died, signal.process.started) if signal.process is not None else died, died=died)


def _concerns(attempt: Attempt, unit: UnitId) -> bool:
    return attempt.unit is None or attempt.unit == unit
