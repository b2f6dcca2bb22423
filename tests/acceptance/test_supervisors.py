"""The commands over a real PM2 beside the agent's own engine: one table, one way to name, to look and to do."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli, home_of_its_own
from tests.support import pm2 as real
from tests.support.pm2 import PM2
from tests.support.waiting import eventually

OURS = f"""
[services.api]
command = ["{sys.executable}", "-u", "-c", "import time\\nwhile True: print('ours'); time.sleep(0.2)"]
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[PM2]:
    with real.running() as found:
        found.start("api", "graceful.js", cluster=True, instances=2, env={"PORT": _free_port()})
        found.start("web", "talker.js", namespace="shop")
        found.start("job", "sleep", args=["4717"])
        yield found


@pytest.fixture(scope="module")
def both(daemon: PM2) -> Iterator[Cli]:
    """A home that knows of this PM2, and whose engine runs an `api` too."""
    with home_of_its_own() as found:
        file = found.home.parent / "services.toml"
        file.write_text(OURS)
        assert found("up", str(file)).code == 0
        configure(found, f'pm2_homes = ["{daemon.home}"]')
        yield found


def configure(cli: Cli, text: str) -> None:
    cli.home.joinpath("config.toml").write_text(f"[supervisors]\n{text}\n")
    cli.home.joinpath("config.toml").chmod(0o600)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def rows(out: str) -> list[list[str]]:
    table = out.split("\nNobody supervises:", maxsplit=1)[0].strip("\n")
    return [line.split() for line in table.splitlines()]


def test_one_table_of_all_supervisors(both: Cli) -> None:
    heading, *units = rows(both("ps").out)
    assert heading[:4] == ["NAME", "SUPERVISOR", "STATE", "INSTANCES"]
    assert [unit[:4] for unit in units] == [
        ["pm2:api", "pm2", "running", "2/2"],
        ["job", "pm2", "running", "1/1"],
        ["shop/web", "pm2", "running", "1/1"],
        ["circus:api", "circus", "running", "1/1"],
    ]


def test_as_json_with_the_port_that_pm2_holds_for_its_workers(both: Cli, daemon: PM2) -> None:
    report = both("ps", "--json").json
    (one,) = report["supervisors"]
    assert (one["kind"], one["address"], one["pid"], one["state"]) == ("pm2", str(daemon.home), daemon.pid, "running")
    units = {unit["id"].partition("@")[0]: unit for unit in report["units"]}
    assert set(units) == {"pm2:api", "pm2:job", "pm2:shop/web", "circus:api"}
    assert {process["pid"] for process in units["pm2:api"]["processes"]} == set(daemon.pids("api"))
    assert len(units["pm2:api"]["found_ports"]) == 1
    assert units["pm2:api"]["rss"] > 0


def test_a_name_that_two_share_is_asked_back_and_kind_and_name_is_clear(both: Cli, daemon: PM2) -> None:
    unclear = both("logs", "api")
    assert unclear.code == 2
    assert "pm2:api or circus:api" in unclear.error
    assert both("do", "restart api", "--json").code == 2
    before = daemon.pids("job")
    assert both("hold", "circus:api", "--for", "5m").code == 0
    assert both("release", "circus:api").code == 0
    assert both("do", "restart pm2:job", "--yes").code == 0
    eventually(lambda: daemon.pids("job") not in ([], before), why="PM2 restarted it")


def test_logs_of_pm2_and_of_the_engine(both: Cli) -> None:
    eventually(lambda: "ours" in both("logs", "circus:api", "-n", "1").out)
    lines = both("logs", "web", "--json").json  # behind its namespace nobody else is called so
    assert {line["name"] for line in lines} == {"shop/web"}
    assert "circus:api | ours" in both("logs", "-n", "1").out


def test_a_log_that_is_a_link_to_somewhere_else_is_not_shown(both: Cli, daemon: PM2) -> None:
    secret = daemon.home / "secret"
    secret.write_text("root:$6$hash")
    paths = [Path(one["pm2_env"]["pm_out_log_path"]) for one in daemon.listed() if one["name"] == "job"]
    for log in paths:
        log.unlink(missing_ok=True)
        log.symlink_to(secret)
    try:
        result = both("logs", "job")
        assert "hash" not in result.out
    finally:
        for log in paths:
            log.unlink()


def test_plain_words_ask_and_do(both: Cli, daemon: PM2) -> None:
    assert "running" in both("do", "status of job").out
    assert both("do", "stop job", "--yes").code == 0
    assert [one["pm2_env"]["status"] for one in daemon.listed() if one["name"] == "job"] == ["stopped"]
    assert both.units()["job"]["state"] == "stopped"
    assert both("do", "start job").code == 0
    eventually(lambda: both.units()["job"]["state"] == "running")


def test_doctor_lists_it_and_the_agent_agrees_with_what_was_looked_up(both: Cli, daemon: PM2) -> None:
    checks = {check["about"]: check for check in both("doctor", "--json").json["checks"]}
    assert checks["pm2"]["level"] == "ok"
    assert f"process {daemon.pid}: 3 services" in checks["pm2"]["detail"]
    looked = {unit["id"]: unit["state"] for unit in both("ps", "--json").json["units"]}
    with both.watching():
        seen = both("ps", "--json").json
        assert {unit["id"]: unit["state"] for unit in seen["units"]} == looked
        assert {unit["mode"] for unit in seen["units"]} == {"suggest"}
        assert len({unit["id"]: unit for unit in seen["units"]}) == 4


def test_a_home_that_everybody_may_write_to_is_refused_with_its_reason(both: Cli, daemon: PM2) -> None:
    daemon.home.chmod(0o777)
    try:
        result = both("ps")
        assert [unit[0:2] for unit in rows(result.out)[1:]] == [["api", "running"]]
        assert f"pm2 at {daemon.home} is refused: everybody may write to" in result.err
        checks = [check for check in both("doctor", "--json").json["checks"] if check["about"] == "pm2"]
        assert [check["level"] for check in checks] == ["note"]
    finally:
        daemon.home.chmod(0o700)


@pytest.mark.parametrize(
    ("config", "there"),
    [
        ('discover = false\npm2_homes = ["{home}"]', {"pm2", "circus"}),
        ("discover = false", {"circus"}),
        ('off = ["pm2"]\npm2_homes = ["{home}"]', {"circus"}),
        ("", {"pm2", "circus"}),
    ],
)
def test_the_configuration_says_who_is_looked_for(both: Cli, daemon: PM2, config: str, there: set[str]) -> None:
    before = both.home.joinpath("config.toml").read_text()
    configure(both, config.format(home=daemon.home))
    try:
        # found by PM2_HOME where nothing is configured, as PM2's own commands find it
        given = {"PM2_HOME": str(daemon.home), "OPSAGENT_DISCOVER": "1"}
        units = both("ps", "--json", env=given).json["units"]
        ours = {unit["id"] for unit in units if unit["name"] in {"api", "job", "shop/web"}}
        assert {one.partition(":")[0].partition("-")[0] for one in ours} & {"pm2", "circus"} == there
    finally:
        both.home.joinpath("config.toml").write_text(before)


def test_one_that_does_not_answer_keeps_nobody_from_the_others(both: Cli, daemon: PM2) -> None:
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        result = both("ps")
        assert [unit[0] for unit in rows(result.out)[1:]] == ["api"]
        assert f"pm2 at {daemon.home} does not answer" in result.err
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
