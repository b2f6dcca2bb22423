"""Named rows of steps that a runbook's file may ask for, and what each needs to be told. Pure.

A new action brings its row here: a line in `ROWS`. What has none is one plain step: its goal as the file says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from opsagent import planning, planning_files
from opsagent.model import Scalar, Step
from opsagent.planning_processes import renice_steps, shed_load_steps
from opsagent.releases.steps import rollback_steps
from opsagent.runbooks.case import Target
from opsagent_tools.units import UnitId, UnitState

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


def _rollback_configs(target: Target, args: Args) -> tuple[Step, ...]:
    """Put every file back that a condition of `opsagent.runbooks.configuration` blames: `1_path`, `1_good` …"""
    steps: list[Step] = []
    for number in range(1, int(args["files"]) + 1):
        path, good, current = (str(args[f"{number}_{name}"]) for name in ("path", "good", "current"))
        mode = int(args[f"{number}_mode"])
        steps += planning.rollback_config_steps(target.unit, Path(path), good, current, mode=mode)
    return tuple(steps)


def _redefine(target: Target, args: Args) -> tuple[Step, ...]:
    return planning.redefine_steps(target.unit, str(args["good"]), str(args["current"]))


def _take_up(target: Target, args: Args) -> tuple[Step, ...]:
    """Have it run with what it is given now: started where it is down, else replaced one instance at a time."""
    if args.get("down") or not target.unit.processes:
        return planning.start_steps(target.unit, target.spec)
    return planning.rolling_reload_steps(target.unit, target.spec)


def _rollback(target: Target, args: Args) -> tuple[Step, ...]:
    release, replaces, label = (str(args[name]) for name in ("release", "replaces", "label"))
    return rollback_steps(target.unit.id, release=release, replaces=replaces, label=label)


def _reload_one(target: Target, args: Args) -> tuple[Step, ...]:
    """Replace the one instance of pid `worst_pid`, and no other."""
    return planning.replace_one_steps(target.unit, target.spec, int(args["worst_pid"]))


def _renice(target: Target, args: Args) -> tuple[Step, ...]:
    """Lower the priority of its processes; `were` is how each of them is weighed now."""
    return renice_steps(target.unit, str(args["were"]))


def _shed_load(target: Target, args: Args) -> tuple[Step, ...]:
    """Take it away until `server` is well, then start it again."""
    return shed_load_steps(target.unit, UnitId.parse(str(args["server"])), target.spec)


def _carry_away(target: Target, args: Args) -> tuple[Step, ...]:
    path, shelf = Path(str(args["path"])), Path(str(args["shelf"]))
    return planning_files.carry_away_steps(
        target.unit, path, shelf, str(args["shelf_name"]), after=str(args["after"]), size=int(args.get("bytes", 0))
    )


def _restore_mode(target: Target, args: Args) -> tuple[Step, ...]:
    return planning_files.restore_mode_steps(target.unit, str(args["files"]))


def _set_item_aside(target: Target, args: Args) -> tuple[Step, ...]:
    return planning_files.set_item_aside_steps(
        target.unit, Path(str(args["path"])), str(args["sha256"]), int(args["uid"])
    )


def _reopen_log(target: Target, args: Args) -> tuple[Step, ...]:
    pid, started, name = int(args["signal_pid"]), float(args["started"]), str(args["signal"])
    return planning_files.reopen_steps(target.unit, pid, started, name, Path(str(args["path"])))


def _start_what_ended(target: Target, args: Args) -> tuple[Step, ...]:
    """Start it only where it ended and nobody starts it again; what lives, or is started anew, is left alone."""
    return _start(target, args) if target.unit.state is UnitState.EXITED else ()


def _rollback_flood(target: Target, args: Args) -> tuple[Step, ...]:
    path, good, current = Path(str(args["config"])), str(args["good"]), str(args["current"])
    return planning.rollback_config_steps(target.unit, path, good, current)


def _log_less(target: Target, args: Args) -> tuple[Step, ...]:
    pid, started, name = int(args["signal_pid"]), float(args["started"]), str(args["signal"])
    return planning_files.log_less_steps(target.unit, pid, started, name)


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
        "carry_away": _carry_away,
        "restore_mode": _restore_mode,
        "set_item_aside": _set_item_aside,
        "reopen_log": _reopen_log,
        "log_less": _log_less,
        "start_what_ended": _start_what_ended,
        "rollback_flood": _rollback_flood,
        "rollback_config": _rollback_config,
        "rollback_configs": _rollback_configs,
        "redefine": _redefine,
        "take_up": _take_up,
        "rollback": _rollback,
        "reload_one": _reload_one,
        "renice": _renice,
        "shed_load": _shed_load,
        "start_engine": _start_engine,
    }
)
"""By name; where it is an action's name, a step with that action is this row."""
