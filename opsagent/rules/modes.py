"""Rules of the last word: the mode, what people granted, approved, or confirm of their own commands. Pure."""

from __future__ import annotations

from opsagent.model import Risk, Ruling
from opsagent.naming import is_our_engine
from opsagent.policy import stricter
from opsagent.rules.orders import quoted
from opsagent.rules.question import Question
from opsagent.rules.reach import Reach
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import Mode


def mode_of(question: Question) -> tuple[Mode, str]:
    """Return the mode that holds for the step, and the rule that it comes from: `mode`, or `outside` where that is
    stricter.
    """
    situation, limits = question.situation, question.limits
    engine = is_our_engine(question.plan.unit) and situation.unit is None
    said = limits.mode_for(situation.spec, question.risk, engine=engine)
    match question.reach:
        case Reach.UNIT:
            return said, "mode"
        case Reach.OWN_FILES:
            beyond = limits.outside_own
        case _:
            beyond = stricter(limits.mode_for(situation.spec, Risk.DISRUPTIVE), limits.outside_machine)
    found = said if beyond is None else stricter(said, beyond)
    return found, "mode" if found == said else "outside"


def mode(question: Question) -> Ruling:
    """The mode decides last."""
    found, rule = mode_of(question)
    if found == "observe":
        return question.deny("observe", "the mode is observe")
    if question.risk is Risk.DESTRUCTIVE:
        return _destructive(question, found)
    if found != "auto" and _is_granted(question):
        return _auto(question, "granted", f"a person granted {question.step.action}")
    match found:
        case "auto":
            return _auto(question, rule, f"auto for {question.risk} steps")
        case "approve" if question.situation.confirmed:
            return question.allow("approved", "a person approved it")
        case "approve":
            what = "changes of the machine itself" if rule == "outside" else f"{question.risk} steps"
            return question.ask(rule, f"{what} need approval")
        case _:
            return question.deny("suggest", f"would do {question.step.action}; the mode is suggest")


def _auto(question: Question, rule: str, why: str) -> Ruling:
    if question.step.action.name is ActionName.ROLLBACK and not _may_roll_back(question):
        return question.ask("rollback", "unasked only where policy.rollback_failed_deploys says so")
    if question.step.action.name is ActionName.SIGNAL and not (question.situation.confirmed or rule == "granted"):
        return question.ask("signal", "what a signal does is the program's to say: a person sends it")
    return question.allow(rule, why)


def _destructive(question: Question, found: Mode) -> Ruling:
    """What cannot be undone is never done unasked, in no mode and by no grant."""
    if found == "suggest":
        return question.deny("suggest", f"would ask to do {question.step.action}; the mode is suggest")
    persons = 2 if question.limits.two_person else 1
    if question.situation.confirmed and question.situation.yes >= persons:
        return question.allow("approved", f"{question.situation.yes} people approved it")
    who = "two people have to say yes" if persons > 1 else "never without a person"
    return question.ask("destructive", f"{question.step.action} cannot be undone: {who}", persons=persons)


def _is_granted(question: Question) -> bool:
    """A grant is for one action on one unit; it does not reach beyond the unit and its own files."""
    return question.granted and question.reach is not Reach.MACHINE


def _may_roll_back(question: Question) -> bool:
    """Whoever deployed a release wanted it: it goes only by a person's word, given now or in the policy."""
    return question.limits.rollback_failed_deploys or question.situation.confirmed


def taught_ask(question: Question) -> Ruling | None:
    """Taught to ask first. It only ever makes a yes of the mode's a question, never a question of its no."""
    rule = question.taught("ask")
    if rule is None or question.situation.confirmed or mode(question).verdict != "allow":
        return None
    return question.ask("taught", quoted(rule))


def worked_out(question: Question) -> Ruling | None:
    """What a chat model worked out is a person's to decide, whatever the mode; where nothing may be done, nothing is.

    Budgets and breaker are for what is done unasked: with a person's yes it is as if they had ordered it.
    """
    if question.plan.source != "model" or mode_of(question)[0] == "observe" or question.risk is Risk.DESTRUCTIVE:
        return None
    if question.situation.confirmed:
        return question.allow("approved", "a person approved what a chat model proposed")
    return question.ask("model", f"a chat model proposes {question.step.action}: a person has to say yes")


def confirmation(question: Question) -> Ruling:
    """What a person commands is done; what disrupts wants a second word, what cannot be undone a second person's."""
    situation = question.situation
    if situation.costs and not situation.confirmed and question.risk is not Risk.DESTRUCTIVE:
        return question.ask("confirm", situation.costs)
    if question.risk is Risk.SAFE:
        return question.allow("asked for", "a person asked for it")
    if question.risk is Risk.DESTRUCTIVE:
        if situation.confirmed and situation.yes >= 1:
            return question.allow("approved", "somebody else approved it")
        return question.ask("destructive", "cannot be undone: needs an approval of its own")
    if situation.confirmed:
        return question.allow("confirmed", "a person confirmed it")
    return question.ask("confirm", f"{question.step.action} is {question.risk}")


def proposed(question: Question) -> Ruling:
    """What a program proposes is asked about, whatever it is; what cannot be undone needs two people: no program is one."""
    if question.risk is Risk.DESTRUCTIVE:
        persons = 2 if question.limits.two_person else 1
        return question.ask("destructive", f"{question.step.action} cannot be undone", persons=persons)
    return question.ask("proposed", question.situation.costs or f"{question.step.action} is {question.risk}")
