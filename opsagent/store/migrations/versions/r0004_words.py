"""What people said: phrases, schedules, conversations; what models were asked; who found what ended an incident."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the column."""
    op.add_column("incidents", sa.Column("solved_by", sa.String(16)))
    for part in (_said, _schedules, _conversations, _model_calls):
        part()


def _table(name: str, *columns: sa.Column[Any], index: tuple[str, ...] = ()) -> None:
    key, salt = sa.Column("id", sa.String(64), nullable=False), sa.Column("salt", sa.String(64))
    op.create_table(name, key, *columns, salt, sa.PrimaryKeyConstraint("id", name=f"pk_{name}"))
    for column in index:
        op.create_index(f"ix_{name}_{column}", name, [column])


def _said() -> None:
    _table(
        "phrases",
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        index=("by",),
    )


def _schedules() -> None:
    _table(
        "schedules",
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("units", sa.JSON(), nullable=False),
        sa.Column("at_text", sa.String(64), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run", sa.String(64), nullable=True),
        sa.Column("last_at", _TIME, nullable=True),
        sa.Column("last_result", sa.Text(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        index=("next_at", "state"),
    )


def _conversations() -> None:
    _table(
        "conversations",
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        index=("by",),
    )
    _table(
        "turns",
        sa.Column("conversation_id", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("who", sa.String(16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        index=("conversation_id",),
    )


def _model_calls() -> None:
    _table(
        "model_calls",
        sa.Column("at", _TIME, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("incident_id", sa.String(64), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("currency", sa.String(8), nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("bytes_out", sa.Integer(), nullable=False),
        index=("at", "incident_id"),
    )
