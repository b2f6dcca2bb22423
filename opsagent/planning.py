"""Rows of steps for the things that people and runbooks ask for. Pure: values in, steps out.

Each step carries the question that tells whether it worked, so that the journal can ask it again after a crash.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from opsagent.model import Check, CheckKind, Origin, Plan, RemedySource, Scalar, Step
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import ProcessKey, Unit, UnitId

_STOP_SLACK_S = 5.0
"""What a supervisor may take beyond the service's own stop timeout."""
_PRIVATE_MODE = 0o600
_START_TIMEOUT_S = 10.0
"""How long a service may take until it is healthy, beyond its health probe's grace."""
_CANARY_READY_S = 1.5
PERSONS_CANARY_S = 3.0
"""A person reloads for a new release, which may die of something that it does a little later."""
_NEXT_READY_S = 0.5
_FRACTION = 8
_CANARY = "canary"


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


def rolling_reload_steps(
    unit: Unit, spec: ServiceSpec | None = None, *, first: int | None = None, canary_s: float = _CANARY_READY_S
) -> tuple[Step, ...]:
    """Replace the instances of a unit, the first of them (of pid `first`, if given) alone: it is the canary.

    `canary_s`: seconds that the canary must stay up and well before any other is touched. How it is done depends on
    what the unit allows (`way_of`). Up to 8 instances go one by one, more of them an eighth at a time.
    """
    way = way_of(unit)
    if way is Way.RESTART:
        return restart_steps(unit, spec)
    if way is Way.IN_PLACE:
        return (_in_place(unit, spec),)
    olds = sorted((process.key for process in unit.processes), key=lambda key: key.pid != first)
    if way is Way.CANARY_THEN_REPLACE:
        return (
            _reload(unit, spec, (), _CANARY, canary=True, ready_s=canary_s),
            *_replacing(unit, spec, olds),
            _reload(unit, spec, (), "the canary goes", last=True),
        )
    return (
        _reload(unit, spec, olds[:1], _CANARY, canary=True, ready_s=canary_s),
        *_replacing(unit, spec, olds[1:]),
    )


class Way(StrEnum):
    """How a unit's instances can be replaced without taking the service down."""

    BESIDE = "beside"
    """A new one stands beside each old one until it has proved itself."""
    CANARY_THEN_REPLACE = "canary_then_replace"
    """One new one beside all old ones proves the release; then each is replaced under its own number."""
    ONE_BY_ONE = "one_by_one"
    """One is down while it is replaced; the others serve."""
    IN_PLACE = "in_place"
    """Its supervisor tells it to reload by itself."""
    RESTART = "restart"
    """It is down while it starts anew."""


def way_of(unit: Unit) -> Way:
    """Return how this unit's instances can be replaced."""
    if can_surge(unit):
        return Way.CANARY_THEN_REPLACE if unit.numbered else Way.BESIDE
    if len(unit.processes) > 1:
        return Way.ONE_BY_ONE
    return Way.IN_PLACE if unit.reloads_in_place and unit.processes else Way.RESTART


def _replacing(unit: Unit, spec: ServiceSpec | None, olds: Sequence[ProcessKey]) -> Iterator[Step]:
    """Give the steps for the rest, each with a gate: the service is well."""
    every = max(1, -(-len(unit.processes) // _FRACTION)) if len(unit.processes) > _FRACTION else 1
    done = len(unit.processes) - len(olds)
    for at in range(0, len(olds), every):
        group = olds[at : at + every]
        last = done + at + len(group)
        which = f"instance {last}" if len(group) == 1 else f"instances {done + at + 1} to {last}"
        yield _reload(unit, spec, group, f"{which} of {len(unit.processes)}", ready_s=_NEXT_READY_S)


def _reload(unit: Unit, spec: ServiceSpec | None, olds: Sequence[ProcessKey], why: str, **args: Scalar) -> Step:
    if len(olds) == 1:
        args = {"pid": olds[0].pid, "started": olds[0].started, **args}
    elif olds:
        args = {"batch": ",".join(f"{old.pid}:{old.started!r}" for old in olds), **args}
    pids = ",".join(str(old.pid) for old in olds)
    healthy = Check(kind=CheckKind.HEALTHY, unit=unit.id)
    goal = Check(kind=CheckKind.REPLACED, unit=unit.id, args={"pids": pids}) if olds else healthy
    if args.get("last"):
        goal = Check(kind=CheckKind.RUNNING, unit=unit.id, args={"instances": unit.instances})
    return Step(
        action=_action(ActionName.RELOAD, unit.id, **args),
        gate=None if args.get("canary") else healthy,
        goal=goal,
        timeout_s=_stop_timeout_s(spec) + _start_timeout_s(spec),
        why=why,
    )


def _in_place(unit: Unit, spec: ServiceSpec | None) -> Step:
    return Step(
        action=_action(ActionName.RELOAD, unit.id, in_place=True),
        goal=Check(kind=CheckKind.HEALTHY, unit=unit.id),
        timeout_s=_start_timeout_s(spec),
        why="it reloads by itself",
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


def scale_down_steps(unit: Unit, instances: int, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Take instances away one at a time, each gracefully, only while the service is well; undo gives them back."""
    return tuple(
        Step(
            action=_action(ActionName.SCALE, unit.id, instances=wanted, gently=True),
            gate=Check(kind=CheckKind.HEALTHY, unit=unit.id),
            goal=Check(kind=CheckKind.RUNNING, unit=unit.id, args={"instances": wanted}),
            undo=_action(ActionName.SCALE, unit.id, instances=wanted + 1),
            timeout_s=_stop_timeout_s(spec) + _start_timeout_s(spec),
            why=f"{wanted} stay",
        )
        for wanted in range(unit.instances - 1, instances - 1, -1)
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


def rollback_config_steps(
    unit: Unit, path: Path, good: str, current: str, *, mode: int = _PRIVATE_MODE
) -> tuple[Step, ...]:
    """Put the last known good content (SHA-256 `good`) of a configuration file back in place of `current`, which is
    empty where the file is missing: it is made anew then, with `mode`.
    """
    args: dict[str, Scalar] = {
        "path": str(path),
        "sha256": good,
        "replaces": current,
        **({} if current else {"mode": mode}),
    }
    return (
        Step(
            action=_action(ActionName.ROLLBACK_CONFIG, unit.id, **args),
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
