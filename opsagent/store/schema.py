"""The tables, in types that SQLite and PostgreSQL both have. Every table but the ledger is covered by the ledger.

A change here needs a migration in `migrations/versions/` and a new `REVISION`; a test compares the two. What people
said, and what was asked of models, is in `schema_words.py`.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, Text

from opsagent.store.columns import Utc, metadata, opaque, table
from opsagent.store.schema_words import conversations, model_calls, phrases, schedules, turns

__all__ = [
    "COVERED",
    "REVISION",
    "VERSION_TABLE",
    "Utc",
    "approvals",
    "conversations",
    "deploys",
    "egress",
    "events",
    "grants",
    "holds",
    "incidents",
    "ledger",
    "metadata",
    "model_calls",
    "outbox",
    "phrases",
    "plans",
    "releases",
    "schedules",
    "service_notes",
    "settings",
    "steps",
    "turns",
    "watches",
    "would_be",
]

REVISION = "0004"
VERSION_TABLE = "opsagent_schema"

incidents = table(
    "incidents",
    Column("unit", String(255), nullable=False, index=True),
    opaque("fault", 32),
    opaque("status", 16, index=True),
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
    opaque("remedy_source", 16, nullable=True),
    Column("attempts", Integer),
    Column("probes", Integer),
    Column("mttd_s", Float),
    Column("mttr_s", Float),
    later=(
        opaque("cause", 32, nullable=True),
        opaque("returned_of", nullable=True),
        Column("impact", JSON(none_as_null=True)),
        Column("changed", JSON(none_as_null=True)),
        opaque("solved_by", 16, nullable=True),
    ),
)
"""`cause` is a member of `opsagent.model.Cause`; `returned_of` the incident that this one is again; `impact` what it cost;
`changed` what had changed just before; `solved_by` who found what helped (`opsagent.store.rows.SolvedBy`)."""

plans = table(
    "plans",
    opaque("incident_id", nullable=True, index=True),
    Column("unit", String(255), nullable=False, index=True),
    opaque("origin", 16),
    Column("remedy", String(128), nullable=False),
    opaque("source", 16),
    Column("plan", JSON, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("hypotheses", JSON, nullable=False),
    opaque("status", 16),
    Column("detail", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Index("ix_plans_unit_ended_at", "unit", "ended_at"),
    later=(opaque("cause", 32, nullable=True),),
)
"""`cause` is what the plan is against (a member of `opsagent.model.Cause`, or a fault): the breaker counts by it."""

steps = table(
    "steps",
    opaque("plan_id", index=True),
    opaque("incident_id", nullable=True, index=True),
    Column("unit", String(255), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("step", JSON, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("state_before", JSON, nullable=False),
    Column("rule", String(64), nullable=False),
    opaque("status", 16, index=True),
    Column("intended_at", Utc, nullable=False, index=True),
    Column("ended_at", Utc),
    Column("detail", Text, nullable=False),
)

events = table(
    "events",
    opaque("incident_id", nullable=True, index=True),
    Column("at", Utc, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("by", String(64)),
)

approvals = table(
    "approvals",
    opaque("incident_id", nullable=True),
    opaque("plan_id", index=True),
    Column("ordinal", Integer, nullable=False),
    Column("step", JSON, nullable=False),
    opaque("binding", 128),
    Column("proposer", String(64), nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    opaque("status", 16, index=True),
    Column("decided_by", String(64)),
    Column("decided_at", Utc),
    later=(Column("needed", Integer), Column("second_by", String(64)), Column("second_at", Utc)),
)
"""`needed` persons have to say yes (NULL: one)."""

holds = table(
    "holds",
    Column("unit", String(255), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("until", Utc),
    Column("why", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("released_at", Utc),
    Column("released_by", String(64)),
)

settings = table("settings", Column("value", JSON), Column("at", Utc, nullable=False))

service_notes = table(
    "service_notes",
    Column("unit", String(255), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("text", Text, nullable=False),
    Column("by", String(64), nullable=False),
)

releases = table(
    "releases",
    Column("unit", String(255), nullable=False, index=True),
    opaque("kind", 16),
    Column("label", Text, nullable=False),
    Column("branch", Text),
    opaque("commit", nullable=True),
    opaque("manifest"),
    Column("noted_at", Utc, nullable=False),
    Column("good_at", Utc, nullable=False),
)
"""What a release consists of is in its manifest, a private file that is known by its SHA-256."""

deploys = table(
    "deploys",
    Column("unit", String(255), nullable=False, index=True),
    Column("began_at", Utc, nullable=False),
    Column("until", Utc, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", String(64), nullable=False),
    opaque("release_before", nullable=True),
    Column("ended_at", Utc),
    Column("ended_by", String(64)),
    opaque("result", 16, nullable=True),
)

grants = table(
    "grants",
    Column("unit", String(255), nullable=False, index=True),
    opaque("action", 32),
    opaque("mode", 16),
    Column("granted_at", Utc, nullable=False),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("revoked_at", Utc),
    Column("revoked_by", String(64)),
    Column("revoked_why", Text),
)
"""What a person lets the agent do unasked: one action on one unit, until it is revoked."""

would_be = table(
    "would_be",
    opaque("incident_id", nullable=True, index=True),
    opaque("plan_id", nullable=True),
    Column("unit", String(255), nullable=False, index=True),
    opaque("action", 32),
    Column("remedy", String(128), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("at", Utc, nullable=False, index=True),
    opaque("verdict", 16, nullable=True),
    Column("judged_at", Utc),
    Column("why", Text, nullable=False),
)
"""What the agent would have done, had it been let, and how right that would have been (`verdict`, NULL: not known yet)."""

watches = table(
    "watches",
    opaque("incident_id", index=True),
    opaque("kind", 16),
    Column("at", Utc, nullable=False),
    Column("until", Utc),
    Column("by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_at", Utc),
)
"""A person who looks after an incident (`ack`), or does not want to hear of it for a while (`snooze`)."""

outbox = table(
    "outbox",
    opaque("incident_id", nullable=True, index=True),
    Column("group_key", String(128), nullable=False, index=True),
    opaque("kind", 32),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False, index=True),
    Column("sent_at", Utc),
    Column("tries", Integer, nullable=False),
    Column("error", Text),
)
"""What people are to be told, until it is sent."""

egress = table(
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
    grants, would_be, watches, outbox, egress, phrases, schedules, conversations, turns, model_calls,
)  # fmt: skip
