"""The tables, in types that SQLite and PostgreSQL both have. Every table but the ledger is covered by the ledger.

A change here needs a migration in `migrations/versions/` and a new `REVISION`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.schema import SchemaItem

REVISION = "0003"
VERSION_TABLE = "opsagent_schema"


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite forgets the zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"},
)


def _opaque(name: str, length: int = 64, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    """An id, a hash or a word of a closed list: made by the agent, never from anybody's text, so never redacted."""
    return Column(name, String(length), nullable=nullable, index=index, info={"opaque": True})


def _table(name: str, *columns: SchemaItem, later: tuple[Column[Any], ...] = ()) -> Table:
    """A table with its key `id` and the salt of its commitment in the ledger (None: forgotten).

    `later` are columns that a migration added. They may be NULL, and are then no part of a row's commitment: what was
    committed to before there was such a column still holds.
    """
    for column in later:
        column.nullable = True
        column.info["later"] = True
    key, salt = Column("id", String(64), primary_key=True), Column("salt", String(64))
    return Table(name, metadata, key, *columns, salt, *later)


incidents = _table(
    "incidents",
    Column("unit", String(255), nullable=False, index=True),
    _opaque("fault", 32),
    _opaque("status", 16, index=True),
    Column("opened_at", Utc, nullable=False, index=True),
    Column("began_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    Column("summary", Text, nullable=False),
    Column("affected", JSON, nullable=False),
    Column("symptoms", JSON, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("hypotheses", JSON, nullable=False),
    Column("outcome", Text),
    Column("remedy", String(128)),
    _opaque("remedy_source", 16, nullable=True),
    Column("attempts", Integer),
    Column("probes", Integer),
    Column("mttd_s", Float),
    Column("mttr_s", Float),
    later=(
        _opaque("cause", 32, nullable=True),
        _opaque("returned_of", nullable=True),
        Column("impact", JSON(none_as_null=True)),
        Column("changed", JSON(none_as_null=True)),
    ),
)
"""`cause` is a member of `opsagent.model.Cause`; `returned_of` the incident that this one is again; `impact` what it cost;
`changed` what had changed just before."""

plans = _table(
    "plans",
    _opaque("incident_id", nullable=True, index=True),
    Column("unit", String(255), nullable=False, index=True),
    _opaque("origin", 16),
    Column("remedy", String(128), nullable=False),
    _opaque("source", 16),
    Column("plan", JSON, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("hypotheses", JSON, nullable=False),
    _opaque("status", 16),
    Column("detail", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Index("ix_plans_unit_ended_at", "unit", "ended_at"),
    later=(_opaque("cause", 32, nullable=True),),
)
"""`cause` is what the plan is against (a member of `opsagent.model.Cause`, or a fault): the breaker counts by it."""

steps = _table(
    "steps",
    _opaque("plan_id", index=True),
    _opaque("incident_id", nullable=True, index=True),
    Column("unit", String(255), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("step", JSON, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("state_before", JSON, nullable=False),
    Column("rule", String(64), nullable=False),
    _opaque("status", 16, index=True),
    Column("intended_at", Utc, nullable=False, index=True),
    Column("ended_at", Utc),
    Column("detail", Text, nullable=False),
)

events = _table(
    "events",
    _opaque("incident_id", nullable=True, index=True),
    Column("at", Utc, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("by", String(64)),
)

approvals = _table(
    "approvals",
    _opaque("incident_id", nullable=True),
    _opaque("plan_id", index=True),
    Column("ordinal", Integer, nullable=False),
    Column("step", JSON, nullable=False),
    _opaque("binding", 128),
    Column("proposer", String(64), nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    _opaque("status", 16, index=True),
    Column("decided_by", String(64)),
    Column("decided_at", Utc),
    later=(Column("needed", Integer), Column("second_by", String(64)), Column("second_at", Utc)),
)
"""`needed` persons have to say yes (NULL: one)."""

holds = _table(
    "holds",
    Column("unit", String(255), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("until", Utc),
    Column("why", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("released_at", Utc),
    Column("released_by", String(64)),
)

settings = _table("settings", Column("value", JSON), Column("at", Utc, nullable=False))

service_notes = _table(
    "service_notes",
    Column("unit", String(255), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("text", Text, nullable=False),
    Column("by", String(64), nullable=False),
)

releases = _table(
    "releases",
    Column("unit", String(255), nullable=False, index=True),
    _opaque("kind", 16),
    Column("label", Text, nullable=False),
    Column("branch", Text),
    _opaque("commit", nullable=True),
    _opaque("manifest"),
    Column("noted_at", Utc, nullable=False),
    Column("good_at", Utc, nullable=False),
)
"""What a release consists of is in its manifest, a private file that is known by its SHA-256."""

deploys = _table(
    "deploys",
    Column("unit", String(255), nullable=False, index=True),
    Column("began_at", Utc, nullable=False),
    Column("until", Utc, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", String(64), nullable=False),
    _opaque("release_before", nullable=True),
    Column("ended_at", Utc),
    Column("ended_by", String(64)),
    _opaque("result", 16, nullable=True),
)

grants = _table(
    "grants",
    Column("unit", String(255), nullable=False, index=True),
    _opaque("action", 32),
    _opaque("mode", 16),
    Column("granted_at", Utc, nullable=False),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("revoked_at", Utc),
    Column("revoked_by", String(64)),
    Column("revoked_why", Text),
)
"""What a person lets the agent do unasked: one action on one unit, until it is revoked."""

would_be = _table(
    "would_be",
    _opaque("incident_id", nullable=True, index=True),
    _opaque("plan_id", nullable=True),
    Column("unit", String(255), nullable=False, index=True),
    _opaque("action", 32),
    Column("remedy", String(128), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("at", Utc, nullable=False, index=True),
    _opaque("verdict", 16, nullable=True),
    Column("judged_at", Utc),
    Column("why", Text, nullable=False),
)
"""What the agent would have done, had it been let, and how right that would have been (`verdict`, NULL: not known yet)."""

watches = _table(
    "watches",
    _opaque("incident_id", index=True),
    _opaque("kind", 16),
    Column("at", Utc, nullable=False),
    Column("until", Utc),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_at", Utc),
)
"""A person who looks after an incident (`ack`), or does not want to hear of it for a while (`snooze`)."""

outbox = _table(
    "outbox",
    _opaque("incident_id", nullable=True, index=True),
    Column("group_key", String(128), nullable=False, index=True),
    _opaque("kind", 32),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False, index=True),
    Column("sent_at", Utc),
    Column("tries", Integer, nullable=False),
    Column("error", Text),
)
"""What people are to be told, until it is sent."""

egress = _table(
    "egress",
    Column("at", Utc, nullable=False, index=True),
    Column("where", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("why", Text, nullable=False),
)
"""What left the machine, where to, and on whose word."""

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False, index=True),
    Column("about", String(32), nullable=False),
    Column("row", String(64), nullable=False),
    Column("commitment", String(64), nullable=False),
    Column("link", String(64), nullable=False),
    Index("ix_ledger_about_row", "about", "row"),
)
"""Append-only: one entry per write to a row of another table. `commitment` is empty where the row was removed."""

COVERED: tuple[Table, ...] = (
    incidents, plans, steps, events, approvals, holds, settings, service_notes, releases, deploys,
    grants, would_be, watches, outbox, egress,
)  # fmt: skip
