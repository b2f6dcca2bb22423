"""What of a replay is kept, and how it is marked."""

from __future__ import annotations

import pytest

from opsagent.learn import _reconstructed
from opsagent.model import Fault
from opsagent.replay.remembering import seen_live, to_remember
from opsagent.replay.words import Found
from opsagent_memory import Source
from opsagent_memory.ranking import TRUST_FLOOR
from opsagent_tools.units import UnitId

API, WEB = UnitId.local("pm2", "api"), UnitId.local("pm2", "web")


def found(began_at: float, *, unit: UnitId = API, ended_at: float | None = None, sure: bool = True) -> Found:
    return Found(
        id=f"past-{began_at:.0f}", fault=Fault.CRASH, unit=unit, began_at=began_at, ended_at=ended_at, ended="",
        summary="api crashed; password=hunter2abc", memory_text="crash of api; exit code 1", sure=sure,
    )  # fmt: skip


def test_an_episode_of_logs_has_no_remedy_no_outcome_and_little_trust() -> None:
    (past,) = to_remember([found(1000.0, ended_at=1010.0)], {})
    episode = _reconstructed(past)
    assert (episode.id, episode.scope, episode.source) == ("ep-past-1000", "unit/pm2/api", Source.LOGS)
    assert (episode.remedy, episode.outcome, episode.fault_class) == (None, None, "crash")
    assert episode.trust < TRUST_FLOOR
    assert episode.fields["reconstructed"] is True
    assert "hunter2abc" not in str(dict(episode.fields))


def test_what_the_agent_saw_itself_or_nobody_knows_the_time_of_is_not_kept() -> None:
    all_of_it = [found(1000.0, ended_at=1010.0), found(5000.0), found(9000.0, sure=False), found(5000.0)]
    live = seen_live(all_of_it, [(API, 1004.0, "inc-1"), (WEB, 5000.0, "inc-2")])
    assert live == {"past-1000": "inc-1"}
    assert [one.id for one in to_remember(all_of_it, live)] == ["past-5000"]


@pytest.mark.parametrize(("at", "same"), [(969.0, False), (971.0, True), (1039.0, True), (1041.0, False)])
def test_it_is_the_same_incident_if_it_was_seen_while_it_lasted(at: float, same: bool) -> None:
    assert bool(seen_live([found(1000.0, ended_at=1010.0)], [(API, at, "inc-1")])) is same
