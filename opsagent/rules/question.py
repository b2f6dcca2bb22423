"""What a rule is asked: a step, the plan that it belongs to, and everything that the answer depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opsagent.against import is_induced, key_of
from opsagent.model import Plan, Risk, Ruling, Step
from opsagent.policy import Policy
from opsagent.rules.reach import Reach, reach_of
from opsagent.taught.rule import TaughtRule
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId


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
    beside: str = ""
    """A change under way of something that the unit depends on, or that depends on it; empty where there is none."""
    blocked: str = ""
    """Why the preflight lets a person's command not begin."""
    costs: str = ""
    """What the preflight says that it will cost users of the service."""
    quiet: str = ""
    """Until when the quiet hours go on; empty outside them."""
    quiet_s: float = 0.0
    """Seconds until they are over."""
    outage: str = ""
    """Who does not serve, the unit or somebody who depends on it; empty while all of them do."""
    serving: bool = False
    """The unit is known to serve: its probe succeeds."""
    folders: tuple[str, ...] = ()
    """Folders and files that are the unit's own, beside those that its description declares. Absolute."""
    real: Mapping[str, str] = field(default_factory=dict)
    """Where paths lead that the plan's steps name, as far as there are links in them."""
    protected: tuple[str, ...] = ()
    """Where the policy's protected paths lead, as far as there are links in them."""
    unit_actions: int = 0
    """Unattended plans carried out on this unit in the window, out of the budget that is asked."""
    all_actions: int = 0
    """The same, on all units together."""
    budget_s: float = 0.0
    """Seconds until the oldest of them is out of the window."""
    failed_repairs: int = 0
    """Failed unattended repairs of this unit, against the same cause, in the breaker's window."""
    since_failure_s: float = 0.0
    """Seconds since the last of them."""
    trials: int = 0
    """Those among them that were the breaker's own trials."""
    grants: frozenset[tuple[UnitId, ActionName]] = frozenset()
    """What people let the agent do unasked, whatever the mode."""
    own_uid: int = 0
    confirmed: bool = False
    """A person said yes to exactly this plan."""
    yes: int = 0
    """Different people who said yes to it, in the journal."""


@dataclass(frozen=True, slots=True)
class Question:
    """One step, seen by a rule."""

    step: Step
    plan: Plan
    situation: Situation
    limits: Policy
    risk: Risk

    @property
    def key(self) -> str:
        """What the plan is against."""
        return key_of(self.plan.remedy, self.plan.cause)

    @property
    def induced(self) -> bool:
        """Whether outsiders can bring it about."""
        return is_induced(self.key)

    @property
    def reach(self) -> Reach:
        """How far the step reaches beyond its supervisor."""
        situation = self.situation
        return reach_of(self.step.action, situation.unit, situation.spec, situation.folders)

    @property
    def granted(self) -> bool:
        """Whether a person lets the agent do just this unasked. One command earns nothing for another, nor one procedure on
        screens: which ones are safe says the policy.
        """
        action = self.step.action
        if action.name in {ActionName.RUN_RUNBOOK_COMMAND, ActionName.RUN_GUI_PROCEDURE}:
            return False
        return (action.unit, action.name) in self.situation.grants

    def taught(self, verdict: str) -> TaughtRule | None:
        """Return a rule of this verdict that people taught and that binds the step."""
        action = self.step.action
        names = [action.name]
        if action.args.get("ends"):  # bringing a daemon back ends what outlived it: it is a restart of all of that
            names += [ActionName.STOP, ActionName.RESTART]
        bound = (rule for rule in self.situation.taught if any(rule.binds(name, action.unit) for name in names))
        return next((rule for rule in bound if rule.verdict == verdict), None)

    def deny(self, rule: str, why: str, *, again_s: float | None = None) -> Ruling:
        """Say no. `again_s`: after so many seconds it may be ruled otherwise."""
        return Ruling(verdict="deny", risk=self.risk, rule=rule, why=why, again_s=again_s)

    def ask(self, rule: str, why: str, *, persons: int = 1) -> Ruling:
        """Have `persons` people asked."""
        return Ruling(verdict="ask", risk=self.risk, rule=rule, why=why, persons=persons)

    def allow(self, rule: str, why: str) -> Ruling:
        """Say yes."""
        return Ruling(verdict="allow", risk=self.risk, rule=rule, why=why)


Rule = Callable[[Question], Ruling | None]
