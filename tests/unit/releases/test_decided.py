"""When a release is rolled back by the unattended agent, and when that would be a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.commands.reader import read
from opsagent.guard import Situation, rule_on_plan
from opsagent.model import Act, Fault
from opsagent.policy import Policy
from tests.support.cases import BEGAN, ENDED, HANGS, case_of, died, outcome, unit_of

CHANGED: dict[str, Any] = {
    "changed": True,
    "known": True,
    "restorable": True,
    "dependencies": False,
    "after": "a" * 64,
    "before": "b" * 64,
    "label": "1",
    "changed_at": BEGAN.timestamp() - 20,
    "said": "the release of api changed (app.py), since it was last well with 1",
}
BOOT_DEATHS = tuple(died("api", lived_s=0.3, pid=200 + n) for n in range(4))
LOOPS: dict[str, Any] = {"unit_state": {"state": "starting", "processes": 0, "last_exit": 1, "age_s": 0.0}}
JUST_STARTED: dict[str, Any] = {
    **HANGS,
    "unit_state": {"state": "running", "processes": 1, "instances": 1, "age_s": 24.0, "said": "runs"},
    "health_now": {**HANGS["health_now"], "failing_s": 24.0, "reason": "status"},
}
LOOP = case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS)
BACK_AND_START, BACK_AND_RESTART = ["rollback:api", "start:api"], ["rollback:api", "restart:api"]


def actions(case: Any, answers: Any) -> list[str]:
    decision, _ = outcome(case, answers, rounds=12)
    return [str(step.action) for step in decision.plan.steps] if isinstance(decision, Act) else []


@pytest.mark.parametrize(
    ("case", "answers", "wanted"),
    [
        (LOOP, {**LOOPS, "release_changed": CHANGED}, BACK_AND_START),
        (case_of(Fault.HANG), {**JUST_STARTED, "release_changed": CHANGED}, BACK_AND_RESTART),
    ],
    ids=["it dies at its start", "it has not been well since"],
)
def test_a_release_that_fails_is_taken_back(case: Any, answers: Any, wanted: list[str]) -> None:
    assert actions(case, answers) == wanted


@pytest.mark.parametrize(
    "but",
    [
        {"changed": False},
        {"restorable": False},
        {"dependencies": True},
        {"changed_at": BEGAN.timestamp() + 60},
        {"failed": "cannot be read"},
    ],
    ids=["the good one", "refused", "dependencies", "changed after the trouble began", "not known"],
)
def test_it_is_not_taken_back(but: dict[str, Any]) -> None:
    assert "rollback:api" not in actions(LOOP, {**LOOPS, "release_changed": {**CHANGED, **but}})


def test_what_was_well_with_the_release_is_not_its_fault() -> None:
    well_then = {**JUST_STARTED["health_now"], "last_ok_s": 6.0}
    answers = {**JUST_STARTED, "health_now": well_then, "release_changed": CHANGED}
    assert "rollback:api" not in actions(case_of(Fault.HANG), answers)


def test_what_was_killed_from_outside_is_not_its_releases_fault() -> None:
    found = actions(case_of(Fault.CRASH, symptoms=(died("api"),)), {**ENDED, "release_changed": CHANGED})
    assert found == ["start:api"]


@pytest.mark.parametrize(
    ("policy", "deploy", "verdict"),
    [
        (Policy(mode="suggest"), "", "deny"),
        (Policy(mode="approve"), "", "ask"),
        (Policy(mode="auto"), "", "ask"),
        (Policy(mode="auto", rollback_failed_deploys=True), "", "allow"),
        (Policy(mode="auto", rollback_failed_deploys=True), "by kim", "deny"),
    ],
    ids=["suggest", "approve", "auto", "policy says so", "a deploy is open"],
)
def test_whose_word_it_needs(policy: Policy, deploy: str, verdict: str) -> None:
    decision, _ = outcome(LOOP, {**LOOPS, "release_changed": CHANGED}, rounds=12)
    assert isinstance(decision, Act)
    ruling = rule_on_plan(decision.plan, Situation(unit=unit_of("api"), deploy=deploy), policy)
    assert ruling.verdict == verdict


@pytest.mark.parametrize(
    "text", ["roll back api", "rollback api", "revert api", "roll api back now", "please roll back api"]
)
def test_the_command_reader_knows_the_word(text: str) -> None:
    reading = read(text, [unit_of("api")])
    assert [str(step) for step in reading.steps] == ["rollback api"], reading


@pytest.mark.parametrize("text", ["don't roll back api", "roll back the database of api", "should I roll back api?"])
def test_what_is_no_such_order_is_asked_back(text: str) -> None:
    assert read(text, [unit_of("api")]).steps == ()
