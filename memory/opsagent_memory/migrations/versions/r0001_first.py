"""The first tables."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of the first release. Written out: the schema's module goes on changing, this stays."""
    meta = op.create_table(
        "memory_meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "memory_records",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("text_key", sa.String(32), nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("remedy", sa.String(255)),
        sa.Column("outcome", sa.String(32)),
        sa.Column("fault_class", sa.String(64)),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("trust", sa.Float, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("valid_from", _TIME),
        sa.Column("valid_to", _TIME),
        sa.Column("supersedes", sa.String(64), sa.ForeignKey("memory_records.id", name="memory_records_supersedes_fk")),
        sa.Column("forgotten_at", _TIME),
    )
    op.create_index("memory_records_by_text", "memory_records", ["text_key", "scope"])
    op.create_index("memory_records_by_scope", "memory_records", ["scope", "kind", "seq"])
    op.create_index("memory_records_by_supersedes", "memory_records", ["supersedes"])
    op.create_table(
        "memory_vectors",
        sa.Column("text_key", sa.String(32), primary_key=True),
        sa.Column("model_id", sa.String(128), primary_key=True),
        sa.Column("model_hash", sa.String(64), primary_key=True),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.execute(meta.insert().values(key="salt", value=secrets.token_hex(16)))


def downgrade() -> None:
    """Take the tables away."""
    for table in ("memory_vectors", "memory_records", "memory_meta"):
        op.drop_table(table)
