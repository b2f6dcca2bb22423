"""Makes remedies, as decide weighs them, of what a runbook's file says. Pure, but for importing the code that it names.

What every remedy of a file needs, whatever its conditions: the unit is told of by its supervisor, belongs to no other
user, was not stopped by a person; and nothing upstream explains the trouble, unless the file says that its evidence
stands for itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from opsagent.model import Check, Scalar, Step
from opsagent.planning_parts import action_of
from opsagent.runbooks import upstream
from opsagent.runbooks.case import Target
from opsagent.runbooks.commands import command_step
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.library.card import AIM, ROOT, UPSTREAM, Card, EscalateCard, RemedyCard, RunbookError
from opsagent.runbooks.library.conditions import Broken, holds, parse_fact, without_probe
from opsagent.runbooks.library.goals import GOALS
from opsagent.runbooks.library.rows import ROWS
from opsagent.runbooks.remedy import Against, Aim, Fit, Remedy, at_root
from opsagent.runbooks.screens import procedure_step
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitState

_WAIT_S = 10.0
_LOOKED_UP = "$"
_FIT = "$fit."


def remedies_of(card: Card) -> tuple[Remedy, ...]:
    """Return the card's remedies that are weighed by what the card says; not those that it only describes."""
    return tuple(_remedy(card, one) for one in card.remedies if not one.counted_as)


def calls_of(card: Card) -> tuple[Callable[[Findings], str | None], ...]:
    """Return the card's reasons to call a person, as decide asks them; not those that it only describes."""
    return tuple(_call(one) for one in card.escalate if one.when and not one.condition)


@cache
def resolved(reference: str) -> Callable[..., Any]:
    """Return the function that `module:function` names. Raises RunbookError."""
    module, _, name = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise RunbookError(f"{reference}: there is no such function: mend its name") from error
    if not callable(found):
        raise RunbookError(f"{reference}: is no function: name one")
    return found  # type: ignore[no-any-return]


def _remedy(card: Card, said: RemedyCard) -> Remedy:
    aim = aim_of(said.aim)
    after = said.after if not said.after or "/" in said.after else f"{said.counts_as.rpartition('/')[0]}/{said.after}"

    def condition(findings: Findings, target: Target) -> Fit | Against:
        return fits(said, after, findings, target)

    return Remedy(
        name=said.counts_as,
        does=said.does,
        aim=aim,
        condition=condition,
        steps=lambda fit: steps_of(said, fit),
        after=after if said.aim == ROOT else "",
        verify_s=said.verify_s,
        undo=said.undo,
        cause=card.cause,
        order=said.order,
        expects=said.expects,
        verify=tuple(when.text for when in said.verify),
    )


def aim_of(aim: str) -> Aim:
    """Return how the unit is found that a remedy is for."""
    if aim == ROOT:
        return at_root
    if aim == UPSTREAM:
        return upstream.aim
    fact = parse_fact(aim)

    def named(findings: Findings) -> Target | Against:
        facts = findings.of(fact.probe, findings.case.incident.unit)
        unit = facts.words(fact.name) if facts.answered else ""
        if not unit:
            return Against(facts.words("said") or f"{fact.probe} names nobody")
        return findings.named(unit) or Against(f"{unit} is not known here")

    return named


def fits(said: RemedyCard, after: str, findings: Findings, target: Target) -> Fit | Against:
    """Tell whether a remedy of a file fits now, and look up what its steps need to know. Raises NotAsked."""
    unit = target.unit
    if after and said.aim != ROOT and not findings.tried(after, unit.id):
        return Against(f"only after {after}")
    shown = holds(said.when, findings, unit.id, target)
    if isinstance(shown, Broken):
        return Against(shown.why)
    fit = Fit(target=target, why=shown.why or said.does)
    code = resolved(said.condition) if said.condition else said.judge
    if said.condition and code is not None:
        found = code(findings, target)
        if isinstance(found, Against):
            return found
        assert isinstance(found, Fit), f"{said.condition} says neither that it fits nor why not"
        fit = found
    else:
        state = findings.of("unit_state", unit.id)
        why = not_ours(state, unit)
        if not why and state.words("state") == UnitState.STOPPED:
            why = f"{unit.name} was stopped on purpose"
        if why:
            return Against(why)
        if code is not None:
            judged = code(findings, target)
            if isinstance(judged, Against):
                return judged
            fit = judged
    if said.aim == ROOT and not said.despite_upstream:
        why = upstream.explains(findings)
        if why:
            return Against(why)
    return _with_args(said, fit, findings)


