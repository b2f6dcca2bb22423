"""Records check what they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from opsagent_memory import Episode, Fact, Kind, Outcome, Procedure, Source

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_an_episode_says_what_was_tried_and_how_it_ended() -> None:
    episode = Episode(
        scope="host", text="x", created_at=NOW, fields={"remedy": "a/b", "outcome": "worked", "class": "crash"}
    )
    assert (episode.remedy, episode.outcome, episode.fault_class) == ("a/b", Outcome.WORKED, "crash")
    assert episode.kind is Kind.EPISODE
    assert episode.source is Source.AGENT


def test_each_record_gets_an_id_of_its_own_that_tells_its_kind() -> None:
    ids = {record(scope="s", text="x", created_at=NOW).id for record in (Episode, Fact, Procedure) for _ in range(20)}
    assert len(ids) == 60
    assert {one[:3] for one in ids} == {"ep-", "fa-", "pr-"}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"created_at": datetime(2026, 3, 1)}, "aware"),  # noqa: DTZ001 - that is the point
        ({"valid_to": datetime(2026, 3, 1)}, "aware"),  # noqa: DTZ001
        ({"scope": ""}, "scope"),
        ({"trust": 1.5}, "trust"),
        ({"fields": {"outcome": "splendid"}}, "splendid"),
        ({"source": "rumour"}, "rumour"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], complaint: str) -> None:
    right: dict[str, Any] = {"scope": "s", "text": "x", "created_at": NOW}
    with pytest.raises(ValueError, match=complaint):
        Fact(**(right | wrong))


def test_fields_are_json_and_cannot_be_changed_afterwards() -> None:
    fields = {"list": [1]}
    fact = Fact(scope="s", text="x", created_at=NOW, fields=fields)
    fields["list"].append(2)
    assert fact.fields == {"list": [1]}
    with pytest.raises(TypeError):
        fact.fields["list"] = []  # type: ignore[index]
    with pytest.raises(TypeError):
        Fact(scope="s", text="x", created_at=NOW, fields={"when": NOW})
    with pytest.raises(ValueError, match="JSON"):
        Fact(scope="s", text="x", created_at=NOW, fields={"seconds": float("nan")})


def test_any_zone_will_do() -> None:
    seoul = timezone(timedelta(hours=9))
    assert Fact(scope="s", text="x", created_at=datetime(2026, 3, 1, 9, tzinfo=seoul)).created_at == NOW


def test_trust_has_one_zero() -> None:
    trust = Fact(scope="s", text="t", created_at=NOW, trust=-0.0).trust
    assert str(trust) == "0.0", "a database keeps no other, and the log would tell of a change"
