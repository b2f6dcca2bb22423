"""Says for a person why a cause is where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from opsagent.detectors.blame import Culprit, is_configured
from opsagent.detectors.suspicion import Suspicion
from opsagent.detectors.wording import for_long, quoted
from opsagent.model import EvidenceKind, Incident
from opsagent.world import World
from opsagent_tools.units import UnitId

_SAID_BY = {
    EvidenceKind.KERNEL: "the kernel says so",
    EvidenceKind.SUPERVISOR: "its supervisor says so",
    EvidenceKind.PROBE: "its probe says so",
    EvidenceKind.TEXT: "only text says so",
}


def why_here(culprit: Culprit, affected: Iterable[UnitId], world: World) -> str:
    """Return why the cause is at the culprit and not where it shows."""
    names = sorted(unit for unit in affected if unit != culprit.unit)
    if not names:
        return ""
    learnt = [unit for unit in names if not is_configured(unit, culprit.unit, world)]
    how = "as seen from their connections" if len(learnt) == len(names) else "as configured" if not learnt else ""
    shown = ", ".join(unit.name for unit in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    depend = f"{shown} depend{'s' if len(names) == 1 else ''} on {culprit.unit.name}{f' ({how})' if how else ''}"
    before = f" {for_long(culprit.before_s)} before" if culprit.before_s >= 1.0 else ""
    return quoted(f"{depend}, which {culprit.what}{before} ({_SAID_BY[culprit.evidence]})")


def why_not_there(culprit: Culprit) -> str:
    """Return that the culprit is suspected, and why the incident is not laid to it."""
    return quoted(f"perhaps because of {culprit.unit.name}, which {culprit.what}; that is not sure")


def since_release(
    suspicion: Suspicion, released: Mapping[UnitId, datetime], book: Iterable[Incident], within_s: float
) -> str:
    """Return that the trouble began shortly after a release, and who got one with it and is in trouble too."""
    at, unit = released.get(suspicion.unit), suspicion.unit
    if at is None or not 0 <= (suspicion.began_at - at).total_seconds() <= within_s:
        return ""
    others = {incident.unit for incident in book} - {unit}
    beside = sorted(one.name for one in others if one in released and abs(released[one] - at) <= _SAME_DEPLOY)
    after = for_long((suspicion.began_at - at).total_seconds())
    also = f"; {', '.join(beside[:_SHOWN])} got one with it, and is in trouble too" if beside else ""
    return quoted(f"it began {after} after {unit.name} got another release{also}")


_SAME_DEPLOY = timedelta(minutes=5)
_SHOWN = 6
