"""The one guard: every change passes here, as a plan and again before each of its steps. Pure.

The order of the rules is the order of their authority: people's intent first, then the limits, then the mode. The rules
themselves are in `opsagent.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from opsagent.model import Plan, Risk, Ruling, Step
from opsagent.policy import Policy
from opsagent.rules import limits as measure
from opsagent.rules import modes, orders, screens
from opsagent.rules.question import Question, Rule, Situation
from opsagent_tools.actions import Action, ActionName, Effect
from opsagent_tools.registry import TOOLS
from opsagent_tools.units import Unit

__all__ = [
    "TRIAL",
    "Situation",
    "every_ruling",
    "risk_of",
    "rule_on_plan",
    "rule_on_proposal",
    "rule_on_step",
    "rule_on_undo",
    "strictest",
]

TRIAL = "trial"
"""Rule by which a step passes that is the breaker's half-open trial. A person is told how it ended, whichever way."""


def risk_of(action: Action, unit: Unit | None) -> Risk:
    """Turn effect, unit and state into risk: restarting one of four is not restarting one of one.

    An action that is not in the registry is destructive: nobody has said what it touches.
    """
    tool = TOOLS.get(action.name)
    if action.args.get("ends"):  # bringing a daemon back begins with ending what outlived it
        return Risk.DISRUPTIVE
    if action.name is ActionName.RUN_RUNBOOK_COMMAND:
        return _RISK_OF_COMMANDS.get(str(action.args.get("effect")), Risk.DESTRUCTIVE)
    match tool.effect if tool is not None else Effect.DESTROYS:
        case Effect.READS | Effect.TELLS:
            return Risk.READ
        case Effect.STARTS | Effect.RESUMES:
            return Risk.SAFE
        case Effect.REPLACES:
            return _risk_of_replacing(action, unit)
        case Effect.INTERRUPTS | Effect.WRITES_FILES:
            return Risk.DISRUPTIVE
        case _:
            return Risk.DESTRUCTIVE


_RISK_OF_COMMANDS = {"safe": Risk.SAFE, "disruptive": Risk.DISRUPTIVE}
"""By the effect that a person's runbook declares; it is `safe` only where the policy's file says so, too."""


def _risk_of_replacing(action: Action, unit: Unit | None) -> Risk:
    if unit is None:
        return Risk.DISRUPTIVE
    if action.name is ActionName.SCALE:
        wanted = int(action.args.get("instances", 0))
        return Risk.SAFE if wanted >= unit.instances else Risk.DISRUPTIVE
    stands_beside = unit.shares_socket or unit.surges
    return Risk.SAFE if stands_beside or unit.instances > 1 else Risk.DISRUPTIVE


def rule_on_step(step: Step, plan: Plan, situation: Situation, limits: Policy) -> Ruling:
    """Rule on one step. The first rule that has something to say decides."""
    question = _question(step, plan, situation, limits)
    for rule in _rules(plan):
        ruling = rule(question)
        if ruling is not None:
            return _marked(question, ruling)
    raise AssertionError("the last rule always decides")


def rule_on_plan(plan: Plan, situation: Situation, limits: Policy) -> Ruling:
    """Rule on a whole plan that is about one unit: the strictest of its steps decides."""
    return strictest(rule_on_step(step, plan, situation, limits) for step in plan.steps)


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """Return the ruling that decides for a plan of several steps. There is at least one."""
    return max(rulings, key=lambda ruling: (_STRICTNESS[ruling.verdict], _SEVERITY[ruling.risk], ruling.persons))


def rule_on_undo(step: Step, plan: Plan, situation: Situation, limits: Policy) -> Ruling:
    """Rule on a step that takes another back: by people's orders alone. Who let it be done let it be taken back."""
    question = _question(step, plan, situation, limits)
    rules = _FOR_PEOPLE_TAKING_BACK if plan.origin == "person" else _FOR_THE_AGENT_TAKING_BACK
    rulings = (rule(question) for rule in rules)
    return next(
        (ruling for ruling in rulings if ruling is not None), question.allow("undo", "what was done is taken back")
    )


def rule_on_proposal(plan: Plan, situation: Situation, limits: Policy) -> Ruling:
    """Rule on what a program proposes: people are asked, or it is denied. It is never let pass."""
    return strictest(_rule_on_proposed(step, plan, situation, limits) for step in plan.steps)


def _rule_on_proposed(step: Step, plan: Plan, situation: Situation, limits: Policy) -> Ruling:
    question = _question(step, plan, situation, limits)
    rulings = (rule(question) for rule in _FOR_PROPOSALS)
    return next((ruling for ruling in rulings if ruling is not None), modes.proposed(question))


def every_ruling(step: Step, plan: Plan, situation: Situation, limits: Policy) -> tuple[Ruling, ...]:
    """Return what each rule has to say of a step, in their order: the first is the ruling, the rest would follow."""
    question = _question(step, plan, situation, limits)
    rulings = (rule(question) for rule in _rules(plan))
    return tuple(_marked(question, ruling) for ruling in rulings if ruling is not None)


def _question(step: Step, plan: Plan, situation: Situation, limits: Policy) -> Question:
    return Question(step, plan, situation, limits, risk_of(step.action, situation.unit))


def _rules(plan: Plan) -> tuple[Rule, ...]:
    return _FOR_PEOPLE if plan.origin == "person" else _FOR_THE_AGENT


def _marked(question: Question, ruling: Ruling) -> Ruling:
    """Say so where it is the breaker's trial: the journal counts those, and a person is told."""
    if ruling.verdict != "allow" or question.risk is Risk.READ or question.plan.origin == "person":
        return ruling
    return replace(ruling, rule=TRIAL, why=f"one more try ({ruling.why})") if measure.is_trial(question) else ruling


_STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
_SEVERITY = {risk: rank for rank, risk in enumerate(Risk)}

_FOR_THE_AGENT: tuple[Rule, ...] = (
    orders.reads, orders.unknown_tool, orders.paused, orders.protected, orders.protected_path, orders.hold,
    orders.taught_never, orders.maintenance, orders.deploy, orders.intent, orders.foreign, orders.busy, modes.worked_out,
    measure.tiers, measure.blast_radius, measure.quiet_hours, measure.breaker, measure.budget, modes.taught_ask,
    screens.attended, modes.mode,
)  # fmt: skip
_FOR_PEOPLE_TAKING_BACK: tuple[Rule, ...] = (orders.protected, orders.protected_path, orders.foreign)
_FOR_THE_AGENT_TAKING_BACK: tuple[Rule, ...] = (orders.paused, orders.hold, orders.deploy, *_FOR_PEOPLE_TAKING_BACK)
_FOR_PEOPLE: tuple[Rule, ...] = (
    orders.reads, orders.unknown_tool, orders.protected, orders.protected_path, orders.foreign, orders.busy,
    orders.preflight, orders.taught_people, modes.confirmation,
)  # fmt: skip
_FOR_PROPOSALS: tuple[Rule, ...] = (
    orders.unknown_tool, orders.paused, orders.protected, orders.protected_path, orders.hold, orders.taught_never,
    orders.deploy, orders.foreign, orders.busy, orders.preflight,
)  # fmt: skip
