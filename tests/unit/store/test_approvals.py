"""Approvals: random, single use, expiring, bound to what was asked; the proposer is not the approver."""

from __future__ import annotations

import pytest

from opsagent.store.errors import NotDecided
from opsagent.store.journal import Journal
from opsagent_tools.actions import ActionName
from tests.unit.store.values import API, Clock, plan, step

BINDING = "a" * 64


@pytest.fixture
def asked(journal: Journal) -> str:
    journal.record_plan(plan())
    return journal.ask(plan(), 0, plan().steps[0], BINDING, 60.0)


def test_a_question_waits_with_all_that_a_person_needs(journal: Journal, asked: str) -> None:
    [row] = journal.approvals()
    assert (row.id, row.unit, row.step, row.proposer, row.status) == (asked, API, step(), "agent", "pending")
    assert (row.plan_id, row.incident_id) == ("p1", "i1")
    assert journal.plan_of_approval(asked) == plan()


def test_ids_cannot_be_guessed(journal: Journal, asked: str) -> None:
    ids = {journal.ask(plan(), 0, step(), BINDING, 60.0) for _ in range(20)} | {asked}
    assert len(ids) == 21
    assert all(len(approval) >= 16 for approval in ids)


def test_a_yes_is_good_once(journal: Journal, asked: str) -> None:
    assert journal.use_approval(asked, BINDING) is False
    assert journal.decide_approval(asked, True, "bob").status == "approved"
    assert journal.approvals() == ()
    assert journal.use_approval(asked, BINDING) is True
    assert journal.use_approval(asked, BINDING) is False
    assert journal.approval_status(asked) == "used"


def test_a_yes_for_something_else_is_void(journal: Journal, asked: str) -> None:
    journal.decide_approval(asked, True, "bob")
    assert journal.use_approval(asked, "b" * 64) is False
    assert journal.use_approval(asked, BINDING) is False


def test_a_yes_runs_out(journal: Journal, asked: str, clock: Clock) -> None:
    journal.decide_approval(asked, True, "bob")
    clock.forward(61)
    assert journal.approval_status(asked) == "expired"
    assert journal.use_approval(asked, BINDING) is False


def test_a_question_runs_out(journal: Journal, asked: str, clock: Clock) -> None:
    clock.forward(61)
    assert journal.approvals() == ()
    assert [row.status for row in journal.approvals(pending=False)] == ["expired"]
    with pytest.raises(NotDecided, match="is expired already"):
        journal.decide_approval(asked, True, "bob")


def test_no_answer_and_a_no_are_no(journal: Journal, asked: str) -> None:
    assert journal.decide_approval(asked, False, "bob").status == "denied"
    assert journal.use_approval(asked, BINDING) is False
    with pytest.raises(NotDecided, match="is denied already"):
        journal.decide_approval(asked, True, "alice")


def test_a_question_that_is_moot_is_withdrawn(journal: Journal, asked: str) -> None:
    journal.decide_approval(asked, True, "bob")
    journal.expire_approval(asked)
    assert journal.use_approval(asked, BINDING) is False


def test_the_proposer_is_not_the_approver(journal: Journal) -> None:
    mine = plan("p2", None, origin="person", source="person")
    journal.record_plan(mine)
    asked = journal.ask(mine, 0, mine.steps[0], BINDING, 60.0, "bob")
    with pytest.raises(NotDecided, match="bob proposed it: somebody else has to approve it"):
        journal.decide_approval(asked, True, "bob")
    with pytest.raises(NotDecided):
        journal.decide_approval(asked, True, "agent")
    assert journal.decide_approval(asked, True, "alice").decided_by == "alice"
    again = journal.ask(mine, 0, mine.steps[0], BINDING, 60.0, "bob")
    assert journal.decide_approval(again, False, "bob").status == "denied"


def test_a_plan_with_a_masked_secret_is_shown_but_never_run_from_the_store(journal: Journal) -> None:
    secret = plan("p3", steps=(step(ActionName.QUARANTINE, path="/srv/x?token=abcdef123456"),))
    journal.record_plan(secret)
    asked = journal.ask(secret, 0, secret.steps[0], BINDING, 60.0)
    assert journal.plan("p3").masked
    assert "abcdef123456" not in str(journal.approval(asked))
    with pytest.raises(LookupError, match="masked secret"):
        journal.plan_of_approval(asked)


def test_only_a_recorded_plan_can_be_asked_for(journal: Journal) -> None:
    with pytest.raises(LookupError, match="no plan p9"):
        journal.ask(plan("p9"), 0, step(), BINDING, 60.0)


def test_two_people_have_to_say_yes_and_one_is_no_two(journal: Journal) -> None:
    journal.record_plan(plan())
    asked = journal.ask(plan(), 0, step(), "b", 60.0, needed=2)
    assert journal.decide_approval(asked, True, "alice").status == "pending"
    assert not journal.use_approval(asked, "b"), "half a yes is none"
    with pytest.raises(NotDecided, match="alice said yes already: a second person has to"):
        journal.decide_approval(asked, True, "alice")
    row = journal.decide_approval(asked, True, "bob")
    assert (row.status, row.decided_by, row.second_by, row.persons) == ("approved", "alice", "bob", 2)
    assert journal.yes_to("p1") == frozenset()
    assert journal.use_approval(asked, "b")
    assert journal.yes_to("p1") == {"alice", "bob"}


def test_one_no_ends_it_whoever_says_it_and_whenever(journal: Journal) -> None:
    journal.record_plan(plan())
    first = journal.ask(plan(), 0, step(), "b", 60.0, needed=2)
    assert journal.decide_approval(first, False, "alice").status == "denied"
    second = journal.ask(plan(), 0, step(), "b", 60.0, needed=2)
    journal.decide_approval(second, True, "alice")
    row = journal.decide_approval(second, False, "alice")
    assert (row.status, row.second_by) == ("denied", "alice"), "who said yes may take it back, too"
    with pytest.raises(NotDecided):
        journal.decide_approval(second, True, "bob")
    assert journal.yes_to("p1") == frozenset()


def test_half_a_yes_runs_out_too(journal: Journal, clock: Clock) -> None:
    journal.record_plan(plan())
    asked = journal.ask(plan(), 0, step(), "b", 60.0, needed=2)
    journal.decide_approval(asked, True, "alice")
    clock.forward(61)
    assert journal.approval_status(asked) == "expired"
    with pytest.raises(NotDecided):
        journal.decide_approval(asked, True, "bob")


def test_a_proposer_is_not_one_of_the_two(journal: Journal) -> None:
    journal.record_plan(plan())
    asked = journal.ask(plan(), 0, step(), "b", 60.0, "alice", 2)
    with pytest.raises(NotDecided, match="alice proposed it"):
        journal.decide_approval(asked, True, "alice")
