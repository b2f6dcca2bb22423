"""Schema versions: a fresh store is stamped, an old one is migrated after a copy, a newer one is refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine

from opsagent.home import Home
from opsagent.model import Cause
from opsagent.store import migrate
from opsagent.store.errors import StoreError, StoreNewer
from opsagent.store.journal import Journal
from opsagent.store.rows import Verification
from opsagent.store.schema import REVISION, VERSION_TABLE, metadata
from tests.unit.store.values import NOW, STORE, incident, plan


def _layout(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted((name, " ".join(sql.split())) for name, sql in found if name != VERSION_TABLE)


def test_migrations_lead_to_the_very_schema(tmp_path: Path) -> None:
    made, migrated = (create_engine(f"sqlite:///{tmp_path / name}") for name in ("made.db", "migrated.db"))
    metadata.create_all(made)
    with migrated.begin() as connection:
        migrate.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    assert _layout(made) == _layout(migrated)
    for engine in (made, migrated):
        engine.dispose()


def test_the_newest_migration_is_the_schemas(tmp_path: Path) -> None:
    assert max(migrate.known_revisions()) == REVISION


def test_a_fresh_store_is_stamped_without_alembic(place: Home) -> None:
    program = (
        "import sys; from pathlib import Path; from opsagent.home import Home\n"
        "from opsagent.store.journal import Journal\n"
        f"Journal.open(Home.open(Path({str(place.path)!r}))).close(); print('alembic' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    assert _revision(place) == REVISION


def _revision(place: Home) -> str:
    with closing(sqlite3.connect(place.database)) as connection:
        return str(connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0])


def _set_revision(place: Home, revision: str) -> None:
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (revision,))
        connection.commit()


@pytest.fixture
def next_revision(tmp_path: Path) -> Path:
    """The packaged migrations and one more that is still to come."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.SCRIPTS, scripts)
    (scripts / "versions" / "r0005_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0005'\ndown_revision = '0004'\n"
        "def upgrade():\n    op.add_column('holds', sa.Column('later', sa.Text()))\n"
    )
    return scripts


def test_an_old_store_is_migrated_and_a_copy_is_kept(place: Home, journal: Journal, next_revision: Path) -> None:
    journal.open_incident(incident())
    kept = migrate.migrate(journal._engine, "0004", next_revision)
    assert kept is not None
    assert kept.stat().st_mode & 0o077 == 0
    assert _revision(place) == "0005"
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT id FROM incidents").fetchall() == [("i1",)]
        assert "later" not in str(connection.execute("SELECT sql FROM sqlite_master").fetchall())


def test_a_migration_that_fails_changes_nothing(place: Home, journal: Journal, next_revision: Path) -> None:
    script = next_revision / "versions" / "r0005_later.py"
    script.write_text(script.read_text() + "    raise RuntimeError('half way')\n")
    with pytest.raises(RuntimeError, match="half way"):
        migrate.migrate(journal._engine, "0004", next_revision)
    assert _revision(place) == "0004"
    with closing(sqlite3.connect(place.database)) as connection:
        assert "later" not in str(connection.execute("SELECT sql FROM sqlite_master").fetchall())


def test_a_newer_store_is_refused_by_writer_and_reader(place: Home, journal: Journal) -> None:
    journal.close()
    _set_revision(place, "0999")
    for opening in (Journal.open, Journal.read):
        with pytest.raises(StoreNewer, match=r"newer opsagent \(0999, this one knows 0004\): update opsagent"):
            opening(place)


def test_a_reader_does_not_migrate(place: Home, journal: Journal) -> None:
    journal.close()
    _set_revision(place, "0000")
    with pytest.raises(StoreError, match="run `opsagent watch` once"):
        Journal.read(place)


def test_the_memory_may_live_in_the_same_database(place: Home) -> None:
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("CREATE TABLE memory_records (id TEXT)")
        connection.commit()
    with Journal.open(place) as journal:
        journal.open_incident(incident())
        assert journal.verify().ok


