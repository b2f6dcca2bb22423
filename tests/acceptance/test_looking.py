"""Commands that look: ps, logs, status and why in plain words, incidents, doctor. Nothing here changes a service."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess

import pytest

from opsagent import __version__
from opsagent.cli.main import COMMANDS
from opsagent.home import Home
from opsagent.running import look_at_engine
from tests.acceptance.conftest import Cli
from tests.support.waiting import eventually

ESC = "\x1b"


def on_a_terminal(cli: Cli, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a command shows on a terminal."""
    primary, secondary = pty.openpty()
    settings = cli.env({"TERM": "xterm-256color", **(env or {})})
    if "NO_COLOR" not in (env or {}):
        settings.pop("NO_COLOR", None)
    process = subprocess.Popen(cli.argv(*arguments), stdin=secondary, stdout=secondary, stderr=secondary, env=settings)
    os.close(secondary)
    shown = b""
    try:
        while chunk := os.read(primary, 65536):
            shown += chunk
    except OSError:  # Linux says EIO at the end of a pty
        pass
    finally:
        os.close(primary)
        process.wait(30)
    return shown.decode(errors="replace")


def table_of(out: str) -> list[str]:
    """The table of units; under it stands what listens on this machine and nobody supervises."""
    return out.split("\nNobody supervises:", maxsplit=1)[0].strip("\n").splitlines()


def test_ps_lists_what_runs(busy: Cli) -> None:
    result = busy("ps")
    heading, *rows = table_of(result.out)
    assert result.code == 0
    assert heading.split()[:3] == ["NAME", "STATE", "INSTANCES"]
    assert [row.split()[:3] for row in rows] == [["tick", "running", "2/2"], ["web", "running", "1/1"]]


def test_ps_json_is_one_document(busy: Cli) -> None:
    report = busy("ps", "--json").json
    assert report["engine"]["running"] is True
    assert report["daemon"] is None
    tick = next(unit for unit in report["units"] if unit["name"] == "tick")
    assert len(tick["processes"]) == tick["instances"] == 2
    assert tick["rss"] > 0
    assert tick["uptime_s"] > 0
    assert tick["health"] == "unknown"
    assert re.fullmatch(r"circus:tick@\S+", tick["id"])


def loaded_by(cli: Cli, *arguments: str) -> set[str]:
    """The modules that a command imports."""
    argv = cli.argv(*arguments)
    command = [argv[0], "-X", "importtime", *argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=cli.env(), timeout=60, check=True)
    return set(re.findall(r"\|\s+([\w.]+)$", done.stderr, re.MULTILINE))


def test_ps_loads_little_whatever_it_has_to_ask(busy: Cli) -> None:
    slow = {"asyncio", "zmq", "typer", "rich", "click", "ssl", "logging", "subprocess", "tempfile", "psutil", "msgspec"}
    assert loaded_by(busy, "ps") & slow == set()
    with busy.watching():
        loaded = loaded_by(busy, "ps", "--json")
    assert "opsagent.api.call" in loaded
    assert loaded & slow == set()
    assert {"asyncio", "zmq", "typer"} <= loaded_by(busy, "watch", "--for", "0.1"), "the trace would show them"


def test_home_may_be_given_after_the_command(busy: Cli, cli: Cli) -> None:
    assert len(cli("ps", "--json", "--home", str(busy.home)).json["units"]) == 2
    assert cli("ps", "--json").json["units"] == []


def test_an_empty_home_says_how_to_begin(cli: Cli) -> None:
    result = cli("ps")
    assert (result.code, table_of(f"\n{result.out}")) == (0, [])
    assert "opsagent up FILE" in result.err


def test_a_pipe_gets_plain_text_that_is_not_wrapped(busy: Cli) -> None:
    narrow, wide = (busy("ps", env={"COLUMNS": width}).out for width in ("40", "200"))
    assert ESC not in narrow
    assert narrow.splitlines()[0] == wide.splitlines()[0]


