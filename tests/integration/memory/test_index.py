"""The index may be lost, broken or behind: it is rebuilt from the truth. What is forgotten is gone from both."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_memory import EmbedderError, Fact, Memory, MemoryStoreError, RecordNotFound, database, finder, generations
from opsagent_memory.testing import HashEmbedder

TEXTS = [f"fact {number}: the port of service{number} is {8000 + number}" for number in range(40)]


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())


@pytest.fixture(autouse=True)
def _chroma_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small scopes are normally searched exactly; here it is Chroma that is looked at."""
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A memory with forty facts, some added before the index was opened and some after; closed."""
    with opened(tmp_path) as memory:
        for text in TEXTS[:20]:
            memory.add_fact(text, scope="s")
        memory.warm()
        for text in TEXTS[20:]:
            memory.add_fact(text, scope="s")
    return tmp_path


def index_of(folder: Path) -> Path:
    found = generations.current(folder / "index")
    assert found is not None
    return found


def chroma_file(folder: Path) -> Path:
    return index_of(folder) / "chroma.sqlite3"


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE segments")
        connection.execute("UPDATE migrations SET hash = 'of another version'")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "the whole folder is gone": lambda folder: shutil.rmtree(folder / "index"),
    "the folder in use is gone": lambda folder: shutil.rmtree(index_of(folder)),
    "its database is gone": lambda folder: chroma_file(folder).unlink(),
    "its database is empty": lambda folder: os.truncate(chroma_file(folder), 0),
    "its database is cut": lambda folder: truncate(chroma_file(folder)),
    "its database is rubbish": lambda folder: chroma_file(folder).write_bytes(b"rubbish" * 1000),
    "its database is of another version": lambda folder: of_another_version(chroma_file(folder)),
    "nobody knows which folder is in use": lambda folder: (folder / "index" / "current").write_bytes(b"\xff\xfe"),
    "the folder in use is said to be elsewhere": lambda folder: (folder / "index" / "current").write_text("../.."),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_mends_itself(filled: Path, damage: Callable[[Path], object]) -> None:
    damage(filled)
    with opened(filled) as memory:
        memory.warm()
        for text in TEXTS[::7]:
            assert memory.recall(text, scope="s")[0].record.text == text
    assert len(list((filled / "index").glob("index-*"))) == 1


@pytest.mark.parametrize("sealed", [True, False], ids=["after a clean close", "after its owner was killed"])
def test_damage_to_the_graph_of_a_larger_index_is_mended(tmp_path: Path, sealed: bool) -> None:
    texts = [f"fact {number} of service{number % 50}" for number in range(1_100)]  # Chroma writes graphs by the 1,000
    now = datetime.now(UTC)
    with opened(tmp_path) as memory:
        memory.add_many([Fact(scope="s", text=text, created_at=now) for text in texts])
        memory.warm()
    graphs = [path for path in index_of(tmp_path).rglob("*.bin") if path.stat().st_size > 1000]
    assert graphs
    for path in graphs:
        truncate(path)
    if not sealed:
        (index_of(tmp_path) / "sealed.json").unlink()
    with opened(tmp_path) as memory:
        memory.warm()
        for text in texts[::250]:
            assert memory.recall(text, scope="s")[0].record.text == text


def test_an_index_that_grows_from_small_to_large_finds_everything(tmp_path: Path) -> None:
    texts = [f"fact {number} of service{number % 50}" for number in range(1_300)]
    now = datetime.now(UTC)
    for start, end in ((0, 200), (200, 900), (900, 1_300)):
        with opened(tmp_path) as memory:
            memory.warm()
            memory.add_many([Fact(scope="s", text=text, created_at=now) for text in texts[start:end]])
            memory.warm()
            for text in texts[:end:41]:
                assert memory.recall(text, scope="s")[0].record.text == text
    before = index_of(tmp_path)
    with opened(tmp_path) as memory:
        memory.warm()
        for text in texts[::41]:
            assert memory.recall(text, scope="s")[0].record.text == text
    assert index_of(tmp_path) == before


def test_a_small_index_whose_owner_was_killed_is_mended_not_built_anew(filled: Path) -> None:
    before = index_of(filled)
    (before / "sealed.json").unlink()
    for path in before.rglob("*.bin"):
        truncate(path)  # laid out in advance, and not read while there is no graph
    with opened(filled) as memory:
        memory.warm()
        for text in TEXTS[::7]:
            assert memory.recall(text, scope="s")[0].record.text == text
    assert index_of(filled) == before


def test_a_sound_index_is_not_built_anew(filled: Path) -> None:
    before = index_of(filled)
    for _ in range(2):
        with opened(filled) as memory:
            memory.warm()
    assert index_of(filled) == before


def test_it_breaks_while_it_is_open(filled: Path) -> None:
    with opened(filled) as memory:
        memory.warm()
        os.truncate(chroma_file(filled), 0)
        for text in TEXTS[::11]:
            assert memory.recall(text, scope="s")[0].record.text == text


def test_an_index_that_is_behind_catches_up(filled: Path) -> None:
    kept = filled / "kept"
    shutil.copytree(filled / "index", kept)
    with opened(filled) as memory:
        memory.warm()
        late = memory.add_fact("something quite new about billing", scope="s")
        other = memory.add_fact("the first fact of another scope", scope="t")
    shutil.rmtree(filled / "index")
    shutil.copytree(kept, filled / "index")
    with opened(filled) as memory:
        memory.warm()
        assert memory.recall("something quite new about billing", scope="s")[0].record.id == late
        assert memory.recall("first fact", scope="t")[0].record.id == other


def test_an_index_of_another_memory_is_not_believed(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    with opened(other) as memory:
        memory.add_fact("of another memory", scope="s")
        memory.warm()
    shutil.rmtree(filled / "index")
    shutil.copytree(other / "index", filled / "index")
    with opened(filled) as memory:
        memory.warm()
        found = memory.recall("of another memory", scope="s", limit=50)
    assert {one.record.text for one in found} <= set(TEXTS)


def test_an_index_of_another_model_is_not_believed(filled: Path) -> None:
    class Other(HashEmbedder):
        model_hash = "1" * 64

    before = index_of(filled)
    with Memory.open(filled / "m.db", filled / "index", embedder=Other()) as memory:
        memory.reindex()
        for text in TEXTS[::7]:
            assert memory.recall(text, scope="s")[0].record.text == text
        assert memory._finder._keeper.sound
    assert index_of(filled) != before


def test_reindex_builds_it_anew(filled: Path) -> None:
    with opened(filled) as memory:
        memory.warm()
        before = index_of(filled)
        assert memory.reindex() == len(TEXTS)
        assert index_of(filled) != before
        assert not before.exists()
        assert memory.recall(TEXTS[3], scope="s")[0].record.text == TEXTS[3]


def files_holding(folder: Path, needle: bytes) -> list[str]:
    return [
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()
    ]


def test_forgetting_leaves_neither_text_nor_fields_nor_vector_on_the_disk(filled: Path) -> None:
    with opened(filled) as memory:
        memory.warm()
        secret = memory.add_fact("the safe is behind the gorgonzola", scope="s", fields={"who": "mascarpone"})
        vector = HashEmbedder().embed(["the safe is behind the gorgonzola"])[0].tobytes()[64:192]
        assert vector.strip(b"\0")
        memory.warm()
        assert memory.recall("gorgonzola", scope="s")[0].record.id == secret
        assert any("index-" in name for name in files_holding(filled, vector))
        assert memory.forget(secret)
        memory.warm()
        memory.recall("gorgonzola", scope="s")
        assert (index_of(filled) / "chroma.sqlite3").exists()
        for needle in (b"gorgonzola", b"mascarpone", vector):
            assert files_holding(filled, needle) == []
    for needle in (b"gorgonzola", b"mascarpone", vector):
        assert files_holding(filled, needle) == []


def test_forgetting_says_so_when_a_reader_still_holds_old_pages(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.1)
    with opened(filled) as memory, closing(sqlite3.connect(filled / "m.db", isolation_level=None)) as reader:
        secret = memory.add_fact("the safe is behind the gorgonzola", scope="s")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM memory_records").fetchone()
        with pytest.raises(MemoryStoreError, match="run it again"):
            memory.forget(secret)
        reader.execute("ROLLBACK")
        assert not memory.forget(secret)
        assert files_holding(filled, b"gorgonzola") == []


def test_what_is_forgotten_stays_a_tombstone(filled: Path) -> None:
    with opened(filled) as memory:
        gone = memory.add_fact("forget me", scope="s")
        assert memory.forget(gone)
        assert not memory.forget(gone)
        assert (memory.stats().forgotten, memory.stats().records) == (1, len(TEXTS))
        with pytest.raises(RecordNotFound, match=gone):
            memory.show(gone)
        assert "forget me" not in {one.record.text for one in memory.recall("forget me", scope="s", limit=50)}
        with pytest.raises(RecordNotFound):
            memory.forget("fa-nowhere")


def test_forgetting_one_of_two_that_say_the_same_keeps_the_other(filled: Path) -> None:
    with opened(filled) as memory:
        one, other = (memory.add_fact("said twice", scope="s") for _ in range(2))
        assert memory.forget(one)
        assert [found.record.id for found in memory.recall("said twice", scope="s", limit=1)] == [other]


def test_settings_of_the_environment_and_of_the_current_directory_turn_nothing(
    filled: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    hostile = (
        "CHROMA_API_IMPL=chromadb.api.fastapi.FastAPI\nCHROMA_SERVER_HOST=203.0.113.7\nANONYMIZED_TELEMETRY=True\n"
    )
    (elsewhere / ".env").write_text(hostile)
    for line in hostile.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.chdir(elsewhere)
    with opened(filled) as memory:
        memory.warm()
        assert memory.recall(TEXTS[5], scope="s")[0].record.text == TEXTS[5]
    assert [path.name for path in elsewhere.iterdir()] == [".env"]


def test_who_waits_for_much_to_be_embedded_may_go_and_what_is_done_stays(tmp_path: Path) -> None:
    def waiting(memory: Memory) -> int:
        return memory.space().waiting

    def gone(done: int, of: int) -> None:
        assert of == 100
        if done:
            raise KeyboardInterrupt

    with Memory.open(tmp_path / "a.db", tmp_path / "index", embedder=HashEmbedder()) as memory:
        memory.add_many([Fact(scope="all", text=f"number {n}", created_at=datetime.now(UTC)) for n in range(100)])
        with pytest.raises(KeyboardInterrupt):
            memory.reindex(gone)
        assert 0 < waiting(memory) < 100
        memory.give_up()
        with pytest.raises(EmbedderError, match="being closed"):
            memory.reindex()
    with Memory.open(tmp_path / "a.db", tmp_path / "index", embedder=HashEmbedder()) as memory:
        assert memory.reindex() == 100
        assert waiting(memory) == 0
