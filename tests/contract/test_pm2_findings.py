"""What PM2 does not notice, noticed: each made to happen on a real daemon, and gone once it is mended."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.pm2.findings import Look, findings_of
from opsagent_tools.supervisors.pm2.findings_processes import forgotten
from opsagent_tools.units import UnitId
from tests.support.pm2 import PM2
from tests.support.waiting import until

API = UnitId.local("pm2", "api")


@pytest.fixture
async def supervisor(pm2: PM2) -> AsyncIterator[Pm2Supervisor]:
    found = Pm2Supervisor(pm2.home)
    yield found
    await found.close()


async def found(supervisor: Pm2Supervisor, check: str) -> list[Finding]:
    """What the check of that name says now."""
    return [finding for finding in await supervisor.findings() if finding.check == f"pm2/{check}"]


async def test_a_crash_loop_that_pm2_calls_online(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("loop", "sleep", args=["0.05"], min_uptime=1)
    pm2.start("api", "sleep", args=["600"])

    (loop,) = await until(lambda: found(supervisor, "crash_loop_unseen"))

    assert loop.unit == UnitId.local("pm2", "loop")
    assert loop.severity is Severity.SERIOUS
    assert int(loop.facts["restarts"]) >= 10
    assert "calls it online" in loop.says


async def test_memory_above_a_limit_that_pm2_looks_at_twice_a_minute(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "plain.js", env={"PORT": 0}, max_memory_restart=4 * 1024 * 1024)
    pm2.start("modest", "sleep", args=["600"], max_memory_restart=400 * 1024 * 1024)

    (over,) = await until(lambda: found(supervisor, "memory_over_limit"))

    assert (over.unit, over.facts["limit"]) == (API, 4 * 1024 * 1024)
    assert "times its limit of 4.0 MB" in over.says


async def test_logs_that_nothing_rotates(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "sleep", args=["600"])
    assert await found(supervisor, "logs_unrotated") == []
    os.truncate(supervisor.log_files(API)[0], 200 * 1024 * 1024)

    (unrotated,) = await found(supervisor, "logs_unrotated")
    pm2.start("pm2-logrotate", "sleep", args=["600"], pmx_module=True)

    assert unrotated.unit == API
    assert "200 MB and nothing rotates them" in unrotated.says
    assert "pm2 install pm2-logrotate" in unrotated.mend
    assert await found(supervisor, "logs_unrotated") == []


async def test_a_list_that_a_reboot_would_lose(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    pm2.start("api", "sleep", args=["600"], env={"LEVEL": "info", "TOKEN": "hunter2"})
    (never,) = await found(supervisor, "save_out_of_date")
    (boot,) = await found(supervisor, "no_startup")
    await supervisor.persist()
    assert await found(supervisor, "save_out_of_date") == []

    pm2.start("new", "sleep", args=["600"])
    await supervisor.restart(API, {"LEVEL": "debug", "TOKEN": "hunter3"})
    (drift,) = await found(supervisor, "save_out_of_date")
    await supervisor.stop(API)
    (stopped,) = await found(supervisor, "save_out_of_date")

    assert "nothing was ever saved" in never.says
    assert never.mend == f"PM2_HOME={pm2.home} pm2 save"
    assert "nothing starts PM2 at boot" in boot.says
    assert "a reboot loses new" in drift.says
    assert "gives api another env.LEVEL, env.TOKEN" in drift.says
    assert "hunter" not in drift.says
    assert "starts the stopped api" in stopped.says


async def test_workers_that_still_run_old_code(pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path) -> None:
    script = tmp_path / "api.js"
    script.write_text("process.send('ready'); setInterval(() => {}, 1 << 30)")
    pm2.start("api", script, cluster=True, instances=2, wait_ready=True, cwd=tmp_path)
    first = (await supervisor.describe(API)).processes[0].key
    assert list(_mixed(pm2)) == []

    await until(lambda: time.time() - first.started > 0.02)
    script.write_text("process.send('ready'); setInterval(() => {}, 1 << 20)")
    await supervisor.replace(API, first)

    (mixed,) = _mixed(pm2)
    assert mixed.unit == API
    assert (mixed.facts["old"], mixed.facts["new"]) == (1, 1)
    await supervisor.reload(API)
    assert _mixed(pm2) == []


def _mixed(pm2: PM2) -> list[Finding]:
    """By now: the check itself waits until a reload must be over."""
    look = Look(
        home=pm2.home, uid=os.geteuid(), kind="pm2", listed=pm2.listed(), daemon=pm2.pid, now=time.time(), settled_s=0.0
    )
    return [finding for finding in findings_of(look) if finding.check == "pm2/mixed_release"]


async def test_what_outlived_its_daemon_beside_a_new_one(pm2: PM2, supervisor: Pm2Supervisor) -> None:
    (silent,) = pm2.start("api", "sleep", args=["600"])
    await supervisor.list()
    pm2.kill_daemon()
    pm2.start_daemon()

    (alone,) = await until(lambda: found(supervisor, "outlived_daemon"))
    pm2.start("api", "sleep", args=["600"])
    (doubled,) = await found(supervisor, "outlived_daemon")
    await supervisor.revive()

    assert (alone.unit, alone.facts["pid"], alone.facts["doubled"]) == (API, silent, False)
    assert doubled.facts["doubled"]
    assert await found(supervisor, "outlived_daemon") == []
    assert len(pm2.pids("api")) == 1


def test_a_worker_that_a_daemon_forgot(tmp_path: Path) -> None:
    env = {"PM2_HOME": str(tmp_path), "pm_id": "3", "name": "api", "namespace": "default"}
    with subprocess.Popen(["sleep", "600"], env=env) as worker:  # a child of ours, as if we were the daemon
        try:
            later = time.time() + 10
            (one,) = forgotten(tmp_path, os.geteuid(), os.getpid(), [], later)
            known = list(forgotten(tmp_path, os.geteuid(), os.getpid(), [{"pid": worker.pid}], later))
            young = list(forgotten(tmp_path, os.geteuid(), os.getpid(), [], time.time()))
        finally:
            worker.kill()
    assert (one.pid, one.unit, one.pm_id) == (worker.pid, "api", "3")
    assert (known, young) == ([], [])
