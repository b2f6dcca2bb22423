"""Rules of measure: how much at once, how often, at which hours, and when to stop trying. Pure."""

from __future__ import annotations

from opsagent.log_policy import UPKEEP
from opsagent.model import Risk, Ruling
from opsagent.rules.orders import AGAIN_S
from opsagent.rules.question import Question
from opsagent_tools.actions import ActionName

_ALL_AT_ONCE = frozenset({ActionName.RESTART, ActionName.STOP})
TRIALS_MAX = 6
"""The time to the next trial doubles with each that failed; no further than this."""


def blast_radius(question: Question) -> Ruling | None:
    """Never more than a part of a unit's instances at once, nor less than half of them left, without a person."""
    unit, action = question.situation.unit, question.step.action
    if unit is None or unit.instances < 2:
        return None
    if action.name is ActionName.RELOAD:
        at_once = len([one for one in str(action.args.get("batch", "")).split(",") if one])
        if at_once > max(1, int(unit.instances * question.limits.blast_radius)):
            return question.deny("blast radius", f"{at_once} of {unit.instances} instances of {unit.name} at once")
    if action.name is ActionName.SCALE and int(action.args.get("instances", 0)) * 2 < unit.instances:
        left = action.args.get("instances", 0)
        return question.deny("blast radius", f"{left} of {unit.instances} instances of {unit.name} would be left")
    if action.name in _ALL_AT_ONCE and question.situation.serving and len(unit.processes) > 1:
        return question.deny("blast radius", f"all {unit.instances} instances of {unit.name} at once, while it serves")
    return None


def tiers(question: Question) -> Ruling | None:
    """Never two units at once of which one depends on the other: what helped would not be known, and less would serve."""
    other = question.situation.beside
    return question.deny("tiers", other, again_s=AGAIN_S) if other else None


def quiet_hours(question: Question) -> Ruling | None:
    """In quiet hours what may interrupt a service waits for the morning, unless somebody is not served."""
    situation = question.situation
    if not situation.quiet or situation.outage or situation.confirmed or question.risk is Risk.SAFE:
        return None
    if question.plan.remedy.startswith(UPKEEP):  # a log that is rotated interrupts nobody, and a full disk everybody
        return None
    why = f"quiet hours {situation.quiet}, and {question.plan.unit.name} still serves: it is put off"
    return question.deny("quiet hours", why, again_s=situation.quiet_s)


def breaker(question: Question) -> Ruling | None:
    """What failed again and again is left to a person; after a while one more try is let through, and told."""
    situation, limits = question.situation, question.limits
    if situation.failed_repairs < limits.breaker_failures:
        return None
    wait_s = trial_after_s(question)
    if situation.since_failure_s >= wait_s:
        return None
    name, failed = question.plan.unit.name, situation.failed_repairs
    why = f"{failed} repairs of {name} failed ({question.key}); a person is needed"
    return question.deny("breaker", why, again_s=wait_s - situation.since_failure_s)


def is_trial(question: Question) -> bool:
    """Tell whether the breaker is open, and this is the one try that it lets through."""
    situation = question.situation
    failed = situation.failed_repairs >= question.limits.breaker_failures
    return failed and situation.since_failure_s >= trial_after_s(question)


def trial_after_s(question: Question) -> float:
    """Return how long after the last failure the next trial may begin."""
    return float(question.limits.breaker_trial_s * 2 ** min(question.situation.trials, TRIALS_MAX))


def budget(question: Question) -> Ruling | None:
    """So many repairs per window; those that outsiders can bring about have a budget of their own, which is smaller."""
    situation, limits, name = question.situation, question.limits, question.plan.unit.name
    each, total = limits.budget_actions, limits.global_budget_actions
    kind = ""
    if question.induced:
        each = min(each, limits.induced_budget_actions)
        total = min(total, limits.induced_global_budget_actions)
        kind = f" against what outsiders can bring about ({question.key})"
    again_s = situation.budget_s or None
    if situation.unit_actions >= each:
        why = f"{situation.unit_actions} repairs of {name} in this window{kind}"
        return question.deny("budget", why, again_s=again_s)
    if situation.all_actions >= total:
        why = f"{situation.all_actions} repairs on this machine in this window{kind}"
        return question.deny("budget", why, again_s=again_s)
    return None
