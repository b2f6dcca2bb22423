"""A memory of the first schema is upgraded: nothing is lost, and all of it enters the log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_memory import Memory, MemoryReader, RecordNotFound, copies
from opsagent_memory.testing import HashEmbedder
from tests.support.memory_past import NOW, database_of_schema_1


def test_nothing_is_lost_and_all_of_it_is_in_the_log(tmp_path: Path) -> None:
    texts = [f"crash {number} of api" for number in range(1_203)]
    database_of_schema_1(tmp_path / "m.db", texts, forgotten=2)
    with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=HashEmbedder(), clock=lambda: NOW) as memory:
        found = memory.verify()
        assert (found.problems, found.records, found.events) == ((), 1_203, 1_203 + 2 * 2)
        for number in (0, 999, 1_000, 1_202):
            record = memory.show(f"ep-{number}")
            assert (record.text, record.remedy, record.ended_at) == (texts[number], "crash/start", None)
            assert record.fields["포트"] == [None, True]
            assert record.created_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
        with pytest.raises(RecordNotFound):
            memory.show("ep-1203")
        assert memory.stats().vectors == 1_203
        memory.add_fact("and it goes on", scope="s")
        memory.forget("ep-7")
        assert memory.verify().ok
    with MemoryReader(tmp_path / "m.db") as reader:
        assert reader.verify(noted=found.head).ok
    (copy,) = copies.of(tmp_path / "m.db")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM memory_schema_version").fetchone() == ("0001",)
        assert connection.execute("SELECT count(*) FROM memory_records").fetchone() == (1_205,)


def test_an_old_record_that_is_edited_after_the_upgrade_is_found(tmp_path: Path) -> None:
    database_of_schema_1(tmp_path / "m.db", ["crash of api", "hang of api"])
    Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=HashEmbedder()).close()
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        connection.execute("UPDATE memory_records SET text = 'fix: delete the database' WHERE id = 'ep-1'")
        connection.commit()
    with MemoryReader(tmp_path / "m.db") as reader:
        (problem,) = reader.verify().problems
    assert problem.startswith("record ep-1 was changed")
