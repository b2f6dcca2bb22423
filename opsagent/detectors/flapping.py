"""A health probe that answers and fails in turn. A blip, a deploy or one outage is not it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from opsagent.detectors.suspicion import Suspicion
from opsagent.model import EvidenceKind, Fault, Scalar, Signal, SignalKind
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.metrics.flapping import Flapping, FlappingSettings
from opsagent_tools.units import UnitId


class FlappingDetector:
    """Counts how often each unit's health changes."""

    def __init__(self, settings: FlappingSettings | None = None) -> None:
        self._settings = settings
        self._units: dict[UnitId, Flapping] = {}
        self._failed: dict[UnitId, Signal] = {}

    def observe(self, answer: Signal) -> Sequence[Suspicion | Notice]:
        """Take one answer of a probe, good or bad."""
        unit = answer.unit
        if unit is None:
            return ()
        ok = answer.kind is SignalKind.PROBE_OK
        if not ok:
            self._failed[unit] = answer
        flapping = self._units.get(unit)
        if flapping is None:
            flapping = self._units[unit] = Flapping(self._settings)
        flap = flapping.add(answer.at.timestamp(), ok)
        if flap is None:
            return ()
        since = datetime.fromtimestamp(flap.since, UTC)
        if flap.lasts:
            failed = self._failed.get(unit, answer)
            symptoms = (answer,) if failed is answer else (failed, answer)
            found = Suspicion(fault=Fault.FLAPPING, unit=unit, began_at=since, symptoms=symptoms, may_be_upstream=True)
            return (found,)
        minutes = max(1, round((flap.at - flap.since) / 60))
        text = f"the probe of {unit.name} answered and failed in turn, {flap.changes} times in {minutes} min"
        data: dict[str, Scalar] = {"changes": flap.changes, "since": since.isoformat()}
        kind = NoticeKind.FLAPPING
        return (Notice(kind=kind, unit=unit, at=answer.at, evidence=EvidenceKind.PROBE, text=text, data=data),)

    def stopped(self, unit: UnitId) -> None:
        """A person stopped it, or it is not there any more: begin again."""
        self._units.pop(unit, None)
        self._failed.pop(unit, None)

    def keep(self, units: set[UnitId]) -> None:
        """Let go of all others."""
        for gone in self._units.keys() - units:
            self.stopped(gone)
