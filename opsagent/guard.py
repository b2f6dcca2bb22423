"""The one guard: every change passes here, as a plan and again before each of its steps. Pure.

The order of the rules is the order of their authority: people's intent first, then the limits, then the mode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from opsagent.model import Plan, Risk, Ruling, Step
from opsagent.naming import is_our_engine
from opsagent.taught.rule import TaughtRule
from opsagent_tools.actions import Action, ActionName, Effect
from opsagent_tools.registry import TOOLS
from opsagent_tools.services.spec import Mode, ServiceSpec
from opsagent_tools.units import Unit, UnitState


class Limits(Protocol):
    """What the guard needs to know of the policy (`opsagent.policy.Policy` is one)."""

    @property
    def budget_actions(self) -> int:
        """Unattended plans that one unit may get per window."""

    @property
    def global_budget_actions(self) -> int:
        """Unattended plans that all units together may get per window."""

    @property
    def breaker_failures(self) -> int:
        """Failed repairs of one unit per breaker window that open its breaker."""

    @property
    def rollback_failed_deploys(self) -> bool:
        """Whether a release may be rolled back unasked."""

    def mode_for(self, spec: ServiceSpec | None, risk: Risk, *, engine: bool = False) -> Mode:
        """Return the mode that holds for this service and risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a ruling depends on, gathered just before it."""

    unit: Unit | None
    """None for a supervisor's own daemon."""
    spec: ServiceSpec | None = None
    paused: str = ""
    """Who paused the agent and why; empty while it is not paused."""
    hold: str = ""
    """Why the unit is on hold; empty while it is not."""
    maintenance: str = ""
    """Why the unit is in a maintenance window; empty while it is in none. Keeps off the agent, not people."""
    taught: tuple[TaughtRule, ...] = ()
    """What people taught that holds at this moment, about whichever unit."""
    deploy: str = ""
    """Who deploys the unit now; empty while nobody does."""
    busy: str = ""
    """Another change of the unit that is under way; empty where there is none."""
    blocked: str = ""
    """Why the preflight lets a person's command not begin."""
    costs: str = ""
    """What the preflight says that it will cost users of the service."""
    unit_actions: int = 0
    """Unattended plans carried out on this unit in the window."""
    all_actions: int = 0
    failed_repairs: int = 0
    """Failed unattended repairs of this unit in the breaker's window."""
    own_uid: int = 0
    confirmed: bool = False
    """A person said yes to exactly this plan."""


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


def rule_on_step(step: Step, plan: Plan, situation: Situation, limits: Limits) -> Ruling:
    """Rule on one step. The first rule that has something to say decides."""
    risk = risk_of(step.action, situation.unit)
    rules = _FOR_PEOPLE if plan.origin == "person" else _FOR_THE_AGENT
    for rule in rules:
        ruling = rule(_Question(step, plan, situation, limits, risk))
        if ruling is not None:
            return ruling
    raise AssertionError("the last rule always decides")


def rule_on_plan(plan: Plan, situation: Situation, limits: Limits) -> Ruling:
    """Rule on a whole plan: the strictest of its steps decides."""
    rulings = [rule_on_step(step, plan, situation, limits) for step in plan.steps]
    return max(rulings, key=lambda ruling: (_STRICTNESS[ruling.verdict], _SEVERITY[ruling.risk]))


_STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
_SEVERITY = {risk: rank for rank, risk in enumerate(Risk)}


@dataclass(frozen=True, slots=True)
class _Question:
    step: Step
    plan: Plan
    situation: Situation
    limits: Limits
    risk: Risk

    def taught(self, verdict: str) -> TaughtRule | None:
        action = self.step.action
        names = [action.name]
        if action.args.get("ends"):  # bringing a daemon back ends what outlived it: it is a restart of all of that
            names += [ActionName.STOP, ActionName.RESTART]
        bound = (rule for rule in self.situation.taught if any(rule.binds(name, action.unit) for name in names))
        return next((rule for rule in bound if rule.verdict == verdict), None)

    def deny(self, rule: str, why: str) -> Ruling:
        return Ruling(verdict="deny", risk=self.risk, rule=rule, why=why)

    def ask(self, rule: str, why: str) -> Ruling:
        return Ruling(verdict="ask", risk=self.risk, rule=rule, why=why)

    def allow(self, rule: str, why: str) -> Ruling:
        return Ruling(verdict="allow", risk=self.risk, rule=rule, why=why)


_Rule = Callable[[_Question], Ruling | None]


def _reads(question: _Question) -> Ruling | None:
    return question.allow("reads", "nothing changes") if question.risk is Risk.READ else None


def _unknown_tool(question: _Question) -> Ruling | None:
    name = question.step.action.name
    return None if name in TOOLS else question.deny("unknown tool", f"there is no tool {name}")


def _paused(question: _Question) -> Ruling | None:
    paused = question.situation.paused
    return question.deny("paused", f"the agent is paused: {paused}") if paused else None


def _protected(question: _Question) -> Ruling | None:
    spec = question.situation.spec
    if spec is None or not spec.protected:
        return None
    return question.deny("protected", f"{spec.name} is protected (services.{spec.name}.protected)")


def _hold(question: _Question) -> Ruling | None:
    hold = question.situation.hold
    return question.deny("hold", f"{question.plan.unit.name} is on hold: {hold}") if hold else None


def _maintenance(question: _Question) -> Ruling | None:
    why = question.situation.maintenance
    if not why or question.situation.confirmed:
        return None
    return question.deny("maintenance", f"{question.plan.unit.name} is in a maintenance window ({why})")


def _taught_never(question: _Question) -> Ruling | None:
    """A yes does not outweigh it: whoever gave that may not have known of it. People's own commands go another way."""
    rule = question.taught("never")
    return question.deny("taught", _quoted(rule)) if rule is not None else None


