"""Whose fault is it? The unit furthest up the dependencies that is itself in trouble."""

from __future__ import annotations

from collections.abc import Callable

from opsagent.detectors.suspicion import Suspicion, frozen_samples, is_down, is_frozen
from opsagent.model import Fault
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState

HasIncident = Callable[[UnitId], bool]


def culprit(unit: UnitId, world: World, has_incident: HasIncident) -> UnitId | None:
    """Return the upstream whose trouble explains that of `unit`; None if all that it depends on is well.

    Of several, one with an open incident comes before one that is down, and that before one that only fails.
    """
    troubled = [up for up in world.all_upstream(unit) if in_trouble(up, world, has_incident)]
    roots = [up for up in troubled if not any(further in troubled for further in world.all_upstream(up))]
    candidates = roots or troubled  # a circle has no root
    if not candidates:
        return None
    return min(candidates, key=lambda up: (not has_incident(up), not _down(up, world)))


def in_trouble(unit: UnitId, world: World, has_incident: HasIncident) -> bool:
    """Tell whether something is wrong with a unit: an incident, down, failing its probe, or frozen."""
    if has_incident(unit) or _down(unit, world):
        return True
    health = world.health.get(unit)
    if health is not None and not health.ok:
        return True
    seen = world.units.get(unit)
    return seen is not None and is_frozen(seen, world)


def confirmed_down(unit: UnitId, world: World) -> bool:
    """Tell whether nothing more needs to be waited for: the unit has no process, or none that may run."""
    seen = world.units.get(unit)
    return seen is not None and (is_down(seen, world) or (is_frozen(seen, world) and not _is_asked(seen, world)))


def at_upstream(cause: UnitId, suspicion: Suspicion, world: World) -> Suspicion:
    """Return the suspicion against `cause`, of which nothing is known but that others suffer from it."""
    seen = world.units.get(cause)
    samples = frozen_samples(seen, world) if seen is not None else ()
    fault = Fault.HANG if samples else Fault.DEPENDENCY_DOWN
    symptoms = (*suspicion.symptoms, *samples)
    return Suspicion(fault=fault, unit=cause, began_at=suspicion.began_at, symptoms=symptoms)


def _down(unit: UnitId, world: World) -> bool:
    seen = world.units.get(unit)
    return seen is not None and is_down(seen, world)


def _is_asked(unit: Unit, world: World) -> bool:
    spec = world.spec(unit.id)
    return spec is not None and spec.health is not None and unit.state is not UnitState.STOPPED
