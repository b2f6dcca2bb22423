"""A release that was good comes back on the real engine: links, work trees of git, configuration, secrets, undo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from opsagent.cli.main import main
from tests.support.releases import App, Run
from tests.support.waiting import eventually


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*arguments, "--home", str(home)])
        said = capsys.readouterr()
        return int(code), said.out if "--json" in arguments and said.out else said.out + said.err

    yield command
    with suppress(SystemExit):
        main(["down", "--home", str(home)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "srv" / "api"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def app(home: Path, folder: Path, free_port: int, run: Run) -> App:
    return App(home, folder, free_port, run)


def test_files_come_back_undo_takes_them_back_and_secrets_have_to_be_there(app: App, run: Run) -> None:
    secret = app.folder / ".env"
    secret.write_text("DB_PASSWORD=hunter2abc\n")
    app.release("A")
    app.up()
    assert "no good release" in run("rollback", "api")[1]
    good = app.note()
    code, said = run("rollback", "api", "--yes")
    assert code == 0
    assert "nothing to put back" in said
    app.release("B")
    app.restart()
    assert app.serves() == "B"
    asked = app.rollback()
    assert (asked[0], asked[1]["result"]) == (3, "asked"), "nobody has said yes"
    assert "'B'" in app.script.read_text()
    code, told = app.rollback("--yes", "--to", good)
    assert (code, told["result"]) == (0, "done"), told
    assert app.serves() == "A"
    assert app.rollback("--undo", "--yes")[0] == 0
    assert app.serves() == "B"
    code, said = run("do", "roll back api", "--yes")
    assert (code, app.serves()) == (0, "A"), said
    assert "+SAYS = 'A'" in said
    app.release("B")
    secret.unlink()
    code, told = app.rollback("--yes")
    assert code == 4, told
    assert ".env" in told["refused"]
    assert "'B'" in app.script.read_text()
    assert "is no release" in run("rollback", "api", "--to", "zzz")[1]


def test_an_approval_is_worth_nothing_once_somebody_changed_the_files(app: App, run: Run) -> None:
    app.release("A")
    app.up()
    app.note()
    app.release("B")
    app.restart()
    _, told = app.rollback()
    app.release("C")
    code, said = run("approve", told["approval"])
    assert code == 1, said
    assert "changed since it was looked at" in said
    assert "'C'" in app.script.read_text()
    assert app.serves() == "B", "it was not restarted either"


def test_what_does_not_come_up_with_the_good_release_either_gets_its_files_back(app: App) -> None:
    """B works, A does not any more (something outside is gone, say): nothing would be gained."""
    needed = app.folder.parent / "needed"
    needed.touch()
    app.release("A")
    app.script.write_text(f"open({str(needed)!r}).close()\n{app.script.read_text()}")
    app.up()
    app.note()
    needed.unlink()
    app.release("B")
    app.restart()
    code, told = app.rollback("--yes")
    assert code == 1, told
    assert "'B'" in app.script.read_text()
    eventually(lambda: app.serves() == "B", timeout=10)


def test_a_link_is_switched_back(app: App, home: Path, run: Run) -> None:
    base = app.folder
    for name, says in (("1", "A"), ("2", "B")):
        (base / "releases" / name).mkdir(parents=True)
        app.release(says, base / "releases" / name)
    (base / "current").symlink_to("releases/1")
    linked = App(home, base / "current", app.port, run)
    linked.up()
    linked.note()
    (base / "new").symlink_to("releases/2")
    (base / "new").replace(base / "current")
    linked.restart()
    assert linked.serves() == "B"
    code, told = linked.rollback("--yes")
    assert code == 0, told
    assert [one["what"] for one in told["changes"] if one["restored"]] == ["link"]
    assert (base / "current").readlink() == Path("releases/1")
    assert linked.serves() == "A"
    assert told["release"]["label"] == "1"


@pytest.mark.skipif(
    shutil.which("git") is None and os.environ.get("CI") != "true", reason="git makes the work tree of this test"
)
def test_a_git_work_tree_gets_its_files_back_and_git_is_never_run(app: App, tmp_path: Path) -> None:
    ran = tmp_path / "hook-ran"
    git = ["git", "-C", str(app.folder), "-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]

    def commit(text: str) -> str:
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text], check=True)
        return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()

    subprocess.run(["git", "init", "-q", "-b", "main", str(app.folder)], check=True)
    app.release("A")
    first = commit("A")
    app.up()
    app.note()
    app.release("B")
    commit("B")
    for name in ("post-checkout", "pre-commit", "reference-transaction", "fsmonitor"):
        hook = app.folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    with (app.folder / ".git" / "config").open("a") as config:
        config.write("[core]\n\tfsmonitor = .git/hooks/fsmonitor\n")
    app.restart()
    code, told = app.rollback("--yes")
    assert code == 0, told
    assert {one["what"] for one in told["changes"]} == {"commit", "file"}
    assert told["release"]["commit"] == first
    assert f"checkout {first}" in told["advice"]
    assert app.serves() == "A"
    assert not ran.exists()


def test_configuration_comes_back_and_the_environment_is_told(app: App, home: Path, run: Run, tmp_path: Path) -> None:
    config = tmp_path / "api.json"
    config.write_text('{"ttl": 60, "password": "hunter2abc"}')
    named = App(home, app.folder, app.port, run, config=str(config))
    named.release("A")
    named.up()
    named.note()
    config.write_text('{"ttl": 1, "password": "other2abc"}')
    named.services.write_text(named.services.read_text().replace("hunter2abc", "changed2abc"))
    named.up()
    code, told = named.rollback("--yes")
    assert code == 0, told
    assert "changed2abc" not in json.dumps(told)
    changes = {one["name"]: one for one in told["changes"]}
    assert (changes["API_TOKEN"]["how"], changes["API_TOKEN"]["restored"]) == ("changed", False)
    assert "environment" in " ".join(told["warnings"])
    assert changes[str(config)]["restored"]
    assert json.loads(config.read_text())["ttl"] == 60
