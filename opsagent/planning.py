"""Rows of steps for the things that people and runbooks ask for. Pure: values in, steps out.

Each step carries the question that tells whether it worked, so that the journal can ask it again after a crash.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from opsagent.model import Check, CheckKind, Origin, Plan, RemedySource, Scalar, Step
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_STOP_SLACK_S = 5.0
"""What a supervisor may take beyond the service's own stop timeout."""
_START_TIMEOUT_S = 10.0
"""How long a service may take until it is healthy, beyond its health probe's grace."""
_CANARY_READY_S = 1.5
_NEXT_READY_S = 0.5


def new_id() -> str:
    """Return a short random id for a plan or an incident."""
    return secrets.token_hex(4)


def new_plan(
    *,
    unit: UnitId,
    steps: tuple[Step, ...],
    remedy: str,
    origin: Origin,
    source: RemedySource,
    incident: str | None = None,
    attempt: int = 1,
    why: str = "",
    verify_s: float = 5.0,
) -> Plan:
    """Return a plan with an id of its own."""
    return Plan(
        id=new_id(),
        unit=unit,
        steps=steps,
        remedy=remedy,
        origin=origin,
        source=source,
        incident=incident,
        attempt=attempt,
        why=why,
        verify_s=verify_s,
    )


def start_steps(unit: Unit, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Bring up a unit that is down."""
    return (
        Step(
            action=_action(ActionName.START, unit.id),
            goal=Check(kind=CheckKind.HEALTHY, unit=unit.id),
            timeout_s=_start_timeout_s(spec),
            why=f"{unit.name} is down",
        ),
    )


def stop_steps(unit: Unit, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Stop a unit for good."""
    return (
        Step(
            action=_action(ActionName.STOP, unit.id),
            goal=Check(kind=CheckKind.DOWN, unit=unit.id),
            undo=_action(ActionName.START, unit.id),
            timeout_s=_stop_timeout_s(spec),
        ),
    )


def restart_steps(unit: Unit, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Stop and start a unit: it does not serve in between."""
    return (
        Step(
            action=_action(ActionName.RESTART, unit.id),
            goal=_replaced(unit),
            timeout_s=_stop_timeout_s(spec) + _start_timeout_s(spec),
            why=f"{unit.name} starts anew",
        ),
    )


def rolling_reload_steps(unit: Unit, spec: ServiceSpec | None = None, *, first: int | None = None) -> tuple[Step, ...]:
    """Replace the instances of a unit one by one; the first one (of pid `first`, if given) is the canary.

    Each step starts the new instance beside the old one, waits until it is ready, and only then ends the old one.
    A canary that cannot start leaves the old set as it was. Where instances cannot stand side by side (one instance
    that binds its own port), the only step is a restart.
    """
    if not can_surge(unit):
        return restart_steps(unit, spec)
    timeout_s = _stop_timeout_s(spec) + _start_timeout_s(spec)
    return tuple(
        Step(
            action=_action(
                ActionName.RELOAD,
                unit.id,
                pid=process.key.pid,
                started=process.key.started,
                ready_s=_CANARY_READY_S if index == 0 else _NEXT_READY_S,
            ),
            gate=None if index == 0 else Check(kind=CheckKind.HEALTHY, unit=unit.id),
            goal=Check(kind=CheckKind.REPLACED, unit=unit.id, args={"pids": str(process.key.pid)}),
            timeout_s=timeout_s,
            why="canary" if index == 0 else f"instance {index + 1} of {len(unit.processes)}",
        )
        for index, process in enumerate(sorted(unit.processes, key=lambda process: process.pid != first))
    )


def scale_steps(unit: Unit, instances: int, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Run `instances` processes of a unit."""
    return (
        Step(
            action=_action(ActionName.SCALE, unit.id, instances=instances),
            goal=Check(kind=CheckKind.RUNNING, unit=unit.id, args={"instances": instances}),
            undo=_action(ActionName.SCALE, unit.id, instances=unit.instances),
            timeout_s=_stop_timeout_s(spec) + _start_timeout_s(spec),
        ),
    )


def continue_steps(unit: Unit) -> tuple[Step, ...]:
    """Let stopped processes (state T) go on."""
    return (
        Step(
            action=_action(ActionName.CONTINUE, unit.id),
            goal=Check(kind=CheckKind.RESUMED, unit=unit.id),
            timeout_s=5.0,
            why=f"{unit.name} is stopped by a signal",
        ),
    )


def stop_orphan_steps(unit: Unit, pid: int, started: float) -> tuple[Step, ...]:
    """End a process of an earlier life of the unit that nobody supervises any more."""
    return (
        Step(
            action=_action(ActionName.STOP_ORPHAN, unit.id, pid=pid, started=started),
            goal=Check(kind=CheckKind.PROCESS_GONE, unit=unit.id, args={"pid": pid, "started": started}),
            timeout_s=15.0,
            why=f"process {pid} is left over from an earlier {unit.name}",
        ),
    )


def quarantine_steps(unit: Unit, path: Path, sha256: str) -> tuple[Step, ...]:
    """Move a file aside, beside itself, never delete it. `sha256` is of the content that was looked at."""
    aside = f"{path}.quarantined-{new_id()}"
    return (
        Step(
            action=_action(ActionName.QUARANTINE, unit.id, path=str(path), to=aside, sha256=sha256),
            goal=Check(kind=CheckKind.PATH_GONE, unit=unit.id, args={"path": str(path)}),
            undo=_action(ActionName.QUARANTINE, unit.id, path=aside, to=str(path), sha256=sha256),
            timeout_s=5.0,
            why=f"{path.name} is stale",
        ),
    )


def rollback_config_steps(unit: Unit, path: Path, good: str, current: str) -> tuple[Step, ...]:
    """Put the last known good content (SHA-256 `good`) of a configuration file back in place of `current`."""
    return (
        Step(
            action=_action(ActionName.ROLLBACK_CONFIG, unit.id, path=str(path), sha256=good, replaces=current),
            goal=Check(kind=CheckKind.FILE_IS, unit=unit.id, args={"path": str(path), "sha256": good}),
            undo=_action(ActionName.ROLLBACK_CONFIG, unit.id, path=str(path), sha256=current, replaces=good),
            timeout_s=5.0,
            why=f"{path.name} changed since {unit.name} was last well",
        ),
    )


def start_engine_steps(engine: UnitId) -> tuple[Step, ...]:
    """Bring a supervisor's own daemon back."""
    return (
        Step(
            action=_action(ActionName.START, engine),
            goal=Check(kind=CheckKind.SUPERVISOR_UP, unit=engine),
            timeout_s=60.0,
            why="the engine is gone",
        ),
    )


def can_surge(unit: Unit) -> bool:
    """Tell whether a new instance can stand beside an old one."""
    return bool(unit.processes) and unit.surges


def _action(name: ActionName, unit: UnitId, **args: Scalar) -> Action:
    return Action(name=name, unit=unit, args=args)


def _replaced(unit: Unit) -> Check:
    pids = ",".join(str(process.pid) for process in unit.processes)
    return Check(kind=CheckKind.REPLACED, unit=unit.id, args={"pids": pids})


def _start_timeout_s(spec: ServiceSpec | None) -> float:
    grace_s = spec.health.grace_s if spec is not None and spec.health is not None else 0.0
    return _START_TIMEOUT_S + grace_s


def _stop_timeout_s(spec: ServiceSpec | None) -> float:
    return (spec.stop_timeout_s if spec is not None else 30.0) + _STOP_SLACK_S
