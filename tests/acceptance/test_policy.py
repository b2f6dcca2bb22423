"""`opsagent policy` and `opsagent trust`, as a person uses them. One home for all; nothing is done to a service.

Commands run in this process: a process for each of them would take longer than all the rest.
"""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from opsagent.cli.main import main
from opsagent.cli.output import Out
from opsagent.home import Home
from opsagent.model import Step
from opsagent.planning import new_plan, restart_steps, start_steps
from opsagent.store.journal import Journal
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.acceptance.conftest import Cli, Result, home_of_its_own

WEB = Unit(id=UnitId.local("circus", "web"), state=UnitState.RUNNING)


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def place() -> Iterator[Cli]:
    """A home where `web` runs, and no daemon does."""
    with home_of_its_own() as found:
        folder = found.home.parent
        file = folder / "services.toml"
        file.write_text('[services.web]\ncommand = ["sleep", "600"]\nmode = "suggest"\n')
        assert found("up", str(file)).code == 0
        yield found


@pytest.fixture
def described(place: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`described("policy", "show")`: a command line on that home."""
    configured(place, "")
    monkeypatch.setenv("OPSAGENT_HOME", str(place.home))
    monkeypatch.setenv("OPSAGENT_DISCOVER", "0")

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(Out, "wrote_json", False)
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


def configured(cli: Cli, text: str) -> None:
    cli.home.joinpath("config.toml").write_text(text)
    cli.home.joinpath("config.toml").chmod(0o600)


def test_the_whole_policy_with_the_line_that_says_it(place: Cli, described: Run) -> None:
    configured(place, 'mode = "approve"\n\n[policy]\nbudget_actions = 7\n[services.web]\nprotected = true\n')
    report = described("policy", "show", "--json").json
    assert report["policy"]["mode"] == {
        "value": "approve",
        "from": "config.toml:1",
        "means": report["policy"]["mode"]["means"],
    }
    assert report["policy"]["budget_actions"]["from"] == "config.toml:4"
    assert report["policy"]["two_person"] == {**report["policy"]["two_person"], "value": True, "from": "default"}
    [web] = report["services"]
    assert (web["name"], web["mode"], web["protected"]) == ("web", "suggest", True)
    assert web["protected_from"] == "config.toml:6"
    shown = described("policy", "show")
    assert "budget_actions" in shown.out
    assert "config.toml:4" in shown.out


def test_why_the_guard_says_what_it_says(place: Cli, described: Run) -> None:
    configured(place, "")
    said = described("policy", "explain", "restart", "web", "--json").json
    assert (said["verdict"], said["rule"], said["risk"]) == ("deny", "suggest", "disruptive")
    assert "opsagent trust --grant restart:web" in said["to_change"]
    described("hold", "web", "--why", "migration")
    held = described("policy", "explain", "restart", "web", "--json").json
    assert (held["rule"], held["to_change"]) == ("hold", "`opsagent release web`")
    assert "suggest" in [other["rule"] for other in held["others"]]
    assert "migration" in described("policy", "explain", "restart", "web").out
    described("release", "web")
    file = described("policy", "explain", "rollback-config", "web", "--path", "/etc/shadow", "--json").json
    assert (file["rule"], file["person"]["verdict"]) == ("protected path", "deny")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["restrat", "web"], "did you mean restart?"),
        (["restart", "wbe"], "did you mean 'web'?"),
    ],
)
def test_typos_are_offered_the_nearest(described: Run, arguments: list[str], said: str) -> None:
    result = described("policy", "explain", *arguments)
    assert result.code == 2
    assert said in result.error


def test_a_policy_that_others_may_write_to_is_refused(place: Cli, described: Run) -> None:
    configured(place, 'mode = "auto"\n')
    place.home.joinpath("config.toml").chmod(0o666)
    try:
        result = described("policy", "show")
        assert (result.code, "chmod go-w" in result.error) == (2, True)
    finally:
        configured(place, "")


def would_be(cli: Cli, times: int, steps: tuple[Step, ...]) -> None:
    """What some nights in mode suggest leave behind."""
    with Journal.open(Home.open(cli.home)) as journal:
        for _ in range(times):
            plan = new_plan(unit=WEB.id, steps=steps, remedy="hang/x", origin="agent", source="runbook")
            [row] = journal.note_would_be(plan, "suggest")
            journal.judge_would_be(row, "right", "kim did it, and it helped")


def score_of(described: Run, action: str) -> Any:
    return next(one for one in described("trust", "--json").json["scores"] if one["action"] == action)


def test_trust_is_shown_granted_and_taken_back(place: Cli, described: Run) -> None:
    early = described("trust", "--grant", "restart:web")
    assert (early.code, "0 times so far" in early.error) == (3, True)
    would_be(place, 5, restart_steps(WEB))
    shown = described("trust")
    assert "restart:web  5 of 5 right, 0 harmful" in shown.out
    assert "earned: `opsagent trust --grant restart:web`" in shown.err
    score = score_of(described, "restart")
    assert (score["right"], score["wrong"], score["earned"], score["granted"]) == (5, 0, True, False)
    assert described("trust", "--grant", "restart:web").code == 0
    assert described("policy", "explain", "restart", "web", "--json").json["rule"] == "granted"
    assert "restart" in [one["action"] for one in described("policy", "show", "--json").json["grants"]]
    assert described("trust", "--revoke", "restart:web").code == 0
    assert described("trust", "--revoke", "restart:web").code == 2
    for no_use in ("truncate_log", "run_runbook_command", "rollback"):
        assert described("trust", "--grant", f"{no_use}:web", "--yes").code == 4
    first = described("trust", "--show", "restart:web", "--json").json["would_be"][0]
    assert described("trust", "--wrong", first["id"], "--why", "it was the disk").code == 0
    assert score_of(described, "restart")["wrong"] == 1
    digest = described("trust", "--digest", "--json").json
    assert [one["verdict"] for one in digest["would_be"] if one["action"] == "restart"] == ["wrong", *["right"] * 4]
    assert described("trust", "--grant", "x", "--digest").code == 2


def test_on_a_terminal_what_was_earned_is_offered(place: Cli, described: Run) -> None:
    would_be(place, 6, start_steps(WEB))
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        place.argv("trust"), stdin=secondary, stdout=secondary, stderr=secondary, env=place.env()
    )
    os.close(secondary)
    shown = b""
    while b"start:web 6 of 6 right, 0 harmful; enable auto? [y/N]" not in shown:
        shown += os.read(primary, 4096)
        if shown.endswith(b"[y/N] ") and b"start:web 6" not in shown:
            os.write(primary, b"n\n")  # another one is offered before it
    os.write(primary, b"y\n")
    assert process.wait(30) == 0
    os.close(primary)
    assert score_of(described, "start")["granted"]
