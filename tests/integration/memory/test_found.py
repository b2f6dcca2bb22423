"""What recall finds, whatever state its indexes are in: it is the truth that answers."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent_memory import Episode, Fact, Memory, finder, generations, keeper
from opsagent_memory.testing import HashEmbedder
from tests.support.waiting import eventually

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = [f"fact {number}: the port of service{number} is {8000 + number}" for number in range(40)]


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder(), clock=lambda: NOW)


def facts(texts: list[str], scope: str = "s") -> list[Fact]:
    return [Fact(scope=scope, text=text, created_at=NOW) for text in texts]


def words(folder: Path) -> Path:
    return folder / "index" / "keywords.sqlite3"


@pytest.fixture
def by_chroma(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scope is too large to be searched exactly."""
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)


def test_a_small_memory_is_asked_without_chroma(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from opsagent_memory import Memory\n"
        "from opsagent_memory.testing import HashEmbedder\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with Memory.open(folder / 'm.db', folder / 'index', embedder=HashEmbedder()) as memory:\n"
        "    memory.add_fact('the port of billing is 8080', scope='s')\n"
        "    assert memory.recall('port of billing', scope='s')\n"
        "print('chromadb' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
    assert generations.current(tmp_path / "index") is None


@pytest.mark.usefixtures("by_chroma")
def test_a_large_scope_is_searched_in_the_truth_until_chroma_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_open = threading.Event()
    settle = keeper.Keeper.settle

    def later(self: keeper.Keeper) -> None:
        may_open.wait()
        settle(self)

    monkeypatch.setattr(keeper.Keeper, "settle", later)
    with opened(tmp_path) as memory:
        try:
            memory.add_many(facts(TEXTS))
            assert [memory.recall(text, scope="s")[0].record.text for text in TEXTS[::9]] == TEXTS[::9]
            assert not memory._finder._keeper.sound
        finally:
            may_open.set()
        eventually(lambda: memory._finder._keeper.sound, timeout=60.0, why="the index is opened behind")
        assert [memory.recall(text, scope="s")[0].record.text for text in TEXTS[::9]] == TEXTS[::9]


@pytest.mark.usefixtures("by_chroma")
def test_what_was_just_kept_is_found_before_chroma_has_it(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        memory.add_many(facts(TEXTS))
        memory.warm()
        memory.add_fact("gorgonzola is behind the safe", scope="s")
        held = memory._finder._keeper
        assert memory.recall("where is the gorgonzola", scope="s")[0].record.text == "gorgonzola is behind the safe"
        assert held.sound
        memory.warm()
        assert not held._kept
        assert memory.recall("where is the gorgonzola", scope="s")[0].record.text == "gorgonzola is behind the safe"


KILLED = """
import os, pathlib, signal, sys
from opsagent_memory import Memory, finder
from opsagent_memory.testing import HashEmbedder
finder.EXACT_UP_TO = 0
folder = pathlib.Path(sys.argv[1])
memory = Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())
memory.add_fact("the first one", scope="s")
memory.warm()
memory.add_fact("gorgonzola is behind the safe", scope="s")
assert memory.recall("gorgonzola", scope="s")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("by_chroma")
def test_a_kill_before_it_was_written_to_chroma_loses_nothing(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -9
    with opened(tmp_path) as memory:
        memory.warm()
        assert memory._finder._keeper.sound
        assert memory.recall("gorgonzola", scope="s")[0].record.text == "gorgonzola is behind the safe"


@pytest.mark.usefixtures("by_chroma")
def test_it_breaks_while_it_is_asked_and_is_built_anew_behind(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        memory.add_many(facts(TEXTS))
        memory.warm()
        folder = generations.current(tmp_path / "index")
        assert folder is not None
        os.truncate(folder / "chroma.sqlite3", 0)
        assert [memory.recall(text, scope="s")[0].record.text for text in TEXTS[::9]] == TEXTS[::9]
        memory.warm()
        assert [memory.recall(text, scope="s")[0].record.text for text in TEXTS[::9]] == TEXTS[::9]


def rubbish(file: Path) -> None:
    file.write_bytes(b"rubbish" * 1000)


def no_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE texts")


def of_another_time(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE meta SET value = 'a key of nothing' WHERE key = 'mark'")


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "it is gone": Path.unlink,
    "it is empty": lambda file: os.truncate(file, 0),
    "it is cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "it is rubbish": rubbish,
    "a table is gone": no_table,
    "it is of another time": of_another_time,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_keywords_mend_themselves(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    with opened(tmp_path) as memory:
        memory.add_many(facts(TEXTS))
        assert memory.recall("service17", scope="s")[0].keywords
    damage(words(tmp_path))
    with opened(tmp_path) as memory:
        found = memory.recall("which port has service17", scope="s")[0]
        assert found.record.text == TEXTS[17]
        assert "service17" in found.keywords
        assert "says service17" in found.why


def test_where_no_keyword_file_can_be_had_meaning_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        memory.add_many(facts(TEXTS))
        words(tmp_path).mkdir()
        (words(tmp_path) / "in the way").touch()
        found = memory.recall("which port has service17", scope="s")[0]
        assert (found.record.text, found.keywords) == (TEXTS[17], ())


def test_a_rare_word_lifts_what_meaning_alone_puts_behind(tmp_path: Path) -> None:
    said = [f"worker of queue was slow on host, queue {number}" for number in range(60)]
    with opened(tmp_path) as memory:
        memory.add_many(facts([*said, "worker of queue was slow on host, ECONNREFUSED"]))
        first = memory.recall("worker of queue was slow on host: [Errno 111]", scope="s")[0]
    assert "ECONNREFUSED" in first.record.text
    assert first.keywords[0] == "econnrefused"
    assert "says econnrefused" in first.why
    assert first.rank_without_learning > 1
    assert first.score > first.without_learning == first.similarity


def test_what_may_not_be_told_does_not_crowd_out_what_may(tmp_path: Path) -> None:
    out_of_date = [
        Fact(scope="s", text=f"the port of billing is {number}", created_at=NOW, valid_to=NOW - timedelta(days=1))
        for number in range(700)
    ]
    with opened(tmp_path) as memory:
        memory.add_many([*out_of_date, *facts(["billing listens where it is told to by its configuration"])])
        assert [one.record.text for one in memory.recall("the port of billing", scope="s")] == [
            "billing listens where it is told to by its configuration"
        ]


def test_what_is_archived_is_not_found_and_its_neighbours_are(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        kept = facts(TEXTS)
        memory.add_many(kept)
        memory.recall(TEXTS[3], scope="s")
        memory.archive([kept[3].id], "a test")
        assert TEXTS[3] not in {one.record.text for one in memory.recall(TEXTS[3], scope="s", limit=40)}
        memory.warm()
    with opened(tmp_path) as memory:
        memory.warm()
        found = {one.record.text for one in memory.recall(TEXTS[3], scope="s", limit=40)}
        assert found == set(TEXTS) - {TEXTS[3]}


def test_a_sentence_of_a_long_text_is_found(tmp_path: Path) -> None:
    long = (
        "The night was long and nothing much happened at all. Then the gorgonzola left the safe. Everybody went home."
    )
    with opened(tmp_path) as memory:
        memory.add_many([*facts(TEXTS), *facts([long])])
        alone = memory.recall("the gorgonzola left the safe", scope="s")[0]
    assert alone.record.text == long
    assert alone.similarity > 0.6


def test_the_same_incident_with_and_without_learning(tmp_path: Path) -> None:
    def tried(remedy: str, outcome: str, text: str) -> Episode:
        fields = {"remedy": remedy, "outcome": outcome}
        return Episode(scope="s", text=text, created_at=NOW, fields=fields)

    with opened(tmp_path) as memory:
        memory.add_many(
            [
                tried("crash/start", "failed", "crash of api: exit 1 at once"),
                tried("crash/rollback", "worked", "crash of api: exit 1 at last"),
            ]
        )
        first, second = memory.recall("crash of api: exit 1 at once", scope="s")
    assert (second.record.remedy, second.rank_without_learning, second.without_learning) == (
        "crash/rollback",
        2,
        second.similarity,
    )
    assert first.without_learning == pytest.approx(1.0)
    assert "worked 0 of 1 time" in first.why


def test_many_scopes_are_asked_at_once_and_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opsagent_memory import shelves

    monkeypatch.setattr(shelves, "HELD", 100)
    scopes = [f"scope {number}" for number in range(6)]
    with opened(tmp_path) as memory:
        for scope in scopes:
            memory.add_many(facts([f"{text} of {scope}" for text in TEXTS], scope))
        for scope in (*scopes, scopes[0]):
            found = memory.recall(TEXTS[7], scope=scope)
            assert {one.record.scope for one in found} == {scope}
            assert sum(map(len, memory._finder._shelves._held.values())) <= 100
        assert {one.record.scope for one in memory.recall("fact 7: service7", scope=scopes, limit=20)} == set(scopes)


def test_what_is_embedded_while_the_index_is_filled_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an import: the keeper fills Chroma while a question embeds what has no vector yet."""
    fill = keeper.Keeper._fill

    def embedded_meanwhile(self: keeper.Keeper, *given: Any) -> bool:
        filled = fill(self, *given)
        vectors = HashEmbedder().embed(TEXTS)
        rows = {self._store.key(text): vector.tobytes() for text, vector in zip(TEXTS, vectors, strict=True)}
        self._store.keep_vectors(rows, HashEmbedder())
        return filled

    monkeypatch.setattr(keeper.Keeper, "_fill", embedded_meanwhile)
    with opened(tmp_path) as memory:
        memory.add_many(facts(TEXTS))
        memory._finder._keeper.settle()
        assert memory._finder._keeper.sound
    assert "is broken" not in caplog.text
