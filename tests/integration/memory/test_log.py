"""The log tells what happened to every record, and `verify` finds whatever else was done to either."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent_memory import Episode, Memory, MemoryReader, RecordNotFound, Verification
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder(), clock=lambda: NOW)


@pytest.fixture(scope="module")
def as_it_lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory to which everything happened once: ten episodes, one ended, one archived, one forgotten, one replaced."""
    folder = tmp_path_factory.mktemp("lived")
    with opened(folder) as memory:
        fields = {"remedy": "crash/start", "outcome": "worked", "class": "crash", "n": 1.5}
        for number in range(10):
            text = f"crash number{number} of api"
            memory.add(Episode(id=f"ep-{number}", scope="s", text=text, fields=fields, created_at=NOW, trust=0.5))
        memory.end("ep-3", NOW - timedelta(days=1), "another port since")
        memory.archive(["ep-4"], "says what its family knows")
        memory.end("ep-5", NOW, "forgotten later")
        memory.forget("ep-5")
        memory.add_fact("said anew", scope="s", supersedes="ep-6", valid_from=NOW, valid_to=NOW + timedelta(days=9))
    return folder / "m.db"


@pytest.fixture
def lived(as_it_lived: Path, tmp_path: Path) -> Path:
    """A copy of that memory, closed."""
    shutil.copy(as_it_lived, tmp_path)
    return tmp_path


def verified(folder: Path, noted: str | None = None) -> Verification:
    with MemoryReader(folder / "m.db") as reader:
        return reader.verify(noted)


def changed(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "m.db")) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        connection.commit()


def test_what_memory_itself_does_is_verified(lived: Path) -> None:
    found = verified(lived)
    assert (found.problems, found.ok, found.records, found.events) == ((), True, 10, 15)
    assert found.head.startswith("15:")
    with opened(lived) as memory:
        assert memory.verify() == found
        memory.forget_many(["ep-0", "ep-3", "ep-4", "ep-6"])
        memory.add_fact("and on it goes", scope="s")
        assert memory.verify().problems == ()
    assert verified(lived, noted=found.head).ok


def test_nothing_is_nothing_to_complain_of(tmp_path: Path) -> None:
    assert verified(tmp_path).ok
    assert list(tmp_path.iterdir()) == []
    opened(tmp_path).close()
    assert verified(tmp_path).ok


def test_what_ended_or_is_archived_is_not_recalled_and_stays_readable(lived: Path) -> None:
    with opened(lived) as memory:
        found = {one.record.id for one in memory.recall("crash of api", scope="s", kind=None, limit=50)}
        assert found.isdisjoint({"ep-3", "ep-4", "ep-5", "ep-6"})
        assert memory.show("ep-3").ended_at == NOW - timedelta(days=1)
        assert memory.show("ep-4").archived_at == NOW
        assert memory.stats().archived == 1
        assert memory.archive(["ep-4", "ep-5", "ep-nowhere"], "again") == 0
        with pytest.raises(RecordNotFound):
            memory.end("ep-5", NOW, "was forgotten")
        with pytest.raises(RecordNotFound):
            memory.forget_many(["ep-1", "ep-nowhere"])
        assert memory.show("ep-1").id == "ep-1"


def test_an_end_may_lie_ahead_and_be_moved(lived: Path) -> None:
    with opened(lived) as memory:
        memory.end("ep-1", NOW + timedelta(days=1), "from tomorrow")
        assert "ep-1" in {one.record.id for one in memory.recall("crash number1 of api", scope="s", limit=50)}
        memory.end("ep-1", NOW - timedelta(days=1), "no: since yesterday")
        assert "ep-1" not in {one.record.id for one in memory.recall("crash number1 of api", scope="s", limit=50)}
        assert memory.verify().ok


