"""The one door: no text column of any table can be written without being redacted."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Table, select

from opsagent.store.boundary import clean
from opsagent.store.journal import Journal
from opsagent.store.schema import COVERED, Utc, ledger, metadata
from opsagent_tools.units import UnitId
from tests.unit.store.values import NOW, Clock

SECRET = "password=hunter2-the-secret"


def _value(column: Column[Any]) -> Any:
    match column.type:
        case JSON():
            return {"deep": [SECRET, {"api_key": "hunter2-the-secret"}]}
        case Utc():
            return NOW
        case Integer() | Float():
            return 1
        case Boolean():
            return True
        case String():
            return SECRET
    raise AssertionError(column.type)


@pytest.mark.parametrize("table", COVERED, ids=lambda table: table.name)
def test_every_column_that_can_hold_text_is_redacted(table: Table, journal: Journal) -> None:
    columns = [
        column for column in table.columns if column.name not in {"id", "salt"} and not column.info.get("opaque")
    ]
    values = {column.name: _value(column) for column in columns}
    opaque = {column.name: "x" for column in table.columns if column.info.get("opaque")}
    with journal._writing() as writer:
        writer.insert(table, "row", **values, **opaque)
    with journal._reading() as connection:
        row = connection.execute(select(table)).mappings().one()
    assert "hunter2" not in repr(dict(row))


def test_what_is_exempt_is_ids_hashes_and_words_of_closed_lists() -> None:
    exempt = {
        f"{table.name}.{column.name}" for table in COVERED for column in table.columns if column.info.get("opaque")
    }
    assert exempt == {
        "approvals.binding", "approvals.incident_id", "approvals.plan_id", "approvals.status", "conversations.language",
        "deploys.release_before", "deploys.result", "events.incident_id", "grants.action", "grants.mode",
        "incidents.cause", "incidents.fault", "incidents.remedy_source", "incidents.returned_of", "incidents.status",
        "incidents.solved_by", "model_calls.incident_id", "model_calls.purpose",
        "outbox.incident_id", "outbox.kind", "phrases.language", "plans.cause", "plans.incident_id", "plans.origin", "plans.source",
        "plans.status", "releases.commit", "releases.kind", "releases.manifest", "schedules.language", "schedules.run", "schedules.state", "steps.incident_id", "steps.plan_id",
        "steps.status", "turns.conversation_id", "turns.who", "watches.incident_id", "watches.kind", "would_be.action", "would_be.incident_id",
        "would_be.plan_id", "would_be.verdict",
    }  # fmt: skip


def test_every_table_goes_through_the_door() -> None:
    assert set(metadata.sorted_tables) == {*COVERED, ledger}


def test_a_units_id_stays_what_it_is() -> None:
    assert clean(UnitId("mine", "api", "host.example.com")) == "mine:api@host.example.com"
    assert clean(NOW) == NOW


def test_nothing_secret_reaches_the_disk(journal: Journal, clock: Clock, home: Any) -> None:
    journal.add_event(None, "note", SECRET, {"token": "hunter2-the-secret"})
    journal.pause("bob", SECRET)
    journal.close()
    for path in home.glob("opsagent.db*"):
        assert b"hunter2" not in path.read_bytes()
