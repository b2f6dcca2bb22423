"""What is suspected: evidence → causes in their order, how sure → what is decided. And what text can never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.causes import SUSPECTS
from opsagent.causes.judging import CLEAR, LIKELY, clear, judge
from opsagent.causes.suspect import MOST_OF_TEXT, PROOF, SOME, STRONG, TEXT, weigh
from opsagent.decide import decide
from opsagent.model import Act, Cause, Escalate, Evidence, EvidenceKind, Fault, Hypothesis, Investigate, LeaveAlone
from opsagent.probes.costs import cost_of
from opsagent.runbooks.findings import Findings
from tests.support.cases import (
    BEGAN,
    ENDED,
    HANGS,
    NOW,
    WELL,
    Answers,
    case_of,
    died,
    evidence_of,
    failed,
    odds,
    outcome,
    target_of,
    unit_of,
)

STORE = target_of("store")
ROOT = "circus:store@box"
DOWN: dict[str, Any] = {"ok": False, "root": ROOT, "root_name": "store", "root_state": "exited", "said": "store ended"}
STOPPED: dict[str, Any] = {**DOWN, "root_state": "stopped", "said": "store was stopped on purpose"}
STRANGER: dict[str, Any] = {"relation": "stranger", "pid": 77, "said": "port 8000 of api is held by process 77"}
ORPHAN: dict[str, Any] = {"relation": "orphan", "pid": 78, "started": 1000.5, "said": "held by process 78, left over"}
CHANGED: dict[str, Any] = {
    "changed": True,
    "known": True,
    "restorable": True,
    "path": "/srv/app.json",
    "good": "a" * 64,
    "current": "b" * 64,
    "changed_at": BEGAN.timestamp() - 20,
    "said": "app.json of api changed since it was last well",
}
LOCK: dict[str, Any] = {"found": True, "path": "/srv/api.lock", "sha256": "c" * 64, "said": "api.lock is left of 99"}
EXITED: dict[str, Any] = {**ENDED["unit_state"], "last_exit": 1}
YOUNG = (died("api", lived_s=0.2),)

TABLE: list[tuple[str, Any, Answers, list[Cause], list[str] | type]] = [
    (
        "killed from outside, nothing else is wrong",
        case_of(Fault.CRASH, symptoms=(died("api"),)),
        ENDED,
        [Cause.KILLED],
        ["start:api"],
    ),
    (
        "its own orphan has its port",
        case_of(Fault.CRASH, symptoms=(died("api"),)),
        {**ENDED, "port_holder": ORPHAN},
        [Cause.ORPHAN],
        ["stop_orphan:api", "start:api"],
    ),
    ("a stranger has its port", case_of(Fault.CRASH), {**ENDED, "port_holder": STRANGER}, [Cause.PORT_TAKEN], Escalate),
    (
        "what it needs is down",
        case_of(Fault.CRASH, upstream=(STORE,)),
        {
            **ENDED,
            "dependencies": DOWN,
            "unit_state:store": ENDED["unit_state"],
            "port_holder:store": {"relation": "free"},
        },
        [Cause.DEPENDENCY_DOWN],
        ["start:store"],
    ),
    (
        "what it needs was stopped by a person",
        case_of(Fault.HANG, upstream=(STORE,)),
        {**HANGS, "dependencies": STOPPED},
        [Cause.PLANNED],
        Escalate,
    ),
    (
        "it dies at boot since its configuration changed",
        case_of(Fault.CRASH, symptoms=YOUNG),
        {**ENDED, "unit_state": EXITED, "config_changed": CHANGED},
        [Cause.BAD_CONFIG],
        ["rollback_config:api", "start:api"],
    ),
    (
        "a lock of a dead process, and starting did not help",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        {**ENDED, "unit_state": EXITED, "stale_lock": LOCK},
        [Cause.STALE_LOCK],
        ["quarantine:api", "start:api"],
    ),
    (
        "stopped by a signal",
        case_of(Fault.HANG),
        {**HANGS, "process_state": {"stopped": 1, "stopped_pids": "101", "said": "0% of a core used"}},
        [Cause.STOPPED_BY_SIGNAL],
        ["continue:api"],
    ),
    (
        "a debugger holds it",
        case_of(Fault.HANG),
        {**HANGS, "process_state": {"stopped": 1, "debugged": True, "said": "traced"}},
        [Cause.PLANNED],
        Escalate,
    ),
    (
        "ended, and nobody knows why",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        {**ENDED, "unit_state": EXITED},
        [Cause.CRASHED],
        Escalate,
    ),
    (
        "on hold",
        case_of(Fault.CRASH),
        {**ENDED, "who_is_at_work": {"hold": "migration", "said": "api is on hold: migration"}},
        [Cause.PLANNED],
        LeaveAlone,
    ),
    (
        "being deployed",
        case_of(Fault.HANG),
        {**HANGS, "who_is_at_work": {"deploy": "by kim since 12:00 UTC", "said": "api is being deployed"}},
        [Cause.PLANNED],
        LeaveAlone,
    ),
    (
        "somebody edits its configuration at this moment",
        case_of(Fault.CRASH),
        {**ENDED, "who_is_at_work": {"edited_at": NOW.timestamp() - 1, "said": "somebody edited app.json"}},
        [Cause.KILLED],
        LeaveAlone,
    ),
    (
        "it was edited before the trouble began: that may be the cause, and nobody is at it any more",
        case_of(Fault.CRASH),
        {**ENDED, "who_is_at_work": {"edited_at": BEGAN.timestamp() - 3, "said": "somebody edited app.json"}},
        [Cause.KILLED],
        ["start:api"],
    ),
    (
        "of another user",
        case_of(Fault.HANG),
        {**HANGS, "unit_state": {**WELL["unit_state"], "foreign": True, "owner": "www"}},
        [],
        Escalate,
    ),
]


def judged(case: Any, answers: Answers) -> tuple[Hypothesis, ...]:
    """Judge with every probe that there is answered."""
    probes = {probe for suspect in SUSPECTS for probe in suspect.probes} | {"unit_state"}
    from opsagent.model import ProbeRequest

    found = tuple(evidence_of(ProbeRequest(probe, case.incident.unit), answers) for probe in sorted(probes))
    return judge(Findings(replace(case, evidence=found)))


@pytest.mark.parametrize(
    ("case", "answers", "kinds", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_evidence_gives_causes_in_their_order_and_they_give_a_decision(
    case: Any, answers: Answers, kinds: list[Cause], expected: list[str] | type
) -> None:
    found = judged(case, answers)
    assert [one.kind for one in found][: len(kinds)] == kinds, found
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert all(one.speaks_for for one in found)
    decision, _ = outcome(case, answers)
    if isinstance(expected, list):
        assert isinstance(decision, Act), decision
        assert [str(step.action) for step in decision.plan.steps] == expected
    else:
        assert isinstance(decision, expected), decision


def test_weights_mean_how_sure_and_what_speaks_against_lowers_them() -> None:
    unit = unit_of("api").id
    one = weigh(Cause.BAD_CONFIG, unit, "it", speaks_for=[("a", SOME)])
    two = weigh(Cause.BAD_CONFIG, unit, "it", speaks_for=[("a", SOME), ("b", SOME)])
    less = weigh(Cause.BAD_CONFIG, unit, "it", speaks_for=[("a", SOME), ("b", SOME)], speaks_against=[("c", STRONG)])
    assert one is not None
    assert two is not None
    assert less is not None
    assert (one.weight, two.weight) == (0.6, 0.84)
    assert less.weight < one.weight
    assert less.speaks_against == ("c",)
    assert weigh(Cause.BAD_CONFIG, unit, "it", speaks_for=[]) is None


def test_two_causes_at_once_both_stay() -> None:
    case = case_of(Fault.CRASH_LOOP, symptoms=YOUNG)
    found = judged(case, {**ENDED, "unit_state": EXITED, "config_changed": CHANGED, "port_holder": ORPHAN})
    sure = [one.kind for one in found if one.weight >= CLEAR]
    assert set(sure) == {Cause.ORPHAN, Cause.BAD_CONFIG}


def test_a_symptom_of_something_upstream_is_less_likely_a_cause() -> None:
    spins = {**HANGS, "process_state": {"spinning": True, "said": "100% of a core used"}}
    alone = judged(case_of(Fault.HANG, upstream=(STORE,)), spins)
    with_cause = judged(case_of(Fault.HANG, upstream=(STORE,)), {**spins, "dependencies": DOWN})
    spinning = {one.kind: one for one in with_cause}[Cause.SPINNING]
    assert {one.kind: one for one in alone}[Cause.SPINNING].weight > spinning.weight
    assert any("store ended" in why for why in spinning.speaks_against)
    assert with_cause[0].kind is Cause.DEPENDENCY_DOWN
    assert with_cause[0].unit.name == "store"


def test_clear_is_what_is_sure_and_has_nothing_against_it() -> None:
    unit = unit_of("api").id
    sure = Hypothesis(cause="a", unit=unit, weight=0.95, kind=Cause.ORPHAN, speaks_for=("x",))
    doubted = replace(sure, kind=Cause.BAD_CONFIG, weight=0.97, speaks_against=("y",))
    assert clear([doubted, replace(sure, weight=0.89)]) is None
    assert clear([doubted, sure]) == sure
    assert PROOF >= CLEAR > LIKELY > MOST_OF_TEXT > TEXT


def test_the_cheapest_probes_are_asked_first_and_no_more_once_it_is_clear() -> None:
    case = case_of(Fault.CRASH, symptoms=(died("api"),))
    _, clear_at_once = outcome(case, {**ENDED, "port_holder": ORPHAN})
    _, unclear = outcome(case_of(Fault.CRASH, tried=(failed("crash/start"),)), {**ENDED, "unit_state": EXITED})
    assert len(clear_at_once) < len(unclear)
    assert not [probe for probe in clear_at_once if cost_of(probe) > 2]
    assert set(clear_at_once) <= set(unclear) | {"health_now"}


def test_from_memory_only_the_probes_of_its_condition_are_asked() -> None:
    case = case_of(Fault.CRASH, symptoms=(died("api"),))
    cold, asked_cold = outcome(case, ENDED)
    known = replace(case, odds=(odds("crash/start", tries=2, successes=2, score=0.9),))
    warm, asked_warm = outcome(known, ENDED)
    assert isinstance(cold, Act)
    assert isinstance(warm, Act)
    assert (cold.plan.source, warm.plan.source) == ("runbook", "memory")
    assert len(asked_warm) < len(asked_cold)
    assert warm.plan.verify_s == cold.plan.verify_s
    assert warm.plan.verify == cold.plan.verify


LINES = ["restart api now", "ECONNREFUSED store", "ENOSPC: no space left on device", "certificate has expired"]


@settings(max_examples=200, deadline=None)
@given(
    fault=st.sampled_from(list(Fault)),
    facts=st.dictionaries(
        st.sampled_from(
            "state root root_state relation stopped full found changed spinning starved share resource waiting fds_share "
            "expired ok failing worst hold deploy jumped edited_at last_exit pid path sha256 item count unit".split()
        ),
        st.one_of(
            st.booleans(), st.floats(0, 2), st.sampled_from(["exited", ROOT, "orphan", "stranger", "fds", *LINES])
        ),
        max_size=10,
    ),
)
def test_text_alone_never_makes_a_cause_likely_nor_a_change(fault: Fault, facts: dict[str, Any]) -> None:
    case = case_of(fault, upstream=(STORE,), symptoms=YOUNG)
    for _ in range(20):
        decision = decide(case)
        if not isinstance(decision, Investigate):
            break
        found = tuple(
            Evidence(
                probe=request.probe,
                kind=EvidenceKind.TEXT,
                unit=request.unit,
                at=NOW,
                facts={**WELL.get(request.probe, {}), **facts, "said": "so it is"},
            )
            for request in decision.requests
        )
        case = replace(case, evidence=case.evidence + found)
    else:
        raise AssertionError("no end")
    assert not isinstance(decision, Act)
    assert all(one.weight <= MOST_OF_TEXT for one in judge(Findings(case)))
