"""What rows of steps are made of: actions, checks, how long things may take. Pure."""

from __future__ import annotations

from opsagent.model import Check, CheckKind, Scalar
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_STOP_SLACK_S = 5.0
"""What a supervisor may take beyond the service's own stop timeout."""
_START_TIMEOUT_S = 10.0
"""How long a service may take until it is healthy, beyond its health probe's grace."""


def action_of(name: ActionName, unit: UnitId, **args: Scalar) -> Action:
    """Return an action on a unit."""
    return Action(name=name, unit=unit, args=args)


def all_replaced(unit: Unit) -> Check:
    """Return the question whether none of the unit's processes of now is left, and it is well."""
    pids = ",".join(str(process.pid) for process in unit.processes)
    return Check(kind=CheckKind.REPLACED, unit=unit.id, args={"pids": pids})


def start_timeout_s(spec: ServiceSpec | None) -> float:
    """Return how long a service may take until it is healthy."""
    grace_s = spec.health.grace_s if spec is not None and spec.health is not None else 0.0
    return _START_TIMEOUT_S + grace_s


def stop_timeout_s(spec: ServiceSpec | None) -> float:
    """Return how long a service may take until it is down."""
    return (spec.stop_timeout_s if spec is not None else 30.0) + _STOP_SLACK_S
