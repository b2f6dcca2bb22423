"""A real memory put in order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent_memory import Episode, Kind, Memory, MemoryReader, RecordNotFound, Source
from opsagent_memory.consolidation.words import TOLERANCE
from opsagent_memory.options import MemoryOptions, SizePolicy
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAULTS = {
    "crash": "lock file is held by another process that died long ago",
    "hang": "health probe times out although the socket listens",
    "leak": "memory of the worker grows since the last reload",
}
VARIANTS = ("again", "today", "at night", "on host b", "after deploy", "under load", "twice")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[Memory]:
    with Memory.open(tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock) as memory:
        yield memory


def live(memory: Memory, *, scopes: tuple[str, ...] = ("api",), count: int = 80, seed: int = 1) -> None:
    """Let some months pass."""
    chance = random.Random(seed)
    for number in range(count):
        fault = chance.choice(tuple(FAULTS))
        remedy, helps = chance.choice([(f"{fault}/good", 0.9), (f"{fault}/bad", 0.2)])
        memory.learn(
            Episode(
                scope=chance.choice(scopes),
                text=f"{fault} of api: {FAULTS[fault]} {chance.choice(VARIANTS)}",
                created_at=NOW - timedelta(days=300) + timedelta(days=300 * number / count),
                fields={
                    "remedy": remedy,
                    "outcome": "worked" if chance.random() < helps else "failed",
                    "class": fault,
                    "actions": [{"action": "start api", "outcome": "done"}],
                },
            )
        )


def ranking(memory: Memory) -> dict[str, dict[str, float]]:
    questions = [f"{fault} of api: {words} {variant}" for fault, words in FAULTS.items() for variant in VARIANTS[:3]]
    return {
        question: {one.remedy: one.score for one in memory.remedies(question, scope="api")} for question in questions
    }


def assert_same(
    before: dict[str, dict[str, float]], after: dict[str, dict[str, float]], tolerance: float = TOLERANCE
) -> None:
    for question, scores in before.items():
        assert list(after[question]) == list(scores), question
        assert after[question] == pytest.approx(scores, abs=tolerance), question


def test_repeats_rest_and_the_ranking_stays(memory: Memory, tmp_path: Path, clock: Clock) -> None:
    live(memory)
    before, families = ranking(memory), len(memory.families("api"))
    would = memory.consolidate(dry_run=True)
    assert memory.stats().archived == 0
    done = memory.consolidate()
    assert (done.archived, done.proposed, done.told) == (would.archived, would.proposed, would.told)
    assert done.archived > 10
    assert memory.stats().archived == done.archived
    assert_same(before, ranking(memory))
    # What worked again and again comes to mind as a proposal.
    found = memory.recall("crash of api: lock file is held", scope="api", kind=Kind.PROCEDURE)[0].record
    assert (found.source, found.fields["status"], found.fields["stale"]) == (Source.AGENT, "proposed", False)
    assert found.fields["looks_like"].startswith(f"{found.fault_class} of api: {FAULTS[str(found.fault_class)]}")
    assert found.fields["steps"] == ["start api"]
    again = memory.consolidate()
    assert (again.archived, again.proposed, again.told, again.complete) == (0, 0, (), True)
    assert memory.verify().ok
    # All of it is learnt anew in the same way, from what rests too.
    memory.close()
    with Memory.open(tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock) as other:
        other.end(
            other.recall("crash", scope="api", kind=Kind.PROCEDURE)[0].record.id, NOW, "so that it is learnt anew"
        )
        assert_same(before, ranking(other))
        assert len(other.families("api")) == families


def test_what_rests_goes_on_counting_in_what_comes_to_mind(memory: Memory) -> None:
    for day in range(9):
        fields = {"remedy": "crash/good", "outcome": "worked" if day else "failed", "class": "crash"}
        memory.learn(Episode(scope="api", text="crash", created_at=NOW - timedelta(days=300 - day), fields=fields))
    (before,) = memory.recall("crash", scope="api", kind=Kind.EPISODE)
    assert memory.consolidate().archived == 2  # the first two came as a surprise
    (after,) = memory.recall("crash", scope="api", kind=Kind.EPISODE)
    assert (after.tries, after.successes, after.why) == (9, 8, before.why)
    assert (after.record.id, after.record.archived_at) == (before.record.id, None)


def test_what_rests_is_erased_in_time_and_what_it_taught_stays(memory: Memory, clock: Clock) -> None:
    live(memory)
    archived = memory.consolidate().archived
    clock.now += timedelta(days=401)
    before = ranking(memory)
    done = memory.consolidate()
    assert done.erased == archived
    assert "erased" in done.told[0]
    assert memory.stats().forgotten == archived
    assert sum(one.lessons for one in memory.families("api")) == 80
    # What was erased is learnt first when the rest is learnt anew: another order, a little other.
    assert_same(before, ranking(memory), 2 * TOLERANCE)
    assert memory.verify().ok


def test_a_newer_fact_ends_the_older_and_both_stay_readable(memory: Memory, clock: Clock) -> None:
    first = memory.add_fact("api listens on 80", scope="api", fields={"about": "port", "value": 80})
    clock.now += timedelta(hours=1)
    second = memory.add_fact("api listens on 81", scope="api", fields={"about": "port", "value": 81})
    memory.add_fact("restart billing before noon", scope="api")
    memory.add_fact("never restart billing before noon", scope="api")
    memory.warm()
    done = memory.consolidate()
    assert done.ended == 1
    assert memory.show(first).ended_at == clock.now
    assert [one.record.id for one in memory.recall("api listens on", scope="api", limit=1)] == [second]
    (pair,) = done.possible_contradictions
    assert "before noon" in memory.show(pair.older).text
    clock.now += timedelta(days=91)
    assert memory.consolidate().told == ("archived 1 record of api: it was replaced, or no longer holds",)
    assert memory.show(first).archived_at == clock.now


def test_it_goes_on_where_the_time_was_over(memory: Memory) -> None:
    live(memory, scopes=("a", "b", "c"), count=75)
    whole = memory.consolidate(dry_run=True)
    parts = [memory.consolidate(budget_s=0)]
    while not parts[-1].complete:
        parts.append(memory.consolidate(budget_s=0))
        assert len(parts) < 30
    assert len(parts) > 3  # scopes, each with several families
    assert sum(part.archived for part in parts) == whole.archived > 0
    assert sum(part.proposed for part in parts) == whole.proposed
    assert memory.consolidate().told == ()


def test_a_memory_that_is_too_large_comes_down_to_its_size(tmp_path: Path, clock: Clock) -> None:
    options = MemoryOptions(policy=SizePolicy(max_records=20, keep_detail_days=10_000, keep_archived_days=10_000))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/a.md").write_text("".join(f"# Heading {number}\n\nText.\n\n" for number in range(40)))
    with Memory.open(
        tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock, options=options
    ) as memory:
        live(memory, count=60)
        heard = Episode(scope="api", text="only heard of", created_at=NOW, source=Source.LOGS)
        memory.add(heard)
        kept = memory.add_fact("a person said so", scope="api")
        memory.ingest([tmp_path / "papers"], scope="api")
        lessons = sum(one.lessons for one in memory.families("api"))
        told = [memory.consolidate().told for _ in range(4)]
        counted = memory.stats().records - 41  # of the document
        assert counted <= 20, told
        assert memory.show(kept).text == "a person said so"
        assert len(memory.ingest([tmp_path / "papers"], scope="api").unchanged) == 1
        with pytest.raises(RecordNotFound):
            memory.show(heard.id)
        assert sum(one.lessons for one in memory.families("api")) == lessons
        assert memory.consolidate().told == ()


def test_facts_are_never_given_up_for_room(tmp_path: Path, clock: Clock) -> None:
    options = MemoryOptions(policy=SizePolicy(max_records=3))
    with Memory.open(
        tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock, options=options
    ) as memory:
        for number in range(5):
            memory.add_fact(f"fact number {number}", scope="api")
        assert memory.consolidate().told == (
            "2 records too many are facts and procedures, which only a person forgets",
        )
        assert memory.stats().records == 5


def test_what_is_needed_is_not_erased(memory: Memory, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/a.md").write_text("# A\n\nText of a.\n")
    memory.ingest([tmp_path / "papers"], scope="api")
    (tmp_path / "papers/a.md").write_text("# A\n\nOther text of a.\n")
    memory.ingest([tmp_path / "papers"], scope="api")
    old = memory.changes().added[0].id
    clock.now += timedelta(days=100)
    memory.consolidate()
    clock.now += timedelta(days=500)
    assert memory.consolidate().erased == 2  # the old chunk, and the old contents
    with pytest.raises(RecordNotFound):
        memory.show(old)
    assert len(memory.ingest([tmp_path / "papers"], scope="api").unchanged) == 1


def test_forgetting_an_episode_forgets_what_was_proposed_in_its_words(memory: Memory) -> None:
    told = {"remedy": "crash/start", "outcome": "worked", "class": "crash", "actions": [{"action": "start api"}]}
    words = "the gorgonzola is gone"
    episodes = [
        Episode(scope="api", text=words, created_at=NOW - timedelta(hours=number), fields=told) for number in range(8)
    ]
    for episode in episodes:
        memory.learn(episode)
    assert memory.consolidate().proposed == 1
    (proposed,) = memory.recall(words, scope="api", kind=Kind.PROCEDURE)
    assert words in proposed.record.text
    assert memory.forget_many([episode.id for episode in episodes]) == 8
    assert memory.show_many([proposed.record.id]) == {}
    assert memory.stats().records == 0
    assert memory.verify().ok


@pytest.mark.parametrize("seed", [1, 2])
def test_when_all_of_a_scope_is_forgotten_nothing_of_it_is_left(tmp_path: Path, clock: Clock, seed: int) -> None:
    """Not what older episodes had taught, and not what SQLite left in the room between rows."""
    policy = SizePolicy(keep_detail_days=10, keep_archived_days=30, repeats_kept=2)
    options = MemoryOptions(policy=policy)
    with Memory.open(
        tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock, options=options
    ) as memory:
        live(memory, seed=seed)
        memory.consolidate()
        clock.now += timedelta(days=40)
        assert memory.consolidate().erased
        assert memory.families("api")
        with MemoryReader(tmp_path / "m.db") as reader:
            everything = [one.id for one in reader.containing(scope="api", limit=1_000)]
        memory.forget_many(everything)
        assert memory.families("api") == ()
        assert memory.verify().ok
        left = (tmp_path / "m.db").read_bytes()
        assert [words for words in ("of api", "/good", "/bad", *FAULTS.values()) if words.encode() in left] == []
