"""Bringing an older schema up to date. Imported, and Alembic with it, only when there is one."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from opsagent_memory.schema import VERSION_TABLE

_FOLDER = Path(__file__).parent


def known() -> frozenset[str]:
    """Return all revisions that this version can upgrade from."""
    return frozenset(script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions())


def head() -> str:
    """Return the newest revision."""
    revision = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert revision is not None
    return revision


def upgrade(connection: sa.Connection, revision: str = "head") -> None:
    """Upgrade the memory's tables inside the transaction of `connection`; no other table is looked at."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, revision)
