"""Releases and deploys in the journal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opsagent.store.errors import DeployOpen
from opsagent.store.journal import Journal
from opsagent.store.releases import RELEASES_KEPT
from opsagent_tools.units import UnitId
from tests.unit.store.values import Clock

API, WEB = UnitId("pm2", "api", "box"), UnitId("pm2", "web", "box")


def note(journal: Journal, manifest: str, unit: UnitId = API) -> str:
    return journal.note_release(
        unit, kind="git", label="abc123 (main)", branch="main", commit="a" * 40, manifest=manifest * 64
    )


def test_a_release_is_written_down_once_and_seen_anew(journal: Journal, clock: Clock) -> None:
    first = note(journal, "1")
    noted_at = clock()
    clock.forward(60)
    second = note(journal, "2")
    clock.forward(60)
    assert note(journal, "1") == first
    newest, older = journal.releases(API)
    assert (newest.id, older.id) == (first, second)
    assert newest.noted_at < newest.good_at
    assert abs((newest.noted_at - noted_at).total_seconds()) < 1
    assert (newest.commit, newest.branch, newest.manifest) == ("a" * 40, "main", "1" * 64)
    assert journal.releases(WEB) == ()
    assert journal.verify().ok


def test_only_the_latest_releases_of_a_unit_are_kept(journal: Journal, clock: Clock) -> None:
    note(journal, "f", WEB)
    for n in range(RELEASES_KEPT + 3):
        clock.forward(1)
        note(journal, f"{n:x}")
    assert len(journal.releases(API)) == RELEASES_KEPT
    assert journal.releases(API)[0].manifest == f"{RELEASES_KEPT + 2:x}" * 64
    assert len(journal.releases(WEB)) == 1
    assert journal.verify().ok


def test_a_deploy_is_open_until_it_is_ended_or_its_time_runs_out(journal: Journal, clock: Clock) -> None:
    deploy = journal.begin_deploy(API, clock() + timedelta(minutes=30), "version 2", "kim", release_before="r1")
    found = journal.open_deploy(API)
    assert found is not None
    assert (found.id, found.why, found.by, found.release_before) == (deploy, "version 2", "kim", "r1")
    assert journal.open_deploy(WEB) is None
    with pytest.raises(DeployOpen, match="a deploy of api by kim is open until"):
        journal.begin_deploy(API, clock() + timedelta(minutes=30), "", "lee")
    clock.forward(31 * 60)
    assert journal.open_deploy(API) is None
    assert [row.id for row in journal.unjudged_deploys()] == [deploy]
    assert journal.end_deploy(API, "kim") is None, "there is none any more"
    journal.begin_deploy(API, clock() + timedelta(minutes=30), "", "lee")


def test_an_ended_deploy_is_watched_until_somebody_judges_it(journal: Journal, clock: Clock) -> None:
    journal.begin_deploy(API, clock() + timedelta(minutes=30), "", "kim")
    clock.forward(60)
    ended = journal.end_deploy(API, "lee")
    assert ended is not None
    assert ended.ended_by == "lee"
    assert ended.ended_at is not None
    assert journal.open_deploy(API) is None
    assert [row.id for row in journal.unjudged_deploys()] == [ended.id]
    journal.judge_deploy(ended.id, "well")
    assert journal.unjudged_deploys() == ()
    assert [row.result for row in journal.deploys(API)] == ["well"]
    with pytest.raises(LookupError):
        journal.judge_deploy("nothing", "well")
    journal.prune(clock() + timedelta(days=1))
    assert journal.deploys() == ()
    assert journal.verify().ok


def test_why_is_masked(journal: Journal, clock: Clock) -> None:
    journal.begin_deploy(API, clock() + timedelta(minutes=1), "password=hunter2abc", "kim")
    (deploy,) = journal.deploys()
    assert "hunter2abc" not in deploy.why
