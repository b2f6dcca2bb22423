"""Brings an older schema up to date with Alembic, after keeping a copy. Imported only where the schema is old."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from opsagent.store.database import copy_of
from opsagent.store.schema import VERSION_TABLE, metadata

SCRIPTS = Path(__file__).parent / "migrations"


def known_revisions(scripts: Path = SCRIPTS) -> frozenset[str]:
    """Return the revisions that the packaged migrations lead through."""
    return frozenset(script.revision for script in ScriptDirectory(str(scripts)).walk_revisions())


def migrate(engine: Engine, found: str, scripts: Path = SCRIPTS) -> Path | None:
    """Upgrade to the newest revision in one transaction. Return the copy that was kept beside a SQLite file."""
    kept = None
    if engine.dialect.name == "sqlite" and engine.url.database:
        path = Path(engine.url.database)
        kept = path.with_name(f"{path.stem}-{found}{path.suffix}.bak")
        copy_of(path, kept)
    with engine.connect().execution_options(writing=True, durable=True) as connection, connection.begin():
        upgrade(connection, scripts)
    return kept


def upgrade(connection: Connection, scripts: Path = SCRIPTS) -> None:
    """Run the migrations that are missing, on a connection whose transaction the caller ends."""
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes.update(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    command.upgrade(config, "head")
