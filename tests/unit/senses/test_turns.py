"""When the instances of a unit are asked side by side: bounded, led by text only so often, and busy is not ill."""

from __future__ import annotations

import pytest

from opsagent.senses.turns import Turns
from opsagent_tools.probes.health import ProbeResult

GOOD = ProbeResult(ok=True, latency_s=0.01, status=200)
ILL = ProbeResult(ok=False, reason="status", status=500)
TOO_MANY = ProbeResult(ok=False, reason="status", status=429)
LATE = ProbeResult(ok=False, reason="timeout", latency_s=1.0)
NOBODY = ProbeResult(ok=False, reason="refused")


def rounds(
    turns: Turns, seconds: float, *, instances: int = 4, answers: list[ProbeResult], errors: bool = False
) -> int:
    """Return how many rounds there were while it was looked at four times a second."""
    found = 0
    turns.bad([GOOD] * 8, 1000.0)
    for step in range(int(seconds * 4)):
        now = 1000.0 + step / 4
        if errors:
            turns.lead(now)
        if turns.questions(instances, now):
            found += 1
            turns.bad(answers, now)
    return found


@pytest.mark.parametrize(("interval_s", "most"), [(0.3, 8), (1.0, 8), (2.0, 8), (10.0, 2), (30.0, 1)])
def test_rounds_are_seldom_and_seldomer_where_the_probe_is(interval_s: float, most: int) -> None:
    assert 1 <= rounds(Turns(interval_s=interval_s), 60, answers=[GOOD] * 8) <= most


@pytest.mark.parametrize(("instances", "questions"), [(1, 0), (2, 4), (4, 8), (40, 16)])
def test_questions_are_bounded(instances: int, questions: int) -> None:
    turns = Turns(interval_s=0.5)
    turns.questions(instances, 1000.0)
    assert turns.questions(instances, 1010.0) == questions


def test_while_some_answers_are_bad_it_looks_again_soon_but_not_for_ever() -> None:
    ill = [GOOD] * 6 + [ILL] * 2
    assert rounds(Turns(interval_s=0.5), 12, answers=ill) >= 5
    assert rounds(Turns(interval_s=0.5), 600, answers=ill) < 12 + 600 / 8 + 2


def test_a_round_that_does_not_meet_the_ill_one_does_not_end_the_closer_look() -> None:
    turns, met = Turns(interval_s=0.5), [GOOD] * 7 + [ILL]
    turns.questions(4, 1000.0)
    turns.bad([GOOD] * 8, 1000.0)
    turns.bad(met, 1008.0)
    for now, answers in ((1010.0, [GOOD] * 8), (1012.0, met), (1014.0, [GOOD] * 8), (1016.0, [GOOD] * 8)):
        assert turns.questions(4, now)
        turns.bad(answers, now)
    assert turns.questions(4, 1018.0)
    turns.bad([GOOD] * 8, 1018.0)
    assert not turns.questions(4, 1020.0)


@pytest.mark.parametrize(
    ("answers", "bad"),
    [
        ([GOOD] * 6 + [ILL] * 2, 2),
        ([GOOD] * 6 + [LATE] * 2, 0),
        ([GOOD] * 8, 0),
        ([ILL] * 8, 2),
        ([GOOD] * 6 + [TOO_MANY] * 2, 0),
        ([LATE] * 6 + [ILL] * 2, 2),
        ([LATE] * 8, 0),
        ([GOOD] * 6 + [NOBODY] * 2, 0),
    ],
)
def test_bad_is_who_answers_badly_and_not_who_is_late(answers: list[ProbeResult], bad: int) -> None:
    turns = Turns(interval_s=0.5)
    turns.bad([GOOD] * 8, 1000.0)
    assert len(turns.bad(answers, 1008.0)) == bad


def test_what_never_answered_side_by_side_is_not_told_for_it() -> None:
    turns = Turns(interval_s=0.5)
    assert [turns.bad([GOOD] * 4 + [ILL] * 4, 1000.0 + 8 * number) for number in range(9)] == [[]] * 9


def test_errors_in_its_log_lead_a_few_rounds_and_no_more() -> None:
    quiet = rounds(Turns(interval_s=0.5), 100, answers=[GOOD] * 8)
    led = rounds(Turns(interval_s=0.5), 100, answers=[GOOD] * 8, errors=True)
    assert quiet < led <= quiet + 4


def test_an_error_leads_a_look_at_once() -> None:
    turns = Turns(interval_s=0.5)
    turns.questions(4, 1000.0)
    assert turns.questions(4, 1005.0)
    assert turns.lead(1007.5)
    assert turns.questions(4, 1007.5)


def test_one_instance_is_not_asked_side_by_side_for_its_errors() -> None:
    turns = Turns(interval_s=0.5)
    turns.questions(1, 1000.0)
    assert not turns.lead(1005.0)


def test_what_is_waited_for_ends_when_a_round_is_due_and_never_spins() -> None:
    turns = Turns(interval_s=30.0)
    assert turns.pause_s(30.0, 1000.0) == 30.0
    turns.questions(4, 1000.0)
    assert turns.pause_s(30.0, 1000.0) == 2.0
    assert turns.pause_s(30.0, 1010.0) > 0.1
