"""Rules of people's intent: what they ordered, protect, or are doing themselves goes before everything else. Pure."""

from __future__ import annotations

from opsagent.model import Risk, Ruling
from opsagent.rules.protected_paths import why_protected
from opsagent.rules.question import Question
from opsagent.taught.rule import TaughtRule
from opsagent_tools.actions import ActionName
from opsagent_tools.registry import TOOLS
from opsagent_tools.units import UnitState

AGAIN_S = 5.0
"""Another change is over soon."""


def reads(question: Question) -> Ruling | None:
    """What changes nothing is always let pass."""
    return question.allow("reads", "nothing changes") if question.risk is Risk.READ else None


def unknown_tool(question: Question) -> Ruling | None:
    """What nobody declared is not done."""
    name = question.step.action.name
    return None if name in TOOLS else question.deny("unknown tool", f"there is no tool {name}")


def paused(question: Question) -> Ruling | None:
    """Hands off everything."""
    by = question.situation.paused
    return question.deny("paused", f"the agent is paused: {by}") if by else None


def protected(question: Question) -> Ruling | None:
    """Nothing is ever done to a protected unit."""
    spec = question.situation.spec
    if spec is None or not spec.protected:
        return None
    return question.deny("protected", f"{spec.name} is protected (services.{spec.name}.protected)")


def protected_path(question: Question) -> Ruling | None:
    """Nor to a protected file."""
    limits = question.limits
    globs = (*limits.protected_paths, *question.situation.protected)
    why = why_protected(question.step.action, globs, limits.home, question.situation.real)
    return question.deny("protected path", why) if why else None


def hold(question: Question) -> Ruling | None:
    """Hands off this unit."""
    why = question.situation.hold
    return question.deny("hold", f"{question.plan.unit.name} is on hold: {why}") if why else None


def maintenance(question: Question) -> Ruling | None:
    """When people expect trouble nothing is done unasked."""
    why = question.situation.maintenance
    if not why or question.situation.confirmed:
        return None
    return question.deny("maintenance", f"{question.plan.unit.name} is in a maintenance window ({why})")


def taught_never(question: Question) -> Ruling | None:
    """A yes does not outweigh it: whoever gave that may not have known of it. People's own commands go another way."""
    rule = question.taught("never")
    return question.deny("taught", quoted(rule)) if rule is not None else None


def taught_people(question: Question) -> Ruling | None:
    """What people taught binds the agent; of people it wants to know that they mean it."""
    rule = question.taught("never") or question.taught("ask")
    return question.ask("confirm", quoted(rule)) if rule is not None and not question.situation.confirmed else None


def quoted(rule: TaughtRule) -> str:
    """Say which rule it is, as it was read. The sentence itself stays in the memory, where it can be forgotten."""
    return f"a person taught: {rule.says()}{f' ({rule.fact})' if rule.fact else ''}"


def deploy(question: Question) -> Ruling | None:
    """While a person deploys the unit it is theirs."""
    by = question.situation.deploy
    return question.deny("deploy", f"{question.plan.unit.name} is being deployed: {by}") if by else None


def intent(question: Question) -> Ruling | None:
    """What a person stopped stays stopped."""
    unit = question.situation.unit
    if unit is None or unit.state is not UnitState.STOPPED or _stopped_by_itself(question):
        return None
    return question.deny("intent", f"{unit.name} was stopped by a person; it stays stopped")


def _stopped_by_itself(question: Question) -> bool:
    """Tell whether an earlier step of this very plan stopped the unit, to start it again."""
    step, steps = question.step, question.plan.steps
    if step.action.name is not ActionName.START:
        return False
    before = steps[: steps.index(step)] if step in steps else ()
    return any(one.action.name is ActionName.STOP and one.action.unit == step.action.unit for one in before)


def foreign(question: Question) -> Ruling | None:
    """What runs as another user is not the agent's."""
    unit, own = question.situation.unit, question.situation.own_uid
    if unit is None or own in {0, unit.uid}:
        return None
    return question.deny("foreign owner", f"{unit.name} runs as another user (uid {unit.uid})")


def busy(question: Question) -> Ruling | None:
    """One change of a unit at a time."""
    other = question.situation.busy
    return question.deny("busy", other, again_s=AGAIN_S) if other else None


def preflight(question: Question) -> Ruling | None:
    """What the look before it found in the way of a person's command."""
    blocked = question.situation.blocked
    return question.deny("preflight", blocked) if blocked else None
