"""`stop everything`: which units that means, in which order, and which are left alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from opsagent.carrying.words import say
from opsagent.commands.known import Known
from opsagent.commands.reading import CommandStep, Language
from opsagent.naming import index, is_daemon
from opsagent_tools.registry import READING
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState

ALL = "all"
Forbids = Callable[[str, UnitId], str]
"""Tells why a tool is not used on a unit now; empty: it may be."""
_DEPENDENTS_FIRST = frozenset({"stop"})
"""What is taken away goes in the order in which nobody misses it; everything else begins with what others need."""
_TAKES_UNITS = frozenset({"start", "stop", "restart", "reload", "scale", "hold"})
_ORDERS = frozenset({"hold"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What `all` means now."""

    steps: tuple[CommandStep, ...]
    left: tuple[tuple[str, str], ...] = ()
    """Units that are left alone, and why, in the person's language."""


def means_all(step: CommandStep) -> bool:
    """Tell whether the step is a change of everything."""
    return step.tool not in READING and step.tool in _TAKES_UNITS and step.target in {None, ALL}


def _nothing(_tool: str, _unit: UnitId) -> str:
    return ""


def expand(
    step: CommandStep,
    units: Sequence[Unit],
    spec_of: Callable[[UnitId], ServiceSpec | None],
    held: Mapping[UnitId, str],
    language: Language,
    *,
    forbids: Forbids = _nothing,
) -> Expanded:
    """Return a step for each unit that it would change, and name those that are left alone.

    Supervisors' own daemons are not meant by `all`; what a person protects, holds or forbade is not either. `forbids`:
    tells what else is against it, in the person's language.
    """
    known = Known.of(units)
    names = index(unit.id for unit in units)
    steps: list[CommandStep] = []
    left: list[tuple[str, str]] = []
    for unit in in_order(units, spec_of, reverse=step.tool in _DEPENDENTS_FIRST):
        if is_daemon(unit.id):
            continue
        name = unit.name if len(names.get(unit.name, ())) == 1 else str(unit.id)
        why = _why_left(step.tool, unit, spec_of(unit.id), held, language) or forbids(step.tool, unit.id)
        if why:
            left.append((name, why))
        else:
            one = known.step(step.tool, name, step.args)
            steps.append(replace(one, why=step.why or one.why))
    return Expanded(steps=tuple(steps), left=tuple(left))


def _why_left(tool: str, unit: Unit, spec: ServiceSpec | None, held: Mapping[UnitId, str], language: Language) -> str:
    if tool not in _ORDERS:
        if spec is not None and spec.protected:
            return say(language, "protected")
        if unit.id in held:
            return say(language, "on hold", why=held[unit.id] or say(language, "no reason"))
    if tool == "start" and unit.state in {UnitState.RUNNING, UnitState.STARTING}:
        return say(language, "running already")
    if tool in {"stop", "restart", "reload", "scale"} and unit.state is UnitState.STOPPED:
        return say(language, "stopped already")
    return ""


def in_order(
    units: Sequence[Unit], spec_of: Callable[[UnitId], ServiceSpec | None], *, reverse: bool = False
) -> tuple[Unit, ...]:
    """Return the units so that what others need comes before them; `reverse`: after them. A circle is cut anywhere."""
    names = index(unit.id for unit in units)
    by_id = {unit.id: unit for unit in units}
    done: dict[UnitId, None] = {}
    visiting: set[UnitId] = set()

    def visit(unit: UnitId) -> None:
        if unit in done or unit in visiting:
            return
        visiting.add(unit)
        spec = spec_of(unit)
        for name in spec.depends_on if spec is not None else ():
            for other in names.get(name, ()):
                if other in by_id:
                    visit(other)
        done[unit] = None

    for unit in sorted(by_id):
        visit(unit)
    order = tuple(by_id[unit] for unit in done)
    return order[::-1] if reverse else order
