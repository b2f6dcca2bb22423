"""Ecosystem files, started on a real PM2 over its own methods."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opsagent_tools.supervisors.pm2.adapter import Pm2Supervisor
from opsagent_tools.supervisors.port import NotSupported, SupervisorError, SupervisorUnreachable
from opsagent_tools.units import UnitId, UnitState
from tests.support.pm2 import APPS, PM2, running
from tests.support.supervisors import pids
from tests.support.waiting import until

API, WORKER = UnitId.local("pm2", "api"), UnitId.local("pm2", "jobs/worker")


@pytest.fixture
async def supervisor(pm2: PM2) -> AsyncIterator[Pm2Supervisor]:
    found = Pm2Supervisor(pm2.home)
    yield found
    await found.close()


def written(folder: Path, name: str, content: object) -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(0o600)
    return file


async def test_a_json_file_starts_its_apps_with_the_profile_that_was_asked_for(
    pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_AGENT", "secret")
    apps = [
        {
            "name": "api", "script": str(APPS / "graceful.js"), "instances": 2, "wait_ready": True,
            "max_memory_restart": "300M", "min_uptime": "5s", "kill_timeout": 900, "cron_restart": "0 3 * * *",
            "env": {"PORT": 0, "RELEASE": "dev"}, "env_production": {"RELEASE": "prod", "API_TOKEN": "sk-live-abcdefgh"},
        },
        {"name": "worker", "script": "sleep", "args": "600", "namespace": "jobs", "autorestart": False, "frobnicate": 1},
    ]  # fmt: skip
    file = written(tmp_path, "ecosystem.json", {"apps": apps})

    said = await supervisor.start_file(file, env_name="production")

    assert said == "started api x2; started worker; without effect: frobnicate"
    api, worker = await supervisor.list()
    setup = await supervisor.setup(API)
    assert (api.id, worker.id) == (API, WORKER)
    assert (len(api.processes), api.shares_socket, worker.autorestart) == (2, True, False)
    assert (setup.shape, setup.says_ready, setup.max_memory) == ("cluster", True, 300 * 1024 * 1024)
    assert (setup.min_uptime_s, setup.stop_timeout_s, setup.cron) == (5.0, 0.9, "0 3 * * *")
    assert setup.env["RELEASE"] == "prod"
    assert "sk-live" not in repr(setup) + str(setup.env)
    environ = Path(f"/proc/{worker.processes[0].pid}/environ").read_bytes()
    assert b"OF_THE_AGENT" not in environ
    assert b"PATH=" in environ


async def test_started_again_it_restarts_with_the_settings_of_the_file(
    pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path
) -> None:
    app = {"name": "api", "script": str(APPS / "talker.js"), "env": {"GREETING": "one"}, "kill_timeout": 1000}
    file = written(tmp_path, "eco.json", [app])
    await supervisor.start_file(file)
    before = pids(await supervisor.describe(API))
    written(tmp_path, "eco.json", [{**app, "env": {"GREETING": "two"}, "kill_timeout": 700, "instances": 3}])
    with pytest.raises(NotSupported, match="another mode"):  # instances of node make it a cluster, as in PM2
        await supervisor.start_file(file)
    written(tmp_path, "eco.json", [{**app, "env": {"GREETING": "two"}, "kill_timeout": 700}])

    assert await supervisor.start_file(file) == "restarted api with the settings of the file"

    after = await supervisor.describe(API)
    setup = await supervisor.setup(API)
    assert len(after.processes) == 1
    assert not pids(after) & before
    assert (setup.env["GREETING"], setup.stop_timeout_s) == ("two", 0.7)
    await until(lambda: "two" in pm2.log("api"))


async def test_yaml_and_javascript(pm2: PM2, supervisor: Pm2Supervisor, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    yaml = written(tmp_path, "apps.yaml", "apps:\n  - name: api\n    script: sleep\n    args: ['600']\n")
    code = 'module.exports = { apps: ["a", "b"].map((name) => ({ name, script: "sleep", args: "600" })) };'
    js = written(tmp_path, "ecosystem.config.js", code)

    assert await supervisor.start_file(yaml) == "started api"
    assert await supervisor.start_file(js, only=["b"]) == "started b"

    assert [unit.name for unit in await supervisor.list()] == ["api", "b"]
    assert all(unit.state is UnitState.RUNNING for unit in await supervisor.list())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"apps": [{"name": "api"}]}, "has no script"),
        ({"apps": [{"name": "api", "script": "nothing.js"}]}, "is no file in"),
        ({"apps": [{"name": "api", "script": "sleep 600 && rm x"}]}, "takes a shell"),
        ({"apps": [{"name": "api", "script": "sleep", "kill_timeout": "soon"}]}, "kill_timeout"),
        ({"apps": [{"name": "api", "script": "sleep", "uid": "nobody"}]}, "as another user"),
        ({"apps": [{"name": "api", "script": "sleep", "exec_mode": "cluster"}]}, "for Node alone"),
        ({"apps": ["api"]}, "is no object"),
        ("{ nonsense", "broken JSON"),
    ],
)
async def test_a_file_that_is_wrong_starts_nothing_and_says_where(
    supervisor: Pm2Supervisor, tmp_path: Path, content: object, says: str
) -> None:
    with pytest.raises(SupervisorError, match=says):
        await supervisor.start_file(written(tmp_path, "eco.json", content))
    assert list(await supervisor.list()) == []


async def test_what_is_asked_for_and_not_there_is_said(supervisor: Pm2Supervisor, tmp_path: Path) -> None:
    file = written(tmp_path, "eco.json", [{"name": "api", "script": "sleep", "args": "600"}])
    with pytest.raises(SupervisorError, match="describes no web"):
        await supervisor.start_file(file, only=["web"])
    with pytest.raises(SupervisorError, match="has no env_staging"):
        await supervisor.start_file(file, env_name="staging")
    assert list(await supervisor.list()) == []


async def test_no_daemon_is_started_for_a_file(tmp_path: Path) -> None:
    with running(daemon=False) as pm2:
        supervisor = Pm2Supervisor(pm2.home)
        file = written(tmp_path, "eco.json", [{"name": "api", "script": "sleep", "args": "600"}])
        with pytest.raises(SupervisorUnreachable):
            await supervisor.start_file(file)
        with pytest.raises(SupervisorUnreachable):
            await supervisor.persist()
        assert (await supervisor.daemon()).pid is None
        assert not pm2.alive()
        assert list(pm2.home.iterdir()) == []
        await supervisor.close()
