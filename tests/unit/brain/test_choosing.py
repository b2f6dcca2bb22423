"""Which remedy of the library is taken: the surest cause, the least at stake, and what memory knows of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsagent import choosing
from opsagent import decide as deciding
from opsagent.causes.judging import CLEAR
from opsagent.decide import decide
from opsagent.model import (
    Act,
    Attempt,
    Cause,
    Check,
    CheckKind,
    Escalate,
    EvidenceKind,
    Fault,
    Hypothesis,
    Signal,
    SignalKind,
    Step,
)
from opsagent.planning_parts import action_of
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, at_root
from opsagent_tools.actions import ActionName
from tests.support.cases import BEGAN, HANGS, case_of, failed, odds, outcome, unit_of

UNIT = unit_of("api").id


def steps(action: ActionName) -> tuple[Step, ...]:
    return (Step(action=action_of(action, UNIT), goal=Check(kind=CheckKind.HEALTHY, unit=UNIT)),)


def remedy(
    name: str,
    cause: Cause,
    action: ActionName = ActionName.RELOAD,
    *,
    order: int = 10,
    fits: bool = True,
    after: str = "",
) -> Remedy:
    return Remedy(
        name=name,
        does="it",
        aim=at_root,
        condition=lambda findings, target: Fit(target=target, why="it fits") if fits else Against("it does not"),
        steps=lambda fit: steps(action),
        cause=cause,
        order=order,
        after=after,
    )


def likely(kind: Cause, weight: float) -> Hypothesis:
    return Hypothesis(cause=kind.value, unit=UNIT, weight=weight, kind=kind, speaks_for=("the kernel",))


SPIN, POOL, LEAK = Cause.SPINNING, Cause.POOL_EXHAUSTED, Cause.DESCRIPTOR_LEAK
TABLE: list[tuple[str, list[Remedy], list[Hypothesis], dict[str, Any], str | None]] = [
    ("of the surest cause", [remedy("a/x", SPIN), remedy("b/y", POOL)], [likely(SPIN, 0.6), likely(POOL, 0.9)], {}, "b/y"),
    (
        "of causes that are about as sure, by the file's order",
        [remedy("a/x", SPIN, order=20), remedy("b/y", POOL, order=10)],
        [likely(SPIN, 0.81), likely(POOL, 0.8)],
        {},
        "b/y",
    ),
    ("not of a cause that is hardly likely", [remedy("a/x", SPIN)], [likely(SPIN, 0.3)], {}, None),
    ("not where its own condition does not hold", [remedy("a/x", SPIN, fits=False)], [likely(SPIN, 0.95)], {}, None),
    (
        "only after another was tried",
        [remedy("a/x", SPIN, after="a/first")],
        [likely(SPIN, 0.95)],
        {},
        None,
    ),
    (
        "after that one was tried",
        [remedy("a/x", SPIN, after="a/first")],
        [likely(SPIN, 0.95)],
        {"tried": (failed("a/first"),)},
        "a/x",
    ),
    (
        "not twice",
        [remedy("a/x", SPIN), remedy("a/z", SPIN, order=90)],
        [likely(SPIN, 0.95)],
        {"tried": (failed("a/x"),)},
        "a/z",
    ),
    (
        "what only ever failed here comes last",
        [remedy("a/x", SPIN), remedy("a/z", SPIN, order=90)],
        [likely(SPIN, 0.95)],
        {"odds": (odds("a/x", tries=1, successes=0, score=0.3),)},
        "a/z",
    ),
    (
        "what failed three times and never helped is not tried at all",
        [remedy("a/x", SPIN)],
        [likely(SPIN, 0.95)],
        {"odds": (odds("a/x", tries=3, successes=0, score=0.1),)},
        None,
    ),
    (
        "what hardly ever helps and interrupts is not worth it for a cause that is only probable",
        [remedy("a/x", SPIN, ActionName.RESTART)],
        [likely(SPIN, 0.55)],
        {"odds": (odds("a/x", tries=9, successes=1, score=0.2),)},
        None,
    ),
    (
        "what cannot be undone is not worth it for a cause that is only probable",
        [remedy("a/x", SPIN, ActionName.FREE_PORT)],
        [likely(SPIN, 0.55)],
        {},
        None,
    ),
    (
        "a person's own runbook is their word",
        [remedy("own.mine/x", Cause.UNKNOWN), remedy("b/y", POOL)],
        [likely(POOL, 0.8)],
        {},
        "own.mine/x",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("remedies", "hypotheses", "fields", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_remedy_that_is_taken(
    remedies: list[Remedy], hypotheses: list[Hypothesis], fields: dict[str, Any], expected: str | None
) -> None:
    findings = Findings(case_of(Fault.HANG, **fields))
    chosen = choosing.choose(remedies, findings, tuple(hypotheses))
    assert (chosen.remedy.name if chosen is not None else None) == expected


def test_a_cause_that_is_not_clear_waits_for_one_that_is() -> None:
    findings = Findings(case_of(Fault.HANG))
    assert choosing.choose([remedy("a/x", SPIN)], findings, (likely(SPIN, 0.8),), least=CLEAR) is None


def test_worth_falls_with_what_is_at_stake_and_rises_with_how_sure_it_is() -> None:
    by_stake = [
        choosing.worth(steps(action), 0.7)
        for action in (ActionName.CONTINUE, ActionName.START, ActionName.RELOAD, ActionName.RESTART)
    ]
    assert by_stake == sorted(by_stake, reverse=True)
    by_weight = [choosing.worth(steps(ActionName.RESTART), weight) for weight in (0.3, 0.5, 0.7, 0.9)]
    assert by_weight == sorted(by_weight)


@pytest.fixture
def of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with two remedies of one cause, of which the first seems better."""
    both = (remedy("spinning/first", SPIN, order=10), remedy("spinning/second", SPIN, order=20))
    monkeypatch.setattr(deciding, "remedies_for", lambda fault, own=(): both)


