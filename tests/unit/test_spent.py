"""What is used up of the limits: three induced failures blind the agent for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from opsagent.guard import Situation, rule_on_plan
from opsagent.home import Home
from opsagent.model import Cause, Plan
from opsagent.planning import new_plan, start_steps
from opsagent.policy import Policy
from opsagent.situation import spent_on
from opsagent.store.journal import Journal
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.unit.store.values import API, NOW, STORE, Clock

POLICY = Policy(mode="auto")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(home: Path, clock: Clock) -> Iterator[Journal]:
    with Journal.open(Home.open(home), clock=clock) as opened:
        yield opened


def a_plan(unit: UnitId = API, remedy: str = "crash/start", cause: Cause = Cause.UNKNOWN) -> Plan:
    steps = start_steps(Unit(id=unit, state=UnitState.EXITED))
    return new_plan(unit=unit, steps=steps, remedy=remedy, origin="agent", source="runbook", cause=cause)


def tried(journal: Journal, clock: Clock, plan: Plan, status: str = "failed", rule: str = "mode") -> None:
    journal.record_plan(plan)
    journal.end_step(journal.intend_step(plan, 0, plan.steps[0], {}, rule), "done")
    clock.forward(1)
    journal.end_plan(plan.id, status)  # type: ignore[arg-type]


def rule_for(journal: Journal, clock: Clock, plan: Plan) -> str:
    spent = spent_on(journal, plan, POLICY, clock.now)
    around = Situation(
        unit=None, unit_actions=spent.unit_actions, all_actions=spent.all_actions, failed_repairs=spent.failed_repairs,
        since_failure_s=spent.since_failure_s, trials=spent.trials,
    )  # fmt: skip
    return rule_on_plan(plan, around, POLICY).rule


def test_three_induced_failures_blind_the_agent_for_no_other_unit_and_no_other_cause(
    journal: Journal, clock: Clock
) -> None:
    for _ in range(3):
        tried(journal, clock, a_plan(remedy="hang/restart"))
    assert rule_for(journal, clock, a_plan(remedy="hang/reload")) == "breaker"
    assert rule_for(journal, clock, a_plan(remedy="crash/start")) == "mode"
    assert rule_for(journal, clock, a_plan(remedy="hang/x", cause=Cause.STOPPED_BY_SIGNAL)) == "mode"
    assert rule_for(journal, clock, a_plan(STORE, remedy="hang/restart")) == "mode"


def test_a_flood_that_is_answered_again_and_again_leaves_the_ordinary_budgets_alone(
    journal: Journal, clock: Clock
) -> None:
    for number in range(POLICY.induced_global_budget_actions):
        unit = UnitId("circus", f"u{number}", "here")
        tried(journal, clock, a_plan(unit, remedy="log_flood/rotate", cause=Cause.LOG_FLOOD), "done")
    assert rule_for(journal, clock, a_plan(remedy="error_burst/restart")) == "budget"
    assert rule_for(journal, clock, a_plan()) == "mode"
    for _ in range(POLICY.budget_actions):
        tried(journal, clock, a_plan(STORE), "done")
    assert rule_for(journal, clock, a_plan(STORE)) == "budget"
    assert rule_for(journal, clock, a_plan()) == "mode"


def test_one_more_try_after_a_while_and_each_that_fails_makes_the_next_wait_longer(
    journal: Journal, clock: Clock
) -> None:
    for _ in range(3):
        tried(journal, clock, a_plan())
    assert rule_for(journal, clock, a_plan()) == "breaker"
    clock.forward(POLICY.breaker_trial_s)
    assert rule_for(journal, clock, a_plan()) == "trial"
    trial = a_plan()
    tried(journal, clock, trial, rule="trial")
    assert journal.was_trial(trial.id)
    clock.forward(POLICY.breaker_trial_s)
    assert rule_for(journal, clock, a_plan()) == "breaker"
    clock.forward(POLICY.breaker_trial_s)
    assert rule_for(journal, clock, a_plan()) == "trial"
    tried(journal, clock, a_plan(), "done", rule="trial")
    assert rule_for(journal, clock, a_plan()) == "mode", "one that worked closes it"


def test_what_is_old_does_not_count(journal: Journal, clock: Clock) -> None:
    for _ in range(5):
        tried(journal, clock, a_plan())
    clock.forward(max(POLICY.breaker_window_s, POLICY.budget_window_s) + 10)
    assert spent_on(journal, a_plan(), POLICY, clock.now).failed_repairs == 0
    assert spent_on(journal, a_plan(), POLICY, clock.now).unit_actions == 0


def test_it_says_when_the_budget_has_room_again(journal: Journal, clock: Clock) -> None:
    tried(journal, clock, a_plan(), "done")
    clock.forward(99)
    spent = spent_on(journal, a_plan(), POLICY, clock.now)
    assert spent.budget_s == pytest.approx(POLICY.budget_window_s - 100)
    assert clock.now == NOW + timedelta(seconds=100)
