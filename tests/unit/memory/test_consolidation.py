"""What consolidation concludes: pure, without a memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from opsagent_memory import Episode, Fact, Kind, Outcome, Record, Source, ranking
from opsagent_memory.consolidation import contradictions, procedures, repeats
from opsagent_memory.consolidation.reading import Past
from opsagent_memory.consolidation.words import TOLERANCE, in_words
from opsagent_memory.options import SizePolicy
from opsagent_memory.ranking import Candidate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=200)


def fact(value: Any, *, days_ago: int, about: Any = "port of api", **known: Any) -> Fact:
    fields = {"about": about, "value": value} if about is not None else {}
    return Fact(
        **{
            "scope": "host",
            "text": f"{about} is {value}",
            "fields": fields,
            "source": Source.PERSON,
            "created_at": NOW - timedelta(days=days_ago),
            **known,
        }
    )


def test_a_newer_fact_about_the_same_ends_the_older() -> None:
    first, second, third = fact(1, days_ago=9), fact(2, days_ago=5), fact(3, days_ago=1)
    (one, two) = contradictions.ended([third, first, second])
    assert (one.id, one.at) == (first.id, second.created_at)
    assert (two.id, two.at) == (second.id, third.created_at)
    assert two.why == f'{third.id} says otherwise about "port of api"', "not what it says: it may be forgotten"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (fact(1, days_ago=9), fact(1, days_ago=5)),
        (fact(1, days_ago=9), fact(2, days_ago=5, about="port of web")),
        (fact(1, days_ago=9), fact(2, days_ago=5, about=None)),
        (fact(1, days_ago=9, valid_to=NOW - timedelta(days=6)), fact(2, days_ago=5)),
        (fact(1, days_ago=9), fact(2, days_ago=5, source=Source.AGENT)),
        (fact(1, days_ago=9, source=Source.AGENT), fact(2, days_ago=5, source=Source.AGENT, trust=0.5)),
        (fact(1, days_ago=9, source=Source.AGENT), fact(2, days_ago=5, source=Source.MODEL)),
        (fact(1, days_ago=9, source=Source.AGENT), fact(2, days_ago=5, source=Source.DOCUMENT)),
        (fact(1, days_ago=9, source=Source.AGENT), fact(2, days_ago=5, source=Source.LOGS)),
        (fact(1, days_ago=9), fact(2, days_ago=5, imported_at=NOW)),
    ],
    ids=[
        "the same value",
        "about something else",
        "only words",
        "one after the other",
        "the agent against a person",
        "less trusted",
        "a model",
        "a document",
        "logs",
        "another memory",
    ],
)
def test_what_does_not_contradict_or_may_not_ends_nothing(older: Fact, newer: Fact) -> None:
    assert contradictions.ended([older, newer]) == []


def test_facts_in_words_that_look_alike_are_shown_and_nothing_more() -> None:
    said = [
        fact("x", days_ago=3, about=None, text=text) for text in ("never restart billing", "restart billing", "tea")
    ]
    alike = [np.array([1, 0], "f4"), np.array([0.9, 0.436], "f4"), np.array([0, 1], "f4")]
    vectors = {one.text: vector.tobytes() for one, vector in zip(said, alike, strict=True)}
    (pair,) = contradictions.possible(said, vectors)
    assert (pair.older, pair.newer) == (said[0].id, said[1].id)
    assert contradictions.ended(said) == []


def past(
    outcome: Outcome = Outcome.WORKED,
    *,
    at: datetime = OLD,
    key: str = "k",
    remedy: str | None = "crash/start",
    surprise: float | None = 0.1,
    archived: bool = False,
    source: Source = Source.AGENT,
    trust: float = 1.0,
) -> Past:
    past.count += 1  # type: ignore[attr-defined]
    number: int = past.count  # type: ignore[attr-defined]
    candidate = Candidate(
        seq=number,
        kind=Kind.EPISODE,
        text_key=key,
        remedy=remedy,
        outcome=outcome,
        source=source,
        trust=trust,
        created_at=at,
    )
    return Past(
        id=f"ep-{number}",
        candidate=candidate,
        fault_class="crash",
        family="f-1",
        surprise=surprise,
        archived=archived,
    )


past.count = 0  # type: ignore[attr-defined]
VECTORS = {key: np.array(row, "<f4").tobytes() for key, row in {"k": [1, 0], "near": [0.98, 0.199]}.items()}
POLICY = SizePolicy(keep_detail_days=90, repeats_kept=2)


def test_old_repeats_rest_and_the_newest_and_the_surprising_stay() -> None:
    group = [past() for _ in range(6)]
    group[1] = past(surprise=-0.9)
    assert repeats.resting(group, VECTORS, POLICY, NOW) == [group[0], *group[2:4]]
    recent = [past(at=NOW - timedelta(days=3)) for _ in range(6)]
    assert repeats.resting(recent, VECTORS, POLICY, NOW) == []
    assert repeats.resting(recent, VECTORS, POLICY, NOW, soon=True) == recent[:4]


def test_of_each_remedy_the_newest_stay_and_what_rests_already_is_not_counted_again() -> None:
    group = [past(archived=True), past(), past(Outcome.FAILED, remedy="crash/other"), past(), past()]
    assert repeats.resting(group, VECTORS, POLICY, NOW) == [group[1]]


def test_what_would_move_the_vote_stays() -> None:
    later = NOW - timedelta(days=100)
    speaks = [past(key="near", at=later) for _ in range(40)]
    against = [past(Outcome.FAILED, at=later) for _ in range(3)]
    resting = repeats.resting([*speaks, *against], VECTORS, POLICY, NOW)
    assert len(resting) < 40
    # The same texts as those that stay: they are found, and go on counting.
    same = [*(past(at=later) for _ in range(40)), *against]
    assert len(repeats.resting(same, VECTORS, POLICY, NOW)) == 41


def test_many_passes_do_not_add_up_to_a_large_step() -> None:
    later = NOW - timedelta(days=100)
    speaks = [past(Outcome.WORKED if number % 3 else Outcome.FAILED, key="near", at=later) for number in range(60)]
    group = [*speaks, *(past(Outcome.FAILED, at=later) for _ in range(4))]
    cosines = {"k": 1.0, "near": 0.98}
    before = {one.remedy: one.score for one in ranking.remedies([one.candidate for one in group], cosines, NOW)}
    while resting := repeats.resting(group, VECTORS, POLICY, NOW):
        gone = {one.id for one in resting}
        group = [replace(one, archived=one.archived or one.id in gone) for one in group]
    found = {one.candidate.text_key for one in group if not one.archived}
    counted = [one.candidate for one in group if one.candidate.text_key in found]
    after = {one.remedy: one.score for one in ranking.remedies(counted, cosines, NOW)}
    assert after == pytest.approx(before, abs=TOLERANCE)


def exemplar(**fields: Any) -> Episode:
    actions = [{"action": "stop api", "outcome": "done"}, {"action": "start api", "outcome": "failed"}]
    known: Mapping[str, Any] = {"remedy": "crash/start", "class": "crash", "actions": actions, **fields}
    return Episode(scope="api", text="crash of api", created_at=OLD, fields=known)


def practice(*outcomes: Outcome) -> procedures.Practice:
    (found,) = procedures.practices([[past(outcome) for outcome in outcomes]])
    return found


W, F, S = Outcome.WORKED, Outcome.FAILED, Outcome.SELF_RECOVERED


def test_repeated_success_is_proposed_and_says_what_for_and_how() -> None:
    assert procedures.proposal(practice(W, W, W, W), None, exemplar(), NOW) is None
    assert procedures.proposal(practice(*[W] * 5, F, F), None, exemplar(), NOW) is None
    proposed = procedures.proposal(practice(*[W] * 5, F), None, exemplar(), NOW)
    assert proposed is not None
    assert proposed.source is Source.AGENT
    assert dict(proposed.fields) == {
        "remedy": "crash/start",
        "class": "crash",
        "family": "f-1",
        "looks_like": "crash of api",
        "steps": ["stop api"],
        "successes": 5,
        "failures": 1,
        "last_worked": OLD.isoformat(),
        "version": 1,
        "status": "proposed",
        "stale": False,
    }


def test_what_ended_by_itself_and_what_others_say_earns_nothing() -> None:
    assert procedures.practices([[past(S) for _ in range(9)]]) == []
    for source in (Source.LOGS, Source.MODEL, Source.DOCUMENT, Source.IMPORT):
        assert procedures.practices([[past(source=source) for _ in range(9)]]) == []
    assert procedures.practices([[past(trust=0.3) for _ in range(9)]]) == []


def test_a_proposal_is_made_anew_only_when_there_is_news() -> None:
    known = procedures.proposal(practice(*[W] * 5), None, exemplar(), NOW)
    assert known is not None
    assert procedures.proposal(practice(*[W] * 9), known, exemplar(), NOW) is None
    grown = procedures.proposal(practice(*[W] * 10), known, exemplar(), NOW)
    assert grown is not None
    assert (grown.supersedes, grown.fields["version"]) == (known.id, 2)
    other = procedures.proposal(practice(*[W] * 6), known, exemplar(actions=["reload"]), NOW)
    assert other is not None
    assert other.fields["steps"] == ["reload"]


def test_what_no_longer_helps_is_marked_and_what_a_person_said_is_never_said_for_them() -> None:
    known = procedures.proposal(practice(*[W] * 5), None, exemplar(), NOW)
    assert known is not None
    accepted: Record = type(known)(
        scope="api",
        text=known.text,
        fields={**known.fields, "status": "accepted"},
        source=Source.PERSON,
        created_at=NOW,
        supersedes=known.id,
    )
    assert procedures.proposal(practice(*[W] * 50), accepted, exemplar(), NOW) is None
    stale = procedures.proposal(practice(*[W] * 9, F, F, F), accepted, exemplar(), NOW)
    assert stale is not None
    assert stale.source is Source.AGENT
    assert (stale.fields["stale"], stale.fields["status"]) == (True, "proposed")
    assert stale.fields["accepted_before"] == accepted.id
    again = procedures.proposal(practice(*[W] * 9, F, F, F, *[W] * 12), stale, exemplar(), NOW)
    assert again is not None
    assert (again.fields["stale"], again.fields["accepted_before"]) == (False, accepted.id)


def test_the_policy_reads_as_sentences() -> None:
    said = in_words(SizePolicy(max_records=5_000, keep_detail_days=7, keep_archived_days=30, repeats_kept=2))
    for number in ("5,000", "7 days", "30 days", "newest 2"):
        assert number in " ".join(said)
