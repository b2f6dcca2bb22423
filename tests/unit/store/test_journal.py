"""The journal: what is written comes back, limits are counted, people's orders are seen."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opsagent.home import Home
from opsagent.model import Evidence, EvidenceKind, Hypothesis
from opsagent.policy import Policy
from opsagent.spent import count
from opsagent.store.errors import StoreReadOnly
from opsagent.store.journal import Journal
from opsagent.store.rows import PlanStatus
from opsagent_tools.actions import ActionName
from tests.unit.store.values import API, NOW, STORE, Clock, incident, plan, step


def test_an_incident_comes_back_with_all_that_belongs_to_it(journal: Journal, clock: Clock) -> None:
    cause = Hypothesis(cause="it died", unit=API, weight=0.9, speaks_for=("exit code 1",))
    seen = Evidence(probe="exit", kind=EvidenceKind.KERNEL, unit=API, at=NOW, facts={"exit_code": 1})
    journal.open_incident(incident())
    journal.add_event("i1", "opened", "api died", {"n": 1})
    journal.record_plan(plan(), (cause,))
    clock.forward(1)
    first = journal.intend_step(plan(), 0, step(), {"state": "exited"}, "mode")
    journal.end_step(first, "done", "started")
    journal.end_plan("p1", "done", "well again")
    journal.add_event("i1", "resolved", "repaired", at=clock.forward(1))
    journal.set_incident(
        "i1", status="resolved", outcome="repaired", remedy="crash/start", remedy_source="runbook", attempts=1, probes=2,
        mttd_s=0.5, mttr_s=2.5, resolved_at=clock.now, evidence=(seen,), hypotheses=(cause,),
    )  # fmt: skip

    found = journal.incident("i1")
    assert found.incident == incident()
    assert (found.status, found.outcome, found.remedy, found.remedy_source) == (
        "resolved", "repaired", "crash/start", "runbook",
    )  # fmt: skip
    assert (found.attempts, found.probes, found.mttd_s, found.mttr_s) == (1, 2, 0.5, 2.5)
    assert found.resolved_at == NOW + timedelta(seconds=2)
    assert (found.evidence, found.hypotheses) == ((seen,), (cause,))
    assert [(event.kind, event.text, dict(event.data)) for event in found.events] == [
        ("opened", "api died", {"n": 1}),
        ("resolved", "repaired", {}),
    ]
    [tried] = found.plans
    assert (tried.plan, tried.status, tried.detail, tried.hypotheses) == (plan(), "done", "well again", (cause,))
    [done] = tried.steps
    assert (done.step, done.state_before, done.rule) == (step(), {"state": "exited"}, "mode")
    assert (done.status, done.detail, done.intended_at) == ("done", "started", NOW + timedelta(seconds=1))


def test_an_incident_changes_and_keeps_its_status(journal: Journal) -> None:
    journal.open_incident(incident())
    journal.set_incident("i1", status="escalated")
    journal.update_incident(incident(unit=STORE, summary="store died"))
    journal.open_incident(incident(unit=STORE, summary="store died, again"))
    found = journal.incident("i1")
    assert (found.unit, found.status) == (STORE, "escalated")
    assert found.incident.summary == "store died, again"


def test_incidents_are_listed_newest_first_by_status(journal: Journal) -> None:
    for number in range(4):
        journal.open_incident(incident(f"i{number}", opened_at=NOW + timedelta(minutes=number)))
    journal.set_incident("i0", status="closed")
    journal.set_incident("i1", status="escalated")
    assert [row.id for row in journal.incidents()] == ["i3", "i2", "i1", "i0"]
    assert [row.id for row in journal.incidents(limit=2)] == ["i3", "i2"]
    assert [row.id for row in journal.incidents("escalated")] == ["i1"]
    assert [row.id for row in journal.unfinished_incidents()] == ["i1", "i2", "i3"]


def test_an_incident_is_found_by_the_beginning_of_its_id(journal: Journal) -> None:
    for incident_id in ("abc1", "abd2", "ab", "%_x"):
        journal.open_incident(incident(incident_id))
    assert journal.incident("abc").id == "abc1"
    assert journal.incident("ab").id == "ab"
    with pytest.raises(LookupError, match=r"a may be any of .*abc1.*: give more of it"):
        journal.incident("a")
    for unknown in ("zz", "", "_"):
        with pytest.raises(LookupError, match="no incident"):
            journal.incident(unknown)


def test_what_is_not_there_cannot_be_changed(journal: Journal) -> None:
    for change in (
        lambda: journal.set_incident("nope", status="open"),
        lambda: journal.update_incident(incident("nope")),
        lambda: journal.end_plan("nope", "done"),
        lambda: journal.end_step("nope", "done"),
        lambda: journal.approval_status("nope"),
        lambda: journal.plan("nope"),
    ):
        with pytest.raises(LookupError, match=r"no (incident|plan|step|approval) nope"):
            change()
    with pytest.raises(TypeError, match="no colour to set"):
        journal.set_incident("nope", colour="red")


def test_events_of_the_same_moment_keep_their_order(journal: Journal) -> None:
    for number in range(20):
        journal.add_event("i1", "note", str(number))
    assert [event.text for event in journal.events("i1")] == [str(number) for number in range(20)]
    assert [event.text for event in journal.events(limit=2)] == ["18", "19"]


def test_steps_that_never_ended_are_what_a_killed_agent_was_doing(journal: Journal) -> None:
    ended = journal.intend_step(plan(), 0, step(), {})
    journal.end_step(ended, "failed", "no")
    hanging = journal.intend_step(plan(), 1, step(ActionName.SCALE, instances=3), {"instances": 2})
    [found] = journal.unfinished_steps()
    assert (found.id, found.plan_id, found.incident_id, found.ordinal) == (hanging, "p1", "i1", 1)
    assert found.step.action.args == {"instances": 3}


def test_a_plan_that_is_recorded_twice_keeps_its_status(journal: Journal) -> None:
    journal.record_plan(plan())
    journal.end_plan("p1", "failed", "no")
    journal.record_plan(plan(), (Hypothesis(cause="x", unit=API, weight=0.1),))
    found = journal.plan("p1")
    assert (found.status, len(found.hypotheses)) == ("failed", 1)


def test_the_budget_counts_unattended_plans_that_began_to_act(journal: Journal, clock: Clock) -> None:
    journal.intend_step(plan("old"), 0, step(), {})
    since = clock.forward(100)
    journal.intend_step(plan("one"), 0, step(), {})
    journal.intend_step(plan("one"), 1, step(), {})
    journal.intend_step(plan("two", unit=STORE), 0, step(unit=STORE), {})
    journal.intend_step(plan("three", origin="person", source="person"), 0, step(), {})
    journal.intend_step(plan("four"), 0, step(), {}, "undo")
    journal.record_plan(plan("five"))
    policy = Policy(budget_window_s=(clock.now - since).total_seconds())
    spent = count(journal.repairs_since(since), API, "crash", policy, clock.now)
    assert (spent.unit_actions, spent.all_actions) == (1, 2)
    assert count(journal.repairs_since(since), STORE, "crash", policy, clock.now).unit_actions == 1
    assert count(journal.repairs_since(NOW), API, "crash", Policy(), clock.now).unit_actions == 2


def test_the_breaker_counts_failures_since_the_last_success(journal: Journal, clock: Clock) -> None:
    def end(plan_id: str, status: str, **changes: object) -> None:
        journal.record_plan(plan(plan_id, **changes))  # type: ignore[arg-type]
        clock.forward(1)
        journal.end_plan(plan_id, status)  # type: ignore[arg-type]

    def failed(since: datetime = NOW) -> int:
        policy = Policy(breaker_window_s=(clock.now - since).total_seconds())
        return count(journal.repairs_since(since), API, "crash", policy, clock.now).failed_repairs

    end("a", "failed")
    end("b", "failed")
    end("c", "skipped")
    end("d", "failed", origin="person", source="person")
    end("e", "failed", unit=STORE)
    assert failed() == 2
    assert failed(clock.now) == 0
    end("f", "done")
    assert failed() == 0
    end("g", "failed")
    assert failed() == 1
    end("h", "done", origin="person", source="person", remedy="command/restart")
    assert failed() == 0, "what a person mended is mended"


def test_a_hold_ends_by_itself_or_when_it_is_released(journal: Journal, clock: Clock) -> None:
    journal.hold(API, NOW + timedelta(hours=2), "deploying", "bob")
    clock.forward(1)
    journal.hold(STORE, None, "", "bob")
    assert [(hold.unit, hold.why, hold.by) for hold in journal.holds()] == [
        (API, "deploying", "bob"),
        (STORE, "", "bob"),
    ]
    assert journal.release_hold(STORE, "alice") == 1
    assert journal.release_hold(STORE, "alice") == 0
    assert [hold.unit for hold in journal.holds(clock.now)] == [API]
    clock.forward(7200)
    assert journal.holds() == ()


def test_the_pause(journal: Journal, clock: Clock) -> None:
    assert journal.paused() is None
    assert journal.resume("bob") is False
    journal.pause("bob", "deploying")
    paused = journal.paused()
    assert paused is not None
    assert (str(paused), paused.at) == ("by bob: deploying", NOW)
    assert journal.resume("alice") is True
    assert journal.paused() is None
    journal.pause("alice")
    assert str(journal.paused()) == "by alice"


def test_what_people_order_and_note_is_kept(journal: Journal) -> None:
    journal.record_change("up", "3 services", "bob")
    journal.note(API, "is slow on Mondays", "bob")
    [event] = journal.events()
    assert (event.kind, event.text, event.by, event.incident_id) == ("up", "3 services", "bob", None)
    assert [note.text for note in journal.notes(API)] == ["is slow on Mondays"]
    assert journal.notes(STORE) == ()


def test_times_come_back_in_utc(journal: Journal) -> None:
    seoul = datetime.fromisoformat("2026-05-01T21:00:00.000001+09:00")
    journal.open_incident(incident(opened_at=seoul))
    found = journal.incident("i1").incident
    assert found.opened_at == seoul
    assert found.opened_at.tzinfo is UTC
    with pytest.raises(Exception, match="without a zone"):
        journal.set_incident("i1", resolved_at=datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point


def test_a_reader_makes_nothing_and_writes_nothing(place: Home) -> None:
    before = sorted(place.path.iterdir())
    with Journal.read(place) as reader:
        assert reader.incidents() == ()
        assert reader.paused() is None
        assert reader.holds() == ()
        assert reader.verify().ok
        with pytest.raises(StoreReadOnly, match="for reading only"):
            reader.pause("bob")
    assert sorted(place.path.iterdir()) == before


def test_a_reader_sees_what_a_writer_wrote(journal: Journal, place: Home) -> None:
    with Journal.read(place) as reader:
        journal.open_incident(incident())
        assert [row.id for row in reader.incidents()] == ["i1"]
        with pytest.raises(StoreReadOnly):
            reader.open_incident(incident("i2"))


def test_the_files_are_private(journal: Journal, place: Home) -> None:
    journal.open_incident(incident())
    files = [path for path in place.path.iterdir() if path.name.startswith("opsagent.db")]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_half_a_transaction_is_not_there(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("power cut")

    journal.open_incident(incident())
    with monkeypatch.context() as patched:
        patched.setattr("opsagent.store.ledger.append", broken)
        with pytest.raises(OSError, match="power cut"):
            journal.set_incident("i1", status="closed")
    assert journal.incident("i1").status == "open"
    assert journal.verify().ok


def test_text_that_databases_do_not_take_is_kept_readable(journal: Journal) -> None:
    journal.open_incident(replace(incident(), summary="half \udc80 nul \0 end"))
    assert journal.incident("i1").incident.summary == "half \\udc80 nul \\x00 end"


def test_what_was_only_asked_about_or_refused_was_not_had_done_by_people(journal: Journal) -> None:
    ends: dict[str, PlanStatus | None] = {
        "asked": None,
        "begun": None,
        "no": "skipped",
        "done": "done",
        "bad": "failed",
    }
    for name, status in ends.items():
        made = plan(name, None, origin="person")
        journal.record_plan(made)
        if name == "begun":
            journal.intend_step(made, 0, made.steps[0], {})
        if status is not None:
            journal.end_plan(name, status)
    assert {row.plan.id for row in journal.plans_of_people(NOW)} == {"begun", "done", "bad"}
