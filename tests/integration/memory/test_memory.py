"""The memory as a whole, on a real database and a real Chroma."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent_memory import (
    NEUTRAL,
    Episode,
    Fact,
    Kind,
    Memory,
    MemoryReader,
    Outcome,
    Procedure,
    RecordExists,
    RecordNotFound,
    Source,
    finder,
)
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCK = "crash of api: exit 1; FATAL lock <path> held by <num>"
KILLED = "crash of api: killed by signal 9"


@pytest.fixture(params=["exact", "chroma"])
def memory(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """A fresh memory; everything here holds whether a scope is searched exactly (small ones are) or by Chroma."""
    if request.param == "chroma":
        monkeypatch.setattr(finder, "EXACT_UP_TO", 0)
    with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=HashEmbedder(), clock=lambda: NOW) as memory:
        yield memory


def episode(text: str, remedy: str, outcome: Outcome, *, scope: str = "api", fault_class: str = "crash") -> Episode:
    fields = {"remedy": remedy, "outcome": outcome.value, "class": fault_class}
    return Episode(scope=scope, text=text, created_at=NOW, fields=fields)


def test_the_remedy_that_worked_comes_first_next_time(memory: Memory) -> None:
    memory.add(episode(LOCK, "crash/start", Outcome.FAILED))
    memory.add(episode(LOCK, "crash/quarantine_lock", Outcome.WORKED))
    first, second = memory.remedies(LOCK, scope="api", fault_class="crash")
    assert (first.remedy, first.tries, first.successes) == ("crash/quarantine_lock", 1, 1)
    assert first.score > NEUTRAL > second.score
    assert first.last_worked == NOW
    assert "worked 1 of 1 time" in first.why


def test_the_same_text_many_times_is_one_vector_and_all_of_it_counts(memory: Memory) -> None:
    memory.add_many([episode(LOCK, "crash/start", Outcome.FAILED) for _ in range(30)])
    memory.add_many([episode(LOCK, "crash/start", Outcome.WORKED) for _ in range(3)])
    (remedy,) = memory.remedies(LOCK, scope="api")
    assert (remedy.tries, remedy.successes) == (33, 3)
    (recollection,) = memory.recall(LOCK, scope="api")
    assert (recollection.tries, recollection.successes) == (33, 3)
    assert memory.stats().vectors == 1


def test_a_fault_class_can_be_asked_for(memory: Memory) -> None:
    memory.add(episode(LOCK, "crash/start", Outcome.WORKED))
    memory.add(episode(LOCK, "hang/restart", Outcome.WORKED, fault_class="hang"))
    assert [one.remedy for one in memory.remedies(LOCK, scope="api", fault_class="hang")] == ["hang/restart"]
    assert memory.remedies(LOCK, scope="api", fault_class="leak") == []


def test_scopes_are_apart_unless_they_are_asked_for_together(memory: Memory) -> None:
    memory.add(episode(LOCK, "crash/start", Outcome.WORKED))
    memory.add(episode(LOCK, "crash/wait", Outcome.WORKED, scope="store"))
    assert [one.remedy for one in memory.remedies(LOCK, scope="api")] == ["crash/start"]
    assert {one.record.scope for one in memory.recall(LOCK, scope="store")} == {"store"}
    assert memory.recall(LOCK, scope="nobody") == []
    assert {one.remedy for one in memory.remedies(LOCK, scope=("api", "store"))} == {"crash/start", "crash/wait"}
    assert {one.record.scope for one in memory.search(LOCK)} == {"api", "store"}


def test_kinds_can_be_asked_for(memory: Memory) -> None:
    memory.add(episode(LOCK, "crash/start", Outcome.WORKED))
    fact = memory.add_fact("the lock of api lives in /run", scope="api")
    memory.add(Procedure(scope="api", text="how to free the lock of api", created_at=NOW))
    assert [one.record.id for one in memory.recall("lock of api", scope="api", kind=Kind.FACT)] == [fact]
    assert {one.record.kind for one in memory.recall("lock of api", scope="api")} == set(Kind)


def test_a_fact_counts_while_it_is_valid_and_not_superseded(memory: Memory) -> None:
    day = timedelta(days=1)
    memory.add_fact("port of api: 8001", scope="api", valid_to=NOW)
    memory.add_fact("port of api: 8003", scope="api", valid_from=NOW + day)
    old = memory.add_fact("port of api: 8002", scope="api", valid_from=NOW - day, valid_to=NOW + day)
    new = memory.add_fact("port of api: 8004", scope="api", supersedes=old)
    assert [one.record.id for one in memory.recall("port of api", scope="api")] == [new]
    assert memory.show(old).text == "port of api: 8002"
    memory.forget(new)
    assert [one.record.id for one in memory.recall("port of api", scope="api")] == [old]
    with pytest.raises(RecordNotFound, match="fa-nowhere"):
        memory.add_fact("x", scope="api", supersedes="fa-nowhere")


def test_what_is_replaced_from_a_time_on_holds_until_then(memory: Memory) -> None:
    day = timedelta(days=1)
    old = memory.add_fact("port of api: 8002", scope="api")
    new = memory.add_fact("port of api: 8004", scope="api", supersedes=old, valid_from=NOW + day)
    assert [one.record.id for one in memory.recall("port of api", scope="api")] == [old]
    assert [(one.id, one.valid_to) for one in memory._reader.by_people(Kind.FACT)] == [(old, NOW + day), (new, None)]
    newest = memory.add_fact("port of api: 8005", scope="api", supersedes=old)
    assert {one.id for one in memory._reader.by_people(Kind.FACT)} == {new, newest}


@pytest.mark.parametrize("forgotten", [(1,), (2,), (1, 2), (2, 1)])
def test_a_correction_forgotten_in_the_middle_brings_nothing_back(memory: Memory, forgotten: tuple[int, ...]) -> None:
    row = [memory.add_fact("port of api: 8000", scope="api")]
    for port in (8001, 8002, 8003):
        row.append(memory.add_fact(f"port of api: {port}", scope="api", supersedes=row[-1]))
    for place in forgotten:
        memory.forget(row[place])
    assert [one.record.id for one in memory.recall("port of api", scope="api")] == [row[3]]
    assert memory.show(row[0]).text == "port of api: 8000"
    assert memory.verify().ok


def test_corrections_forgotten_together_bring_back_what_they_corrected(memory: Memory) -> None:
    first = memory.add_fact("port of api: 8000", scope="api")
    second = memory.add_fact("port of api: 8001", scope="api", supersedes=first)
    third = memory.add_fact("port of api: 8002", scope="api", supersedes=second)
    memory.forget_many([second, third])
    assert [one.record.id for one in memory.recall("port of api", scope="api")] == [first]


def test_near_doubles_are_one_recollection(memory: Memory) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    for number in range(4):
        memory.add(episode(f"{words} attempt{number}", "crash/start", Outcome.WORKED))
    other = memory.add(episode("word1 and something quite different", "crash/start", Outcome.WORKED))
    found = memory.recall(words, scope="api")
    assert [one.tries for one in found] == [4, 1]
    assert [one.rank_without_learning for one in found] == [1, 2], "doubles take no places"
    assert found[1].record.id == other


def test_facts_that_differ_by_a_word_are_two_recollections(memory: Memory) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    said = {memory.add_fact(f"{words} at 10.0.0.{number}", scope="api") for number in (5, 6)}
    memory.add_fact(f"The {words}, at 10.0.0.5!", scope="api")  # says the same as the first
    found = memory.recall(words, scope="api")
    assert len(found) == 2
    assert len({one.record.text.rstrip("!")[-1] for one in found}) == 2
    assert said & {one.record.id for one in found}


def test_a_record_is_kept_once_and_never_overwritten(memory: Memory) -> None:
    record = episode(LOCK, "crash/start", Outcome.WORKED)
    assert memory.add(record) == memory.add(record) == record.id
    assert memory.stats().records == 1
    with pytest.raises(RecordExists, match=record.id):
        memory.add(Episode(id=record.id, scope="api", text="something else", created_at=NOW))
    with pytest.raises(RecordExists):
        memory.add_many(
            [
                Fact(scope="api", text="new", created_at=NOW),
                Episode(id=record.id, scope="api", text="y", created_at=NOW),
            ]
        )
    assert memory.stats().records == 1


def test_what_is_read_back_is_what_was_kept(memory: Memory) -> None:
    record = Fact(
        scope="api",
        text="caché ✓ 포트",
        fields={"nested": {"list": [1, 2.5, None, True]}},
        source=Source.IMPORT,
        trust=0.25,
        created_at=NOW - timedelta(days=1),
        valid_to=NOW + timedelta(days=1),
    )
    assert memory.show(memory.add(record)) == record


def test_bytes_that_no_database_holds_are_replaced(memory: Memory) -> None:
    kept = memory.add_fact("FATAL \udce9 in \0", scope="api", fields={"remedy": "\udce9"})
    assert memory.show(kept).text == "FATAL ? in ?"
    assert memory.recall("FATAL \udce9", scope="api")[0].record.id == kept


def test_reading_needs_neither_the_owner_nor_its_leave(memory: Memory, tmp_path: Path) -> None:
    kept = memory.add(episode(LOCK, "crash/start", Outcome.WORKED))
    memory.add_fact("100% of_billing", scope="billing")
    with MemoryReader(tmp_path / "m.db") as reader:
        assert reader.show(kept).text == LOCK
        assert [one.id for one in reader.containing("lock FATAL")] == [kept]
        assert [one.scope for one in reader.containing("% _b")] == ["billing"]
        assert reader.containing("lock", scope="billing") == ()
        assert (reader.count(), reader.count(scope="api"), reader.count(scope="x")) == (2, 1, 0)
        stats = reader.stats()
    assert (stats.records, stats.by_kind, stats.by_outcome) == (2, {"episode": 1, "fact": 1}, {"worked": 1})
    assert stats == memory.stats()
    assert stats.oldest == stats.newest == NOW


def test_a_memory_where_nothing_was_kept_is_empty_and_stays_unmade(tmp_path: Path) -> None:
    with MemoryReader(tmp_path / "none.db") as reader:
        assert reader.stats().records == reader.count() == 0
        assert reader.containing("x") == ()
        with pytest.raises(RecordNotFound):
            reader.show("ep-1")
    assert list(tmp_path.iterdir()) == []


def test_files_are_the_owners_only(memory: Memory, tmp_path: Path) -> None:
    memory.add_fact("x", scope="api")
    memory.recall("x", scope="api")
    assert (tmp_path / "m.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "index").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("limit", [10, 30])
def test_a_scope_that_outgrows_exact_search_goes_on_in_chroma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(finder, "EXACT_UP_TO", limit)
    with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=HashEmbedder()) as memory:
        memory.warm()
        for number in range(20):
            kept = memory.add_fact(f"fact number{number}", scope="s")
            found = memory.recall(f"fact number{number}", scope="s", limit=50)
            assert found[0].record.id == kept
            assert len(found) == number + 1


def test_another_model_gets_vectors_of_its_own(tmp_path: Path) -> None:
    class Other(HashEmbedder):
        model_hash = "1" * 64
        dimensions = 64

    paths = (tmp_path / "m.db", tmp_path / "index")
    with Memory.open(*paths, embedder=HashEmbedder()) as memory:
        kept = memory.add_fact("lock of api", scope="api")
        assert memory.recall("lock", scope="api")
    with Memory.open(*paths, embedder=Other()) as memory:
        assert [one.record.id for one in memory.recall("lock", scope="api")] == [kept]
        assert memory.stats().vectors == 2
        assert memory.reindex() == 1
        assert memory.stats().vectors == 1
