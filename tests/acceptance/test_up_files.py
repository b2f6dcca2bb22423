"""`opsagent up` on the files that people already have: ecosystem files of PM2 and Procfiles."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Cli, Result
from tests.support import pm2
from tests.support.waiting import eventually

SHOW = """
console.log(JSON.stringify({ level: process.env.LEVEL, args: process.argv.slice(2) }));
process.on('SIGINT', () => process.exit(0));
setInterval(() => {}, 1000);
process.send('ready');
"""
ECOSYSTEM = """
const base = { script: './show.js', interpreter: NODE, wait_ready: true, out_file: `${__dirname}/logs/out.log` };
module.exports = {
  apps: [
    { ...base, name: 'api', namespace: 'shop', args: ['--port', 8000], env: { LEVEL: 'info' }, env_production: { LEVEL: 'error' } },
    { name: 'worker', script: 'sleep', args: '600', vizion: false, pmx: true },
  ],
};
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with an ecosystem file and a Procfile."""
    folder = tmp_path / "app"
    folder.mkdir()
    node = str(pm2.needed())
    (folder / "show.js").write_text(SHOW)
    (folder / "ecosystem.config.js").write_text(ECOSYSTEM.replace("NODE", json.dumps(node)))
    (folder / "Procfile").write_text("web: sh -c 'echo $LEVEL; exec sleep 600'\nclock: sleep 600\n")
    (folder / ".env").write_text("LEVEL=loud\n")
    (folder / ".env").chmod(0o600)
    return folder


def up(cli: Cli, *arguments: str) -> Result:
    node = pm2.needed()
    return cli("up", *arguments, env={"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"})


def names(result: Result) -> dict[str, str]:
    return {unit["name"]: unit["state"] for unit in result.json["units"]}


def said(log: Path, count: int) -> list[dict[str, Any]]:
    """So many lines of SHOW, once they are there."""

    def lines() -> list[str] | None:
        found = log.read_text().splitlines() if log.exists() else []
        return found if len(found) == count else None

    return [json.loads(line) for line in eventually(lines)]


def test_an_ecosystem_file_with_a_profile_and_then_one_app_of_it(cli: Cli, files: Path) -> None:
    file = str(files / "ecosystem.config.js")
    try:
        done = up(cli, file, "--env", "production", "--json")
        assert done.code == 0, done
        assert names(done) == {"shop/api": "running", "worker": "running"}
        assert done.json["problems"] == {}
        assert [(note["service"], note["key"]) for note in done.json["notes"]] == [("worker", "pmx")]
        log = files / "logs" / "out.log"
        assert said(log, 1)[0] == {"level": "error", "args": ["--port", "8000"]}

        shown = up(cli, file, "--only", "api")  # without its namespace, and env alone
        assert shown.code == 0, shown
        assert "changed shop/api" in shown.err
        assert names(cli("ps", "--json")) == {"shop/api": "running", "worker": "running"}
        assert said(log, 2)[1]["level"] == "info"

        lines = cli("logs", "shop/api", "--lines", "5")
        assert lines.code == 0, lines
        assert '"level":"error"' in lines.out
    finally:
        assert cli("down").code == 0


def test_a_procfile_with_its_env_file(cli: Cli, files: Path) -> None:
    try:
        done = up(cli, str(files / "Procfile"))
        assert done.code == 0, done
        assert "note: every process gets LEVEL of" in done.err
        assert "note: web PORT: is 5000" in done.err
        units = {unit["name"]: unit for unit in cli("ps", "--json").json["units"]}
        assert {name: unit["state"] for name, unit in units.items()} == {"web": "running", "clock": "running"}
        assert (units["web"]["ports"], units["clock"]["ports"]) == ([5000], [])
        assert cli("logs", "web", "--lines", "5").out.count("loud") == 1
    finally:
        assert cli("down").code == 0


def test_what_cannot_be_run_is_one_line_and_nothing_is_started(cli: Cli, tmp_path: Path) -> None:
    for name, text, arguments, says in (
        ("e.config.js", "throw new Error('no')", (), "line 1: Error: no"),
        ("e.json", '{"apps": [{"script": "sleep", "instnces": 2}]}', (), "apps[0].instnces (line 1): unknown key; did"),
        ("e.json", '{"apps": [{"script": "sleep"}]}', ("--only", "slep"), "sleep"),
        ("Procfile", "web: sleep 1", ("--env", "prod"), "--env is for ecosystem files"),
    ):
        (tmp_path / name).write_text(text)

        done = up(cli, str(tmp_path / name), *arguments)

        assert done.code == 2, done
        assert says in done.error
    assert not (cli.home / "engine" / "circusd.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_an_ecosystem_file_of_another_user_is_refused(cli: Cli, files: Path) -> None:
    shutil.chown(files / "ecosystem.config.js", 65534)

    done = up(cli, str(files / "ecosystem.config.js"))

    assert done.code == 2, done
    assert "is not evaluated" in done.error
    assert "belongs to user 65534" in done.error
