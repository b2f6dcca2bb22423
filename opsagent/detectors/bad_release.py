"""A reload showed that a new release is not fit."""

from __future__ import annotations

from datetime import datetime

from opsagent.detectors.suspicion import Suspicion
from opsagent.model import EvidenceKind, Fault, Signal, SignalKind
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

_WHY_MAX = 400


def unfit(unit: UnitId, plan: str, why: str, at: datetime) -> Signal:
    """Return what the reload `plan` says of the release that it brought."""
    data = {"plan": plan, "why": redact(why)[:_WHY_MAX]}
    return Signal(kind=SignalKind.RELEASE_UNFIT, unit=unit, at=at, evidence=EvidenceKind.PROBE, data=data)


def observe(said: Signal) -> Suspicion:
    """Turn RELEASE_UNFIT into a suspicion: nothing upstream explains it, the old instances serve beside it."""
    assert said.unit is not None
    return Suspicion(fault=Fault.BAD_RELEASE, unit=said.unit, began_at=said.at, symptoms=(said,))
