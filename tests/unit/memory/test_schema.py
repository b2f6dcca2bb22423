"""The schema: created at once, or upgraded; both ways lead to the same tables."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from opsagent_memory import Memory, MemoryReader, MemoryStoreError, database, migrations, schema
from opsagent_memory.testing import HashEmbedder


def layout(path: Path) -> dict[str, str]:
    """Return the SQL of every table and index, without what only looks different."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    return {name: re.sub(r"\s+|\"", "", sql or "") for name, sql in found}


def columns(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            inspector.get_foreign_keys(table),
            sorted(inspector.get_unique_constraints(table), key=str),
            sorted(inspector.get_indexes(table), key=str),
        )
        for table in sorted(inspector.get_table_names())
    }


def test_upgrading_from_nothing_gives_what_creating_gives(tmp_path: Path) -> None:
    created = database.open_engine(tmp_path / "created.db")
    database.prepare(created)
    upgraded = database.open_engine(tmp_path / "upgraded.db")
    with database.writing(upgraded) as connection:
        migrations.upgrade(connection)
    assert columns(upgraded) == columns(created)
    assert layout(tmp_path / "upgraded.db").keys() == layout(tmp_path / "created.db").keys()
    for engine in (created, upgraded):
        with engine.connect() as connection:
            assert connection.scalar(sa.select(schema.version.c.version_num)) == schema.HEAD
        assert len(database.salt(engine)) == 16
        engine.dispose()


def test_the_stamp_is_the_newest_revision() -> None:
    assert migrations.head() == schema.HEAD


def test_every_table_says_whose_it_is() -> None:
    assert all(name.startswith("memory_") for name in schema.metadata.tables)


def test_nothing_that_postgresql_could_not_hold() -> None:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE memory_" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX memory_" in str(CreateIndex(index).compile(dialect=dialect))


def test_a_database_of_others_is_shared_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE journal (entry TEXT)")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('theirs')")
        connection.commit()
    with Memory.open(path, tmp_path / "index", embedder=HashEmbedder()) as memory:
        memory.add_fact("x", scope="s")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("theirs",)]


def test_an_older_schema_is_upgraded_after_a_copy_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.db"
    with Memory.open(path, tmp_path / "index", embedder=HashEmbedder()) as memory:
        kept = memory.add_fact("older than the schema", scope="s")
    add_revision(tmp_path, monkeypatch)
    with Memory.open(path, tmp_path / "index", embedder=HashEmbedder()) as memory:
        assert memory.show(kept).text == "older than the schema"
    assert "memory_extra" in layout(path)
    (copy,) = tmp_path.glob("m.db.before-memory-0003*")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "memory_extra" not in layout(copy)
    with MemoryReader(copy) as reader:
        assert reader.show(kept).text == "older than the schema"


def test_a_migration_that_fails_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.db"
    Memory.open(path, tmp_path / "index", embedder=HashEmbedder()).close()
    before = layout(path)
    add_revision(tmp_path, monkeypatch, then="op.execute('SELECT * FROM nowhere')")
    with pytest.raises(MemoryStoreError, match="nowhere"):
        Memory.open(path, tmp_path / "index", embedder=HashEmbedder())
    assert layout(path) == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    Memory.open(path, tmp_path / "index", embedder=HashEmbedder()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
        connection.commit()
    with pytest.raises(MemoryStoreError, match="newer version"):
        Memory.open(path, tmp_path / "index", embedder=HashEmbedder())


def add_revision(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str = "pass") -> None:
    """Pretend that there is a newer revision, in a copy of the migrations."""
    import shutil

    copy = folder / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / "r0003_extra.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        "revision, down_revision = '0003', '0002'\n"
        "def upgrade():\n"
        "    op.create_table('memory_extra', sa.Column('x', sa.Integer))\n"
        f"    {then}\n"
    )
    monkeypatch.setattr(migrations, "_FOLDER", copy)
    monkeypatch.setattr(database, "HEAD", "0003")
