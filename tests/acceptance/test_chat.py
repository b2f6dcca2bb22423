"""A conversation as a person has it: on a terminal, on lines, as JSON Lines; with real services."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from opsagent.cli.main import main
from opsagent.home import Home
from opsagent.store.journal import Journal
from tests.acceptance.conftest import Cli, home_of_its_own
from tests.support.screen import Program, on_a_terminal
from tests.support.waiting import eventually

SERVER = """
import http.server, os, signal, socket
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *what): pass
class Server(http.server.ThreadingHTTPServer):
    def server_bind(self): pass
    def server_activate(self): pass
server = Server(("127.0.0.1", 0), Quiet, bind_and_activate=False)
server.socket = socket.socket(fileno=int(os.environ["LISTEN_FD"]))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("\\x1b[31mserving\\x1b[0m", flush=True)
server.serve_forever()
"""
SERVICES = """
[services.api]
command = ["{python}", "-u", "server.py"]
port = {port}
share_socket = true
instances = 2
health = {{ http = "http://127.0.0.1:{port}/", interval_s = 0.2, timeout_s = 2, grace_s = 15 }}

[services.tick]
command = ["sleep", "99999"]
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Cli]:
    """A home where `api` (two instances) and `tick` run."""
    import socket
    import sys

    with home_of_its_own() as cli:
        folder = cli.home.parent
        (folder / "server.py").write_text(SERVER)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        (folder / "services.toml").write_text(SERVICES.format(python=sys.executable, port=port))
        up = cli("up", str(folder / "services.toml"))
        assert up.code == 0, up
        yield cli


def canary(cli: Cli, seconds: float) -> None:
    (cli.home / "config.toml").write_text(f"[policy]\ncanary_s = {seconds}\n")


@contextmanager
def talking(cli: Cli, *arguments: str, columns: int = 100, rows: int = 50, **env: str) -> Iterator[Program]:
    settings = cli.env({"TERM": "xterm-256color", **env})
    with on_a_terminal(cli.argv("chat", *arguments), settings, cli.home.parent, columns=columns, rows=rows) as program:
        yield program


def pids(cli: Cli, name: str) -> list[int]:
    return [process["pid"] for process in cli.units()[name]["processes"]]


def events(cli: Cli, *lines: object) -> list[dict[str, Any]]:
    said = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    result = cli("chat", "--json", stdin=said)
    assert "Traceback" not in result.err, result
    return [json.loads(line) for line in result.out.splitlines()]


def press(chat: Program, key: str) -> None:
    """Press a key at an empty prompt: what is pressed before it is drawn is the terminal's own, and lost."""
    chat.wait_for(lambda: any(row.strip() == "›" for row in chat.screen.text().splitlines()), "the prompt is there")
    chat.type(key)


def leave(chat: Program) -> None:
    press(chat, "\x04")


def test_a_reload_an_approval_and_a_resumed_conversation_on_a_terminal(served: Cli) -> None:
    canary(served, 0.1)
    before, ticking = pids(served, "api"), pids(served, "tick")
    with talking(served) as chat:
        chat.sees("2 services")
        chat.say("reload api safely")
        chat.sees("done: reload api")
        chat.say("show me its logs")
        chat.sees("\\x1b[31mserving")  # escaped: it colours nothing
        chat.say("restart tick")
        chat.sees("[y/N]")
        assert pids(served, "tick") == ticking
        chat.type("네\r")
        chat.sees("done: restart tick")
        chat.say("tick 어때?")
        chat.sees("실행 중입니다")
        chat.process.send_signal(signal.SIGKILL)
        chat.ends()
    assert not set(pids(served, "api")) & set(before)
    assert not set(pids(served, "tick")) & set(ticking)
    history = served.home / "chat_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600

    with talking(served, "--resume", columns=40) as chat:
        chat.sees("› tick 어때?")
        chat.type("restart it\r")
        chat.sees("[y/N]")
        chat.type("\x03")
        chat.wait_for(lambda: "아무것도" in chat.screen.text() or "othing was done" in chat.screen.text(), "it is a no")
        leave(chat)
        assert chat.ends() == 3


def test_ctrl_c_in_a_reload_leaves_nothing_half_done(served: Cli) -> None:
    canary(served, 60)
    before = pids(served, "api")
    with talking(served) as chat:
        chat.sees("2 services")
        chat.say("restart tick then reload api safely")
        chat.sees("[y/N]")
        chat.type("y\r")
        chat.sees("[1/2]")
        chat.type("\x03")
        chat.sees("nothing is half done")
        eventually(lambda: pids(served, "api") == before, why="the old instances serve, no new one is left")
        chat.wait_for(lambda: "›" in chat.screen.text().rpartition("is half done")[2], "it listens again")
        chat.type("status\x03")
        chat.sees("Ctrl-D or /quit leaves")
        chat.type("\x03")
        assert chat.ends() == 130


