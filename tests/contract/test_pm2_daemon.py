"""The daemon of PM2 dies, is ended, is replaced: told apart, explained, and recovered from with nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsagent_tools.processes.proc import is_alive, key_of
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen
from opsagent_tools.supervisors.pm2.revive_state import standing
from opsagent_tools.supervisors.pm2.watch import back
from opsagent_tools.supervisors.port import EventKind, SupervisorUnreachable
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.support.pm2 import PACKAGE, PM2
from tests.support.pm2 import running as running_pm2
from tests.support.supervisors import listening, pids
from tests.support.waiting import until

API, WORKER = UnitId.local("pm2", "api"), UnitId.local("pm2", "worker")


@pytest.fixture
async def supervisor(pm2: PM2) -> AsyncIterator[Pm2Supervisor]:
    found = Pm2Supervisor(pm2.home)
    yield found
    await found.close()


async def test_a_killed_daemon_is_missed_and_what_outlived_it_is_never_doubled(
    pm2: PM2, supervisor: Pm2Supervisor
) -> None:
    pm2.start("api", "sleep", args=["600"])
    pm2.start("worker", "graceful.js", cluster=True, instances=2, env={"PORT": 0})
    async with listening(supervisor) as events:
        (silent,) = pids(await supervisor.describe(API))
        survivor = key_of(silent)
        assert survivor is not None
        workers = [process.key for process in (await supervisor.describe(WORKER)).processes]
        pm2.kill_daemon()
        await events.until(EventKind.LOST)
        await until(lambda: not any(map(is_alive, workers)), why="workers of node's cluster go with their daemon")

        gone = await supervisor.daemon()
        assert (gone.pid, gone.ended, gone.outlived) == (None, "", 1)
        assert "api" in gone.revival
        assert is_alive(survivor)
        with pytest.raises(SupervisorUnreachable):
            await supervisor.list()
        assert not pm2.alive()

        said = await supervisor.revive()
        back = await events.until(EventKind.BACK)
        api, worker = sorted(await supervisor.list(), key=lambda unit: unit.name)

    assert "another daemon" in back.reason
    assert f"pid {silent}" in said
    assert not is_alive(survivor)
    assert (len(api.processes), len(worker.processes)) == (1, 2)
    assert (api.state, worker.state) == (UnitState.RUNNING, UnitState.RUNNING)
    alive = await supervisor.daemon()
    assert (alive.pid, alive.trouble, alive.outlived) == (pm2.pid, "", 0)


async def test_an_agent_that_saw_nothing_goes_by_the_saved_list(
    pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pm2.start("api", "sleep", args=["600"])
    pm2.start("worker", "sleep", args=["601"])
    await supervisor.stop(WORKER)
    await supervisor.persist()
    await supervisor.close()
    (silent,) = pm2.pids("api")
    survivor = key_of(silent)
    assert survivor is not None
    pm2.kill_daemon()
    stranger = Pm2Supervisor(pm2.home)

    (tmp_path / "pm2").symlink_to(PACKAGE / "bin" / "pm2")  # the PM2 that nobody saw run is the one on the PATH
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(pm2.node.parent), os.environ["PATH"]]))
    gone = await stranger.daemon()
    said = await stranger.revive()

    assert gone.outlived == 1
    assert "saved" in gone.revival
    assert "by the list saved at" in said
    api, worker = await stranger.list()
    assert (len(api.processes), worker.state) == (1, UnitState.STOPPED)
    assert not is_alive(survivor)
    await stranger.close()


async def test_what_a_person_stopped_or_started_after_the_save_is_kept_so_by_an_agent_that_was_away(
    pm2: PM2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pm2.start("api", "sleep", args=["600"])
    pm2.start("worker", "sleep", args=["601"])
    pm2.start("idle", "sleep", args=["602"])
    pm2.start("blue", "sleep", args=["603"], namespace="b")
    pm2.cli("stop", "idle")
    pm2.cli("save")
    pm2.cli("stop", "api")
    pm2.cli("restart", "worker")
    pm2.cli("start", "idle")
    pm2.kill_daemon()
    (tmp_path / "pm2").symlink_to(PACKAGE / "bin" / "pm2")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(pm2.node.parent), os.environ["PATH"]]))
    stranger = Pm2Supervisor(pm2.home)
    try:
        would = (await stranger.daemon()).revival
        said = await stranger.revive()
        states = {unit.name: unit.state for unit in await stranger.list()}
    finally:
        await stranger.close()

    assert "api" not in would
    assert "less what was stopped since: api" in said
    assert states.pop("api") is UnitState.STOPPED
    assert states == dict.fromkeys(["worker", "idle", "b/blue"], UnitState.RUNNING)


async def test_pm2_kill_is_a_persons_wish(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "sleep", args=["600"])
    async with listening(supervisor) as events:
        pm2.ask_daemon_to_end()
        await events.until(EventKind.ENDED)

        gone = await supervisor.daemon()
        assert events.of(EventKind.LOST) == []
        assert events.of(EventKind.EXITED, API) == []

    assert gone.pid is None
    assert "pm2 kill" in gone.ended
    assert gone.outlived == 0


async def test_a_daemon_that_was_replaced_is_back_and_says_what_differs(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "sleep", args=["600"])
    await supervisor.persist()
    old = pm2.pid
    async with listening(supervisor) as events:
        pm2.cli("kill")
        pm2.cli("resurrect")
        back = await events.until(EventKind.BACK)
        unit = await until(lambda: running(supervisor))

        assert (await supervisor.daemon()).trouble == ""

    assert back.reason == f"another daemon (pid {pm2.pid} instead of {old})"
    assert len(pids(unit)) == 1


async def running(supervisor: Pm2Supervisor) -> Unit | None:
    """Its only unit, once it runs."""
    found = [unit for unit in await supervisor.list() if unit.state is UnitState.RUNNING]
    return found[0] if found else None


async def test_an_empty_daemon_that_a_command_started_is_seen_to_have_lost_everything(
    pm2: PM2, supervisor: Pm2Supervisor
) -> None:
    pm2.start("api", "sleep", args=["600"])
    pm2.start("talker", "talker.js")
    async with listening(supervisor) as events:
        before = pids(await supervisor.describe(API))
        pm2.kill_daemon()
        pm2.start_daemon()  # as any command of PM2's does, `pm2 ls` say
        await events.until(EventKind.BACK)

        wrong = await supervisor.daemon()
        assert "api" in wrong.trouble
        assert "talker" in wrong.trouble
        assert wrong.revival

        await supervisor.revive()
        right = await supervisor.daemon()
        api, talker = await supervisor.list()

    assert (right.trouble, right.outlived) == ("", 0)
    assert (len(api.processes), len(talker.processes)) == (1, 1)
    assert not before & pids(api)


async def test_a_change_in_the_middle_of_which_the_daemon_dies_is_told_and_not_repeated(
    pm2: PM2, supervisor: Pm2Supervisor
) -> None:
    pm2.start("slow", "talker.js", env={"TRAP": "1"}, kill_timeout=60_000)
    slow = UnitId.local("pm2", "slow")
    await supervisor.describe(slow)
    async with listening(supervisor) as events:
        stopping = asyncio.ensure_future(supervisor.stop(slow))
        await events.until(EventKind.STOPPING, slow)
        os.kill(pm2.pid, signal.SIGKILL)

        with pytest.raises(SupervisorUnreachable):
            await stopping


async def test_a_daemon_that_never_ran_is_not_missed_and_back_when_somebody_starts_it() -> None:
    with running_pm2(daemon=False) as pm2:
        supervisor = Pm2Supervisor(pm2.home)
        assert (await supervisor.daemon()).ended == "it never ran"
        async with listening(supervisor) as events:
            assert [event.kind for event in events.seen] == [EventKind.ENDED]
            pm2.start_daemon()
            back = await events.until(EventKind.BACK)
            await events.until(EventKind.CHANGED)
        assert back.reason == f"another daemon (pid {pm2.pid})"
        assert (await supervisor.daemon()).pid == pm2.pid
        await supervisor.close()


async def test_a_daemon_that_was_killed_before_anybody_looked_is_missed(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.kill_daemon()
    async with listening(supervisor) as events:
        assert [event.kind for event in events.seen] == [EventKind.LOST]
    assert (await supervisor.daemon()).ended == ""


def test_a_daemon_that_hangs_is_told_from_one_that_is_gone(pm2: PM2) -> None:
    pm2.start("api", "sleep", args=["600"])
    os.kill(pm2.pid, signal.SIGSTOP)
    try:
        stands = standing(pm2.home, os.getuid(), LastSeen(), None)
    finally:
        os.kill(pm2.pid, signal.SIGCONT)
    assert (stands.pid, stands.revival, stands.ended) == (pm2.pid, "", "")
    assert f"kill {pm2.pid}" in stands.hint


def test_another_version_is_what_differs() -> None:
    assert (
        back((7, "6.0.14"), (9, "7.0.4")).reason == "PM2 7.0.4 instead of 6.0.14, another daemon (pid 9 instead of 7)"
    )
    assert back((7, "7.0.4"), (7, "7.0.4")).reason == "the same daemon"
