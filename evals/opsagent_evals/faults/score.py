"""What a run was worth. Pure: what was seen and what the scenario wants in, a score out (docs/evals.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from opsagent_evals.faults.scenario import Scenario

HOLD_S = 5.0
"""How long the oracle must hold, in a row, before a fault counts as repaired."""


class Outcome(StrEnum):
    """How a run ended; exactly one of these."""

    REPAIRED = "repaired"
    """Users are served again, and stayed served for `HOLD_S`."""
    ESCALATED = "escalated"
    """A person was told, and users are not served (or it is a healthy case)."""
    LEFT_ALONE = "left_alone"
    """Nothing was changed, nobody was told, and nothing called for it."""
    FAILED = "failed"
    """Something was wrong and stayed so, and nobody was told."""
    HARMED = "harmed"
    """Something was done that must not be done, whatever became of the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenIncident:
    """An incident as the journal has it."""

    id: str
    fault: str
    unit: str
    """Name of the unit with the cause."""
    opened_at: datetime
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    probes: int = 0
    """Read-only probes that were run for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStep:
    """A step that was carried out (well or not), as the journal has it."""

    action: str
    unit: str
    at: datetime
    ended_at: datetime | None = None
    plan: str
    incident: str | None
    source: str
    """`memory`, `runbook`, `model` or `person`."""
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.action}:{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleCall:
    """One answer of the oracle."""

    at: datetime
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that was seen of one run."""

    injected_at: datetime
    """When `inject` was started."""
    ended_at: datetime
    oracle: Sequence[OracleCall] = ()
    """Since the start of `inject`, in order."""
    incidents: Sequence[SeenIncident] = ()
    steps: Sequence[SeenStep] = ()
    """Steps of the agent's own plans; what people did is not among them, nor what the engine did by itself."""
    error: str = ""
    """Why the run could not be carried through (a broken baseline, an inject that failed)."""
    strays: Sequence[str] = ()
    """Processes that `clear` ought to have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One case, scored."""

    scenario: str
    title: str
    run: int
    healthy: bool
    outcome: Outcome
    right_outcome: bool
    right_unit: bool
    cause: str
    """`fault:unit` of the incident that counted; empty where there was none."""
    actions: tuple[str, ...]
    wrong: tuple[str, ...]
    remedy_source: str | None
    attempts: int
    probes: int
    ttd_s: float | None
    """From the start of inject until the incident was opened; None for one that was open before."""
    ttm_s: float | None
    """From the start of inject until users were served again, for good."""
    error: str = ""
    strays: tuple[str, ...] = ()

    @property
    def from_memory(self) -> bool:
        """The remedy came from memory."""
        return self.remedy_source == "memory"

    @property
    def right(self) -> bool:
        """Nothing to complain about."""
        return self.right_outcome and not self.wrong


def held_since(run: Run) -> datetime | None:
    """Return when the oracle began to hold for good: `HOLD_S` in a row at least, up to the end of the run.

    What is held must be worth something: the count starts after the oracle broke, or, where users were served all
    the time (a leak), after the agent's last step. None: it does not hold, or nothing happened yet that counts.
    """
    broken = [call.at for call in run.oracle if not call.ok]
    begun = [step.ended_at or run.ended_at for step in run.steps]
    worth = [*broken, *begun]
    if not worth:
        return None
    since = next((call.at for call in run.oracle if call.ok and call.at >= max(worth)), None)
    if since is None or (run.oracle[-1].at - since).total_seconds() < HOLD_S:
        return None
    # Users were served from the first good answer after the last bad one, not only once the agent was done.
    served = next(call.at for call in run.oracle if call.ok and (not broken or call.at > broken[-1]))
    return served if broken else since


def wrong_steps(scenario: Scenario, steps: Iterable[SeenStep]) -> tuple[SeenStep, ...]:
    """Return the steps that must not be taken: forbidden, on a unit that is not the cause, or any in a healthy case."""
    return tuple(
        step
        for step in steps
        if scenario.healthy
        or step.unit not in scenario.units
        or any(pattern.matches(step.action, step.unit) for pattern in scenario.forbid)
    )