def _with_args(said: RemedyCard, fit: Fit, findings: Findings) -> Fit | Against:
    """Look up every `$PROBE.FACT` now: what the steps are told is what the conditions were judged by."""
    args: dict[str, Scalar] = dict(fit.args)
    for table in (said.args, *_step_args(said)):
        for value in table.values():
            if not isinstance(value, str) or not value.startswith(_LOOKED_UP) or value.startswith(_FIT):
                continue
            fact = parse_fact(value[1:])
            target = findings.root if fact.of_root else fit.target
            unit = findings.case.incident.unit if fact.of_root else fit.target.unit.id
            told = without_probe(fact.probe, fact.name, findings, target)
            if told is None and fact.probe not in ("unit", "incident"):
                facts = findings.of(fact.probe, unit)
                told = facts.evidence.facts.get(fact.name) if facts.answered else None
            if told is None:
                return Against(f"{fact.probe} of {unit.name} does not tell {fact.name}")
            args[value] = told
    whole = Fit(target=fit.target, why=fit.why, args=args, root=findings.root)
    try:
        steps_of(said, whole)
    except RunbookError as error:
        return Against(str(error))
    return whole


def _step_args(said: RemedyCard) -> list[Mapping[str, Scalar]]:
    found: list[Mapping[str, Scalar]] = []
    for step in said.steps:
        found.append(step.args)
        found.append({word: word for word in (*step.command, *step.undo_command)})
        if step.goal_args is not None:
            found.append(step.goal_args)
        if step.undo is not None:
            found.append(step.undo.args)
    return found


def steps_of(said: RemedyCard, fit: Fit) -> tuple[Step, ...]:
    """Return the steps of a remedy that fits. Raises RunbookError where one asks for what nobody told."""
    try:
        if said.rows:
            args = {**fit.args, **_known(said.args, fit)}
            return tuple(step for row in said.rows for step in ROWS[row](fit.target, args))
        return tuple(step for number in range(len(said.steps)) for step in _step(said, number, fit))
    except (KeyError, ValueError) as error:
        raise RunbookError(f"{said.counts_as}: a step lacks {error}: name it in its args") from error


def _step(remedy: RemedyCard, number: int, fit: Fit) -> tuple[Step, ...]:
    said = remedy.steps[number]
    target = fit.target if said.on == AIM else fit.root
    if target is None:
        raise ValueError("the incident's unit")
    if said.command:
        return (command_step(target.unit, remedy, number, fit.args),)
    args = _known(said.args, fit)
    if said.action is ActionName.RUN_GUI_PROCEDURE:
        return (procedure_step(target.unit, args, f"{remedy.does}: {args['procedure']}"),)
    row = ROWS.get(said.action)
    if row is not None and said.goal is None and said.undo is None:
        return row(target, {**fit.args, **args})
    goal = said.goal or GOALS.get(said.action)
    if goal is None:
        raise ValueError(f"a goal for {said.action}")
    unit = target.unit.id
    undo = action_of(said.undo.action, unit, **_known(said.undo.args, fit)) if said.undo is not None else None
    goal_args = args if said.goal_args is None else _known(said.goal_args, fit)
    return (
        Step(
            action=action_of(said.action, unit, **args),
            goal=Check(kind=goal, unit=unit, args=goal_args),
            undo=undo,
            timeout_s=_WAIT_S if said.wait_s is None else said.wait_s,
            why=fit.why,
        ),
    )


def _known(args: Mapping[str, Scalar], fit: Fit) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, value in args.items():
        if isinstance(value, str) and value.startswith(_FIT):
            found[name] = fit.args[value[len(_FIT) :]]
        elif isinstance(value, str) and value.startswith(_LOOKED_UP):
            found[name] = fit.args[value]
        else:
            found[name] = value
    return found


def _call(said: EscalateCard) -> Callable[[Findings], str | None]:
    def needs_a_person(findings: Findings) -> str | None:
        found = holds(said.when, findings, findings.case.incident.unit, findings.root)
        if isinstance(found, Broken):
            return None
        return f"{found.why}; {said.say}" if found.why else said.say

    return needs_a_person
