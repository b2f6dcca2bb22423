"""From a procedure and what it is told to the plan that the agent carries out: one step, bound to the very version. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from opsagent.model import Check, CheckKind, Plan, Scalar, Step
from opsagent.naming import screen_unit
from opsagent.planning import new_plan
from opsagent.planning_parts import action_of
from opsagent.screen_settings import OWN
from opsagent.screens import kept as keeping
from opsagent.screens.kept import Kept
from opsagent.screens.names import new_run
from opsagent.screens.risky import in_words
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId

_LOOKS_S = 1.0
"""How long the goal is asked for: the run itself has waited for its effect."""


def plan_of(
    kept: Kept,
    told: Mapping[str, str],
    *,
    display: str = OWN,
    why: str = "",
    answer_s: float | None = None,
    looked: Sequence[str] = (),
) -> Plan:
    """Return the plan of one run that a person ordered: which version, told what, on which display.

    `answer_s`: how long it waits for a person before a step that needs one; None: as `[screens]` says. `looked`: runs that
    were cut short, and that whoever orders this one is told of.
    """
    unit, risky = screen_unit(kept.name), in_words(kept.procedure)
    args: dict[str, Scalar] = {
        "procedure": kept.name,
        "version": kept.version,
        "digest": kept.digest,
        "told": as_told([one.name for one in kept.procedure.parameters], told),
        "display": display,
    }
    if display != OWN:
        args["shared"] = True
    if answer_s is not None:
        args["answer_s"] = answer_s
    if looked:
        args["looked"] = " ".join(looked)
    if risky:
        args["risky"] = risky
    return new_plan(
        unit=unit,
        steps=(step_of(unit, args, shown(kept, told)),),
        remedy=keeping.remedy(kept.name),
        origin="person",
        source="person",
        why=why or f"run {kept.name}",
    )


def step_of(unit: UnitId, args: Mapping[str, Scalar], why: str) -> Step:
    """Return the step of a run with these arguments, under a new name: so it is kept, and asked for when it has ended."""
    run = new_run()
    return Step(
        action=action_of(ActionName.RUN_GUI_PROCEDURE, unit, **args, run=run),
        goal=Check(kind=CheckKind.PROCEDURE_RAN, unit=unit, args={"run": run}),
        timeout_s=_LOOKS_S,
        why=why,
    )


def as_told(parameters: Sequence[str], told: Mapping[str, str]) -> str:
    """Return values as an action carries them: in the order of the parameters, without their names.

    A name like `password` beside a value would be masked in the journal, although the value is only the name of a secret.
    """
    return json.dumps([told[name] for name in parameters], ensure_ascii=False)


def told_in(kept: Kept, said: str) -> dict[str, str]:
    """Return them again. Raises ValueError where they are not those of this version."""
    values = json.loads(said)
    names = [one.name for one in kept.procedure.parameters]
    if not isinstance(values, list) or len(values) != len(names):
        raise ValueError(f"{kept.name} takes other values than these")
    return {name: str(value) for name, value in zip(names, values, strict=True)}


def shown(kept: Kept, told: Mapping[str, str]) -> str:
    """Return a run in one line, for whoever is asked about it."""
    secret = {one.name for one in kept.procedure.parameters if one.secret}
    values = ", ".join(f"{name}={value}" for name, value in told.items() if name not in secret)
    secrets = ", ".join(value for name, value in told.items() if name in secret)
    whole = f"{kept.name} (version {kept.version}) in {kept.procedure.window.program}"
    return whole + (f": {values}" if values else "") + (f"; with the secrets {secrets}" if secrets else "")
