"""Rows of steps that put new instances in the place of old ones: reload, restart, and fewer of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from opsagent.model import Check, CheckKind, Plan, Scalar, Step
from opsagent.planning_parts import action_of, all_replaced, start_timeout_s, stop_timeout_s
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import ProcessKey, Unit

_CANARY_READY_S = 1.5
PERSONS_RESTART_S = 1.0
"""What does not stay up this long after a person's restart has not come up."""
PERSONS_CANARY_S = 3.0
"""A person reloads for a new release, which may die of something that it does a little later."""
_NEXT_READY_S = 0.5
_FRACTION = 8
_CHANGES = frozenset({ActionName.RELOAD, ActionName.RESTART, ActionName.SCALE})
_PUT_FILES = frozenset({ActionName.ROLLBACK, ActionName.ROLLBACK_CONFIG})
_CALLED = frozenset({"reload", "restart"})
_CANARY = "canary"


def restart_steps(unit: Unit, spec: ServiceSpec | None = None, *, stays_s: float = 0.0) -> tuple[Step, ...]:
    """Stop and start a unit: it does not serve in between. `stays_s`: seconds that its new processes must stay up."""
    args: dict[str, Scalar] = {"stays_s": stays_s} if stays_s else {}
    return (
        Step(
            action=action_of(ActionName.RESTART, unit.id, **args),
            goal=all_replaced(unit),
            timeout_s=stop_timeout_s(spec) + start_timeout_s(spec),
            why=f"{unit.name} starts anew",
        ),
    )


def rolling_reload_steps(
    unit: Unit,
    spec: ServiceSpec | None = None,
    *,
    first: int | None = None,
    canary_s: float = _CANARY_READY_S,
    anew: bool = False,
) -> tuple[Step, ...]:
    """Replace the instances of a unit, the first of them (of pid `first`, if given) alone: it is the canary.

    `canary_s`: seconds that the canary must stay up and well before any other is touched. How it is done depends on
    what the unit allows (`way_of`). Up to 8 instances go one by one, more of them an eighth at a time.
    `anew`: new processes are wanted, so that a unit that could reload by itself is not asked to.
    """
    way = way_of(unit)
    if way is Way.RESTART or (way is Way.IN_PLACE and anew):
        return restart_steps(unit, spec, stays_s=canary_s)
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
        action=action_of(ActionName.RELOAD, unit.id, **args),
        gate=None if args.get("canary") else healthy,
        goal=goal,
        timeout_s=stop_timeout_s(spec) + start_timeout_s(spec),
        why=why,
    )


def _in_place(unit: Unit, spec: ServiceSpec | None) -> Step:
    return Step(
        action=action_of(ActionName.RELOAD, unit.id, in_place=True),
        goal=Check(kind=CheckKind.HEALTHY, unit=unit.id),
        timeout_s=start_timeout_s(spec),
        why="it reloads by itself",
    )


def scale_down_steps(unit: Unit, instances: int, spec: ServiceSpec | None = None) -> tuple[Step, ...]:
    """Take instances away one at a time, each gracefully, only while the service is well; undo gives them back."""
    return tuple(
        Step(
            action=action_of(ActionName.SCALE, unit.id, instances=wanted, gently=True),
            gate=Check(kind=CheckKind.HEALTHY, unit=unit.id),
            goal=Check(kind=CheckKind.RUNNING, unit=unit.id, args={"instances": wanted}),
            undo=action_of(ActionName.SCALE, unit.id, instances=wanted + 1),
            timeout_s=stop_timeout_s(spec) + start_timeout_s(spec),
            why=f"{wanted} stay",
        )
        for wanted in range(unit.instances - 1, instances - 1, -1)
    )


def kind_of(plan: Plan) -> str:
    """Return what kind of change a plan is about: `reload`, `restart` or `scale`; "" where it is none of these.

    That files are put back first does not make it another kind.
    """
    steps = [step for step in plan.steps if step.action.name not in _PUT_FILES]
    names = [step.action.name for step in steps if step.action.name in _CHANGES]
    if not names or len(names) != len(steps):
        return ""
    # A reload that can only be a restart, or a restart one by one, is still what it was called.
    called = plan.remedy.rpartition("/")[2]
    return called if called in _CALLED else names[0].value


def only_put_files(plan: Plan, begun: int) -> bool:
    """Tell whether none of the first `begun` steps has touched an instance: they put files back, or there are none."""
    return all(step.action.name in _PUT_FILES for step in plan.steps[:begun])


def way_in(plan: Plan, unit: Unit) -> Way:
    """Return how this plan replaces the unit's instances."""
    first = next(step.action for step in plan.steps if step.action.name not in _PUT_FILES)
    if first.name is ActionName.RESTART:
        return Way.RESTART
    return Way.IN_PLACE if first.args.get("in_place") else way_of(unit)


def can_replace_one(unit: Unit) -> bool:
    """Tell whether one of several instances can be replaced while the others serve."""
    return len(unit.processes) > 1 and way_of(unit) in {Way.BESIDE, Way.CANARY_THEN_REPLACE, Way.ONE_BY_ONE}


def replace_one_steps(unit: Unit, spec: ServiceSpec | None, pid: int) -> tuple[Step, ...]:
    """Replace the one instance of this pid, and no other. ValueError: it is not there, or cannot go alone."""
    old = next((process.key for process in unit.processes if process.pid == pid), None)
    if old is None or not can_replace_one(unit):
        raise ValueError(f"instance {pid} of {unit.name} alone")
    return (_reload(unit, spec, (old,), "the one ill instance", canary=True, ready_s=_CANARY_READY_S),)


def can_surge(unit: Unit) -> bool:
    """Tell whether a new instance can stand beside an old one."""
    return bool(unit.processes) and unit.surges
