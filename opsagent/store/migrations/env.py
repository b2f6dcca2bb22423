"""Alembic runs this. The connection comes from `opsagent.store.migrate`; there is no alembic.ini."""

from __future__ import annotations

from alembic import context

_given = context.config.attributes
context.configure(
    connection=_given["connection"],
    target_metadata=_given["target_metadata"],
    version_table=_given["version_table"],
    render_as_batch=True,
)
context.run_migrations()
