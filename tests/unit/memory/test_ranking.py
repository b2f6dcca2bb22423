"""How remedies and recollections are ranked: values in, values out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_memory import ranking
from opsagent_memory.ranking import NEUTRAL, Candidate
from opsagent_memory.records import Kind, Outcome, Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def tried(
    remedy: str,
    outcome: Outcome,
    *,
    key: str = "same",
    days_ago: float = 0.0,
    source: Source = Source.AGENT,
    trust: float = 1.0,
) -> Candidate:
    return Candidate(
        seq=1,
        kind=Kind.EPISODE,
        text_key=key,
        remedy=remedy,
        outcome=outcome,
        source=source,
        trust=trust,
        created_at=NOW - timedelta(days=days_ago),
    )


SAME = {"same": 1.0}


def scores(*candidates: Candidate, similarities: dict[str, float] | None = None) -> dict[str, float]:
    return {record.remedy: record.score for record in ranking.remedies(candidates, similarities or SAME, NOW)}


def test_what_worked_comes_first_and_what_failed_lies_below_the_untried() -> None:
    ranked = ranking.remedies([tried("a", Outcome.FAILED), tried("b", Outcome.WORKED)], SAME, NOW)
    assert [record.remedy for record in ranked] == ["b", "a"]
    assert ranked[0].score > NEUTRAL > ranked[1].score
    assert (ranked[0].tries, ranked[0].successes, ranked[0].last_worked) == (1, 1, NOW)
    assert (ranked[1].tries, ranked[1].successes, ranked[1].last_worked) == (1, 0, None)


def test_harm_counts_more_than_not_helping() -> None:
    worked = [tried("failed", Outcome.WORKED), tried("harmed", Outcome.WORKED)]
    found = scores(*worked, tried("failed", Outcome.FAILED), tried("harmed", Outcome.HARMED))
    assert found["harmed"] < NEUTRAL <= found["failed"]


@pytest.mark.parametrize("outcome", [Outcome.SELF_RECOVERED, Outcome.UNPROVEN])
def test_what_was_over_by_itself_or_never_proven_earns_nothing(outcome: Outcome) -> None:
    assert scores(tried("a", outcome)) == {}
    assert scores(tried("a", Outcome.WORKED), tried("a", outcome)) == scores(tried("a", Outcome.WORKED))


def test_what_worked_lately_outweighs_what_failed_long_ago_and_the_reverse() -> None:
    assert scores(tried("a", Outcome.FAILED, days_ago=90), tried("a", Outcome.WORKED))["a"] > NEUTRAL
    assert scores(tried("a", Outcome.WORKED, days_ago=90), tried("a", Outcome.FAILED))["a"] < NEUTRAL


def test_a_nearer_episode_counts_more() -> None:
    near = {"same": 0.99, "near": 0.9}
    found = scores(tried("a", Outcome.WORKED), tried("b", Outcome.WORKED, key="near"), similarities=near)
    assert found["a"] > found["b"] > NEUTRAL


def test_another_cause_says_nothing() -> None:
    below_floor = {"same": ranking.SIMILARITY_FLOOR - 0.01}
    assert scores(tried("a", Outcome.WORKED), similarities=below_floor) == {}
    outside_window = {"same": 1.0, "other": 1.0 - ranking.CAUSE_WINDOW - 0.01}
    found = scores(tried("a", Outcome.FAILED), tried("b", Outcome.WORKED, key="other"), similarities=outside_window)
    assert "b" not in found


def test_imports_and_distrusted_sources_move_no_remedy() -> None:
    assert scores(tried("a", Outcome.WORKED, source=Source.IMPORT)) == {}
    assert scores(tried("a", Outcome.WORKED, trust=ranking.TRUST_FLOOR - 0.01)) == {}
    honest = tried("a", Outcome.FAILED)
    planted = [tried("a", Outcome.WORKED, source=Source.IMPORT)] * 1000
    assert scores(honest, *planted) == scores(honest)


def test_one_source_cannot_outvote_another() -> None:
    chorus = [tried("a", Outcome.WORKED, source=Source.PERSON)] * 1000
    harmed = [tried("a", Outcome.HARMED)] * 3
    assert scores(*chorus, *harmed)["a"] < NEUTRAL + 0.1
    assert scores(*chorus)["a"] < 1.0


@given(st.lists(st.sampled_from(list(Outcome)), max_size=30), st.floats(0.0, 1.0), st.floats(0, 400))
def test_a_score_is_a_share_and_sides_with_the_outcomes(outcomes: list[Outcome], near: float, age: float) -> None:
    found = ranking.remedies([tried("a", outcome, days_ago=age) for outcome in outcomes], {"same": near}, NOW)
    proven = [one for one in outcomes if one in {Outcome.WORKED, Outcome.FAILED, Outcome.HARMED}]
    for record in found:
        assert 0.0 <= record.score <= 1.0
        assert record.tries == len(proven)
        assert record.successes == proven.count(Outcome.WORKED)
        if set(proven) == {Outcome.WORKED}:
            assert record.score >= NEUTRAL
        elif Outcome.WORKED not in proven:
            assert record.score <= NEUTRAL


def test_why_is_one_line_with_the_counts() -> None:
    (record,) = ranking.remedies([tried("a", Outcome.WORKED), tried("a", Outcome.FAILED)], SAME, NOW)
    assert record.why == "similarity 1.00, worked 1 of 2 times, last 2026-03-01 12:00 UTC"


def test_recall_prefers_what_worked_is_young_and_is_trusted_among_the_equally_similar() -> None:
    def first(*candidates: Candidate) -> str | None:
        return ranking.memorable(candidates, SAME, NOW)[0].remedy

    assert first(tried("bad", Outcome.FAILED), tried("good", Outcome.WORKED)) == "good"
    assert first(tried("old", Outcome.WORKED, days_ago=300), tried("new", Outcome.WORKED)) == "new"
    assert first(tried("rumour", Outcome.WORKED, trust=0.2), tried("known", Outcome.WORKED)) == "known"


def test_recall_lets_similarity_lead() -> None:
    found = ranking.memorable(
        [tried("near", Outcome.FAILED, key="near", days_ago=300), tried("far", Outcome.WORKED, key="far")],
        {"near": 0.95, "far": 0.6},
        NOW,
    )
    assert [item.remedy for item in found] == ["near", "far"]
