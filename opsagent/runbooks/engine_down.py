"""A supervisor's own daemon is gone, or is back without what it ran.

The embedded engine is the agent's own and comes back by its own rules. The daemon of somebody else's supervisor comes
back by `Supervisor.revive`, which says beforehand what it would do, and only where nobody ended it on purpose.
"""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Fault
from opsagent.naming import is_our_engine
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, Runbook
from opsagent_tools.units import Unit, UnitState


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do any more."""
    engine = findings.case.incident.unit
    state = findings.of("supervisor_state", engine)
    if state.flag("reachable") and not state.words("trouble"):
        return f"{engine.supervisor} answers again"
    if state.flag("gone") and state.words("ended"):
        return f"nobody misses {engine.supervisor}: {state.words('ended')}"
    return None


def for_a_person(findings: Findings) -> str | None:
    """Return what a person can do where the supervisor is not ours to bring back."""
    engine = findings.case.incident.unit
    state = findings.of("supervisor_state", engine)
    if is_our_engine(engine) or not state.answered or state.words("revival"):
        return None
    outlived = int(state.number("outlived"))
    left = f"; {outlived} of its processes live on without it" if outlived else ""
    hint = state.words("hint")
    if state.number("pid") and not state.flag("reachable"):
        return f"{state.words('said')}: {hint or state.words('trouble')}"
    mend = f": {hint}" if hint else " to start"
    return f"{state.words('said')}{left}; it is not ours{mend}"


def _aim(findings: Findings) -> Target:
    """Aim at the unit that stands for the daemon; no supervisor lists it."""
    return Target(unit=Unit(id=findings.case.incident.unit, state=UnitState.UNKNOWN))


def ours_is_gone(findings: Findings, target: Target) -> Fit | Against:
    """The embedded engine is gone; it is ours to start."""
    engine = target.unit.id
    if not is_our_engine(engine):
        return Against(f"{engine.supervisor} is not ours to start")
    state = findings.of("supervisor_state", engine)
    if not state.answered or state.flag("reachable") or not state.flag("gone"):
        return Against(state.words("said") or f"it is not known whether {engine.supervisor} is gone")
    return Fit(target=target, why=state.words("said"))


def can_be_revived(findings: Findings, target: Target) -> Fit | Against:
    """Somebody else's daemon is gone, or lost its list, nobody ended it on purpose, and it says how it would come back."""
    engine = target.unit.id
    if is_our_engine(engine):
        return Against("the engine has a way of its own")
    state = findings.of("supervisor_state", engine)
    if not state.answered:
        return Against(f"it is not known how {engine.supervisor} is")
    if state.words("ended") or not (state.flag("gone") or state.words("trouble")):
        return Against(state.words("ended") or state.words("said"))
    revival = state.words("revival")
    if not revival:
        return Against(state.words("hint") or f"{engine.supervisor} is not ours to start")
    ends = int(state.number("outlived"))
    return Fit(target=target, why=f"{state.words('said')}; it {revival}", args={"ends": ends})


RUNBOOK = Runbook(
    fault=Fault.ENGINE_DOWN,
    looks_for="whether the daemon answers now, and knows what it ran",
    recovered=recovered,
    first=("supervisor_state",),
    person=(for_a_person,),
    remedies=(
        Remedy(
            name="engine_down/start_engine",
            does="bring the daemon back; it ends what its predecessor left running before it starts the services",
            aim=_aim,
            condition=ours_is_gone,
            steps=lambda fit: planning.start_engine_steps(fit.target.unit.id),
        ),
        Remedy(
            name="engine_down/revive",
            does="bring the supervisor's daemon back with what it ran, ending first what outlived it",
            aim=_aim,
            condition=can_be_revived,
            steps=lambda fit: planning.start_engine_steps(fit.target.unit.id, ends=int(fit.args["ends"])),
        ),
    ),
    never="start the services beside the ones that outlived the daemon",
)
