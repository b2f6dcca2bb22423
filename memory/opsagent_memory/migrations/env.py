"""Run by Alembic: the connection and the name of the version table come from `opsagent_memory.migrations`."""

from __future__ import annotations

from alembic import context

from opsagent_memory.schema import metadata

_attributes = context.config.attributes

context.configure(
    connection=_attributes["connection"],
    version_table=_attributes["version_table"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
