"""`opsagent lint` as a person uses it: on the engine's services and on a real PM2's."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.acceptance.conftest import Cli, home_of_its_own
from tests.acceptance.test_looking import on_a_terminal
from tests.support import pm2 as pm2s
from tests.support.pm2 import PM2
from tests.support.waiting import eventually

DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(1000)\n"
SESSIONS = """
const session = require("express-session");
const server = require("http").createServer((request, response) => response.end("x"));
server.listen(Number(process.env.PORT), "127.0.0.1");
const app = { use: () => 0 };
app.use(session({ secret: "password=hunter2abc" }));
"""
SERVICES = """
[services.deaf]
command = ["{python}", "deaf.py"]
stop_timeout_s = 1

[services.plain]
command = ["{python}", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
port = {port}
"""


def by_check(report: dict[str, Any]) -> dict[tuple[str | None, str], dict[str, Any]]:
    return {(one["name"], one["check"]): one for one in report["findings"]}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A home with a service that ignores its stop signal and one that ends at once."""
    import socket

    folder = tmp_path_factory.mktemp("lint")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (folder / "deaf.py").write_text(DEAF)
    (folder / "services.toml").write_text(SERVICES.format(python=sys.executable, port=port))
    with home_of_its_own() as cli:
        result = cli("up", str(folder / "services.toml"))
        assert result.code == 0, result
        eventually(lambda: "up" in cli("logs", "deaf").out, why="it ignores the signal by now")
        yield cli


def test_signals_are_told_by_the_kernel(engine: Cli) -> None:
    result = engine("lint", "--json")
    findings = by_check(result.json)
    deaf = findings["deaf", "reload/deaf_to_stop_signal"]
    assert (deaf["severity"], deaf["facts"]["sure"]) == ("warning", "certain")
    assert "SIGTERM" in findings["plain", "reload/ignores_stop_signal"]["says"]
    assert ("deaf", "reload/ignores_stop_signal") not in findings
    assert sorted(unit.partition(":")[2].partition("@")[0] for unit in result.json["looked_at"]) == ["deaf", "plain"]
    assert result.json["unseen"] == {}
    assert result.code == 0, "nothing of it is serious"


def test_a_person_reads_it_by_service_in_any_width(engine: Cli) -> None:
    piped = engine("lint").out.splitlines()
    assert [line for line in piped if not line.startswith(" ")] == ["deaf", "plain"]
    assert "\x1b" not in "".join(piped)
    assert all(line.startswith(("  warning", "  note", "    ")) for line in piped if line.startswith(" "))
    narrow = on_a_terminal(engine, "lint", "plain", env={"COLUMNS": "40"})
    assert "\x1b[33mwarning\x1b[0m" in narrow
    says = [line for line in narrow.splitlines() if line.startswith("    ")]
    assert len(says) > 3
    assert max(map(len, says)) <= 40


def test_one_service_or_an_unknown_one(engine: Cli) -> None:
    assert {one["name"] for one in engine("lint", "plain", "--json").json["findings"]} == {"plain"}
    result = engine("lint", "plan")
    assert (result.code, "did you mean 'plain'" in result.error) == (2, True)
    assert engine("lint", "--prove").code == 2


def test_without_a_yes_nothing_is_reloaded(engine: Cli) -> None:
    before = engine.units()["plain"]["processes"]
    result = engine("lint", "plain", "--prove")
    assert result.code == 3
    assert "--yes" in result.err
    assert engine.units()["plain"]["processes"][0]["pid"] == before[0]["pid"]


def test_what_listens_nowhere_cannot_be_proved(engine: Cli) -> None:
    result = engine("lint", "deaf", "--prove", "--yes")
    assert (result.code, "listens on no TCP port" in result.error) == (2, True)


def test_a_reload_that_costs_requests_is_counted(engine: Cli) -> None:
    result = engine("lint", "plain", "--prove", "--seconds", "2", "--yes", "--json")
    assert result.code == 1
    assert result.json["during"]["failed"] > 0
    assert result.json["before"]["failed"] == 0
    assert (result.json["reload"]["result"], result.json["proved"]) == ("done", False)


@contextmanager
def watched(pm2: PM2) -> Iterator[Cli]:
    """A home whose agent knows this PM2 and no other supervisor."""
    with home_of_its_own() as cli:
        cli.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (cli.home / "config.toml").write_text(f"[supervisors]\npm2_homes = [{json.dumps(str(pm2.home))}]\n")
        yield cli


@pytest.fixture(scope="module")
def apps() -> Iterator[tuple[Cli, PM2]]:
    """PM2 with a graceful cluster, and with an app that keeps sessions in its memory."""
    import socket

    with pm2s.running() as pm2, watched(pm2) as cli:
        ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as server:
                ports.append(server.getsockname()[1])
        patient = {"PORT": ports[0], "DRAIN_MS": 10_000}  # however slow this machine is just now
        app = pm2.home / "shop"
        (app / "node_modules/express-session").mkdir(parents=True)
        (app / "node_modules/express-session/index.js").write_text("module.exports = () => 0;\n")
        (app / "shop.js").write_text(SESSIONS)
        pm2.start("good", "graceful.js", cluster=True, instances=2, env=patient, wait_ready=True, kill_timeout=12_000)
        pm2.start("shop", app / "shop.js", cluster=True, instances=2, env={"PORT": ports[1]})
        yield cli, pm2


def test_source_is_read_and_what_is_serious_is_the_exit_code(apps: tuple[Cli, PM2]) -> None:
    cli, pm2 = apps
    result = cli("lint", "--json")
    findings = by_check(result.json)
    sessions = findings["shop", "reload/in_memory_sessions"]
    assert (sessions["severity"], sessions["facts"]["line"]) == ("serious", 6)
    assert sessions["facts"]["file"] == str(pm2.home / "shop/shop.js")
    assert findings["shop", "reload/ignores_stop_signal"]["facts"]["sure"] == "possible"
    assert [check for name, check in findings if name == "good"] == []
    assert (None, "pm2/save_out_of_date") in findings
    assert result.code == 1
    assert "hunter2abc" not in result.out + result.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_source_of_another_user_stays_unread(apps: tuple[Cli, PM2]) -> None:
    cli, pm2 = apps
    script = pm2.home / "shop/shop.js"
    os.chown(script, 12345, -1)
    try:
        findings = by_check(cli("lint", "shop", "--json").json)
    finally:
        os.chown(script, os.geteuid(), -1)
    assert [check for _, check in findings if check.startswith("reload/")] == ["reload/handler_not_seen"]


def test_a_patch_is_shown_and_not_applied(apps: tuple[Cli, PM2]) -> None:
    cli, pm2 = apps
    before = (pm2.home / "shop/shop.js").read_text()
    result = cli("lint", "--patch")
    assert "+    net.Server.prototype.close.call(server, () => process.exit(0));" in result.out.splitlines()
    assert "no patch for good: it handles" in result.err
    assert (pm2.home / "shop/shop.js").read_text() == before
    rows = {row["name"]: row for row in cli("lint", "--patch", "--json").json["patches"]}
    assert (bool(rows["shop"]["diff"]), rows["good"]["diff"]) == (True, "")


def test_a_graceful_reload_is_proved_under_load(apps: tuple[Cli, PM2]) -> None:
    cli, pm2 = apps
    before = set(pm2.pids("good"))
    result = cli("lint", "good", "--prove", "--yes", "--json")
    proof = result.json
    assert (result.code, proof["proved"], proof["during"]["failed"]) == (0, True, 0), result
    assert proof["during"]["asked"] > 200
    assert not before & set(pm2.pids("good"))