def test_a_paste_is_one_text_and_no_control_gets_through(served: Cli) -> None:
    before = pids(served, "api")
    with talking(served, NO_COLOR="1") as chat:
        chat.sees("2 services")
        chat.type("\x1b[200~stop api\nstop tick\x1b]0;owned\x07\n\x1b[201~")
        chat.sees("stop tick")
        assert "[y/N]" not in chat.screen.text()
        chat.type("\r")
        chat.sees("invisible or control character")
        chat.type("restart tikc\ry\r")  # the yes is typed before there is anything to say yes to
        chat.sees("[y/n]")
        chat.say("no")
        chat.sees("Nothing was done")
        assert "done: restart" not in chat.screen.text()
        press(chat, "\x12stat")
        chat.sees("reverse-i-search")
        chat.type("\x07/quit\r")
        chat.ends()
        assert "owned\x07" not in chat.raw
    assert pids(served, "api") == before


def test_json_lines_in_both_languages(served: Cli) -> None:
    canary(served, 60)
    said = events(served, "api 괜찮아?", {"text": "restart tick"}, {"answer": "no"}, "restrat tick", "n", "status")
    by_kind = [(event["kind"], event["language"]) for event in said if event["kind"] != "progress"]
    assert by_kind[:2] == [("answer", "ko"), ("end", "ko")]
    assert ("confirm", "en") in by_kind
    assert ("declined", "en") in by_kind
    assert [event["code"] for event in said if event["kind"] == "end"][:2] == [0, 3]
    conversation = said[-1]["conversation"]
    with Journal.read(Home.open(served.home)) as journal:
        assert journal.conversation(conversation).title == "api 괜찮아?"
    assert served("chat", "--forget", conversation).code == 0
    assert conversation not in served("chat", "--list").out


def test_json_lines_interrupt_a_reload(served: Cli) -> None:
    canary(served, 60)
    before = pids(served, "api")
    process = subprocess.Popen(
        served.argv("chat", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=served.env()
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("reload api safely\n")
        process.stdin.flush()
        kinds = []
        for line in process.stdout:
            event = json.loads(line)
            kinds.append(event["kind"])
            assert event["kind"] in {"progress", "note", "end"}, event
            if event.get("data", {}).get("progress") == "step_started":
                process.stdin.write('{"interrupt": true}\n')
                process.stdin.close()
        assert kinds[-2:] == ["note", "end"]
    assert process.returncode == 130
    eventually(lambda: pids(served, "api") == before)


def test_piped_lines_end_with_the_code_of_the_last(served: Cli) -> None:
    done = served("chat", stdin="status\nwhat is the meaning of life\n")
    assert done.code == 2
    assert "tick" in done.out


@pytest.mark.parametrize("arguments", [["zzz"], ["--resume", "zzz"], ["--forget"], ["--forget", "zzz"]])
def test_a_conversation_that_there_is_not(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", *arguments]) == 2
    assert capsys.readouterr().err.startswith("opsagent: ")


def test_what_others_and_the_agent_ask_is_answered_where_it_is_shown(served: Cli) -> None:
    (served.home / "config.toml").write_text('mode = "approve"\n')
    ticking, serving = pids(served, "tick"), pids(served, "api")
    with served.watching(), talking(served) as chat:
        chat.sees("2 services")
        assert served("do", "restart tick").code == 3
        chat.sees("Waiting for a yes: restart:tick")
        chat.sees("[y/n]")
        chat.type("네\r")
        chat.sees("done: restarted tick")
        eventually(lambda: not set(pids(served, "tick")) & set(ticking))  # the daemon tells what it saw last
        for pid in serving:
            os.kill(pid, signal.SIGSTOP)
        try:
            chat.sees("opened", 60)
            chat.sees("continue:api 할까요?", 60)
            chat.sees("[y/n]")
            chat.type("yes\r")
            eventually(lambda: all(state_of(pid) != "T" for pid in serving), timeout=30)
            chat.sees("resolved", 60)  # nothing is open for the tests that follow
        finally:
            for pid in serving:
                os.kill(pid, signal.SIGCONT)
        leave(chat)
        assert chat.ends() == 0


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
