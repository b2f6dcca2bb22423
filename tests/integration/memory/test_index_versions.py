"""An index that another version of Chroma left: it is used, or built anew; the memory finds everything either way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from opsagent_memory import Memory, finder, generations
from opsagent_memory.testing import HashEmbedder

TEXTS = [f"fact {number}: the port of service{number} is {8000 + number}" for number in range(40)]


@pytest.fixture(autouse=True)
def _chroma_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())


def changed(index: Path, *statements: str) -> None:
    with closing(sqlite3.connect(index / "chroma.sqlite3")) as connection:
        connection.create_function("unhex", 1, bytes.fromhex)  # SQLite has it since 3.41
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        connection.commit()


def older(index: Path) -> None:
    """Take Chroma's newest migration back: what is left is the layout of Chroma 0.6, with all that it holds."""
    changed(
        index,
        "DELETE FROM migrations WHERE dir = 'metadb' AND version = 5",
        "ALTER TABLE max_seq_id RENAME COLUMN seq_id TO number",
        "ALTER TABLE max_seq_id ADD COLUMN seq_id BLOB",
        "UPDATE max_seq_id SET seq_id = unhex(printf('%016X', number))",
        "ALTER TABLE max_seq_id DROP COLUMN number",
        """UPDATE collections SET config_json_str = '{"hnsw_configuration": {"space": "cosine", "ef_construction": 100,
        "ef_search": 100, "num_threads": 2, "M": 16, "resize_factor": 1.2, "batch_size": 100, "sync_threshold": 1000,
        "_type": "HNSWConfigurationInternal"}, "_type": "CollectionConfigurationInternal"}'""",
    )


def newer(index: Path) -> None:
    changed(index, "INSERT INTO migrations VALUES ('sysdb', 99, '00099-of-tomorrow.sqlite.sql', 'x', 'y')")


def half_migrated(index: Path) -> None:
    changed(index, "DELETE FROM migrations WHERE dir = 'metadb' AND version = 5")


def another_migration(index: Path) -> None:
    changed(index, "UPDATE migrations SET hash = 'another' WHERE dir = 'sysdb' AND version = 3")


def of_chroma_0_3(index: Path) -> None:
    for path in index.iterdir():
        if path.is_file():
            path.unlink()
    (index / "chroma-collections.parquet").write_bytes(b"PAR1")
    (index / "chroma-embeddings.parquet").write_bytes(b"PAR1")


def without_the_collection(index: Path) -> None:
    changed(index, "UPDATE collections SET name = 'somebody-elses'")


VERSIONS: dict[str, Callable[[Path], None]] = {
    "the layout of Chroma 0.6": older,
    "a newer layout": newer,
    "half migrated": half_migrated,
    "a migration of another branch": another_migration,
    "the files of Chroma 0.3": of_chroma_0_3,
    "somebody else's collection": without_the_collection,
}


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_an_index_of_another_version_is_mended(tmp_path: Path, version: Callable[[Path], None]) -> None:
    with opened(tmp_path) as memory:
        for text in TEXTS:
            memory.add_fact(text, scope="s")
        memory.warm()
    index = generations.current(tmp_path / "index")
    assert index is not None
    (index / "sealed.json").unlink()
    version(index)
    generations.seal(index)  # as that version would have left it: Chroma does open it
    with opened(tmp_path) as memory:
        memory.warm()
        late = memory.add_fact("something quite new about billing", scope="s")
        memory.warm()
        for text in TEXTS[::7]:
            assert memory.recall(text, scope="s")[0].record.text == text
        assert memory.recall("something quite new about billing", scope="s")[0].record.id == late
        assert memory._finder._keeper.sound
    assert len(list((tmp_path / "index").glob("index-*"))) == 1