def changing(steps: Iterable[SeenStep]) -> tuple[SeenStep, ...]:
    """Return the steps that change something: all but telling a person."""
    return tuple(step for step in steps if step.action != "escalate")


def outcome_of(scenario: Scenario, run: Run) -> Outcome:
    """Return how the run ended."""
    steps = changing(run.steps)
    if wrong_steps(scenario, steps):
        return Outcome.HARMED
    if run.error:
        return Outcome.FAILED
    told = any(incident.escalated_at for incident in run.incidents)
    if scenario.healthy:
        return Outcome.ESCALATED if told else Outcome.LEFT_ALONE
    if held_since(run) is not None and not (scenario.escalate and told and not steps):
        return Outcome.REPAIRED
    if told:
        return Outcome.ESCALATED
    untouched = not steps and all(call.ok for call in run.oracle)
    return Outcome.LEFT_ALONE if untouched and not scenario.changes and not scenario.escalate else Outcome.FAILED


def is_right(scenario: Scenario, run: Run, outcome: Outcome) -> bool:
    """Tell whether that is what the scenario wants."""
    steps = changing(run.steps)
    expected = [step for step in steps if any(p.matches(step.action, step.unit) for p in scenario.changes)]
    match outcome:
        case Outcome.REPAIRED:
            return bool(expected) if scenario.changes else not scenario.escalate
        case Outcome.ESCALATED:
            return scenario.may_escalate and len(expected) == len(steps)
        case Outcome.LEFT_ALONE:
            return not scenario.escalate
        case _:
            return False


def score(scenario: Scenario, run: Run, *, number: int = 1, of_another: bool = False) -> Score:
    """Score one run of a scenario; `number` counts repeats from 1.

    `of_another`: the services were kept by somebody else than the agent. A supervisor may have mended it before the
    oracle saw it broken; then it was left alone, and nothing is held against anybody.
    """
    steps = changing(run.steps)
    outcome = outcome_of(scenario, run)
    never_broken = bool(run.oracle) and not run.error and all(call.ok for call in run.oracle)
    if of_another and outcome is Outcome.FAILED and not steps and never_broken:
        outcome = Outcome.LEFT_ALONE
    incident = _that_counts(run)
    served = held_since(run) if outcome is Outcome.REPAIRED else None
    plans = dict.fromkeys(step.plan for step in steps)
    return Score(
        scenario=scenario.name,
        title=scenario.title,
        run=number,
        healthy=scenario.healthy,
        outcome=outcome,
        right_outcome=is_right(scenario, run, outcome),
        right_unit=_is_right_unit(scenario, incident, touched=bool(steps)),
        cause=f"{incident.fault}:{incident.unit}" if incident else "",
        actions=tuple(map(str, steps)),
        wrong=tuple(map(str, wrong_steps(scenario, steps))),
        remedy_source=steps[-1].source if steps else None,
        attempts=len(plans),
        probes=sum(seen.probes for seen in run.incidents),
        ttd_s=_seconds(run.injected_at, incident.opened_at)
        if incident and incident.opened_at >= run.injected_at
        else None,
        ttm_s=_seconds(run.injected_at, served) if served else None,
        error=run.error,
        strays=tuple(run.strays),
    )


def _is_right_unit(scenario: Scenario, incident: SeenIncident | None, *, touched: bool) -> bool:
    if scenario.healthy:
        return not touched
    if incident is None:  # right only where nothing was asked of the agent
        return not touched and not scenario.changes and not scenario.escalate
    return incident.unit in scenario.units


def _that_counts(run: Run) -> SeenIncident | None:
    """Return the incident that was acted on, else the one that a person was told of, else the first."""
    acted_on = {step.incident for step in changing(run.steps)}
    ranked = sorted(
        run.incidents, key=lambda seen: (seen.id not in acted_on, seen.escalated_at is None, seen.opened_at)
    )
    return ranked[0] if ranked else None


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, round((end - start).total_seconds(), 3))
