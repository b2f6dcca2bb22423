"""What a detector hands over: it suspects this fault at this unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsagent.model import Fault, Signal
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState

_ERRORS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A fault that one detector sees, before anybody asked whose fault it is."""

    fault: Fault
    unit: UnitId
    began_at: datetime
    symptoms: tuple[Signal, ...]
    may_be_upstream: bool = False
    """True: if an upstream is in trouble, that explains it."""


def errors_before(unit: UnitId, world: World, at: datetime, seconds: float) -> tuple[Signal, ...]:
    """Return the last error lines of a unit, one of each signature, oldest first."""
    past = world.history.get(unit)
    if past is None:
        return ()
    since = at - timedelta(seconds=seconds)
    last = {str(signal.data.get("signature", "")): signal for signal in past.errors if since <= signal.at <= at}
    return tuple(sorted(last.values(), key=lambda signal: signal.at)[-_ERRORS_SHOWN:])


def is_desired(unit: Unit, world: World) -> bool:
    """Tell whether somebody expects the unit to serve: it has a port or a health probe, or is always restarted."""
    spec = world.spec(unit.id)
    serves = bool(unit.ports) or (spec is not None and (spec.port is not None or spec.health is not None))
    return serves or unit.autorestart


def is_down(unit: Unit, world: World) -> bool:
    """Tell whether the unit is missing: ended and expected to serve, or stopped. A finished job is not."""
    if unit.processes:
        return False
    if unit.state is UnitState.STOPPED:
        return True
    return unit.state is UnitState.EXITED and (is_desired(unit, world) or unit.last_exit not in {0, None})


def is_frozen(unit: Unit, world: World) -> bool:
    """Tell whether the kernel says of all the unit's processes that a signal stopped them (state T)."""
    return bool(frozen_samples(unit, world))


def frozen_samples(unit: Unit, world: World) -> tuple[Signal, ...]:
    """Return the last sample of each of the unit's processes if all are stopped by a signal, else none."""
    past = world.history.get(unit.id)
    if past is None:
        return ()
    last = tuple(past.samples[process.key][-1] for process in unit.processes if past.samples.get(process.key))
    frozen = len(last) == len(unit.processes) and all(signal.data.get("state") == "T" for signal in last)
    return last if frozen else ()
