"""The supervisor's own daemon is gone."""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Fault
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, Runbook
from opsagent_tools.units import Unit, UnitState

OURS = "circus"
"""The only kind of supervisor whose daemon is ours to start."""


def recovered(findings: Findings) -> str | None:
    """Return why there is nothing to do any more."""
    engine = findings.case.incident.unit
    if findings.of("supervisor_state", engine).flag("reachable"):
        return f"{engine.supervisor} answers again"
    return None


def _not_ours(findings: Findings) -> str | None:
    engine = findings.case.incident.unit
    return None if engine.supervisor == OURS else f"{engine.supervisor} is not ours to start"


def _aim(findings: Findings) -> Target:
    """Aim at the unit that stands for the daemon; no supervisor lists it."""
    return Target(unit=Unit(id=findings.case.incident.unit, state=UnitState.UNKNOWN))


def _gone(findings: Findings, target: Target) -> Fit | Against:
    engine = target.unit.id
    if engine.supervisor != OURS:
        return Against(f"{engine.supervisor} is not ours to start")
    state = findings.of("supervisor_state", engine)
    if not state.answered or state.flag("reachable") or not state.flag("gone"):
        return Against(state.words("said") or f"it is not known whether {engine.supervisor} is gone")
    return Fit(target=target, why=state.words("said"))


RUNBOOK = Runbook(
    fault=Fault.ENGINE_DOWN,
    looks_for="whether the daemon answers now",
    recovered=recovered,
    first=("supervisor_state",),
    person=(_not_ours,),
    remedies=(
        Remedy(
            name="engine_down/start_engine",
            does="bring the daemon back; it ends what its predecessor left running before it starts the services",
            aim=_aim,
            condition=_gone,
            steps=lambda fit: planning.start_engine_steps(fit.target.unit.id),
        ),
    ),
    never="start the services beside the ones that outlived the daemon",
)
