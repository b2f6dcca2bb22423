"""`opsagent map` as a person uses it: real services that talk to each other, with and without a daemon."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Cli
from tests.acceptance.test_looking import on_a_terminal
from tests.support.waiting import eventually

TALKER = """
import socket, sys, threading, time
port, others = int(sys.argv[1]), [int(each) for each in sys.argv[2:]]
def hold(connection):
    with connection:
        while connection.recv(100):
            pass
def call(port):
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as s:
                while True:
                    s.sendall(b"x"); time.sleep(0.5)
        except OSError:
            time.sleep(0.1)
for other in others:
    threading.Thread(target=call, args=(other,), daemon=True).start()
listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port)); listener.listen(16)
while True:
    threading.Thread(target=hold, args=(listener.accept()[0],), daemon=True).start()
"""
SERVICE = '[services.{name}]\ncommand = ["{python}", "-SE", "talker.py", "{port}", {others}]\nport = {port}\n'


@pytest.fixture
def shop(cli: Cli, tmp_path: Path, free_ports: Callable[[int], list[int]]) -> Iterator[Cli]:
    """web uses api, api uses store; cron talks to nobody."""
    (tmp_path / "talker.py").write_text(TALKER)
    web, api, store = free_ports(3)
    text = '[services.cron]\ncommand = ["sleep", "600"]\n'
    for name, port, others in (("web", web, f'"{api}"'), ("api", api, f'"{store}"'), ("store", store, "")):
        text += SERVICE.format(name=name, python=sys.executable, port=port, others=others)
    (tmp_path / "services.toml").write_text(text)
    assert cli("up", str(tmp_path / "services.toml")).code == 0
    yield cli
    cli("down")


def pairs(report: Any) -> set[tuple[str, str]]:
    name = {node["id"]: node["name"] for node in report["nodes"]}
    return {(name[edge["from"]], name[edge["to"]]) for edge in report["edges"]}


EDGES = {("web", "api"), ("api", "store")}


def is_sure(report: Any) -> bool:
    return pairs(report) == EDGES and {edge["state"] for edge in report["edges"]} == {"sure"}


def test_without_a_daemon_it_looks_for_itself_and_says_so(shop: Cli, tmp_path: Path) -> None:
    report = eventually(lambda: found if pairs(found := shop("map", "--json").json) == EDGES else None)
    assert report["source"] == "now"
    assert all(edge["learnt"] and not edge["configured"] and edge["counts"] for edge in report["edges"])
    piped = shop("map", env={"COLUMNS": "30"})
    assert "seen now" in piped.err
    assert "\x1b" not in piped.out
    assert re.search(r"│ ● web :\d+ │─┐", piped.out)
    assert piped.out.count("▶") == 2
    assert re.search(r"Seen to talk to nobody:\n● cron$", piped.out.strip())
    narrow = on_a_terminal(shop, "map", env={"COLUMNS": "30", "LINES": "24"}).replace("\r", "")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", narrow)
    assert re.search(r"● web :\d+\n└─ ● api :\d+\n   └─ ● store :\d+\n", plain)
    dumb = on_a_terminal(shop, "map", env={"TERM": "dumb"})
    assert "->" in dumb
    assert "\x1b" not in dumb

    focused = shop("map", "--focus", "api", "--words")
    assert re.fullmatch(r"api uses store :\d+: seen .*\nweb uses api :\d+: seen .*\n", focused.out)
    alone = shop("map", "--focus", "cron", "--json").json
    assert ([node["name"] for node in alone["nodes"]], alone["edges"]) == (["cron"], [])
    assert pairs(shop("map", "--focus", "store", "--json").json) == EDGES
    written = shop("map", "--svg", str(tmp_path / "m.svg"), "--html", str(tmp_path / "m.html"), "--focus", "web")
    assert (written.code, written.out) == (0, "")
    said = "".join(ET.parse(tmp_path / "m.svg").getroot().itertext())
    assert "api uses store" in said
    assert "cron" not in said
    assert "<script" not in (tmp_path / "m.html").read_text()


def test_a_daemon_learns_and_what_it_learnt_outlives_it(shop: Cli) -> None:
    with shop.watching():
        eventually(lambda: is_sure(shop("map", "--json").json), timeout=30)
        shown = shop("map")
        assert (shown.code, shown.err) == (0, ""), "what a daemon learnt needs no remark"
    kept = shop("map", "--json").json
    assert (kept["source"], pairs(kept)) == ("kept", EDGES)
    file = shop.home / "senses" / "topology.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{}")
    broken = shop("map", "--json")
    assert (broken.code, broken.json["source"]) == (0, "now")


def test_nothing_there_and_nothing_that_can_be_done(cli: Cli, tmp_path: Path) -> None:
    empty = cli("map")
    assert (empty.code, empty.out) == (0, "")
    assert "opsagent up FILE" in empty.err
    assert cli("map", "--json").json["nodes"] == []
    assert cli("map", "--focus", "web").code == 2
    assert cli("map", "--focus", "").code == 2
    assert "cannot be written" in cli("map", "--svg", str(tmp_path / "no" / "where.svg")).error
    assert cli("map", "--svg", str(tmp_path / "empty.svg")).code == 0
    ET.parse(tmp_path / "empty.svg")


@pytest.mark.parametrize("command", ["map", "ps"])
def test_a_configuration_with_a_slip_is_told_and_not_left_out_silently(cli: Cli, command: str) -> None:
    cli.home.mkdir(exist_ok=True)
    (cli.home / "config.toml").write_text('[[maintenance]]\nunits = "all"\nwhen = "Sonntag 02:00-04:00"\n')
    shown = cli(command)
    assert shown.code == 0
    assert "maintenance[1].when (line 3): 'sonntag' is no day of the week" in shown.err
    (cli.home / "config.toml").write_text('[[maintenance]]\nunits = "all"\nwhen = "Sun 02:00-04:00"\n')
    assert "maintenance" not in cli(command).err


def test_ctrl_c_ends_it_quietly(cli: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nobody reads it: the command cannot come to its end
    process = subprocess.Popen(
        cli.argv("map", "--svg", str(pipe)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.env()
    )
    eventually((cli.home / "senses").is_dir, timeout=20)  # it is past its beginning
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err) == (b"", b"")
    assert process.returncode in {130, -signal.SIGINT}  # CPython ends itself so where it was in exec() of a text
