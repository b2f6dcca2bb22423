"""The hash chain: what was changed, added or removed behind the journal's back is found; what was pruned is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from opsagent.store.journal import Journal
from opsagent.store.schema import settings
from tests.unit.store.values import API, NOW, Clock, incident, plan, step


@pytest.fixture
def filled(journal: Journal, clock: Clock) -> Journal:
    journal.open_incident(incident())
    journal.record_plan(plan())
    journal.end_step(journal.intend_step(plan(), 0, step(), {}), "done", "ok")
    journal.add_event("i1", "opened", "api died")
    journal.pause("bob")
    journal.hold(API, None, "", "bob")
    return journal


def _tamper(journal: Journal, statement: str) -> None:
    with journal._engine.execution_options(writing=True).begin() as connection:
        assert connection.execute(text(statement)).rowcount >= 1


def test_an_untouched_journal_is_right(filled: Journal) -> None:
    found = filled.verify()
    assert found.ok
    assert found.entries == 7


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE steps SET detail = 'nothing'", "was changed behind the journal's back"),
        ("UPDATE incidents SET status = 'closed'", "incidents i1: was changed"),
        ("UPDATE incidents SET symptoms = '[]'", "incidents i1: was changed"),
        ("UPDATE settings SET value = '{}'", "settings paused: was changed"),
        ("DELETE FROM events", "was removed behind the journal's back"),
        ("INSERT INTO settings (id, at) VALUES ('x', '2026-01-01 00:00:00.000000')", "settings x: is in no entry"),
        ("DELETE FROM ledger WHERE seq = 2", "entry 2 is missing"),
        ("UPDATE ledger SET row = 'i2' WHERE seq = 1", "entry 1 (incidents i2) was changed"),
        ("UPDATE ledger SET at = '2020-01-01 00:00:00.000000' WHERE seq = 3", "entry 3"),
    ],
)
def test_tampering_is_found(filled: Journal, statement: str, problem: str) -> None:
    _tamper(filled, statement)
    found = filled.verify()
    assert not found.ok
    assert any(problem in line for line in found.problems), found.problems


def test_content_and_salt_can_be_destroyed_and_the_chain_holds(filled: Journal) -> None:
    _tamper(filled, "UPDATE events SET text = '', data = '{}', salt = NULL")
    assert filled.verify().ok


def test_equal_rows_have_different_commitments(journal: Journal) -> None:
    with journal._writing() as writer:
        for row_id in ("a", "b"):
            writer.put(settings, row_id, value=1, at=NOW)
    with journal._reading() as connection:
        found = connection.execute(text("SELECT commitment FROM ledger")).scalars().all()
    assert len(set(found)) == 2


def test_pruning_forgets_what_is_over_and_keeps_the_rest(filled: Journal, clock: Clock) -> None:
    filled.set_incident("i1", status="resolved", resolved_at=NOW)
    filled.open_incident(incident("i2"))
    filled.record_change("up", "1 service", "bob")
    filled.record_plan(plan("p2", None, origin="person", source="person"))
    filled.end_plan("p2", "done")
    clock.forward(1000)
    filled.open_incident(incident("i3", opened_at=clock.now))
    assert filled.prune(NOW + timedelta(seconds=500)) == 1
    assert [row.id for row in filled.incidents()] == ["i3", "i2"]
    assert filled.events() == ()
    assert filled.paused() is not None
    assert len(filled.holds()) == 1
    for gone in ("p1", "p2"):
        with pytest.raises(LookupError):
            filled.plan(gone)
    found = filled.verify()
    assert found.ok, found.problems
    assert found.entries < 12
    filled.add_event("i2", "note", "the chain goes on")
    clock.forward(1000)
    filled.prune(clock.now)
    assert filled.verify().ok


def test_pruning_hides_no_tampering(filled: Journal, clock: Clock) -> None:
    clock.forward(1000)
    filled.prune(clock.now)
    assert filled.verify().ok
    _tamper(filled, "UPDATE holds SET why = 'x'")
    assert not filled.verify().ok
