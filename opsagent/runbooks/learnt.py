"""Remedies that a chat model worked out once, and a person accepted: known by their names alone. Pure.

A name says all that is done: `learnt/restart`, `learnt/restart@store`, `learnt/scale=3`. One action, on the incident's
own unit or on one that is named. Such a remedy is weighed only where a person accepted it as a procedure; guard and mode
rule on it as on any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from opsagent import planning
from opsagent.model import Step
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Condition, Fit, Remedy, at_root
from opsagent_tools.units import Unit, UnitId, UnitState

PREFIX = "learnt/"
ACTIONS = ("start", "restart", "reload", "scale")
"""What may be learnt: what puts a service to work. Never a stop, and nothing that touches files."""
MOST_INSTANCES = 64
_NAME = re.compile(r"learnt/(?P<action>start|restart|reload|scale=(?P<count>[1-9]\d?))(?:@(?P<unit>[\w.:+@-]{1,90}))?")
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a name says."""

    action: str
    unit: str = ""
    """Full name of the unit without its host (`pm2:store`); empty: the incident's own."""
    instances: int = 0


def name_of(action: str, unit: UnitId, root: UnitId, instances: int = 0) -> str:
    """Return the durable name of one action for an incident of `root`. ValueError: it is nothing that may be learnt."""
    where = "" if unit == root else f"@{unit.supervisor}:{unit.name}"
    name = f"{PREFIX}{action}{f'={instances}' if action == 'scale' else ''}{where}"
    if len(name) > _LONGEST or parsed(name) is None:
        raise ValueError(f"{action} of {unit.name} is nothing that may be learnt")
    return name


def parsed(name: str) -> Learnt | None:
    """Return what a name says; None where it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    count = int(found["count"] or 0)
    if count > MOST_INSTANCES:
        return None
    return Learnt(found["action"].partition("=")[0], found["unit"] or "", count)


def remedy_of(name: str) -> Remedy | None:
    """Return the remedy that a name means; None where it means none."""
    learnt = parsed(name)
    if learnt is None:
        return None
    return Remedy(
        name=name,
        does=f"{learnt.action} {learnt.unit.partition(':')[2] or 'the unit'}, as it was worked out once and accepted",
        aim=_aim(learnt),
        condition=_condition(learnt),
        steps=lambda fit: steps_of(learnt, fit.target),
    )


def steps_of(learnt: Learnt, target: Target) -> tuple[Step, ...]:
    """Return the steps on a unit as it is now. ValueError: there are none."""
    unit, spec = target.unit, target.spec
    match learnt.action:
        case "start":
            return planning.start_steps(unit, spec)
        case "restart":
            return planning.restart_steps(unit, spec)
        case "reload":
            return planning.rolling_reload_steps(unit, spec)
        case "scale":
            fewer = learnt.instances < unit.instances and bool(unit.processes)
            return (planning.scale_down_steps if fewer else planning.scale_steps)(unit, learnt.instances, spec)
        case other:
            raise ValueError(f"{other} is nothing that may be learnt")


def unfit(learnt: Learnt, unit: Unit, state: str) -> str:
    """Return why it makes no sense on a unit in this state, or nothing."""
    down = state not in {UnitState.RUNNING, UnitState.STARTING}
    if learnt.action == "start":
        return "" if down else f"{unit.name} runs already"
    if learnt.action == "scale":
        return f"{unit.name} runs {learnt.instances} already" if unit.instances == learnt.instances else ""
    return f"{unit.name} is down" if down else ""


def _aim(learnt: Learnt) -> Callable[[Findings], Target | Against]:
    def aim(findings: Findings) -> Target | Against:
        if not learnt.unit:
            return at_root(findings)
        case = findings.case
        near = [one for one in (*case.upstream, *case.others) if _full(one.unit.id) == learnt.unit]
        return near[0] if len(near) == 1 else Against(f"there is no {learnt.unit} any more")

    return aim


def _condition(learnt: Learnt) -> Condition:
    def condition(findings: Findings, target: Target) -> Fit | Against:
        state = findings.of("unit_state", target.unit.id)  # as it is now, and not as it was listed before
        if not state.answered:
            return Against(f"nobody tells how {target.unit.name} is")
        why = unfit(learnt, target.unit, state.words("state"))
        return Against(why) if why else Fit(target=target, why="a person accepted it for such incidents")

    return condition


def _full(unit: UnitId) -> str:
    return f"{unit.supervisor}:{unit.name}"
