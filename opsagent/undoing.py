"""What takes steps back, last first, and how it is told that they are. Pure.

An undo refuses by itself where the world changed since: its hands look at the content, the process or the release that
the step left (docs/actions.md). So one that was interrupted may be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from opsagent.model import Check, CheckKind, Plan, Step
from opsagent_tools.actions import Action, ActionName


def _always(action: Action) -> Check:
    return Check(kind=CheckKind.ALWAYS, unit=action.unit)


def _file_is(action: Action) -> Check:
    return Check(
        kind=CheckKind.FILE_IS,
        unit=action.unit,
        args={"path": action.args["path"], "sha256": action.args["sha256"]},
    )


_GOALS: Mapping[ActionName, Callable[[Action], Check]] = {
    ActionName.START: lambda action: Check(kind=CheckKind.RUNNING, unit=action.unit),
    ActionName.STOP: lambda action: Check(kind=CheckKind.DOWN, unit=action.unit),
    ActionName.SCALE: lambda action: Check(
        kind=CheckKind.RUNNING, unit=action.unit, args={"instances": action.args["instances"]}
    ),
    ActionName.QUARANTINE: lambda action: Check(
        kind=CheckKind.PATH_GONE, unit=action.unit, args={"path": action.args["path"]}
    ),
    ActionName.ROLLBACK_CONFIG: _file_is,
    ActionName.ROLLBACK: lambda action: Check(
        kind=CheckKind.RELEASE_IS, unit=action.unit, args={"release": action.args["release"]}
    ),
}


def undo_goal(action: Action) -> Check:
    """Return what holds once `action`, which takes something back, has done so; ALWAYS where nothing tells it."""
    return _GOALS.get(action.name, _always)(action)


@dataclass(frozen=True, slots=True)
class Undo:
    """One step that takes back the step of that number."""

    ordinal: int
    step: Step


def undo_of(plan: Plan, done_steps: int, undone: Collection[int] = ()) -> tuple[Undo, ...]:
    """Return what takes the first `done_steps` steps of the plan back, last first; `undone`: those that are already."""
    found = []
    for ordinal in range(min(done_steps, len(plan.steps)) - 1, -1, -1):
        undo = plan.steps[ordinal].undo
        if undo is not None and ordinal not in undone:
            timeout_s = plan.steps[ordinal].timeout_s
            found.append(Undo(ordinal, Step(action=undo, goal=undo_goal(undo), timeout_s=timeout_s, why="undo")))
    return tuple(found)


def stays(plan: Plan, done_steps: int) -> tuple[Step, ...]:
    """Return the steps among the first `done_steps` that nothing takes back, in their order."""
    return tuple(step for step in plan.steps[:done_steps] if step.undo is None)
