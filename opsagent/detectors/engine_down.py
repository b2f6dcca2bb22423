"""A supervisor's own daemon is gone, or answers and has lost what an earlier one ran."""

from __future__ import annotations

from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Incident, Signal, SignalKind
from opsagent.naming import daemon_unit

_OF_THE_DAEMON = frozenset({SignalKind.SUPERVISOR_LOST, SignalKind.SUPERVISOR_BACK, SignalKind.SUPERVISOR_TROUBLED})


def observe(said: Signal) -> Suspicion:
    """Turn SUPERVISOR_LOST or SUPERVISOR_TROUBLED into a suspicion."""
    unit = daemon_unit(str(said.data["supervisor"]))
    return Suspicion(fault=Fault.ENGINE_DOWN, unit=unit, began_at=said.at, symptoms=(said,))


def is_gone(incident: Incident) -> bool:
    """Tell whether the daemon does not answer, as far as the incident knows: then it explains what its units suffer."""
    said = [symptom.kind for symptom in incident.symptoms if symptom.kind in _OF_THE_DAEMON]
    return not said or said[-1] is SignalKind.SUPERVISOR_LOST