def _taught_ask(question: _Question) -> Ruling | None:
    """Taught to ask first. It only ever makes a yes of the mode's a question, never a question of its no."""
    rule = question.taught("ask")
    if rule is None or question.situation.confirmed or _mode(question).verdict != "allow":
        return None
    return question.ask("taught", _quoted(rule))


def _taught_people(question: _Question) -> Ruling | None:
    """What people taught binds the agent; of people it wants to know that they mean it."""
    rule = question.taught("never") or question.taught("ask")
    return question.ask("confirm", _quoted(rule)) if rule is not None and not question.situation.confirmed else None


def _quoted(rule: TaughtRule) -> str:
    """Say which rule it is, as it was read. The sentence itself stays in the memory, where it can be forgotten."""
    return f"a person taught: {rule.says()}{f' ({rule.fact})' if rule.fact else ''}"


def _deploy(question: _Question) -> Ruling | None:
    deploy = question.situation.deploy
    return question.deny("deploy", f"{question.plan.unit.name} is being deployed: {deploy}") if deploy else None


def _busy(question: _Question) -> Ruling | None:
    busy = question.situation.busy
    return question.deny("busy", busy) if busy else None


def _preflight(question: _Question) -> Ruling | None:
    blocked = question.situation.blocked
    return question.deny("preflight", blocked) if blocked else None


def _blast_radius(question: _Question) -> Ruling | None:
    """Never more than a quarter of a unit's instances at once, nor less than half of them left, without a person."""
    unit, action = question.situation.unit, question.step.action
    if unit is None or unit.instances < 2:
        return None
    if action.name is ActionName.RELOAD:
        at_once = len([one for one in str(action.args.get("batch", "")).split(",") if one])
        if at_once > max(1, unit.instances // 4):
            return question.deny("blast radius", f"{at_once} of {unit.instances} instances of {unit.name} at once")
    if action.name is ActionName.SCALE and int(action.args.get("instances", 0)) * 2 < unit.instances:
        left = action.args.get("instances", 0)
        return question.deny("blast radius", f"{left} of {unit.instances} instances of {unit.name} would be left")
    return None


def _intent(question: _Question) -> Ruling | None:
    unit = question.situation.unit
    if unit is None or unit.state is not UnitState.STOPPED:
        return None
    return question.deny("intent", f"{unit.name} was stopped by a person; it stays stopped")


def _foreign(question: _Question) -> Ruling | None:
    unit, own = question.situation.unit, question.situation.own_uid
    if unit is None or own in {0, unit.uid}:
        return None
    return question.deny("foreign owner", f"{unit.name} runs as another user (uid {unit.uid})")


def _breaker(question: _Question) -> Ruling | None:
    failed, allowed = question.situation.failed_repairs, question.limits.breaker_failures
    if failed < allowed:
        return None
    return question.deny("breaker", f"{failed} repairs of {question.plan.unit.name} failed; a person is needed")


def _budget(question: _Question) -> Ruling | None:
    situation, limits = question.situation, question.limits
    if situation.unit_actions >= limits.budget_actions:
        return question.deny("budget", f"{situation.unit_actions} repairs of {question.plan.unit.name} in this window")
    if situation.all_actions >= limits.global_budget_actions:
        return question.deny("budget", f"{situation.all_actions} repairs on this machine in this window")
    return None


def _may_roll_back(question: _Question) -> bool:
    """Whoever deployed a release wanted it: it goes only by a person's word, given now or in the policy."""
    return question.limits.rollback_failed_deploys or question.situation.confirmed


def _mode(question: _Question) -> Ruling:
    spec, risk = question.situation.spec, question.risk
    engine = is_our_engine(question.plan.unit) and question.situation.unit is None
    match question.limits.mode_for(spec, risk, engine=engine):
        case "auto" if risk is Risk.DESTRUCTIVE:
            return question.ask("mode", "destructive: never without a person")
        case "auto" if question.step.action.name is ActionName.ROLLBACK and not _may_roll_back(question):
            return question.ask("rollback", "unasked only where policy.rollback_failed_deploys says so")
        case "auto" if question.step.action.name is ActionName.SIGNAL and not question.situation.confirmed:
            return question.ask("signal", "what a signal does is the program's to say: a person sends it")
        case "auto":
            return question.allow("mode", f"auto for {risk} steps")
        case "approve":
            if question.situation.confirmed:
                return question.allow("approved", "a person approved it")
            return question.ask("mode", f"{risk} steps need approval")
        case "suggest":
            return question.deny("suggest", f"would do {question.step.action}; the mode is suggest")
        case _:
            return question.deny("observe", "the mode is observe")


def _confirmation(question: _Question) -> Ruling:
    costs = question.situation.costs
    if costs and not question.situation.confirmed and question.risk is not Risk.DESTRUCTIVE:
        return question.ask("confirm", costs)
    if question.risk is Risk.SAFE:
        return question.allow("asked for", "a person asked for it")
    if question.risk is Risk.DESTRUCTIVE:
        return question.ask("destructive", "cannot be undone: needs an approval of its own")
    if question.situation.confirmed:
        return question.allow("confirmed", "a person confirmed it")
    return question.ask("confirm", f"{question.step.action} is {question.risk}")


_FOR_THE_AGENT: tuple[_Rule, ...] = (
    _reads, _unknown_tool, _paused, _protected, _hold, _taught_never, _maintenance, _deploy, _intent, _foreign, _busy,
    _blast_radius, _breaker, _budget, _taught_ask, _mode,
)  # fmt: skip
_FOR_PEOPLE: tuple[_Rule, ...] = (
    _reads, _unknown_tool, _protected, _foreign, _busy, _preflight, _taught_people, _confirmation,
)  # fmt: skip
