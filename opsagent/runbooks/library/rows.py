"""Named rows of steps that a runbook's file may ask for, and what each needs to be told. Pure.

A new action brings its row here: a line in `ROWS`. What has none is one plain step: its goal as the file says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from opsagent import planning
from opsagent.model import Scalar, Step
from opsagent.releases.steps import rollback_steps
from opsagent.runbooks.case import Target

Args = Mapping[str, Scalar]
Row = Callable[[Target, Args], tuple[Step, ...]]


def _start(target: Target, _args: Args) -> tuple[Step, ...]:
    return planning.start_steps(target.unit, target.spec)


def _stop(target: Target, _args: Args) -> tuple[Step, ...]:
    return planning.stop_steps(target.unit, target.spec)


def _restart(target: Target, _args: Args) -> tuple[Step, ...]:
    return planning.restart_steps(target.unit, target.spec)


def _reload(target: Target, args: Args) -> tuple[Step, ...]:
    """Replace the instances one at a time, that of `worst_pid` first; a restart where there is but one."""
    worst = int(args.get("worst_pid", 0)) or None
    return planning.rolling_reload_steps(target.unit, target.spec, first=worst)


def _continue(target: Target, _args: Args) -> tuple[Step, ...]:
    return planning.continue_steps(target.unit)


def _stop_orphan(target: Target, args: Args) -> tuple[Step, ...]:
    return planning.stop_orphan_steps(target.unit, int(args["pid"]), float(args["started"]))


def _quarantine(target: Target, args: Args) -> tuple[Step, ...]:
    return planning.quarantine_steps(target.unit, Path(str(args["path"])), str(args["sha256"]))


def _rollback_config(target: Target, args: Args) -> tuple[Step, ...]:
    path, good, current = Path(str(args["path"])), str(args["good"]), str(args["current"])
    return planning.rollback_config_steps(target.unit, path, good, current)


def _rollback(target: Target, args: Args) -> tuple[Step, ...]:
    release, replaces, label = (str(args[name]) for name in ("release", "replaces", "label"))
    return rollback_steps(target.unit.id, release=release, replaces=replaces, label=label)


def _start_engine(target: Target, args: Args) -> tuple[Step, ...]:
    return planning.start_engine_steps(target.unit.id, ends=int(args.get("ends", 0)))


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "reload": _reload,
        "continue": _continue,
        "stop_orphan": _stop_orphan,
        "quarantine": _quarantine,
        "rollback_config": _rollback_config,
        "rollback": _rollback,
        "start_engine": _start_engine,
    }
)
"""By name; where it is an action's name, a step with that action is this row."""
