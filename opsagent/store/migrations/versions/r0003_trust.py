"""What is granted and would be done, who watches, what is to be told and was sent; causes, and two-person approvals."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the columns."""
    for part in (_columns, _trust, _telling):
        part()


def _columns() -> None:
    for table, columns in {
        "incidents": (
            sa.Column("cause", sa.String(32)),
            sa.Column("returned_of", sa.String(64)),
            sa.Column("impact", sa.JSON()),
            sa.Column("changed", sa.JSON()),
        ),
        "plans": (sa.Column("cause", sa.String(32)),),
        "approvals": (
            sa.Column("needed", sa.Integer()),
            sa.Column("second_by", sa.String(64)),
            sa.Column("second_at", _TIME),
        ),
    }.items():
        for column in columns:
            op.add_column(table, column)


def _table(name: str, *columns: sa.Column[Any], index: tuple[str, ...] = ()) -> None:
    key, salt = sa.Column("id", sa.String(64), nullable=False), sa.Column("salt", sa.String(64))
    op.create_table(name, key, *columns, salt, sa.PrimaryKeyConstraint("id", name=f"pk_{name}"))
    for column in index:
        op.create_index(f"ix_{name}_{column}", name, [column])


def _trust() -> None:
    _table(
        "grants",
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("granted_at", _TIME, nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("revoked_by", sa.String(64), nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        index=("unit",),
    )
    _table(
        "would_be",
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("plan_id", sa.String(64), nullable=True),
        sa.Column("unit", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("remedy", sa.String(128), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("judged_at", _TIME, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        index=("at", "incident_id", "unit"),
    )


def _telling() -> None:
    _table(
        "watches",
        sa.Column("incident_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        index=("incident_id",),
    )
    _table(
        "outbox",
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("group_key", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        index=("due_at", "group_key", "incident_id"),
    )
    _table(
        "egress",
        sa.Column("at", _TIME, nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        index=("at",),
    )
