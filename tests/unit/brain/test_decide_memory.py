"""What memory changes: what worked comes first and is asked about less; what failed does not come first again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent.model import Act, Escalate, Fault
from tests.support.cases import ENDED, HANGS, Answers, case_of, failed, odds, outcome, target_of

LOCK = {
    "found": True,
    "by_last_run": True,
    "path": "/srv/state/api.lock",
    "sha256": "c" * 64,
    "said": "api.lock was left behind by 99",
}
STRANGER = {"relation": "stranger", "pid": 77, "said": "port 8000 of api is held by process 77"}
STARTED = odds("crash/start", tries=2, successes=2, score=0.8)
UNLOCKED = odds("crash/quarantine_lock", tries=1, successes=1, score=0.7)


def test_a_remedy_that_worked_comes_from_memory_with_fewer_probes() -> None:
    cold, asked_cold = outcome(case_of(Fault.CRASH), ENDED)
    warm, asked_warm = outcome(case_of(Fault.CRASH, odds=(STARTED,)), ENDED)
    assert isinstance(cold, Act)
    assert isinstance(warm, Act)
    assert (cold.plan.source, warm.plan.source) == ("runbook", "memory")
    assert cold.plan.remedy == warm.plan.remedy == "crash/start"
    assert set(asked_warm) < set(asked_cold)


@pytest.mark.parametrize(
    ("fault", "remedy", "answers"),
    [
        (Fault.HANG, "hang/continue", {**HANGS, "process_state": {"stopped": 1}}),
        (Fault.HANG, "hang/restart", HANGS),
        (Fault.MEMORY_GROWTH, "memory_growth/restart", {"memory": {"share": 0.95, "said": "95%"}}),
        (Fault.DEPENDENCY_DOWN, "dependency_down/start", ENDED),
    ],
)
def test_every_memory_costs_at_most_the_probes_of_a_cold_look(fault: Fault, remedy: str, answers: Answers) -> None:
    cold, asked_cold = outcome(case_of(fault), answers)
    warm, asked_warm = outcome(case_of(fault, odds=(odds(remedy, tries=1, successes=1, score=0.7),)), answers)
    assert isinstance(cold, Act)
    assert isinstance(warm, Act)
    assert cold.plan.remedy == warm.plan.remedy == remedy
    assert warm.plan.source == "memory"
    assert set(asked_warm) < set(asked_cold)


def test_the_second_remedy_comes_first_once_it_is_known_to_help() -> None:
    """Start did not help last time, moving the lock aside did: one attempt instead of two."""
    start = odds("crash/start", tries=1, successes=0, score=0.2)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(UNLOCKED, start)), {**ENDED, "stale_lock": LOCK})
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "crash/quarantine_lock"
    assert decision.plan.source == "memory"


def test_memory_does_not_act_where_the_remedys_own_condition_does_not_hold() -> None:
    decision, _ = outcome(case_of(Fault.CRASH, odds=(STARTED,)), {**ENDED, "port_holder": STRANGER})
    assert isinstance(decision, Escalate)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(UNLOCKED,)), ENDED)
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "crash/start", "no lock is stale: back to the runbook"


@pytest.mark.parametrize(
    "poor",
    [
        odds("hang/restart", tries=4, successes=1, score=0.3),
        odds("hang/restart", tries=0, successes=0, score=0.9),
        odds("crash/start", tries=3, successes=3, score=0.9),
        odds("hang/burn_it_down", tries=3, successes=3, score=0.9),
    ],
    ids=["it mostly failed", "it was never tried", "it is for another fault", "nobody here knows it"],
)
def test_what_is_not_proven_here_does_not_come_from_memory(poor: object) -> None:
    decision, _ = outcome(case_of(Fault.HANG, odds=(poor,)), {**HANGS, "process_state": {"stopped": 1}})
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "hang/continue"
    assert decision.plan.source == "runbook"


def test_what_failed_here_before_is_not_tried_first_again() -> None:
    case = case_of(Fault.HANG, odds=(odds("hang/continue", tries=2, successes=0, score=0.1),))
    frozen = {**HANGS, "process_state": {"stopped": 1, "stopped_pids": "101"}}
    decision, _ = outcome(case, frozen)
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "hang/continue", "nothing else fits a stopped process"
    hopeless = case_of(Fault.HANG, odds=(odds("hang/continue", tries=3, successes=0, score=0.1),))
    decision, _ = outcome(hopeless, frozen)
    assert isinstance(decision, Escalate)


def test_what_was_tried_for_this_incident_is_not_proposed_again_by_memory() -> None:
    decision, _ = outcome(case_of(Fault.CRASH, odds=(STARTED,), tried=(failed("crash/start"),)), ENDED)
    assert isinstance(decision, Escalate)


def test_the_best_of_several_comes_first() -> None:
    rows = (odds("dependency_down/restart", tries=1, successes=1, score=0.6), STARTED)
    decision, _ = outcome(case_of(Fault.CRASH, odds=rows, upstream=(target_of("store"),)), ENDED)
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "crash/start"


def test_what_no_longer_works_here_goes_behind_the_runbooks_next() -> None:
    """Start used to help; since the last release it is the lock."""
    died_holding_it = {**ENDED, "stale_lock": LOCK}
    rows = (odds("crash/start", tries=9, successes=7, score=0.7), UNLOCKED)
    stale = (replace(rows[0], stale=True), UNLOCKED)
    first, _ = outcome(case_of(Fault.CRASH, odds=rows[:1]), died_holding_it)
    then, _ = outcome(case_of(Fault.CRASH, odds=stale), died_holding_it)
    assert isinstance(first, Act)
    assert isinstance(then, Act)
    assert (first.plan.remedy, then.plan.remedy) == ("crash/start", "crash/quarantine_lock")


def test_what_no_longer_works_here_is_still_tried_where_nothing_else_fits() -> None:
    stale = replace(STARTED, stale=True)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(stale,)), ENDED)
    assert isinstance(decision, Act)
    assert (decision.plan.remedy, decision.plan.source) == ("crash/start", "runbook")


def test_what_a_person_accepted_comes_first_and_only_if_its_own_condition_holds() -> None:
    accepted = replace(odds("crash/start", tries=0, successes=0, score=0.5), accepted=True)
    better = odds("dependency_down/restart", tries=9, successes=0, score=0.55)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(better, accepted)), ENDED)
    assert isinstance(decision, Act)
    assert (decision.plan.remedy, decision.plan.source) == ("crash/start", "memory")
    decision, _ = outcome(case_of(Fault.CRASH, odds=(accepted,)), {**ENDED, "port_holder": STRANGER})
    assert isinstance(decision, Escalate)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(replace(accepted, stale=True),)), ENDED)
    assert isinstance(decision, Act)
    assert decision.plan.source == "runbook", "it ceased to work: what was accepted once is no reason any more"


@pytest.mark.parametrize(("tries", "first"), [(0, "crash/quarantine_lock"), (2, "crash/start")])
def test_what_worked_for_such_incidents_goes_before_what_was_accepted_for_others(tries: int, first: str) -> None:
    accepted = replace(odds("crash/start", tries=tries, successes=tries, score=0.6), accepted=True)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(accepted, UNLOCKED)), {**ENDED, "stale_lock": LOCK})
    assert isinstance(decision, Act)
    assert (decision.plan.remedy, decision.plan.source) == (first, "memory")


def test_a_remedy_whose_name_only_looks_like_one_is_nobodys() -> None:
    cyrillic = odds("crash/st\u0430rt", tries=9, successes=9, score=0.99)
    decision, _ = outcome(case_of(Fault.CRASH, odds=(cyrillic,)), ENDED)
    assert isinstance(decision, Act)
    assert (decision.plan.remedy, decision.plan.source) == ("crash/start", "runbook")
