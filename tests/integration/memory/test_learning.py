"""A memory that learns, on a real database: acknowledged, kept, taken up again, forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from opsagent_memory import NEUTRAL, Episode, Memory, MemoryReader, Outcome, RecordExists, Source
from opsagent_memory import learners as learners_module
from opsagent_memory.learning.learner import Learner
from opsagent_memory.learning.words import LearningOptions, Learnt, Lesson
from opsagent_memory.options import MemoryOptions
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCK = "crash of api: exit 1; FATAL lock <path> held by <num>"
KILLED = "crash of api: killed by signal 9"
_EMBEDDER = HashEmbedder()


def opened(folder: Path, learning: LearningOptions | None = None) -> Memory:
    options = MemoryOptions(learning=learning or LearningOptions())
    return Memory.open(folder / "m.db", folder / "index", embedder=_EMBEDDER, options=options, clock=lambda: NOW)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with opened(tmp_path) as memory:
        yield memory


def episode(remedy: str, outcome: Outcome = Outcome.WORKED, *, text: str = LOCK, **more: Any) -> Episode:
    fields = {"remedy": remedy, "outcome": outcome.value, "class": "crash"}
    told: dict[str, Any] = {"scope": "api", "text": text, "created_at": NOW, "fields": fields}
    return Episode(**told | more)


def scores(memory: Memory, text: str = LOCK, scope: str = "api") -> dict[str, float]:
    return {one.remedy: one.score for one in memory.remedies(text, scope=scope, fault_class="crash")}


def learn_all(memory: Memory, episodes: Sequence[Episode]) -> None:
    for one in episodes:
        memory.learn(one)


def test_an_episode_is_kept_with_what_was_learnt_from_it(memory: Memory, tmp_path: Path) -> None:
    first = episode("crash/start")
    learnt = memory.learn(first)
    assert learnt.opened
    assert learnt.surprise == pytest.approx(0.5)
    with MemoryReader(tmp_path / "m.db") as reader:
        kept = reader.show(first.id)
    assert kept.family == learnt.family
    assert kept.surprise == pytest.approx(0.5)
    again = memory.learn(episode("crash/start"))
    assert (again.family, again.opened) == (learnt.family, False)
    assert again.surprise < learnt.surprise
    assert [one.family for one in memory.lessons()] == [learnt.family] * 2
    (family,) = memory.families("api")
    assert (family.id, family.lessons, family.fault_class) == (learnt.family, 2, "crash")
    assert memory.verify().ok


def test_remedies_say_what_they_would_be_without_learning_and_what_each_expert_expects(memory: Memory) -> None:
    learn_all(memory, [episode("crash/start"), episode("crash/start"), episode("crash/wait", Outcome.FAILED)])
    start, wait = memory.remedies(LOCK, scope="api", fault_class="crash")
    assert start.remedy == "crash/start"
    assert start.score > NEUTRAL > wait.score
    assert start.without_learning == pytest.approx(2.5 / 3)
    assert wait.without_learning == pytest.approx(0.25)
    assert set(start.by_expert) == {"kernel", "families", "linear"}
    assert start.why.startswith("similarity 1.00, worked 2 of 2 times")


def test_a_remedy_that_ceased_to_work_is_told_to_be_stale_and_falls_below_the_untried(memory: Memory) -> None:
    learn_all(memory, [episode("crash/start") for _ in range(6)])
    learn_all(memory, [episode("crash/start", Outcome.FAILED) for _ in range(7)])
    (start,) = memory.remedies(LOCK, scope="api", fault_class="crash")
    assert start.score < NEUTRAL
    assert "used to work here and no longer does" in start.why
    assert sum(one.stale for one in memory.lessons()) == 1


def test_what_failed_last_time_ranks_below_what_nobody_tried_whatever_worked_elsewhere(memory: Memory) -> None:
    learn_all(memory, [episode("crash/start", text=f"{KILLED} {number}") for number in range(12)])
    memory.learn(episode("crash/start", Outcome.FAILED))
    assert scores(memory)["crash/start"] < NEUTRAL


@pytest.mark.parametrize(
    "silent",
    [
        {"fields": {"remedy": "r", "outcome": "unproven", "class": "crash"}},
        {"fields": {"remedy": "r", "outcome": "self_recovered", "class": "crash"}},
        {"fields": {"class": "crash"}},
        {"source": Source.IMPORT},
        {"source": Source.LOGS},
        {"source": Source.MODEL},
        {"source": Source.DOCUMENT},
        {"trust": 0.49},
    ],
    ids=lambda silent: str(next(iter(silent.values())))[:40],
)
def test_what_proves_nothing_or_is_not_ours_teaches_nothing(memory: Memory, silent: dict[str, Any]) -> None:
    memory.learn(episode("r", Outcome.FAILED))
    before, families = scores(memory), memory.families("api")
    for _ in range(3):
        assert memory.learn(episode("r", **silent)).family == ""
    assert scores(memory) == before
    assert [family.lessons for family in memory.families("api")] == [family.lessons for family in families]
    assert memory.stats().records == 4


def test_the_same_episode_twice_is_one_lesson(memory: Memory) -> None:
    one = episode("r")
    memory.learn(one)
    before = scores(memory)
    assert memory.learn(one).family == ""
    assert scores(memory) == before
    with pytest.raises(RecordExists):
        memory.learn(Episode(id=one.id, scope="api", text="other", created_at=NOW, fields=dict(one.fields)))
    assert scores(memory) == before


def test_what_was_only_added_teaches_too_in_its_order(memory: Memory, tmp_path: Path) -> None:
    outcomes = [Outcome.WORKED, Outcome.FAILED, Outcome.WORKED, Outcome.FAILED, Outcome.FAILED]
    for number, outcome in enumerate(outcomes):
        if number % 2:
            memory.add(episode("r", outcome))
        else:
            memory.learn(episode("r", outcome))
    with opened(tmp_path / "other") as other:
        learn_all(other, [episode("r", outcome) for outcome in outcomes])
        assert scores(other) == pytest.approx(scores(memory))


def history() -> list[Episode]:
    names = ("a", "b", "c")
    return [
        episode(
            names[number % 3],
            Outcome.WORKED if (number * 7) % 5 < 3 else Outcome.FAILED,
            text=f"{LOCK if number % 2 else KILLED} number {number % 4}",
            created_at=NOW - timedelta(days=40 - number),
            id=f"ep-{number}",
        )
        for number in range(40)
    ]


def test_a_memory_that_is_opened_again_expects_the_same_and_learns_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as memory:
        learn_all(memory, history())
        before = scores(memory, f"{LOCK} number 1")
    steps: list[Any] = []
    real = Learner.learn

    def counted(self: Learner, lesson: Lesson) -> Learnt:
        steps.append(lesson)
        return real(self, lesson)

    monkeypatch.setattr(Learner, "learn", counted)
    with opened(tmp_path) as memory:
        assert scores(memory, f"{LOCK} number 1") == before
        assert steps == []
    with opened(tmp_path, LearningOptions(decay=False)) as memory:
        scores(memory, f"{LOCK} number 1")
        assert len(steps) == 40  # other options: learnt anew


def test_a_crash_loses_no_lesson(tmp_path: Path) -> None:
    """Without its last snapshot, as after a kill, a memory learns what came since."""
    with opened(tmp_path) as memory:
        learn_all(memory, history()[:35])
        state = sa.text("SELECT scope, up_to_seq, options_hash, state FROM memory_learners")
        with memory._store.engine.connect() as connection:
            old = connection.execute(state).one()
        learn_all(memory, history()[35:])
        before = scores(memory, f"{LOCK} number 1")
    with opened(tmp_path) as memory:
        with memory._store.engine.connect() as connection:
            connection.execute(
                sa.text("UPDATE memory_learners SET up_to_seq = :seq, state = :state"),
                {"seq": old.up_to_seq, "state": old.state},
            )
            connection.commit()
        assert old.up_to_seq < 35
        assert scores(memory, f"{LOCK} number 1") == pytest.approx(before, abs=1e-6)


def test_a_broken_snapshot_is_learnt_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as memory:
        learn_all(memory, history())
        before = scores(memory, f"{LOCK} number 1")
    with opened(tmp_path) as memory:
        with memory._store.engine.connect() as connection:
            connection.execute(sa.text("UPDATE memory_learners SET state = x'00ff00'"))
            connection.commit()
        assert scores(memory, f"{LOCK} number 1") == pytest.approx(before, abs=1e-6)
    assert "learnt anew" in caplog.text


def test_what_is_forgotten_was_never_learnt(tmp_path: Path) -> None:
    gone = [f"ep-{number}" for number in (3, 4, 17)]
    with opened(tmp_path / "all") as memory:
        learn_all(memory, history())
        memory.forget_many(gone)
        with memory._store.engine.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM memory_learners")).scalar() == 0
        found = scores(memory, f"{LOCK} number 1"), {family.id for family in memory.families("api")}
        assert memory.verify().ok
    with opened(tmp_path / "less") as other:
        learn_all(other, [one for one in history() if one.id not in gone])
        assert scores(other, f"{LOCK} number 1") == pytest.approx(found[0], abs=1e-6)
        assert {family.id for family in other.families("api")} == found[1]


def test_what_is_corrected_or_ended_teaches_no_longer(memory: Memory) -> None:
    wrong = episode("r")
    memory.learn(wrong)
    memory.learn(episode("r", Outcome.FAILED, supersedes=wrong.id))
    assert [family.lessons for family in memory.families("api")] == [1]
    assert scores(memory)["r"] < NEUTRAL
    right = episode("r")
    memory.learn(right)
    memory.end(right.id, NOW, "it was something else")
    assert [family.lessons for family in memory.families("api")] == [1]


def test_archived_episodes_go_on_counting(memory: Memory) -> None:
    learn_all(memory, history())
    before = [family.lessons for family in memory.families("api")]
    memory.archive(["ep-1", "ep-2"], "old")
    memory._learners.anew(("api",))
    assert [family.lessons for family in memory.families("api")] == before


def test_scopes_learn_apart_and_are_weighed_together(memory: Memory) -> None:
    memory.learn(episode("r"))
    memory.learn(episode("r", Outcome.FAILED, scope="store"))
    assert scores(memory)["r"] > NEUTRAL > scores(memory, scope="store")["r"]
    (both,) = memory.remedies(LOCK, scope=("api", "store"))
    assert (both.tries, both.successes) == (2, 1)


def test_only_so_many_learners_are_held_and_none_is_lost(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners_module, "_OPEN", 2)
    for number in range(5):
        learn_all(memory, [episode("r", scope=f"unit-{number}") for _ in range(3)])
    assert len(memory._learners._held) == 2
    assert {memory.families(f"unit-{number}")[0].lessons for number in range(5)} == {3}


def test_a_failed_write_leaves_the_learner_where_the_truth_is(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.learn(episode("r"))
    before = scores(memory)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(memory._store, "append", refuse)
        with pytest.raises(OSError, match="no room"):
            memory.learn(episode("r"))
    assert scores(memory) == before
