"""From a step that was read to the plan that the agent carries out. Pure."""

from __future__ import annotations

from opsagent import planning
from opsagent.commands.reading import CommandStep
from opsagent.model import Plan, Step
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit


def plan_of(step: CommandStep, unit: Unit, spec: ServiceSpec | None, *, text: str) -> Plan:
    """Return a person's plan for one changing step on the unit as it is now. ValueError: the step changes nothing."""
    return planning.new_plan(
        unit=unit.id,
        steps=_steps(step, unit, spec),
        remedy=f"person/{step.tool}",
        origin="person",
        source="person",
        why=text,
    )


def _steps(step: CommandStep, unit: Unit, spec: ServiceSpec | None) -> tuple[Step, ...]:
    match step.tool:
        case "start":
            return planning.start_steps(unit, spec)
        case "stop":
            return planning.stop_steps(unit, spec)
        case "restart" if step.args.get("safely"):
            return planning.rolling_reload_steps(unit, spec, canary_s=planning.PERSONS_CANARY_S, anew=True)
        case "restart":
            return planning.restart_steps(unit, spec)
        case "reload":
            return planning.rolling_reload_steps(unit, spec, canary_s=planning.PERSONS_CANARY_S)
        case "scale":
            wanted = int(step.args["instances"])
            fewer = 0 < wanted < unit.instances and bool(unit.processes)
            return (planning.scale_down_steps if fewer else planning.scale_steps)(unit, wanted, spec)
        case _:
            raise ValueError(f"{step.tool} changes nothing")
