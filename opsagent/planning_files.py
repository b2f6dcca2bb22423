"""Rows of steps about files: logs of a full disk, owners and modes, items of a spool, logs opened anew. Pure."""

from __future__ import annotations

from pathlib import Path

from opsagent.model import Check, CheckKind, Scalar, Step
from opsagent.planning import new_id
from opsagent.planning_parts import action_of
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Unit


def carry_away_steps(unit: Unit, path: Path, shelf: Path, name: str, *, after: str, size: int) -> tuple[Step, ...]:
    """Move the lines of a log that fills its disk to a shelf in the home, `name` there. `after`: stamp of the newest
    archive on it.
    """
    return (
        Step(
            action=action_of(ActionName.ROTATE_LOG, unit.id, path=str(path), shelf=name),
            goal=Check(kind=CheckKind.LOG_ROTATED, unit=unit.id, args={"path": str(shelf), "after": after}),
            timeout_s=30.0,
            why=f"{path.name} has {size / 1e6:.1f} MB, and its disk is full",
        ),
    )


def restore_mode_steps(unit: Unit, files: str, *, why: str = "") -> tuple[Step, ...]:
    """Give files their owner and mode of when the unit was last well. `files`: as `opsagent_tools.modes.read` takes it."""
    return (
        Step(
            action=action_of(ActionName.RESTORE_MODE, unit.id, files=files),
            goal=Check(kind=CheckKind.MODES_ARE, unit=unit.id, args={"files": files}),
            undo=action_of(ActionName.RESTORE_MODE, unit.id, files=files, back=True),
            timeout_s=5.0,
            why=why or f"owner or mode changed since {unit.name} was last well",
        ),
    )


def set_item_aside_steps(unit: Unit, path: Path, sha256: str, uid: int) -> tuple[Step, ...]:
    """Move one item of a spool into the quarantine of the home, so that no worker finds it again."""
    kept = f"quarantine/{unit.name.replace('/', '_')[:40]}-{new_id()}/{path.name}"
    args: dict[str, Scalar] = {"sha256": sha256, "uid": uid, "item": True}
    return (
        Step(
            action=action_of(ActionName.QUARANTINE, unit.id, path=str(path), to=kept, **args),
            goal=Check(kind=CheckKind.PATH_GONE, unit=unit.id, args={"path": str(path)}),
            undo=action_of(ActionName.QUARANTINE, unit.id, path=kept, to=str(path), back=True, **args),
            timeout_s=5.0,
            why=f"{unit.name} dies of {path.name}",
        ),
    )


def reopen_steps(unit: Unit, pid: int, started: float, name: str, path: Path) -> tuple[Step, ...]:
    """Have a process open its logs anew, so that it lets go of a deleted one."""
    return (
        Step(
            action=action_of(ActionName.REOPEN_LOG, unit.id, pid=pid, started=started, signal=name),
            goal=Check(kind=CheckKind.LET_GO, unit=unit.id, args={"path": str(path)}),
            timeout_s=8.0,
            why=f"{unit.name} writes to a log that was deleted",
        ),
    )


def log_less_steps(unit: Unit, pid: int, started: float, name: str) -> tuple[Step, ...]:
    """Have a process log less, by the signal that a person named for that."""
    return (
        Step(
            action=action_of(ActionName.SET_LOG_LEVEL, unit.id, pid=pid, started=started, signal=name),
            goal=Check(kind=CheckKind.ALWAYS, unit=unit.id),
            timeout_s=2.0,
            why=f"{unit.name} floods its log",
        ),
    )
