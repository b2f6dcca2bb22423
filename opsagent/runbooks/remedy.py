"""What a runbook is made of: remedies with conditions on evidence, and the reasons to do nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opsagent.model import Cause, Fault, LeaveAlone, Scalar, Step
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent_tools.units import UnitState


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The remedy fits: what for, why, and what its steps need to know."""

    target: Target
    why: str
    args: Mapping[str, Scalar] = field(default_factory=dict)
    root: Target | None = None
    """The incident's unit, where a step is for that one and not for the target."""


@dataclass(frozen=True, slots=True)
class Against:
    """The remedy does not fit, and why."""

    why: str


Condition = Callable[[Findings, Target], Fit | Against]
Aim = Callable[[Findings], Target | Against]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way to repair one kind of trouble. Its condition alone makes it safe, whoever proposes it."""

    name: str
    """`fault/remedy`, durable: memory counts by it."""
    does: str
    aim: Aim
    """Which unit it is for."""
    condition: Condition
    """What must hold, by kernel, supervisor and probe evidence. Asks for no more than it needs."""
    steps: Callable[[Fit], tuple[Step, ...]]
    after: str = ""
    """Unless remembered, only after this other remedy has been tried."""
    verify_s: float = 5.0
    undo: str = "nothing to undo"
    cause: Cause | None = None
    """What it is a remedy for, where that is one cause; None: whatever the cause."""
    order: int = 100
    """Of a remedy of the library, among those of the same cause: lower first."""
    expects: str = ""
    """What is different when it worked, for a person."""
    verify: tuple[str, ...] = ()
    """Conditions (`PROBE.FACT OP VALUE`) that must hold when verification ends, beside being well."""

    def fits(self, findings: Findings) -> Fit | Against:
        """Tell whether the remedy fits now. Raises NotAsked."""
        target = self.aim(findings)
        if isinstance(target, Against):
            return target
        if findings.tried(self.name, target.unit.id):
            return Against(f"{self.name} was tried on {target.unit.name} already")
        fit = self.condition(findings, target)
        whose = not_ours_now(findings, fit.target) if isinstance(fit, Fit) else ""
        return Against(whose) if whose else fit


def not_ours_now(findings: Findings, target: Target) -> str:
    """Return why a unit is not to be touched whatever a condition says, as far as it is known: another user's, stopped by
    a person, looked at with a debugger.
    """
    unit = target.unit
    state, process = (findings.known(probe, unit.id) for probe in ("unit_state", "process_state"))
    if state is not None and state.answered:
        if state.flag("foreign"):
            return f"processes of {unit.name} belong to another user ({state.words('owner')})"
        if state.words("state") == UnitState.STOPPED:
            return f"{unit.name} was stopped on purpose"
    if process is not None and process.answered and process.flag("debugged"):
        return f"a debugger is attached to {unit.name}: somebody looks at it"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """What to do about one kind of fault."""

    fault: Fault
    looks_for: str
    recovered: Callable[[Findings], str | None]
    """Why there is nothing to do any more, or None. Raises NotAsked."""
    first: tuple[str, ...]
    """Probes of the root that a cold investigation needs anyway; they run side by side."""
    person: tuple[Callable[[Findings], str | None], ...]
    """Each returns why only a person can help, or None. They raise NotAsked."""
    remedies: tuple[Remedy, ...]
    """In the order in which they are weighed: strongest evidence first, then the least invasive."""
    never: str
    """The tempting wrong remedy."""
    patience: Callable[[Findings], LeaveAlone | None] = lambda findings: None
    """Where no remedy fits: why it is too early to say anything, or None. Raises NotAsked."""


def at_root(findings: Findings) -> Target | Against:
    """Aim at the incident's own unit."""
    return findings.root or Against("the unit is not listed any more")