def test_a_narrow_terminal_stays_readable(busy: Cli) -> None:
    shown = on_a_terminal(busy, "ps", env={"COLUMNS": "40", "LINES": "24"})
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.replace("\r", "").splitlines()]
    assert all(len(line) <= 40 for line in lines)
    assert [line.split()[:2] for line in lines if line.startswith(("tick", "web"))] == [
        ["tick", "running"],
        ["web", "running"],
    ]


def test_colours_are_for_terminals_that_want_them(busy: Cli) -> None:
    assert ESC in on_a_terminal(busy, "ps")
    assert ESC not in on_a_terminal(busy, "ps", env={"NO_COLOR": "1"})
    assert ESC not in busy("ps").out


def test_logs_are_masked(busy: Cli) -> None:
    eventually(lambda: "tick\n" in busy("logs", "tick").out)
    result = busy("logs", "tick", "-n", "100000")
    assert "password=«redacted" in result.out
    assert "hunter2abc" not in result.out
    assert len(busy("logs", "tick", "-n", "3").out.splitlines()) == 3


def test_logs_as_json(busy: Cli) -> None:
    (line,) = busy("logs", "tick", "-n", "1", "--json").json
    assert (line["name"], line["line"]) == ("tick", "tick")


def test_logs_can_be_followed_until_ctrl_c(busy: Cli) -> None:
    process = subprocess.Popen(
        busy.argv("logs", "tick", "-f", "-n", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=busy.env(),
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "tick\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


def test_lines_that_say_the_same_are_folded_on_a_terminal_and_whole_in_a_pipe(busy: Cli) -> None:
    eventually(lambda: len(busy("logs", "tick", "-n", "4").out.splitlines()) == 4)
    assert busy("logs", "tick", "-n", "4").out == "tick\n" * 4
    assert "×4  tick" in on_a_terminal(busy, "logs", "tick", "-n", "4", env={"NO_COLOR": "1"})
    assert on_a_terminal(busy, "logs", "tick", "-n", "4", "--raw").count("tick") == 4
    assert busy("logs", "tick", "-n", "4", "--fold").out == "×4  tick\n"


def test_what_is_new_is_known_to_the_daemon_only(busy: Cli) -> None:
    assert "nobody watches" in busy("logs", "--new").error


def test_a_reader_that_goes_away_is_no_error(busy: Cli) -> None:
    for arguments in (("logs", "tick", "-n", "100000"), ("ps",), ("logs", "tick", "-f")):
        process = subprocess.Popen(
            busy.argv(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=busy.env(), text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(30) == 0
        process.stderr.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("status of web", "running"), ("show last 2 lines of tick logs", "tick"), ("why web", "no incident of web is known"),
     ("tick 로그 보여줘", "tick"), ("how much memory is free?", "available")],
)  # fmt: skip
def test_questions_are_answered_at_once(busy: Cli, text: str, expected: str) -> None:
    result = busy("do", text)
    assert result.code == 0, result
    assert expected in result.out
    (answered,) = busy("do", text, "--json").json["results"]
    assert answered["result"] == "done"


def test_a_dry_run_prints_the_reading(busy: Cli) -> None:
    assert busy("do", "reload web safely", "--dry-run", "--json").json == {
        "steps": [
            {"tool": "reload", "target": "web", "args": {"safely": True}, "risk": "disruptive", "why": "asked for"}
        ],
        "ask": None,
        "language": "en",
    }
    (step,) = busy("do", "restart web if it is down", "--dry-run", "--json").json["steps"]
    assert (step["tool"], step["args"]) == ("restart", {"if": "web is down"})
    asked = busy("do", "restrat web", "--dry-run", "--json")
    assert (asked.code, asked.json["steps"]) == (0, [])
    assert asked.json["ask"]["offers"]


@pytest.mark.parametrize(
    "arguments", [("incidents",), ("incidents", "list"), ("approvals",), ("hold",), ("memory", "stats")]
)
def test_nothing_yet_is_said_plainly(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert result.code == 0, result
    assert len(result.out.splitlines()) <= 10
    assert isinstance(cli(*arguments, "--json").json, dict)


def test_doctor_names_what_it_looked_at(busy: Cli) -> None:
    report = busy("doctor", "--json").json
    checks = {check["about"]: check for check in report["checks"]}
    assert report["ok"] is True
    assert {"python", "packages", "home", "disk", "config", "engine", "daemon"} <= set(checks)
    assert checks["engine"]["level"] == "ok"
    assert checks["daemon"]["mend"]


def test_doctor_says_what_is_wrong_with_the_home(cli: Cli) -> None:
    result = cli("doctor", "--json", "--home", "/dev/null/home")
    assert result.code == 1
    assert result.json["checks"][-1]["about"] == "home"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name: str, cli: Cli) -> None:
    result = cli(name, "--help")
    assert (result.code, result.err) == (0, "")
    assert f"Usage: opsagent {name}" in result.out
    if "Commands:" not in result.out:
        assert "--json" in result.out
        assert "--home" in result.out


def test_help_and_version(cli: Cli) -> None:
    shown = cli("--help").out
    assert all(re.search(rf"^  {name}\b", shown, re.MULTILINE) for name in COMMANDS)
    assert cli("--version").out == f"opsagent {__version__}\n"
    assert cli("version", "--json").json["version"] == __version__


def test_names_are_completed(busy: Cli) -> None:
    def completed(words: str) -> list[str]:
        asked = {
            "_OPSAGENT_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = subprocess.run(
            [*busy.argv()[:1], "-c", "import sys; sys.argv[0]='opsagent'; from opsagent.cli.main import run; run()"],
            env=busy.env(asked), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.split()

    assert completed("opsagent wat") == ["watch"]
    assert completed("opsagent logs t") == ["tick"]
    assert completed("opsagent release ") == ["tick", "web"]
    assert completed("opsagent incidents s") == ["show"]


def test_the_engine_dead_is_said_and_the_services_are_down(cli: Cli, services: object) -> None:
    assert cli("up", str(services)).code == 0
    os.kill(cli("ps", "--json").json["engine"]["pid"], signal.SIGKILL)
    eventually(lambda: not look_at_engine(Home.open(cli.home)).engine_running, timeout=30)
    assert not cli("ps", "--json").json["engine"]["running"]
    result = cli("ps")
    assert [row.split()[1] for row in table_of(result.out)[1:]] == ["down", "down"]
    assert "the engine is not running" in result.err
    assert cli("up", str(services)).code == 0
    assert cli.units()["web"]["state"] == "running"


class TestTop:
    def test_one_look_is_text_without_a_terminal(self, busy: Cli) -> None:
        result = busy("top")
        assert result.code == 0
        head, _, heading, *rows = result.out.splitlines()
        assert head.startswith("2 of 2 services run · no open incidents · nobody watches")
        assert heading.split()[:3] == ["NAME", "STATE", "CPU"]
        assert sorted(row.split()[0] for row in rows) == ["tick", "web"]
        assert "\x1b" not in result.out

    def test_one_look_is_a_document_with_json(self, busy: Cli) -> None:
        shown = busy("top", "--json", "--once", "--every", "0.3").json
        assert {unit["name"] for unit in shown["units"]} == {"web", "tick"}
        assert all(unit["fds"] and unit["threads"] for unit in shown["units"])
        assert all(len(unit["history"]["cpu"]) == 2 for unit in shown["units"])
        assert shown["daemon"] is None

    def test_it_streams_lines_until_it_is_interrupted(self, busy: Cli) -> None:
        with subprocess.Popen(
            busy.argv("top", "--json", "--every", "0.2"), env=busy.env(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            pictures = [json.loads(process.stdout.readline()) for _ in range(2)]
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        assert pictures[0]["at"] < pictures[1]["at"]

    def test_too_quick_is_refused(self, cli: Cli) -> None:
        assert cli("top", "--every", "0.01").error == "--every 0.01: must be at least 0.2 seconds"
        assert cli("top", "--every", "nan").code == 2
