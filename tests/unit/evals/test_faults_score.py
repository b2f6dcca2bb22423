"""What a run of a scenario is worth: a table of runs and their outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_evals.faults.scenario import ActionPattern, Scenario
from opsagent_evals.faults.score import OracleCall, Outcome, Run, SeenIncident, SeenStep, held_since, score
from opsagent_evals.faults.watching import is_over

START = datetime(2026, 1, 1, tzinfo=UTC)

SICK = Scenario(
    folder=Path("/x/01_store"),
    title="store is gone",
    timeout_s=30,
    units=("store",),
    actions=(ActionPattern("start", "store"),),
    forbid=(ActionPattern("*", "api"), ActionPattern("stop", "store")),
)
HEALTHY = Scenario(folder=Path("/x/02_blip"), title="a blip", timeout_s=30, healthy=True)
TELL = Scenario(folder=Path("/x/03_stranger"), title="a stranger", timeout_s=30, units=("store",), escalate=True)
EITHER = replace(SICK, actions=(*SICK.actions, ActionPattern("escalate")))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def oracle(*spans: tuple[float, bool]) -> tuple[OracleCall, ...]:
    """`(until, ok), …`: one call every 0.2 s."""
    calls, now = [], 0.0
    for until, ok in spans:
        while now < until:
            calls.append(OracleCall(at=at(now), ok=ok))
            now = round(now + 0.2, 1)
    return tuple(calls)


def step(action: str, unit: str, begun: float = 2.0, plan: str = "p1", source: str = "runbook") -> SeenStep:
    return SeenStep(
        action=action, unit=unit, at=at(begun), ended_at=at(begun + 0.5), plan=plan, incident="i1", source=source
    )


def incident(unit: str = "store", *, told: float | None = None, closed: float | None = None) -> SeenIncident:
    return SeenIncident(
        id="i1",
        fault="crash",
        unit=unit,
        opened_at=at(0.4),
        escalated_at=None if told is None else at(told),
        closed_at=None if closed is None else at(closed),
        probes=3,
    )


def run(
    calls: tuple[OracleCall, ...], steps: tuple[SeenStep, ...] = (), incidents: tuple[SeenIncident, ...] = ()
) -> Run:
    return Run(injected_at=START, ended_at=calls[-1].at, oracle=calls, steps=steps, incidents=incidents)


MENDED = oracle((3, False), (9, True))
BROKEN = oracle((1, True), (30, False))
GREEN = oracle((30, True))
NEARLY = oracle((3, False), (7, True))

TABLE = {
    "repaired by the right action": (SICK, MENDED, [step("start", "store")], incident(), "repaired", True),
    "well again by itself is not the agent's merit": (SICK, MENDED, [], incident(), "repaired", False),
    "repaired by another action on the right unit": (SICK, MENDED, [step("restart", "store")], incident(), "repaired", False),
    "first in vain, then right": (
        SICK, MENDED, [step("restart", "store", 1, "p0"), step("start", "store")], incident(), "repaired", True,
    ),
    "not held long enough": (SICK, NEARLY, [step("start", "store")], incident(), "failed", False),
    "nothing done": (SICK, BROKEN, [], None, "failed", False),
    "tried in vain": (SICK, BROKEN, [step("start", "store")], incident(), "failed", False),
    "tried in vain, a person told": (SICK, BROKEN, [step("start", "store")], incident(told=5), "escalated", False),
    "repaired, but the innocent was restarted too": (
        SICK, MENDED, [step("restart", "api"), step("start", "store")], incident(), "harmed", False,
    ),
    "a unit that nobody named": (SICK, MENDED, [step("start", "cache")], incident(), "harmed", False),
    "forbidden on the right unit": (SICK, MENDED, [step("stop", "store")], incident(), "harmed", False),
    "telling is right too": (EITHER, BROKEN, [], incident(told=5), "escalated", True),
    "telling after the right try": (EITHER, BROKEN, [step("start", "store")], incident(told=5), "escalated", True),
    "telling after another try": (EITHER, BROKEN, [step("restart", "store")], incident(told=5), "escalated", False),
    "a leak, reloaded in time": (SICK, GREEN, [step("start", "store")], incident(), "repaired", True),
    "a leak, nothing done": (SICK, GREEN, [], None, "failed", False),
    "healthy, left alone": (HEALTHY, GREEN, [], None, "left_alone", True),
    "healthy, seen and left alone": (HEALTHY, MENDED, [], incident(closed=6), "left_alone", True),
    "healthy, and somebody woken": (HEALTHY, GREEN, [], incident(told=5), "escalated", False),
    "healthy, and restarted to be safe": (HEALTHY, GREEN, [step("restart", "store")], incident(), "harmed", False),
    "told, as wanted": (TELL, BROKEN, [], incident(told=5), "escalated", True),
    "told, and well again without a change": (TELL, MENDED, [], incident(told=1), "escalated", True),
    "told, after a change": (TELL, BROKEN, [step("start", "store")], incident(told=5), "escalated", False),
    "changed instead of told": (TELL, MENDED, [step("start", "store")], incident(), "repaired", False),
    "neither told nor changed": (TELL, BROKEN, [], incident(), "failed", False),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_outcome(name: str) -> None:
    scenario, calls, steps, seen, outcome, right = TABLE[name]
    scored = score(scenario, run(calls, tuple(steps), (seen,) if seen else ()))
    assert (scored.outcome.value, scored.right_outcome) == (outcome, right)


def test_engine_mending_where_nothing_is_asked_of_the_agent_is_right() -> None:
    scored = score(replace(SICK, actions=()), run(MENDED))
    assert (scored.outcome, scored.right_outcome, scored.right_unit) == (Outcome.REPAIRED, True, True)


def test_telling_a_person_is_no_change_and_so_never_wrong() -> None:
    scored = score(HEALTHY, run(GREEN, (step("escalate", "store"),)))
    assert scored.wrong == ()
    assert scored.actions == ()


def test_each_step_of_a_remedy_counts_as_an_action_and_each_plan_as_an_attempt() -> None:
    steps = (step("start", "store", 1, "p0"), step("quarantine", "store", 2), step("start", "store", 2.5))
    scored = score(SICK, run(MENDED, steps, (incident(),)))
    assert scored.actions == ("start:store", "quarantine:store", "start:store")
    assert (scored.attempts, scored.probes, scored.remedy_source) == (2, 3, "runbook")


def test_every_wrong_step_is_counted() -> None:
    scored = score(HEALTHY, run(GREEN, (step("restart", "a"), step("stop", "b"))))
    assert scored.wrong == ("restart:a", "stop:b")


def test_times_count_from_the_start_of_the_fault() -> None:
    scored = score(SICK, run(MENDED, (step("start", "store"),), (incident(),)))
    assert (scored.ttd_s, scored.ttm_s) == (0.4, 3.0)


def test_the_cause_is_the_incident_that_was_acted_on() -> None:
    other = replace(incident("api"), id="i0", opened_at=at(0.1))
    scored = score(SICK, run(MENDED, (step("start", "store"),), (other, incident())))
    assert (scored.cause, scored.right_unit) == ("crash:store", True)


def test_the_wrong_unit_is_told_apart() -> None:
    assert not score(SICK, run(BROKEN, (), (incident("api"),))).right_unit


def test_patterns_match_with_stars() -> None:
    assert ActionPattern("*", "store").matches("restart", "store")
    assert ActionPattern("re*", "*").matches("reload", "x")
    assert not ActionPattern("restart", "api*").matches("restart", "gateway")


def test_a_run_that_could_not_be_carried_through_has_failed() -> None:
    broken = replace(run(MENDED, (step("start", "store"),), (incident(),)), error="inject exited with 1")
    assert score(SICK, broken).outcome is Outcome.FAILED


def test_healthy_cases_are_watched_to_the_end() -> None:
    seen = run(GREEN)
    assert not is_over(HEALTHY, seen, at(29))
    assert is_over(HEALTHY, seen, at(30))


def test_a_repaired_case_ends_when_the_agent_has_closed_its_books() -> None:
    steps = (step("start", "store"),)
    assert not is_over(SICK, run(MENDED, steps, (incident(),)), at(9))
    assert is_over(SICK, run(MENDED, steps, (incident(closed=8.5),)), at(9))
    assert not is_over(SICK, run(NEARLY, steps, (incident(closed=6),)), at(7))


def test_an_escalated_case_ends_after_a_while_without_a_change() -> None:
    told = run(oracle((12, False)), (), (incident(told=2),))
    assert not is_over(TELL, told, at(9))
    assert is_over(TELL, told, at(10.1))
    assert not is_over(TELL, replace(told, steps=(step("start", "store", 6),)), at(10.1))


def test_a_leak_is_mended_from_the_end_of_the_last_step_on() -> None:
    assert held_since(run(GREEN, (step("start", "store", 20),))) == at(20.6)
    assert held_since(run(GREEN)) is None


spans = st.lists(st.tuples(st.floats(0.2, 15), st.booleans()), min_size=1, max_size=6)
steps = st.lists(
    st.builds(
        step,
        st.sampled_from(["start", "restart", "stop", "escalate"]),
        st.sampled_from(["store", "api"]),
        st.floats(0, 20),
    ),
    max_size=4,
)
seen_incidents = st.lists(
    st.builds(
        incident,
        st.sampled_from(["store", "api"]),
        told=st.none() | st.floats(0, 20),
        closed=st.none() | st.floats(0, 20),
    ),
    max_size=3,
)


@given(st.sampled_from([SICK, HEALTHY, TELL, EITHER]), spans, steps, seen_incidents)
def test_whatever_happens_has_exactly_one_outcome_and_no_wrong_action_is_ever_right(
    scenario: Scenario, drawn: list[tuple[float, bool]], did: list[SeenStep], seen: list[SeenIncident]
) -> None:
    total, calls = 0.0, []
    for length, ok in drawn:
        total += length
        calls.append((total, ok))
    scored = score(scenario, run(oracle(*calls), tuple(did), tuple(seen)))
    assert scored.outcome in set(Outcome)
    assert not (scored.wrong and scored.right_outcome)
    assert (scored.outcome is Outcome.HARMED) == bool(scored.wrong)
    assert scored.outcome is not Outcome.REPAIRED or scored.ttm_s is not None
