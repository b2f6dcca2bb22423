"""Says for a person why a cause is where it is."""

from __future__ import annotations

from collections.abc import Iterable

from opsagent.detectors.blame import Culprit, is_configured
from opsagent.detectors.wording import for_long, quoted
from opsagent.model import EvidenceKind
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


_SHOWN = 6
