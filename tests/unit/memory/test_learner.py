"""What a learner makes of histories: tables of lessons, with the clock passed in."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from opsagent_memory.learning import families, kernel, learner, snapshot
from opsagent_memory.learning.learner import Learner
from opsagent_memory.learning.words import LearningOptions, Learnt, Lesson, Space
from opsagent_memory.ranking import NEUTRAL

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SWITCHES = [field.name for field in fields(LearningOptions)]


def vector(*numbers: float) -> NDArray[np.float32]:
    padded = np.zeros(16, np.float32)
    padded[: len(numbers)] = numbers
    return np.asarray(padded / np.linalg.norm(padded), np.float32)


LOCK, KILLED = vector(1.0), vector(0.0, 1.0)
NEAR_LOCK = vector(1.0, 0.0, 0.3)
"""Not the same again: cosine 0.96."""


def lesson(
    remedy: str, reward: float, *, like: NDArray[np.float32] = LOCK, days: float = 0.0, **more: object
) -> Lesson:
    made = Lesson(vector=like, remedy=remedy, reward=reward, at=NOW + timedelta(days=days))
    return replace(made, **more)  # type: ignore[arg-type]


def taught(lessons: Iterable[Lesson], options: LearningOptions | None = None) -> Learner:
    made = Learner(options)
    for one in lessons:
        made.learn(one)
    return made


def score(
    learnt: Learner, remedy: str, *, like: NDArray[np.float32] = LOCK, days: float = 0.0, fault_class: str | None = None
) -> float:
    return learnt.predict(like, [remedy], NOW + timedelta(days=days), fault_class)[remedy].score


def run(lessons: Iterable[Lesson], options: LearningOptions | None = None) -> tuple[Learner, list[Learnt]]:
    made = Learner(options)
    return made, [made.learn(one) for one in lessons]


def test_what_worked_lies_above_what_nobody_tried_and_what_failed_below() -> None:
    learnt = taught([lesson("good", 1.0), lesson("bad", 0.0)])
    assert score(learnt, "good") > NEUTRAL > score(learnt, "bad")
    assert score(learnt, "never") == score(Learner(), "good") == NEUTRAL
    assert learnt.predict(LOCK, ["never"], NOW)["never"].uncertainty == 1.0
    assert learnt.predict(LOCK, ["good"], NOW)["good"].uncertainty < 1.0


def test_another_incident_says_nothing() -> None:
    learnt = taught([lesson("good", 1.0)])
    assert score(learnt, "good", like=KILLED) == pytest.approx(NEUTRAL)


def test_harm_weighs_more_than_not_helping() -> None:
    worked = [lesson("r", 1.0)] * 2
    failed, harmed = taught([*worked, lesson("r", 0.0)]), taught([*worked, lesson("r", -1.0)])
    assert score(harmed, "r") < NEUTRAL < score(failed, "r")


def test_one_source_cannot_outvote_another() -> None:
    chorus = [lesson("r", 1.0, source="person")] * 300
    harmed = [lesson("r", -1.0, source="agent")] * 3
    assert score(taught([*chorus, *harmed]), "r") < NEUTRAL + 0.1
    assert score(taught([*harmed, *chorus]), "r") < NEUTRAL + 0.1


def test_what_is_believed_less_moves_less() -> None:
    assert NEUTRAL < score(taught([lesson("r", 1.0, weight=0.5)]), "r") < score(taught([lesson("r", 1.0)]), "r")


def test_surprise_is_the_error_of_what_was_expected() -> None:
    _, steps = run([lesson("r", 1.0), lesson("r", 1.0), lesson("r", 0.0)])
    assert [round(step.expected, 6) for step in steps[:1]] == [NEUTRAL]
    assert steps[0].surprise == pytest.approx(0.5)
    assert 0 < steps[1].surprise < steps[0].surprise
    assert steps[2].surprise == pytest.approx(-steps[2].expected)


def failures_until_given_up(options: LearningOptions) -> int:
    learnt = taught([lesson("r", 1.0)] * 12, options)
    for count in range(1, 40):
        learnt.learn(lesson("r", 0.0))
        if score(learnt, "r") < NEUTRAL:
            return count
    return 40


def test_negative_surprise_gathers_momentum_and_hastens_forgetting() -> None:
    counters = LearningOptions(kernel=False, linear=False, decay=False)
    assert failures_until_given_up(counters) < failures_until_given_up(replace(counters, momentum=False))


def test_decay_hastens_forgetting_too() -> None:
    counters = LearningOptions(kernel=False, linear=False, momentum=False)
    assert failures_until_given_up(counters) < failures_until_given_up(replace(counters, decay=False))


def test_one_failure_after_many_successes_is_forgiven() -> None:
    learnt, steps = run([*[lesson("r", 1.0)] * 8, lesson("r", 0.0)])
    assert score(learnt, "r") > NEUTRAL
    assert not steps[-1].stale


def test_a_remedy_that_used_to_work_becomes_stale_once_and_recovers() -> None:
    learnt, steps = run([*[lesson("r", 1.0)] * 6, *[lesson("r", 0.0)] * 8])
    assert sum(step.stale for step in steps) == 1
    assert learnt.predict(LOCK, ["r"], NOW)["r"].stale
    assert learnt.families()[0].stale == {"r"}
    learnt.learn(lesson("r", 1.0))
    assert not learnt.predict(LOCK, ["r"], NOW)["r"].stale


def test_what_never_worked_is_not_stale() -> None:
    _, steps = run([lesson("r", 0.0)] * 5)
    assert not any(step.stale for step in steps)


def test_repeats_without_surprise_are_counted_and_surprises_kept_in_full() -> None:
    learnt = taught([lesson("r", 1.0)] * 30)
    assert learnt._kernel.size == 1
    learnt.learn(lesson("r", 0.0))
    assert learnt._kernel.size == 2
    everything = taught([lesson("r", 1.0)] * 30, LearningOptions(gating=False))
    assert everything._kernel.size == 30


def test_like_incidents_are_a_family_and_unlike_ones_are_not() -> None:
    learnt, steps = run([lesson("r", 1.0), lesson("r", 1.0, like=NEAR_LOCK), lesson("r", 1.0, like=KILLED)])
    assert [step.opened for step in steps] == [True, False, True]
    assert steps[0].family == steps[1].family != steps[2].family
    largest, other = learnt.families()
    assert (largest.lessons, other.lessons) == (2, 1)
    assert largest.id == steps[0].family
    assert largest.remedies["r"][0] > 1.5
    assert largest.last_at == NOW


def test_a_surprise_opens_a_family_where_the_expected_would_have_joined() -> None:
    options = LearningOptions(kernel=False, linear=False)
    space = Space(floor=0.8, radius=0.955)
    for gating, opened in ((True, True), (False, False)):
        learnt = Learner(replace(options, gating=gating), space=space)
        for _ in range(8):
            learnt.learn(lesson("r", 1.0))
        assert learnt.learn(lesson("r", 0.0, like=NEAR_LOCK)).opened is opened


def test_classes_of_fault_are_apart() -> None:
    learnt, steps = run([lesson("r", 1.0, fault_class="crash"), lesson("r", 0.0, fault_class="hang")])
    assert steps[0].family != steps[1].family
    assert score(learnt, "r", fault_class="crash") > NEUTRAL > score(learnt, "r", fault_class="hang")
    assert score(learnt, "r", fault_class="leak") == NEUTRAL
    assert {family.fault_class for family in learnt.families()} == {"crash", "hang"}


def test_families_are_named_the_same_when_they_are_learnt_anew() -> None:
    lessons = [lesson("a", 1.0, fault_class="x"), lesson("b", 1.0, like=KILLED, fault_class="y")]
    both, second = taught(lessons), taught(lessons[1:])
    assert second.families()[0].id in {family.id for family in both.families()}


def test_time_takes_evidence_away() -> None:
    learnt = taught([lesson("r", 1.0)] * 3, LearningOptions(linear=False))
    assert score(learnt, "r") > score(learnt, "r", days=200) > score(learnt, "r", days=2_000) > NEUTRAL - 1e-9


def test_the_expert_that_foretells_better_is_believed_more() -> None:
    # One remedy that goes on working, seen in ever new ways: to a linear memory they are the same, to families new.
    chance = np.random.default_rng(1)
    learnt = Learner()
    for _ in range(60):
        noise = chance.standard_normal(16).astype(np.float32) * 0.1
        learnt.learn(lesson("r", 1.0, like=vector(*(LOCK + noise))))
        learnt.learn(lesson("s", 0.0, like=vector(*(LOCK + noise))))
    assert sum(learnt.weights.values()) == pytest.approx(1.0)
    assert max(learnt.weights.values()) > 0.34
    alike = taught([lesson("r", 1.0)] * 9, LearningOptions(mixing=False))
    assert set(alike.weights.values()) == {1 / 3}


def test_an_expert_that_is_wrong_loses_weight() -> None:
    learnt = taught([lesson("r", 1.0)] * 5)
    mixing = learnt._mixing
    for _ in range(10):
        mixing.judge(np.array([0.9, 0.1, 0.5]), 1.0, 1.0)
    weights = dict(zip(mixing.experts, mixing.weights(), strict=True))
    assert weights["kernel"] > weights["linear"] > weights["families"]


def test_only_what_is_passed_in_is_chosen() -> None:
    learnt = taught([lesson("best", 1.0)] * 5)
    picked = {learnt.choose(LOCK, ["a", "b"], NOW, random.Random(seed)) for seed in range(20)}
    assert picked == {"a", "b"}
    assert learnt.choose(LOCK, ["a", "best"], NOW, random.Random(0)) == "best"
    with pytest.raises(ValueError, match="nothing to choose"):
        learnt.choose(LOCK, [], NOW, random.Random(0))


def test_the_unknown_is_tried_before_what_failed_unless_exploration_is_off() -> None:
    lessons = [*[lesson("sometimes", 1.0)] * 2, *[lesson("sometimes", 0.0)] * 5]
    options = LearningOptions(momentum=False)
    assert taught(lessons, options).choose(LOCK, ["sometimes", "new"], NOW, random.Random(0)) == "new"
    careful = taught(lessons, replace(options, exploration=False))
    assert careful.choose(LOCK, ["sometimes", "new"], NOW, random.Random(0)) == "sometimes"


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_part_can_be_switched_off(switch: str) -> None:
    learnt = taught([lesson("r", 1.0), lesson("s", 0.0)] * 3, LearningOptions(**{switch: False}))
    assert score(learnt, "r") > NEUTRAL > score(learnt, "s")
    assert (switch in learnt.weights) is False
    assert learnt.choose(LOCK, ["r", "s"], NOW, random.Random(0)) == "r"


def test_with_no_expert_nothing_is_expected() -> None:
    nobody = LearningOptions(kernel=False, families=False, linear=False)
    assert score(taught([lesson("r", 1.0)], nobody), "r") == NEUTRAL


# -- kept and taken up


def some_lessons() -> list[Lesson]:
    chance = random.Random(5)
    return [
        lesson(
            chance.choice("abc"),
            chance.choice([1.0, 0.0, -1.0]),
            like=chance.choice([LOCK, NEAR_LOCK, KILLED]),
            days=number,
            fault_class=chance.choice([None, "crash"]),
            source=chance.choice(["agent", "person"]),
        )
        for number in range(60)
    ]


def test_a_state_goes_on_exactly_where_it_was() -> None:
    lessons = some_lessons()
    whole, half = taught(lessons), taught(lessons[:30])
    again = Learner()
    again.load(half.dump())
    for one in lessons[30:]:
        again.learn(one)
    assert again.dump() == whole.dump()
    for remedy in "abc":
        for like in (LOCK, NEAR_LOCK, KILLED):
            assert score(again, remedy, like=like, days=70) == score(whole, remedy, like=like, days=70)


def test_an_empty_state_is_a_state() -> None:
    again = Learner()
    again.load(Learner().dump())
    assert score(again, "r") == NEUTRAL


def damaged(state: bytes) -> dict[str, bytes]:
    flipped = bytearray(state)
    flipped[-3] ^= 1
    other_version = bytearray(state)
    other_version[len(snapshot.MAGIC)] ^= 1
    return {
        "empty": b"",
        "short": state[:20],
        "cut off": state[:-8],
        "longer": state + b"\0" * 8,
        "a flipped bit": bytes(flipped),
        "of something else": b"x" * len(state),
        "of another version": bytes(other_version),
    }


@pytest.mark.parametrize("how", sorted(damaged(Learner().dump())))
def test_a_broken_or_foreign_state_is_refused_and_changes_nothing(how: str) -> None:
    state = taught(some_lessons()).dump()
    learnt = taught([lesson("r", 1.0)])
    before = learnt.dump()
    with pytest.raises(ValueError, match="state of a learner"):
        learnt.load(damaged(state)[how])
    assert learnt.dump() == before


def test_a_state_of_other_options_or_another_space_is_refused() -> None:
    state = taught(some_lessons()).dump()
    for other in (Learner(LearningOptions(decay=False)), Learner(space=Space(floor=0.5))):
        with pytest.raises(ValueError, match="other options"):
            other.load(state)


def test_a_state_that_lies_about_its_arrays_is_refused() -> None:
    facts, arrays = snapshot.unpack(taught(some_lessons()).dump())
    with pytest.raises(ValueError, match="no arrays of"):
        snapshot.unpack(snapshot.pack(facts, arrays | {"losses": np.array(["a", "b"])}))
    for missing in ("losses", "kernel.vectors"):
        kept = {name: array for name, array in arrays.items() if name != missing}
        with pytest.raises(ValueError, match="broken"):
            Learner().load(snapshot.pack(facts, kept))


# -- bounded


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "LIMIT", 40)
    monkeypatch.setattr(kernel, "_SPARE", 8)
    monkeypatch.setattr(families, "LIMIT", 16)
    monkeypatch.setattr(learner, "MOST_NAMES", 10)
    chance = np.random.default_rng(0)
    learnt = Learner()
    for number in range(200):
        like = vector(*chance.standard_normal(16))
        learnt.learn(lesson(f"r{number % 20}", float(number % 2), like=like, days=number))
    assert learnt._kernel.size <= 40
    assert len(learnt.families()) <= 16
    again = Learner()
    again.load(learnt.dump())
    assert again.dump() == learnt.dump()
    assert learnt.learn(lesson("one too many", 1.0)).family == ""
    assert score(learnt, "one too many") == NEUTRAL


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from([1.0, 0.0, -1.0]), st.sampled_from([0, 1, 2]), st.floats(0.0, 400.0)
        ),
        max_size=30,
    )
)
def test_whatever_happens_a_score_is_a_share(history: list[tuple[str, float, int, float]]) -> None:
    learnt = Learner()
    places = (LOCK, NEAR_LOCK, KILLED)
    for remedy, reward, place, days in history:
        step = learnt.learn(lesson(remedy, reward, like=places[place], days=days))
        assert -1.0 <= step.surprise <= 1.0
        assert sum(step.weights.values()) == pytest.approx(1.0)
    for seen in places:
        for prediction in learnt.predict(seen, "abcd", NOW).values():
            assert 0.0 <= prediction.score <= 1.0
            assert 0.0 <= prediction.uncertainty <= 1.0