SPINS: dict[str, Any] = {**HANGS, "process_state": {"spinning": True, "said": "100% of a core used"}}


@pytest.mark.usefixtures("of_two")
def test_what_failed_the_first_time_is_skipped_the_second() -> None:
    """The first incident needs two attempts, the next one of its kind one."""
    cold, _ = outcome(case_of(Fault.HANG), SPINS)
    assert isinstance(cold, Act)
    assert (cold.plan.remedy, cold.plan.source, cold.plan.cause) == ("spinning/first", "runbook", SPIN)
    again, _ = outcome(case_of(Fault.HANG, tried=(failed("spinning/first"),)), SPINS)
    assert isinstance(again, Act)
    assert again.plan.remedy == "spinning/second"
    learnt = (
        odds("spinning/second", tries=1, successes=1, score=0.75),
        odds("spinning/first", tries=1, successes=0, score=0.3),
    )
    warm, _ = outcome(case_of(Fault.HANG, odds=learnt), SPINS)
    assert isinstance(warm, Act)
    assert (warm.plan.remedy, warm.plan.source, warm.plan.attempt) == ("spinning/second", "memory", 1)


def test_what_memory_knows_is_not_taken_where_its_condition_does_not_hold_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "remedies_for", lambda fault, own=(): (remedy("spinning/first", SPIN, fits=False),))
    known = (odds("spinning/first", tries=9, successes=9, score=0.99),)
    decision, _ = outcome(case_of(Fault.HANG, odds=known), SPINS)
    assert not isinstance(decision, Act) or decision.plan.remedy != "spinning/first"


def test_a_remedy_that_was_tried_by_an_earlier_attempt_is_not_remembered_again(of_two: None) -> None:
    known = (odds("spinning/first", tries=9, successes=9, score=0.99),)
    tried = (Attempt(remedy="spinning/first", better=False, unit=UNIT),)
    decision, _ = outcome(case_of(Fault.HANG, odds=known, tried=tried), SPINS)
    assert isinstance(decision, Act | Escalate)
    assert isinstance(decision, Escalate) or decision.plan.remedy == "spinning/second"
    assert decide(replace(case_of(Fault.HANG), stopped_by_person=True)) is not None


@pytest.mark.parametrize(
    "seen",
    [
        {"unit_state": {"state": "running", "foreign": True, "owner": "www", "processes": 1, "age_s": 500.0}},
        {"process_state": {"spinning": True, "debugged": True, "said": "traced"}},
    ],
)
@pytest.mark.usefixtures("of_two")
def test_whatever_its_condition_says_what_is_somebody_elses_is_not_touched(seen: dict[str, Any]) -> None:
    decision, _ = outcome(case_of(Fault.HANG), {**SPINS, **seen})
    assert isinstance(decision, Escalate)
    known = (odds("spinning/first", tries=9, successes=9, score=0.99),)
    decision, _ = outcome(case_of(Fault.HANG, odds=known), {**SPINS, **seen})
    assert isinstance(decision, Escalate)


def test_a_persons_own_runbook_goes_first_also_where_the_cause_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = remedy("own.mine/x", Cause.UNKNOWN)
    monkeypatch.setattr(deciding, "remedies_for", lambda fault, own=(): (mine,))
    stopped = {**HANGS, "process_state": {"stopped": 1, "stopped_pids": "101"}}
    decision, _ = outcome(case_of(Fault.HANG), stopped)
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "own.mine/x"


def test_where_only_a_log_complains_a_cause_must_be_proved(of_two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes errors into a log could else have a wanted change taken back."""
    changed = {"changed": True, "said": "app.json changed", "changed_at": BEGAN.timestamp() - 20}
    config = remedy("bad_config/put_back", Cause.BAD_CONFIG)
    monkeypatch.setattr(deciding, "remedies_for", lambda fault, own=(): (config,))
    complains = Signal(kind=SignalKind.LOG_ERROR, unit=UNIT, at=BEGAN, evidence=EvidenceKind.TEXT, data={"count": 99})
    answers: dict[str, Any] = {"recent_errors": {"recent": 99}, "config_changed": changed}
    only_text, _ = outcome(case_of(Fault.ERROR_BURST, symptoms=(complains,)), answers)
    assert isinstance(only_text, Escalate)
    fails = {**answers, **HANGS}
    unwell, _ = outcome(case_of(Fault.ERROR_BURST, symptoms=(complains,)), fails)
    assert isinstance(unwell, Act)
