"""`opsagent rollback` and `opsagent deploy`, as a person uses them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from tests.acceptance.conftest import Cli
from tests.support.releases import BROKEN, POLICY, App
from tests.support.waiting import eventually


@pytest.fixture
def app(cli: Cli, tmp_path: Path, free_port: int) -> App:
    folder = tmp_path / "srv" / "api"
    folder.mkdir(parents=True)
    cli.home.mkdir(mode=0o700, parents=True)

    def run(*arguments: str) -> tuple[int, str]:
        done = cli(*arguments)
        return done.code, done.out + done.err

    return App(cli.home, folder, free_port, run)


def test_the_difference_is_shown_first_and_only_a_yes_goes_on(app: App, cli: Cli) -> None:
    app.release("A")
    app.up()
    app.note()
    app.release("B")
    shown = cli("rollback", "api", "--dry-run")
    assert shown.code == 0, shown
    assert "-SAYS = 'B'" in shown.out
    assert "+SAYS = 'A'" in shown.out
    assert "\x1b" not in shown.out, "a pipe gets no colours"
    parent, child = pty.openpty()
    env = {name: value for name, value in cli.env({"TERM": "xterm"}).items() if name != "NO_COLOR"}
    process = subprocess.Popen(cli.argv("rollback", "api"), stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    seen = b""
    try:
        while b"[y/N]" not in seen:
            seen += os.read(parent, 4096)
        os.write(parent, b"n\n")
        assert process.wait(timeout=30) == 3
    finally:
        os.close(parent)
        process.kill()
        process.wait()
    assert re.search(rb"\x1b\[32m\+SAYS = 'A'", seen), seen
    assert "'B'" in app.script.read_text()
    assert "there is no service" in cli("rollback", "nobody").error


@pytest.mark.parametrize("unasked", [False, True], ids=["asked", "unasked"])
def test_a_deploy_that_fails_is_rolled_back_by_a_persons_word(app: App, cli: Cli, *, unasked: bool) -> None:
    """The word is given now, or in the policy."""
    if unasked:
        (cli.home / "config.toml").write_text(POLICY + "rollback_failed_deploys = true\n")
    app.release("A")
    app.up()
    app.note()
    with cli.watching("--mode", "auto"):
        assert cli("deploy", "begin", "api", "--why", "new prices").code == 0
        app.script.write_text(BROKEN)
        assert cli("do", "restart api", "--yes").code == 1
        if not unasked:
            assert "is open" in cli("deploy", "begin", "api").error
            assert pending(cli) == "", "while the deploy is open nothing is asked"
        assert cli("deploy", "end", "api").code == 0
        if not unasked:
            question = eventually(lambda: pending(cli), timeout=60)
            assert app.script.read_text() == BROKEN, "nothing is rolled back unasked"
            assert cli("approve", question).code == 0
        eventually(lambda: app.serves() == "A", timeout=60)
        eventually(lambda: results(cli) == ["failed"], timeout=15)
    assert json.loads(cli("deploy", "list", "--json").out)["deploys"][0]["why"] == "new prices"
    if not unasked:
        assert "no deploy of api is open" in cli("deploy", "end", "api").error


def pending(cli: Cli) -> str:
    """Return the id of the question about a rollback; empty where none is asked."""
    with Journal.read(Home.open(cli.home)) as journal:
        rows = journal.approvals()
        return next((row.id for row in rows if row.step.action.name == "rollback"), "")


def results(cli: Cli) -> list[str]:
    with Journal.read(Home.open(cli.home)) as journal:
        return [deploy.result or "" for deploy in journal.deploys()]
