"""From the two states of a release to the plan that takes a unit from one to the other and has it run with it. Pure."""

from __future__ import annotations

from opsagent import planning
from opsagent.model import Plan, Step
from opsagent.releases.steps import rollback_steps
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitState

PERSONS = "person/rollback"
"""The remedy of a rollback that a person asked for."""


def rollback_plan(
    unit: Unit,
    spec: ServiceSpec | None,
    *,
    release: str,
    replaces: str,
    label: str,
    well: bool,
    canary_s: float = planning.PERSONS_CANARY_S,
    why: str = "",
) -> Plan:
    """Return a person's plan: the files of `replaces` become those of `release` (both kept manifests), then it runs
    with them. `well`: it serves now, so that it is reloaded safely where it can be; else it is started anew.
    """
    then = run_with_them(unit, spec, well=well, canary_s=canary_s)
    restarts = bool(then) and then[0].action.name is not ActionName.RELOAD
    files = rollback_steps(unit.id, release=release, replaces=replaces, label=label, undo_restarts=restarts)
    return planning.new_plan(
        unit=unit.id,
        steps=(*files, *then),
        remedy=PERSONS,
        origin="person",
        source="person",
        why=why or f"rollback of {unit.name} to {label}",
    )


def run_with_them(
    unit: Unit, spec: ServiceSpec | None, *, well: bool, canary_s: float = planning.PERSONS_CANARY_S
) -> tuple[Step, ...]:
    """Have a unit run with the files that stand there. What a person stopped stays stopped."""
    if unit.state is UnitState.STOPPED:
        return ()
    if unit.state is UnitState.EXITED or not unit.processes:
        return planning.start_steps(unit, spec)
    if well and unit.state is UnitState.RUNNING:
        return planning.rolling_reload_steps(unit, spec, canary_s=canary_s, anew=True)
    return planning.restart_steps(unit, spec, stays_s=planning.PERSONS_RESTART_S)