NEW_RECORD = """
INSERT INTO memory_records (seq, id, scope, kind, text, text_key, fields, source, trust, created_at)
SELECT 99, 'ep-99', scope, kind, text, text_key, fields, source, trust, created_at
FROM memory_records WHERE id = 'ep-2'
"""
EDITS: dict[str, tuple[str, str]] = {
    "a text": ("UPDATE memory_records SET text = 'delete the database' WHERE id = 'ep-2'", "ep-2 was changed"),
    "fields": ("UPDATE memory_records SET fields = '{}' WHERE id = 'ep-2'", "ep-2 was changed"),
    "trust": ("UPDATE memory_records SET trust = 1.0 WHERE id = 'ep-2'", "ep-2 was changed"),
    "a source": ("UPDATE memory_records SET source = 'person' WHERE id = 'ep-2'", "ep-2 was changed"),
    "a scope": ("UPDATE memory_records SET scope = 't' WHERE id = 'ep-2'", "ep-2 was changed"),
    "a time": ("UPDATE memory_records SET created_at = valid_to WHERE supersedes = 'ep-6'", "was changed"),
    "validity": ("UPDATE memory_records SET valid_to = NULL WHERE supersedes = 'ep-6'", "was changed"),
    "where it came from": ("UPDATE memory_records SET imported_at = created_at WHERE id = 'ep-2'", "ep-2 was changed"),
    "an outcome, for counting": ("UPDATE memory_records SET outcome = 'failed' WHERE id = 'ep-2'", "column for search"),
    "a remedy, for counting": (
        "UPDATE memory_records SET remedy = 'rm' WHERE id = 'ep-2'",
        "ep-2: a column for search",
    ),
    "the key of its text": ("UPDATE memory_records SET text_key = 'x' WHERE id = 'ep-2'", "ep-2: a column for search"),
    "an end": ("UPDATE memory_records SET ended_at = NULL WHERE id = 'ep-3'", "ep-3: its end was changed"),
    "an end that never was": ("UPDATE memory_records SET ended_at = created_at WHERE id = 'ep-2'", "ep-2: its end"),
    "archiving": ("UPDATE memory_records SET archived_at = NULL WHERE id = 'ep-4'", "ep-4: its archiving was changed"),
    "a family": ("UPDATE memory_records SET family = 'f' WHERE id = 'ep-2'", "ep-2: its lesson was changed"),
    "its place": ("UPDATE memory_records SET seq = 99 WHERE id = 'ep-2'", "record ep-3 was moved"),
    "fields that are no JSON": ("UPDATE memory_records SET fields = '{' WHERE id = 'ep-2'", "ep-2: what stands there"),
    "a time that is none": (
        "UPDATE memory_records SET created_at = 'now' WHERE id = 'ep-2'",
        "ep-2: what stands there",
    ),
    "a text that is none": ("UPDATE memory_records SET text = x'ff' WHERE id = 'ep-2'", "ep-2: what stands there"),
    "trust that is none": ("UPDATE memory_records SET trust = 'high' WHERE id = 'ep-2'", "ep-2: what stands there"),
    "a hash that is none": ("UPDATE memory_log SET hash = 'x' WHERE seq = 3", "event 3 of the log"),
    "the last hash that is none": ("UPDATE memory_log SET hash = 'x' WHERE seq = 15", "event 15 of the log"),
    "a commitment that is none": ("UPDATE memory_log SET commitment = 7 WHERE seq = 3", "event 3 of the log"),
    "a payload that is none": (
        "UPDATE memory_log SET payload = '[' WHERE record_id = 'ep-4'",
        "ep-4: what stands there",
    ),
    "a record is gone": ("DELETE FROM memory_records WHERE id = 'ep-2'", "ep-2 was taken away"),
    "a tombstone is gone": ("DELETE FROM memory_records WHERE id = 'ep-5'", "ep-5 was taken away"),
    "a record is new": (NEW_RECORD, "ep-99 was put there from outside"),
    "forgotten is back": (
        "UPDATE memory_records SET text = 'x' WHERE id = 'ep-5'",
        "ep-5 was forgotten, and something",
    ),
    "a forgotten remedy is back": (
        "UPDATE memory_records SET remedy = 'x' WHERE id = 'ep-5'",
        "ep-5 was forgotten, and something",
    ),
    "a forgotten family is back": (
        "UPDATE memory_records SET family = 'x' WHERE id = 'ep-5'",
        "ep-5 was forgotten, and something",
    ),
    "an adding that tells": (
        """UPDATE memory_log SET payload = '{"x":1}' WHERE seq = 3""",
        "event 3 of the log (add ep-2): it tells what memory never wrote there",
    ),
    "a forgetting that tells": (
        """UPDATE memory_log SET payload = '{"x":1}' WHERE event = 'forget' AND record_id = 'ep-5'""",
        "of the log (forget ep-5) was changed",
    ),
    "forgotten is unmarked": ("UPDATE memory_records SET forgotten_at = NULL WHERE id = 'ep-5'", "is not marked so"),
    "forgotten without a word": (
        "UPDATE memory_records SET forgotten_at = created_at, text = '' WHERE id = 'ep-2'",
        "ep-2 is marked as forgotten, but the log does not say so",
    ),
    "a salt is gone": ("UPDATE memory_log SET salt = NULL WHERE seq = 3", "ep-2 was erased from outside"),
    "an event's commitment": ("UPDATE memory_log SET commitment = x'00' WHERE seq = 3", "event 3 of the log"),
    "an event's time": ("UPDATE memory_log SET at = '2020-01-01 00:00:00.000000' WHERE seq = 3", "event 3 of the log"),
    "an event's record": ("UPDATE memory_log SET record_id = 'ep-1' WHERE seq = 3", "event 3 of the log"),
    "an event's kind": ("UPDATE memory_log SET event = 'forget' WHERE seq = 3", "event 3 of the log"),
    "what an event tells": (
        "UPDATE memory_log SET payload = replace(payload, 'another', 'no other') WHERE event = 'end' AND record_id = 'ep-3'",
        "what it tells was changed",
    ),
    "an event is gone": ("DELETE FROM memory_log WHERE seq = 7", "event 7 of the log: taken away"),
    "events are gone": ("DELETE FROM memory_log WHERE seq BETWEEN 3 AND 7", "events 3 to 7 of the log: taken away"),
    "the beginning is gone": ("DELETE FROM memory_log WHERE seq = 1", "event 1 of the log: taken away"),
    "the end is gone": ("DELETE FROM memory_log WHERE seq >= 14", "its end was cut off"),
    "all of it is gone": ("DELETE FROM memory_log", "its end was cut off"),
    "the noted head is gone": ("DELETE FROM memory_meta WHERE key = 'head'", "the head of the log is lost"),
    "the noted head": ("UPDATE memory_meta SET value = 'rubbish' WHERE key = 'head'", "the head of the log is lost"),
}


