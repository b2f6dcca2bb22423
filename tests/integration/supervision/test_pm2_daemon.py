"""PM2's daemon dies, is ended, comes back as another: detected, explained, recovered from, and no app is doubled."""

from __future__ import annotations

import asyncio
import os

import psutil
import pytest

from opsagent.model import Fault
from tests.integration.supervision.conftest import Watched
from tests.support import processes
from tests.support.pm2 import PACKAGE, PM2
from tests.support.waiting import eventually, until


@pytest.fixture
def apps(pm2: PM2, watched: Watched, free_port: int) -> PM2:
    """`api` in cluster mode (its workers die with their daemon), `job` in fork mode (which outlives it)."""
    pm2.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": free_port})
    pm2.start("job", "sleep", args=["4711"])
    watched.configure(f'pm2_homes = ["{pm2.home}"]\n')
    return pm2


def jobs(pm2: PM2) -> set[int]:
    """Every process of `job` that lives, whoever knows of it."""
    found = processes.mentioning([str(pm2.home)])
    with_names = ((one.pid, one.cmdline()) for one in found if one.status() != psutil.STATUS_ZOMBIE)
    return {pid for pid, command in with_names if command[-1:] == ["4711"]}


async def test_killed_it_is_explained_and_brought_back_and_nothing_is_doubled(apps: PM2, watched: Watched) -> None:
    apps.start("off", "sleep", args=["1"])
    apps.cli("stop", "off")
    await watched.watch("api", "job", mode="auto")
    before = set(apps.pids("api")) | set(apps.pids("job"))
    apps.kill_daemon()
    row = await watched.incident(lambda row: row.status == "resolved", "it is back")
    assert (row.incident.fault, row.incident.unit.name) == (Fault.ENGINE_DOWN, "daemon of pm2")
    assert (row.outcome, row.remedy) == ("repaired", "engine_down/revive")
    (plan,) = row.plans
    assert "ends 1 that outlived it (job" in plan.plan.why
    assert "with it api x2, job" in plan.plan.why
    assert "started api x2, job; left stopped: off; ended first what had outlived the daemon" in plan.steps[0].detail
    assert len(apps.pids("api")) == 2
    assert [one["pm2_env"]["status"] for one in apps.listed() if one["name"] == "off"] == ["stopped"]
    assert jobs(apps) == set(apps.pids("job"))
    assert not before & (set(apps.pids("api")) | jobs(apps))

    async def all_run() -> bool:
        return {unit["state"] for name, unit in (await watched.units()).items() if name != "off"} == {"running"}

    await until(all_run)


async def test_killed_in_mode_suggest_it_is_offered_and_nothing_is_done(apps: PM2, watched: Watched) -> None:
    await watched.watch("api", "job")
    (job,) = apps.pids("job")
    apps.kill_daemon()
    row = await watched.incident(lambda row: any(event.kind == "suggested" for event in row.events), "an offer")
    assert "starts PM2" in row.plans[0].plan.why
    assert not apps.alive()
    assert jobs(apps) == {job}
    unit = (await watched.units())["job"]
    assert (unit["state"], unit["reason"]) == ("running", "its supervisor is gone, its processes live on")


async def test_pm2_kill_by_a_person_is_noted_and_left_alone(apps: PM2, watched: Watched) -> None:
    await watched.watch("api", "job", mode="auto")
    apps.ask_daemon_to_end()
    await until(lambda: any("does not run any more" in note for note in watched.notes()), why="it is told")
    listing = await watched.listing()
    assert listing["units"] == []
    assert [(one["state"], one["kind"]) for one in listing["supervisors"]] == [("idle", "pm2")]
    await asyncio.sleep(3.5)  # longer than whoever would bring it back waits
    assert not apps.alive()
    assert [row for row in watched.rows() if row.plans] == []
    assert all(row.status == "closed" for row in watched.rows())


async def test_what_a_person_stops_stays_stopped_and_is_no_incident(apps: PM2, watched: Watched) -> None:
    await watched.watch("api", "job", mode="auto")
    apps.cli("stop", "api")

    async def stopped() -> bool:
        return bool((await watched.units())["api"]["state"] == "stopped")

    await until(stopped, why="the agent knows")
    await asyncio.sleep(3.0)  # the detectors' ticks
    assert watched.rows() == []
    assert apps.pids("api") == []


async def test_an_empty_daemon_in_its_place_is_given_back_what_it_lacks(apps: PM2, watched: Watched) -> None:
    """What the next `pm2 ls` after a crash does: it starts a daemon that knows nothing, beside what lives on."""
    await watched.watch("api", "job", mode="auto")
    (job,) = apps.pids("job")
    apps.kill_daemon()
    apps.start_daemon()
    row = await watched.incident(lambda row: row.status == "resolved", "it knows its apps again")
    assert row.remedy == "engine_down/revive"
    assert len(apps.pids("api")) == 2
    assert jobs(apps) == set(apps.pids("job"))
    assert job not in jobs(apps)
    assert any(f"another daemon (pid {apps.pid} instead of" in note for note in watched.notes())


async def test_an_upgrade_is_told_and_nothing_is_doubled(apps: PM2, watched: Watched) -> None:
    await watched.watch("api", "job", mode="auto")
    apps.cli("update")
    await until(lambda: any(f"another daemon (pid {apps.pid}" in note for note in watched.notes()), why="it is told")
    await until(lambda: len(apps.pids("api")) == 2 and len(apps.pids("job")) == 1, why="PM2 runs them again")
    await asyncio.sleep(3.5)  # longer than whoever would bring it back waits
    assert jobs(apps) == set(apps.pids("job"))
    assert len(apps.pids("api")) == 2
    assert [row for row in watched.rows() if row.plans] == []


async def test_that_died_while_no_agent_watched_is_brought_back_from_what_was_saved(
    apps: PM2, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PATH", f"{PACKAGE.parent / '.bin'}{os.pathsep}{os.environ['PATH']}"
    )  # no agent saw which PM2 ran
    apps.cli("save")
    await watched.watch("api", "job", mode="auto")
    await watched.kill_agent()
    apps.kill_daemon()
    eventually(lambda: len(jobs(apps)) == 1)
    (job,) = jobs(apps)
    await watched.watch(mode="auto")
    row = await watched.incident(lambda row: row.status in {"resolved", "escalated"}, "what became of it")
    assert row.status == "resolved", row
    assert len(apps.pids("api")) == 2
    assert jobs(apps) == set(apps.pids("job")) != {job}