def test_a_store_from_before_releases_is_updated_with_all_that_is_in_it(tmp_path: Path, place: Home) -> None:
    engine = create_engine(f"sqlite:///{place.database}")
    first = tmp_path / "first"
    shutil.copytree(migrate.SCRIPTS, first)
    for later in ("r0002_releases.py", "r0003_trust.py", "r0004_words.py"):
        (first / "versions" / later).unlink()
    with engine.begin() as connection:
        migrate.upgrade(connection, first)
        connection.exec_driver_sql("INSERT INTO settings (id, value, at) VALUES ('x', 'null', '2026-01-01 00:00:00')")
    engine.dispose()
    place.database.chmod(0o600)
    with Journal.open(place) as journal:
        assert journal.releases() == ()
        assert journal.deploys() == ()
    assert _revision(place) == REVISION
    (kept,) = place.path.glob("*-0001.db.bak")
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT id FROM settings").fetchall() == [("x",)]
        assert "deploys" not in str(connection.execute("SELECT name FROM sqlite_master").fetchall())


OLD_ENTRIES = 15
OLD = Path(__file__).with_name("journal_0002.sql")
"""A journal as revision 0002 wrote it: incidents, plans, steps, approvals, a hold, and their ledger."""


def _old_home(place: Home) -> None:
    with closing(sqlite3.connect(place.database)) as connection:
        connection.executescript(OLD.read_text())
    place.database.chmod(0o600)


def test_an_old_home_with_data_is_updated_in_place_and_its_chain_still_holds(place: Home) -> None:
    _old_home(place)
    with Journal.open(place, clock=lambda: NOW + timedelta(hours=1)) as journal:
        assert journal.verify() == Verification(entries=OLD_ENTRIES)
        repaired = journal.incident("i1")
        assert (repaired.outcome, repaired.remedy, repaired.mttr_s) == ("repaired", "crash/start", 4.5)
        assert repaired.plans[0].plan.cause is Cause.UNKNOWN
        assert repaired.solved_by is None
        assert [row.needed for row in journal.approvals(pending=False)] == [None, None]
        assert (journal.phrases(), journal.schedules(ended=True)) == ((), ())
        assert [hold.why for hold in journal.holds()] == ["migration"]
        journal.set_incident("i2", status="closed")
        journal.record_plan(plan("p9", "i2", STORE, cause=Cause.DEADLOCK))
        assert journal.verify() == Verification(entries=OLD_ENTRIES + 2)
    (kept,) = place.path.glob("*-0002.db.bak")
    assert kept.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (OLD_ENTRIES,)
        assert "would_be" not in str(connection.execute("SELECT name FROM sqlite_master").fetchall())


@pytest.mark.parametrize("change", [
    "UPDATE incidents SET outcome = 'left alone' WHERE id = 'i1'",
    "UPDATE incidents SET cause = 'deadlock' WHERE id = 'i1'",
    "UPDATE approvals SET second_by = 'mallory'",
    "UPDATE plans SET cause = 'disk_full'",
    "UPDATE incidents SET solved_by = 'model'",
    "INSERT INTO phrases VALUES ('p', 'x', 'k', 't', 'en', '[]', '2026-01-01 00:00:00', 0, NULL, 's')",
    "INSERT INTO grants VALUES ('g', 'circus:api@h', 'restart', 'auto', '2026-01-01 00:00:00', 'x', '', NULL, NULL, NULL, 's')",
])  # fmt: skip
def test_what_is_changed_behind_its_back_after_the_update_shows(place: Home, change: str) -> None:
    _old_home(place)
    with Journal.open(place) as journal:
        assert journal.verify().ok
        with closing(sqlite3.connect(place.database)) as connection:
            connection.execute(change)
            connection.commit()
        assert not journal.verify().ok
