"""From a step that was read to the plan that the agent carries out. Pure."""

from __future__ import annotations

from opsagent import planning
from opsagent.commands.reading import CommandStep
from opsagent.model import Plan, Step
from opsagent.naming import is_daemon
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit


def plan_of(
    step: CommandStep,
    unit: Unit,
    spec: ServiceSpec | None,
    *,
    text: str,
    canary_s: float = planning.PERSONS_CANARY_S,
) -> Plan:
    """Return a person's plan for one changing step on the unit as it is now. ValueError: the step changes nothing.

    `canary_s`: seconds that the first new instance of a reload has to stay up.
    """
    return planning.new_plan(
        unit=unit.id,
        steps=_steps(step, unit, spec, canary_s),
        remedy=f"person/{step.tool}",
        origin="person",
        source="person",
        why=text,
    )


def _steps(step: CommandStep, unit: Unit, spec: ServiceSpec | None, canary_s: float) -> tuple[Step, ...]:
    match step.tool:
        case "start" if is_daemon(unit.id):  # whatever outlived it, if anything did, is ended first
            return planning.start_engine_steps(unit.id, ends=unit.instances)
        case "start":
            return planning.start_steps(unit, spec)
        case "stop":
            return planning.stop_steps(unit, spec)
        case "restart" if step.args.get("safely"):
            return planning.rolling_reload_steps(unit, spec, canary_s=canary_s, anew=True)
        case "restart":
            return planning.restart_steps(unit, spec, stays_s=planning.PERSONS_RESTART_S)
        case "reload":
            return planning.rolling_reload_steps(unit, spec, canary_s=canary_s)
        case "scale":
            wanted = int(step.args["replicas"])
            fewer = 0 < wanted < unit.instances and bool(unit.processes)
            return (planning.scale_down_steps if fewer else planning.scale_steps)(unit, wanted, spec)
        case _:
            raise ValueError(f"{step.tool} changes nothing")
