"""The supervisor's own daemon is gone."""

from __future__ import annotations

from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Signal
from opsagent_tools.units import UnitId

ENGINE = "engine"


def engine_unit(supervisor: str) -> UnitId:
    """Return the id under which a supervisor's daemon itself is a unit of this machine."""
    return UnitId.local(supervisor, ENGINE)


def observe(lost: Signal) -> Suspicion:
    """Turn SUPERVISOR_LOST into a suspicion."""
    unit = engine_unit(str(lost.data["supervisor"]))
    return Suspicion(fault=Fault.ENGINE_DOWN, unit=unit, began_at=lost.at, symptoms=(lost,))
