"""Commands that change something: up, down, do, approve, hold, pause, watch. Everything is real."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from tests.acceptance.conftest import Cli
from tests.support.waiting import eventually


def pids(cli: Cli, name: str) -> list[int]:
    return [process["pid"] for process in cli.units()[name]["processes"]]


def test_up_and_down(cli: Cli, services: Path) -> None:
    first = cli("up", str(services), "--json").json
    assert {what: set(names) for what, names in first["changes"].items() if names} == {"added": {"tick", "web"}}
    assert first["problems"] == {}
    before = pids(cli, "web")
    again = cli("up", str(services))
    assert (again.code, pids(cli, "web")) == (0, before)
    assert "nothing changed" in again.err
    down = cli("down")
    assert (down.code, down.out) == (0, "stopped tick, web\n")
    assert cli("down").out == "the engine was not running\n"
    assert cli("ps", "--json").json["engine"]["running"] is False


def test_up_takes_the_file_as_a_whole(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text('[services.a]\ncommand = "sleep 999"\n[services.b]\ncommand = "sleep 999"\n')
    cli("up", str(file))
    kept = pids(cli, "b")
    file.write_text('[services.b]\ncommand = "sleep 999"\n[services.c]\ncommand = "sleep 999"\n')
    changes = cli("up", str(file), "--json").json["changes"]
    assert changes == {"added": ["c"], "changed": [], "removed": ["a"], "kept": ["b"]}
    assert pids(cli, "b") == kept


def test_up_says_which_service_did_not_come_up_and_why(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text(
        '[services.good]\ncommand = "sleep 999"\n'
        "[services.bad]\nautorestart = false\n"
        """command = ["sh", "-c", "echo no config for me, token=abcdefghij1234567890; exit 3"]\n"""
    )
    result = cli("up", str(file), "--wait", "20")
    assert result.code == 1
    (why,) = [line for line in result.err.splitlines() if line.startswith("bad did not come up")]
    assert "no config for me" in why
    assert "abcdefghij1234567890" not in why
    assert cli.units()["good"]["state"] == "running"


def test_do_restarts_only_with_a_yes(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    before = pids(cli, "web")
    asked = cli("do", "restart web")
    assert asked.code == 3
    assert pids(cli, "web") == before
    (question,) = cli("approvals", "--json").json["approvals"]
    assert question["id"] in asked.err
    assert question["action"] == "restart"
    done = cli("do", "restart web", "--yes")
    assert (done.code, done.out) == (0, "done: restart web (1 of 1 steps done)\n")
    assert not set(pids(cli, "web")) & set(before)


def test_a_confirmation_can_be_given_later_and_once(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    before = pids(cli, "web")
    asked = cli("do", "restart web", "--json")
    assert asked.code == 3
    approval = asked.json["results"][0]["approval"]
    done = cli("approve", approval)
    assert (done.code, done.out) == (0, "done: restart:web (1 of 1 steps done)\n")
    after = pids(cli, "web")
    assert not set(after) & set(before)
    assert "already" in cli("approve", approval).error
    assert pids(cli, "web") == after


def test_what_is_denied_is_not_done(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    before = pids(cli, "web")
    approval = cli("do", "stop web", "--json").json["results"][0]["approval"]
    denied = cli("deny", approval)
    assert (denied.code, denied.out) == (0, "denied: stop:web is not done\n")
    for again in (cli("deny", approval), cli("approve", approval)):
        assert again.code == 1
        assert "already" in again.error
    assert pids(cli, "web") == before


def test_a_yes_is_void_once_the_processes_are_others(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    approval = cli("do", "restart web", "--json").json["results"][0]["approval"]
    cli("do", "restart web", "--yes")
    before = pids(cli, "web")
    void = cli("approve", approval)
    assert void.code == 4
    assert "changed since it was asked" in void.err
    assert pids(cli, "web") == before


def test_do_several_things_in_order(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    result = cli("do", "scale tick to 3, then stop web and then show last 1 line of tick logs", "--yes", "--json")
    assert result.code == 0, result
    assert [one["result"] for one in result.json["results"]] == ["done", "done", "done"]
    units = cli.units()
    assert (len(units["tick"]["processes"]), units["web"]["state"]) == (3, "stopped")
    assert cli("do", "start web").code == 0
    assert cli.units()["web"]["state"] == "running"


def test_a_failed_step_ends_the_row(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    flag = tmp_path / "flag"
    flag.touch()
    script = f"test -e {flag} || exit 4; exec sleep 999"
    file.write_text(
        f'[services.alpha]\ncommand = ["sh", "-c", "{script}"]\nautorestart = false\n[services.beta]\ncommand = "sleep 999"\n'
    )
    assert cli("up", str(file)).code == 0
    flag.unlink()
    before = pids(cli, "beta")
    result = cli("do", "restart alpha and restart beta", "--yes")
    assert result.code == 1
    assert "failed: restart alpha" in result.err
    assert "not done: restart beta" in result.err
    assert pids(cli, "beta") == before


def test_reload_safely_replaces_every_instance(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    before = pids(cli, "tick")
    result = cli("do", "tick을 안전하게 다시 로드해줘")
    assert result.code == 0, result
    assert len(pids(cli, "tick")) == 2
    assert not set(pids(cli, "tick")) & set(before)


def test_ctrl_c_says_what_was_done(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    slow = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None)\nwhile True: time.sleep(1)"
    file.write_text(
        f'[services.alpha]\ncommand = "sleep 999"\n[services.beta]\ncommand = "sleep 999"\n[services.gamma]\ncommand = ["python3", "-c", """{slow}"""]\nstop_timeout_s = 30\n'
    )
    assert cli("up", str(file)).code == 0
    process = subprocess.Popen(
        cli.argv("do", "stop alpha and stop gamma and restart beta", "--yes"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cli.env(),
    )  # fmt: skip
    eventually(
        lambda: cli.units()["alpha"]["state"] == "stopped" and cli.units()["gamma"]["state"] == "stopping", timeout=30
    )
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "done: stop alpha" in out
    assert "interrupted in the middle of: stop gamma" in err
    assert "not done: restart beta" in err
    for pid in pids(cli, "gamma"):
        os.kill(pid, signal.SIGKILL)


def test_a_protected_service_is_refused_even_with_yes(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text('[services.db]\ncommand = "sleep 999"\nprotected = true\n')
    cli("up", str(file))
    before = pids(cli, "db")
    result = cli("do", "restart db", "--yes")
    assert result.code == 4
    assert "protected" in result.err
    assert pids(cli, "db") == before


def test_holds_and_the_pause(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    assert cli("hold", "web", "--for", "2h", "--why", "moving the disk").code == 0
    (hold,) = cli("hold", "--json").json["holds"]
    assert (hold["why"], hold["unit"].partition("@")[0]) == ("moving the disk", "circus:web")
    assert "moving the disk" in cli("hold").out
    assert cli("release", "web").out == "web is released\n"
    assert cli("hold", "--json").json["holds"] == []
    assert cli("pause", "--why", "deploy").code == 0
    assert cli("resume", "--json").json == {"paused": False, "was_paused": True}
    assert cli("resume").out == "the agent was not paused\n"


def test_ps_shows_what_the_daemon_may_do(cli: Cli, services: Path) -> None:
    per_risk = '[services.tick]\nmode = { safe = "auto", disruptive = "approve" }\n'
    services.write_text(services.read_text().replace("[services.tick]\n", per_risk))
    cli("up", str(services))
    cli("hold", "web", "--why", "moving the disk")
    with cli.watching("--mode", "observe"):
        units = cli.units()
        drawn = cli("ps").out.splitlines()
    assert (units["web"]["mode"], units["web"]["hold"]) == ("observe", "moving the disk")
    assert (units["tick"]["mode"]["safe"], units["tick"]["mode"]["disruptive"]) == ("auto", "approve")
    assert units["tick"]["hold"] is None
    assert [line for line in drawn if line.startswith("web") and "on hold: moving the disk" in line]
    assert [line for line in drawn if line.startswith("tick") and "per risk" in line]


def test_a_home_whose_engine_hangs_can_be_taken_down(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    engine = cli("ps", "--json").json["engine"]["pid"]
    os.kill(engine, signal.SIGSTOP)
    assert "does not answer" in cli("ps").error
    assert cli("down", "--json").json == {"was_running": True, "stopped": ["web", "tick"]}
    assert cli("ps", "--json").json["engine"]["running"] is False


def test_on_a_terminal_one_is_asked(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    before = pids(cli, "web")
    for text, answer, changes in (("restart web", "n\n", False), ("restart wbe", "y\n", True)):
        primary, secondary = pty.openpty()
        process = subprocess.Popen(
            cli.argv("do", text), stdin=secondary, stdout=secondary, stderr=secondary, env=cli.env({"TERM": "xterm"})
        )
        os.close(secondary)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(primary, 4096)
        os.write(primary, answer.encode())
        try:
            while chunk := os.read(primary, 65536):
                shown += chunk
        except OSError:  # Linux says EIO at the end of a pty
            pass
        os.close(primary)
        assert process.wait(30) == (0 if changes else 3)
        assert (pids(cli, "web") != before) is changes


def test_the_daemon_repairs_and_tells(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    (pid,) = pids(cli, "web")
    with cli.watching("--mode", "auto") as daemon:
        eventually(lambda: cli.units()["web"]["health"] == "healthy", timeout=20)
        os.kill(pid, signal.SIGSTOP)
        with Journal.read(Home.open(cli.home)) as journal:
            eventually(lambda: journal.incidents("resolved"), timeout=60)
        resolved = cli("incidents", "list", "--status", "resolved", "--json").json["incidents"]
        assert cli("memory", "stats", "--json").json["records"] >= 1
        daemon.send_signal(signal.SIGTERM)
        told, _ = daemon.communicate(timeout=30)
    assert daemon.returncode == 0
    kinds = [json.loads(line)["kind"] for line in told.splitlines()]
    assert kinds[0] == "started"
    assert kinds[-1] == "stopped"
    assert "opened" in kinds
    (incident,) = resolved
    assert (incident["name"], incident["fault"], incident["remedy"]) == ("web", "hang", "hang/continue")
    page = cli("incidents", "show", incident["id"][:6])
    assert re.search(r"detected +after \d", page.out)
    assert "continue:web" in page.out
    assert cli("incidents", "show", incident["id"], "--json").json["timeline"]
    assert incident["id"] in cli("do", "why did web hang?").out
    (found,) = cli("memory", "search", "web hangs", "--json").json["results"]
    assert cli("memory", "show", found["id"], "--json").json["fields"]["remedy"] == "hang/continue"


def test_commands_go_through_the_daemon_while_it_runs(cli: Cli, services: Path) -> None:
    cli("up", str(services))
    with cli.watching():
        before = pids(cli, "web")
        assert cli("do", "restart web", "--yes").code == 0
        assert not set(pids(cli, "web")) & set(before)
        assert cli("ps", "--json").json["daemon"]["paused"] is False
        cli("pause")
        assert "paused" in cli("ps").err
        cli("resume")
        checks = {check["about"]: check for check in cli("doctor", "--json").json["checks"]}
        assert checks["daemon"]["level"] == "ok"


@pytest.mark.parametrize("how", ["--for", "ctrl-c"])
def test_watch_ends_cleanly(cli: Cli, how: str) -> None:
    arguments = ["--for", "1"] if how == "--for" else []
    process = subprocess.Popen(
        cli.argv("watch", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cli.env()
    )
    assert process.stdout is not None
    assert "started" in process.stdout.readline()
    if how == "ctrl-c":
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130 if how == "ctrl-c" else 0, "")
    assert "stopped" in out
