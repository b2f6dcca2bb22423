"""Its memory grows towards its limit."""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Fault, LeaveAlone
from opsagent.runbooks.case import Target
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, Runbook, at_root
from opsagent_tools.units import UnitState

_WORTH_A_RELOAD = 0.5
"""Below this share of the limit there is time; a reload that loses no request is not worth it yet."""
_NEARLY_THERE = 0.9
_SOON_SHARE, _SOON_S = 0.75, 60.0
"""Restarting interrupts the service: only right before the limit would."""


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do any more."""
    root = findings.root
    if root is None:
        return None
    memory = findings.of("memory", root.unit.id)
    if memory.answered and memory.has("share") and memory.number("share") < _WORTH_A_RELOAD:
        return f"the memory of {root.unit.name} is back at {memory.words('said')}"
    return None


def reloadable(findings: Findings, target: Target) -> Fit | Against:
    """Its memory grows, half of the limit is used, and its instances can stand side by side."""
    growing = _growing(findings, target)
    if isinstance(growing, Against):
        return growing
    if not planning.can_surge(target.unit):
        return Against(f"the instances of {target.unit.name} cannot stand side by side")
    why = f"{target.unit.name} uses {growing.words('said')}"
    return Fit(target=target, why=why, args={"worst_pid": int(growing.number("worst_pid"))})


def restartable(findings: Findings, target: Target) -> Fit | Against:
    """Its memory grows, the limit is near, and it has but one instance: a restart comes as late as it may."""
    growing = _growing(findings, target)
    if isinstance(growing, Against):
        return growing
    if planning.can_surge(target.unit):
        return Against(f"the instances of {target.unit.name} can be replaced one at a time")
    share, soon = growing.number("share"), growing.number("limit_in_s", float("inf"))
    if share < _NEARLY_THERE and not (share >= _SOON_SHARE and soon <= _SOON_S):
        return Against(
            f"{target.unit.name} uses {growing.words('said')}: a restart would interrupt it earlier than need be"
        )
    return Fit(target=target, why=f"{target.unit.name} uses {growing.words('said')}")


def _growing(findings: Findings, target: Target) -> Facts | Against:
    unit = target.unit
    findings.want(("unit_state", unit.id), ("memory", unit.id))
    state, memory = findings.of("unit_state", unit.id), findings.of("memory", unit.id)
    why = not_ours(state, unit)
    if why:
        return Against(why)
    if state.words("state") != UnitState.RUNNING:
        return Against(f"{unit.name} is {state.words('state')}")
    if not memory.answered or not memory.has("share"):
        return Against(f"{unit.name} has no memory limit, or its memory could not be asked")
    if memory.number("share") < _WORTH_A_RELOAD:
        return Against(f"{unit.name} uses {memory.words('said')}")
    return memory


def _there_is_time(findings: Findings) -> LeaveAlone | None:
    """Where only a restart is possible, it comes as late as it may; until then the growth is watched."""
    root = findings.root
    if root is None or planning.can_surge(root.unit) or findings.tried("memory_growth/restart", root.unit.id):
        return None
    growing = _growing(findings, root)
    if isinstance(growing, Against) or growing.number("share") >= _NEARLY_THERE:
        return None
    why = f"{root.unit.name} uses {growing.words('said')}: a restart would interrupt it, and there is time yet"
    if not growing.has("limit_in_s"):
        return LeaveAlone(why=why)
    until_near_s = (
        growing.number("limit_in_s") * (_NEARLY_THERE - growing.number("share")) / (1.0 - growing.number("share"))
    )
    return LeaveAlone(why=why, look_again_s=min(max(until_near_s / 2.0, _LOOK_AGAIN_S), _LOOK_AGAIN_MOST_S))


_LOOK_AGAIN_S, _LOOK_AGAIN_MOST_S = 1.0, 300.0


RUNBOOK = Runbook(
    fault=Fault.MEMORY_GROWTH,
    looks_for="resident memory of each instance against max_memory, now",
    recovered=recovered,
    first=(
        "unit_state",
        "memory",
        "health_now",
    ),
    person=(),
    remedies=(
        Remedy(
            name="memory_growth/rolling_reload",
            does="replace its instances one at a time; no request is lost",
            aim=at_root,
            condition=reloadable,
            steps=lambda fit: planning.rolling_reload_steps(
                fit.target.unit, fit.target.spec, first=int(fit.args["worst_pid"])
            ),
        ),
        Remedy(
            name="memory_growth/restart",
            does="restart it, right before it would reach its limit",
            aim=at_root,
            condition=restartable,
            steps=lambda fit: planning.restart_steps(fit.target.unit, fit.target.spec),
        ),
    ),
    patience=_there_is_time,
    never="restart all instances at once",
)
