"""Rows of steps for the things that people and runbooks ask for. Pure: values in, steps out.

Each step carries the question that tells whether it worked, so that the journal can ask it again after a crash.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from opsagent.log_policy import LogPolicy
from opsagent.model import Cause, Check, CheckKind, Origin, Plan, RemedySource, Scalar, Step
from opsagent.naming import is_our_engine
from opsagent.planning_parts import action_of, start_timeout_s, stop_timeout_s
from opsagent.planning_reload import (
    PERSONS_CANARY_S,
    PERSONS_RESTART_S,
    Way,
    can_replace_one,
    can_surge,
    kind_of,
    only_put_files,
    replace_one_steps,
    restart_steps,
    rolling_reload_steps,
    scale_down_steps,
    way_in,
    way_of,
)
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_PRIVATE_MODE = 0o600

__all__ = [
    "PERSONS_CANARY_S",
    "PERSONS_RESTART_S",
    "Way",
    "can_replace_one",
    "can_surge",
    "continue_steps",
    "kind_of",
    "new_id",
    "new_plan",
    "only_put_files",
    "quarantine_steps",
    "redefine_steps",
    "replace_one_steps",
    "restart_steps",
    "rollback_config_steps",
    "rolling_reload_steps",
    "rotate_log_steps",
    "scale_down_steps",
    "scale_steps",
    "start_engine_steps",
    "start_steps",
    "stop_orphan_steps",
    "stop_steps",
    "way_in",
    "way_of",
]


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
    verify: tuple[str, ...] = (),
    cause: Cause = Cause.UNKNOWN,
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
        verify=verify,
        cause=cause,
    )


def start_steps(unit: Unit, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Bring up a unit that is down."""
    return (
        Step(
            action=action_of(ActionName.START, unit.id),
            goal=Check(kind=CheckKind.HEALTHY, unit=unit.id),
            timeout_s=start_timeout_s(spec),
            why=f"{unit.name} is down",
        ),
    )


def stop_steps(unit: Unit, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Stop a unit for good."""
    return (
        Step(
            action=action_of(ActionName.STOP, unit.id),
            goal=Check(kind=CheckKind.DOWN, unit=unit.id),
            undo=action_of(ActionName.START, unit.id),
            timeout_s=stop_timeout_s(spec),
        ),
    )


def scale_steps(unit: Unit, instances: int, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Run `instances` processes of a unit."""
    return (
        Step(
            action=action_of(ActionName.SCALE, unit.id, instances=instances),
            goal=Check(kind=CheckKind.RUNNING, unit=unit.id, args={"instances": instances}),
            undo=action_of(ActionName.SCALE, unit.id, instances=unit.instances),
            timeout_s=stop_timeout_s(spec) + start_timeout_s(spec),
        ),
    )


def continue_steps(unit: Unit) -> tuple[Step, ...]:
    """Let stopped processes (state T) go on."""
    return (
        Step(
            action=action_of(ActionName.CONTINUE, unit.id),
            goal=Check(kind=CheckKind.RESUMED, unit=unit.id),
            timeout_s=5.0,
            why=f"{unit.name} is stopped by a signal",
        ),
    )


def stop_orphan_steps(unit: Unit, pid: int, started: float) -> tuple[Step, ...]:
    """End a process of an earlier life of the unit that nobody supervises any more."""
    return (
        Step(
            action=action_of(ActionName.STOP_ORPHAN, unit.id, pid=pid, started=started),
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
            action=action_of(ActionName.QUARANTINE, unit.id, path=str(path), to=aside, sha256=sha256),
            goal=Check(kind=CheckKind.PATH_GONE, unit=unit.id, args={"path": str(path)}),
            undo=action_of(ActionName.QUARANTINE, unit.id, path=aside, to=str(path), sha256=sha256),
            timeout_s=5.0,
            why=f"{path.name} is stale",
        ),
    )


def rollback_config_steps(
    unit: Unit, path: Path, good: str, current: str, *, mode: int = _PRIVATE_MODE
) -> tuple[Step, ...]:
    """Put the last known good content (SHA-256 `good`) of a configuration file back in place of `current`, which is
    empty where the file is missing: it is made anew then, with `mode`. `good` is empty where it was good that there was
    no such file: it is taken away, and kept.
    """
    args: dict[str, Scalar] = {
        "path": str(path),
        "sha256": good,
        "replaces": current,
        **({} if current else {"mode": mode}),
    }
    undo: dict[str, Scalar] = {"sha256": current, "replaces": good, **({} if good else {"mode": mode})}
    return (
        Step(
            action=action_of(ActionName.ROLLBACK_CONFIG, unit.id, **args),
            goal=Check(kind=CheckKind.FILE_IS, unit=unit.id, args={"path": str(path), "sha256": good}),
            undo=action_of(ActionName.ROLLBACK_CONFIG, unit.id, path=str(path), **undo),
            timeout_s=5.0,
            why=f"{path.name} changed since {unit.name} was last well",
        ),
    )


def redefine_steps(unit: Unit, good: str, current: str) -> tuple[Step, ...]:
    """Have the unit be started with the command and environment that it was last well with (SHA-256 `good`)."""
    return (
        Step(
            action=action_of(ActionName.ROLLBACK_CONFIG, unit.id, definition=good, replaces=current),
            goal=Check(kind=CheckKind.DEFINITION_IS, unit=unit.id, args={"sha256": good}),
            undo=action_of(ActionName.ROLLBACK_CONFIG, unit.id, definition=current, replaces=good),
            timeout_s=stop_timeout_s(None) + start_timeout_s(None),
            why=f"{unit.name} was last well with another command or environment",
        ),
    )


def rotate_log_steps(
    unit: Unit, path: Path, policy: LogPolicy, *, size: int, after: str, gap: bool = False
) -> tuple[Step, ...]:
    """Rotate a log of `size` bytes. `after`: stamp of its newest archive (`rotate_archives.newest`); `gap`: a person asked
    for it, even where a line may be lost.
    """
    kept: dict[str, Scalar] = {"keep": policy.keep, "total": policy.total, "compress": policy.compress, "gap": gap}
    return (
        Step(
            action=action_of(ActionName.ROTATE_LOG, unit.id, path=str(path), **kept),
            goal=Check(
                kind=CheckKind.LOG_ROTATED,
                unit=unit.id,
                args={"path": str(path), "after": after},
            ),
            timeout_s=10.0,
            why=f"{path.name} has {size / 1e6:.1f} MB",
        ),
    )


def start_engine_steps(engine: UnitId, *, ends: int = 0) -> tuple[Step, ...]:
    """Bring a supervisor's own daemon back. `ends`: processes that outlived it, which are ended first."""
    return (
        Step(
            action=action_of(ActionName.START, engine, **({"ends": ends} if ends else {})),
            goal=Check(kind=CheckKind.SUPERVISOR_UP, unit=engine),
            timeout_s=60.0 if is_our_engine(engine) else 20.0,
            why="the engine is gone" if is_our_engine(engine) else f"the {engine.name} is gone, or lost what it ran",
        ),
    )
