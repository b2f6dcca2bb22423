"""PM2's daemons are found without asking anybody, and opened: by the process that runs, by the user's own folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent_tools.processes.sweep import sweep
from opsagent_tools.supervisors.discover import Found, Machine, Wanted, discover, look_at, open_supervisor
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from tests.support.pm2 import PM2, running

ONLY_PM2 = frozenset({"systemd", "supervisord", "circusd"})


def of(home: Path, wanted: Wanted, **environ: str) -> Found | None:
    """What is found of one home."""
    machine = Machine(sweep=sweep(), uid=os.geteuid(), environ=environ, home=None)
    return next((one for one in discover(wanted, machine=machine) if one.address == str(home)), None)


async def test_a_daemon_that_runs_is_found_by_its_process_and_opened(pm2: PM2) -> None:
    pm2.start("api", "sleep", args=["600"])

    found = of(pm2.home, Wanted(off=ONLY_PM2))

    assert found is not None
    assert (found.family, found.pid, found.uid, found.state) == ("pm2", pm2.pid, os.geteuid(), "running")
    assert (found.usable, found.refused) == (True, "")
    supervisor = open_supervisor(found)
    assert isinstance(supervisor, Pm2Supervisor)
    units = await supervisor.list()
    assert [unit.id.supervisor for unit in units] == [found.kind]
    assert look_at(found) == units
    await supervisor.close()


def test_only_what_is_named_is_found_where_discovery_is_off(pm2: PM2) -> None:
    assert of(pm2.home, Wanted(off=ONLY_PM2), OPSAGENT_DISCOVER="0") is None
    named = of(pm2.home, Wanted(off=ONLY_PM2, pm2_homes=(pm2.home,)), OPSAGENT_DISCOVER="0")
    assert named is not None
    assert named.pid == pm2.pid


def test_a_daemon_that_was_killed_is_told_from_one_that_never_ran() -> None:
    with running() as pm2:
        pm2.kill_daemon()
        died = of(pm2.home, Wanted(off=ONLY_PM2), PM2_HOME=str(pm2.home))
    with running(daemon=False) as never:
        idle = of(never.home, Wanted(off=ONLY_PM2), PM2_HOME=str(never.home))

    assert died is not None
    assert idle is not None
    assert (died.state, died.usable) == ("died", True)
    assert (idle.state, idle.usable) == ("idle", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a daemon of another user")
async def test_root_finds_the_daemon_of_another_user_as_that_users() -> None:
    with running(uid=61_003) as pm2:
        pm2.start("api", "sleep", args=["600"])
        found = of(pm2.home, Wanted(off=ONLY_PM2))
        assert found is not None
        assert (found.uid, found.refused) == (61_003, "")
        supervisor = open_supervisor(found)
        assert [unit.uid for unit in await supervisor.list()] == [61_003]
        await supervisor.close()

        os.chown(pm2.home, 0, 0)
        forged = of(pm2.home, Wanted(off=ONLY_PM2))
        assert forged is not None
        assert forged.refused
        with pytest.raises(ValueError, match="belongs to user"):
            open_supervisor(forged)
        os.chown(pm2.home, 61_003, 61_003)