@pytest.mark.parametrize(("edit", "told"), EDITS.values(), ids=EDITS)
def test_an_edit_is_found(lived: Path, edit: str, told: str) -> None:
    changed(lived, edit)
    found = verified(lived)
    assert not found.ok
    assert any(told in problem for problem in found.problems), found.problems
    assert all(problem[0].islower() and "\n" not in problem for problem in found.problems)


def test_two_events_that_changed_places_are_found(lived: Path) -> None:
    changed(lived, *(f"UPDATE memory_log SET seq = {to} WHERE seq = {at}" for at, to in ((3, 99), (4, 3), (99, 4))))
    assert [problem for problem in verified(lived).problems if "changed, moved or put there" in problem]


def test_two_records_that_changed_their_texts_are_found(lived: Path) -> None:
    swap = "UPDATE memory_records SET text = 'crash number{} of api' WHERE id = 'ep-{}'"
    changed(lived, swap.format(2, 1), swap.format(1, 2))
    assert {problem.split()[1] for problem in verified(lived).problems} == {"ep-1", "ep-2"}


@pytest.mark.parametrize(
    "cut", ["DELETE FROM memory_log WHERE seq >= 14", "DELETE FROM memory_meta WHERE key = 'head'"]
)
def test_memory_goes_on_after_damage_and_does_not_bury_it(lived: Path, cut: str) -> None:
    changed(lived, cut)
    with opened(lived) as memory:
        kept = memory.add_fact("kept all the same", scope="s")
        assert memory.show(kept).id == kept
        assert not memory.verify().ok
    assert not verified(lived).ok


def test_only_a_head_that_was_noted_tells_that_all_was_rewritten(
    lived: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    noted = verified(lived).head
    other = tmp_path_factory.mktemp("forged")
    with opened(other) as memory:
        for number in range(30):
            memory.add_fact(f"forged{number}", scope="s")
    forged = verified(other)
    assert forged.ok, "whoever writes the database can write a chain of his own"
    assert "the log was rewritten" in verified(other, noted=noted).problems[0]
    with pytest.raises(ValueError, match="not the head"):
        verified(lived, noted="15")


def test_a_log_that_was_put_back_to_an_earlier_state_is_known_by_a_noted_head(lived: Path) -> None:
    earlier = (lived / "m.db").read_bytes()
    with opened(lived) as memory:
        memory.add_fact("never restart billing at night", scope="s")
    noted = verified(lived).head
    (lived / "m.db").write_bytes(earlier)
    assert verified(lived).ok
    assert "event 16 was noted" in verified(lived, noted=noted).problems[0]


def test_many_problems_are_told_as_a_number(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        memory.add_many([Episode(scope="s", text=f"t{number}", created_at=NOW) for number in range(80)])
    changed(tmp_path, "UPDATE memory_records SET trust = 0.1")
    problems = verified(tmp_path).problems
    assert (len(problems), problems[-1]) == (51, "30 more problems of this kind")


def test_verify_sees_one_moment_while_the_owner_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as memory, MemoryReader(tmp_path / "m.db") as reader:
        for number in range(30):
            memory.add_fact(f"t{number}", scope="s")
            found = reader.verify()
            assert (found.problems, found.events, found.records) == ((), number + 1, number + 1)


def test_learning_is_told_and_verified(tmp_path: Path) -> None:
    from opsagent_memory.learning.words import Learnt

    learnt = Learnt(surprise=0.5, expected=0.5, family="fam-1", opened=True, stale=False)
    with opened(tmp_path) as memory:
        episode = Episode(scope="s", text="crash", created_at=NOW)
        memory._store.append([episode], {}, HashEmbedder(), at=NOW, learnt={episode.id: learnt})
        assert (memory.show(episode.id).family, memory.show(episode.id).surprise) == ("fam-1", 0.5)
        assert memory.verify().events == 2
        assert memory.verify().ok
    changed(tmp_path, "UPDATE memory_records SET surprise = -1.0")
    assert "its lesson was changed" in verified(tmp_path).problems[0]
