"""The journal as it was first. Frozen: later changes are revisions of their own."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def _table(name: str, *columns: sa.Column[Any]) -> None:
    key, salt = sa.Column("id", sa.String(64), nullable=False), sa.Column("salt", sa.String(64))
    op.create_table(name, key, *columns, salt, sa.PrimaryKeyConstraint("id", name=f"pk_{name}"))


def upgrade() -> None:
    """Make the tables."""
    for part in (_incidents, _plans, _steps, _events_and_approvals, _orders, _ledger):
        part()


def _incidents() -> None:
    _table(
        "incidents",
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("fault", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("resolved_at", _TIME, nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("affected", sa.JSON(), nullable=False),
        sa.Column("symptoms", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("hypotheses", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("remedy", sa.String(128), nullable=True),
        sa.Column("remedy_source", sa.String(16), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=True),
        sa.Column("mttd_s", sa.Float(), nullable=True),
        sa.Column("mttr_s", sa.Float(), nullable=True),
    )
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"])
    op.create_index("ix_incidents_status", "incidents", ["status"])
    op.create_index("ix_incidents_unit", "incidents", ["unit"])


def _plans() -> None:
    _table(
        "plans",
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("remedy", sa.String(128), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("hypotheses", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
    )
    op.create_index("ix_plans_incident_id", "plans", ["incident_id"])
    op.create_index("ix_plans_unit", "plans", ["unit"])
    op.create_index("ix_plans_unit_ended_at", "plans", ["unit", "ended_at"])


def _steps() -> None:
    _table(
        "steps",
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step", sa.JSON(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("state_before", sa.JSON(), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("intended_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("ix_steps_incident_id", "steps", ["incident_id"])
    op.create_index("ix_steps_intended_at", "steps", ["intended_at"])
    op.create_index("ix_steps_plan_id", "steps", ["plan_id"])
    op.create_index("ix_steps_status", "steps", ["status"])


def _events_and_approvals() -> None:
    _table(
        "events",
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(64), nullable=True),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_incident_id", "events", ["incident_id"])
    _table(
        "approvals",
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step", sa.JSON(), nullable=False),
        sa.Column("binding", sa.String(128), nullable=False),
        sa.Column("proposer", sa.String(64), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
    )
    op.create_index("ix_approvals_plan_id", "approvals", ["plan_id"])
    op.create_index("ix_approvals_status", "approvals", ["status"])


def _orders() -> None:
    _table(
        "holds",
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("released_at", _TIME, nullable=True),
        sa.Column("released_by", sa.String(64), nullable=True),
    )
    op.create_index("ix_holds_unit", "holds", ["unit"])
    _table(
        "settings",
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
    )
    _table(
        "service_notes",
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
    )
    op.create_index("ix_service_notes_unit", "service_notes", ["unit"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("about", sa.String(32), nullable=False),
        sa.Column("row", sa.String(64), nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger"),
    )
    op.create_index("ix_ledger_about_row", "ledger", ["about", "row"])
    op.create_index("ix_ledger_at", "ledger", ["at"])
