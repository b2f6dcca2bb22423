"""Watches, outbox and egress in the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.store.journal import Journal
from opsagent.store.outbox import SENDING, Message

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(f"sqlite:///{tmp_path / 'j.db'}", clock=lambda: NOW)


def message(name: str = "m1", **changed: object) -> Message:
    first = Message(
        id=name, incident_id="inc-1", group_key="team|calls", kind="escalation", title="t", body="b", at=NOW,
        due_at=NOW + timedelta(seconds=5),
    )  # fmt: skip
    return replace(first, **changed)  # type: ignore[arg-type]


def test_a_message_is_renewed_while_it_waits_and_never_once_it_was_tried(journal: Journal) -> None:
    with journal:
        assert journal.put_message(message())
        assert not journal.put_message(message())
        assert journal.put_message(message(body="newer", due_at=NOW + timedelta(hours=1)))
        (found,) = journal.messages()
        assert (found.body, found.due_at) == ("newer", NOW + timedelta(seconds=5)), "news does not put it off"
        journal.begin_sending(["m1"])
        assert not journal.put_message(message(body="newest"))
        (found,) = journal.messages()
        assert (found.body, found.error, found.tries) == ("newer", SENDING, 1)
        journal.settle_messages(["m1"])
        assert journal.messages() == ()
        assert not journal.put_message(message(body="newest"))
        (found,) = journal.messages(waiting=False)
        assert found.sent
        assert journal.verify().ok


def test_secrets_are_masked_before_a_message_is_kept(journal: Journal) -> None:
    with journal:
        journal.put_message(message(body="password=hunter2abc"))
        assert "hunter2" not in journal.messages()[0].body


def test_what_is_put_off_waits_with_its_reason(journal: Journal) -> None:
    with journal:
        journal.put_message(message())
        journal.put_off_messages(["m1"], NOW + timedelta(minutes=1), "refused", body="b (again)")
        (found,) = journal.messages()
        assert (found.error, found.body, found.settled) == ("refused", "b (again)", False)
        journal.settle_messages(["m1"], "given up")
        (found,) = journal.messages(waiting=False)
        assert (found.settled, found.sent) == (True, False)


def test_a_watch_replaces_the_one_before_it(journal: Journal) -> None:
    with journal:
        first = journal.watch_incident("inc-1", "snooze", "ann", "later", NOW + timedelta(hours=1))
        second = journal.watch_incident("inc-1", "snooze", "bob", "much later", NOW + timedelta(hours=9))
        ack = journal.watch_incident("inc-1", "ack", "ann")
        assert {one.id for one in journal.watches("inc-1")} == {second, ack}
        journal.end_watch(ack)
        assert [one.by for one in journal.watches()] == ["bob"]
        assert {one.id for one in journal.watches(since=NOW - timedelta(days=1))} == {first, second, ack}


def test_the_ledger_of_what_left(journal: Journal) -> None:
    with journal:
        journal.note_egress(where="json 127.0.0.1:1", what="notification: test", size=12, ok=True, why="[notify]")
        journal.note_egress(where="json://u:hunter2abc@h/", what="x", size=0, ok=False, why="token=abcdef0123456789")
        rows = journal.egress()
        assert [row.bytes for row in rows if row.ok] == [12]
        assert "hunter2" not in str(rows)
        assert journal.egress(NOW + timedelta(seconds=1)) == ()
        assert journal.verify().ok


def test_the_version_grows_with_whatever_is_written(journal: Journal) -> None:
    with journal:
        before = journal.version()
        journal.watch_incident("inc-1", "ack", "ann")
        assert journal.version() > before
