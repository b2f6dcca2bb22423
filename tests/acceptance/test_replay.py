"""`opsagent replay`: existing logs, read as if live; nothing is changed but the memory, and that only when asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Cli, Result
from tests.support.pasts import a_month
from tests.support.pm2 import PM2
from tests.support.supervisord import Supervisord
from tests.support.waiting import eventually

SINCE, UNTIL = "--since=2026-10-31", "--until=2026-11-10"
NOBODY = 65534
_AS_NOBODY = """
import io, os, sys
from contextlib import redirect_stdout
from opsagent.cli.main import main
root, arguments = sys.argv[1], sys.argv[2:]
os.environ.update(OPSAGENT_HOME=root + "/first", HOME=root)
with redirect_stdout(io.StringIO()):
    main(arguments)  # whatever is imported is imported while it may be
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["OPSAGENT_HOME"] = root + "/home"
sys.exit(main(arguments))
"""


@pytest.fixture(scope="module")
def month() -> Iterator[Path]:
    """A home of PM2 with a month of crashes, whose daemon does not run."""
    root = Path(tempfile.mkdtemp(prefix="p-", dir="/tmp"))
    yield a_month(root / "pm2")
    shutil.rmtree(root)


def know(cli: Cli, home: Path) -> None:
    cli.home.mkdir(mode=0o700, exist_ok=True)
    (cli.home / "config.toml").write_text(f'[supervisors]\npm2_homes = ["{home}"]\n')


def document(result: Result) -> dict[str, Any]:
    assert result.code == 0, result
    found: dict[str, Any] = result.json
    return found


def test_what_comes_again_is_told_first(cli: Cli, month: Path) -> None:
    know(cli, month)
    shown = cli("replay", SINCE, UNTIL, stdin="y\n")
    assert shown.code == 0, shown
    again, once = shown.out.split("Once:")
    assert "ENOSPC: disk is full" in again
    assert "restarted for its memory" in again
    assert "Cannot read properties" in once
    assert "read as +00:00" in once
    assert "\x1b" not in shown.out
    assert "remember" not in shown.err  # nobody at a terminal was asked, so nothing is kept
    assert cli("memory", "stats", "--json").json["records"] == 0


def test_the_same_logs_give_the_same_document_byte_for_byte(cli: Cli, month: Path) -> None:
    know(cli, month)
    told = set()
    for seed in ("1", "2"):
        result = cli("replay", SINCE, UNTIL, "--json", env={"PYTHONHASHSEED": seed})
        found = document(result)
        told.add(result.out.replace(json.dumps(found["read"]["took_s"]), "-"))
    assert len(told) == 1
    assert [one["count"] for one in found["recurring"]] == [7, 7]
    assert found["remembered"] == 0


def test_it_is_remembered_once_as_reconstructed_and_counts_for_nothing(cli: Cli, month: Path) -> None:
    know(cli, month)
    first = document(cli("replay", SINCE, UNTIL, "--json", "--remember"))
    assert first["remembered"] == len(first["incidents"]) == 16
    assert document(cli("replay", SINCE, UNTIL, "--json", "--remember"))["remembered"] == 0
    found = cli("memory", "search", "crash of api", "--json").json["results"]
    nightly = next(row for row in found if row["scope"] == "unit/pm2/api")
    assert nightly["why"].startswith("reconstructed from logs")
    assert (nightly["source"], nightly["tries"], nightly["successes"]) == ("logs", 0, 0)
    assert "remedy" not in nightly["fields"]
    assert "outcome" not in nightly["fields"]


def test_the_daemon_writes_its_memory_itself(cli: Cli, month: Path) -> None:
    know(cli, month)
    with cli.watching("--mode", "observe"):
        assert document(cli("replay", SINCE, UNTIL, "--json", "--remember", "api"))["remembered"] == 7
    assert cli("memory", "stats", "--json").json["records"] == 7


def test_one_service_or_a_file_alone(cli: Cli, month: Path, tmp_path: Path) -> None:
    know(cli, month)
    found = document(cli("replay", SINCE, UNTIL, "--json", "web"))
    assert {one["name"] for one in found["incidents"]} == {"web"}
    found = document(cli("replay", SINCE, UNTIL, "--json", "--file", str(month / "logs" / "web-out.log")))
    assert {one["unit"].partition("@")[0] for one in found["incidents"]} == {"file:web-out"}
    wrong = cli("replay", "wbe")
    assert (wrong.code, "did you mean 'web'" in wrong.error) == (2, True)


@pytest.mark.parametrize("when", [["--since", "soon"], ["--since", "1h", "--until", "2h"], ["--limit", "0"]])
def test_a_window_that_is_none(cli: Cli, when: list[str]) -> None:
    assert cli("replay", *when).code == 2


def test_a_file_that_cannot_be_read_is_told_and_is_a_failure(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.log").write_bytes(os.urandom(50_000))
    result = cli("replay", "--file", str(tmp_path / "bad.log"), "--file", str(tmp_path / "nowhere.log"))
    assert result.code == 1
    assert f"not read: {tmp_path / 'nowhere.log'}: is not there" in result.err
    assert "Traceback" not in result.err


def test_an_empty_machine_has_no_past(cli: Cli) -> None:
    found = document(cli("replay", "--json"))
    assert (found["incidents"], found["recurring"], found["read"]["lines"]) == ([], [], 0)


def test_logs_that_only_another_user_may_read_are_not_read(month: Path, tmp_path: Path) -> None:
    """As somebody else: what may not be read is told, what may is read."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    root = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    try:
        os.chown(root, NOBODY, NOBODY)
        secret, free = root / "secret.log", root / "free.log"
        for path in (secret, free):
            path.write_text("2026-11-01 10:00:00Z ERROR no\n")
        secret.chmod(0o600)
        free.chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(root), "replay", "--json", "--file", str(secret), "--file", str(free), SINCE],
            cwd=root, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        found = json.loads(done.stdout)
        assert (done.returncode, found["read"]["lines"]) == (1, 1)
        assert [one["name"] for one in found["read"]["unread"]] == [str(secret)]
        assert "ermission" in found["read"]["unread"][0]["why"]
    finally:
        shutil.rmtree(root)


def test_a_real_pm2_tells_why_its_app_died(cli: Cli, pm2: PM2, tmp_path: Path) -> None:
    """PM2's own defaults: no times in the logs of apps."""
    (tmp_path / "trip.js").write_text("setTimeout(() => { throw new TypeError('no row ' + process.pid) }, 50)")
    pm2.start("trip", tmp_path / "trip.js", max_restarts=4, min_uptime=1000)
    eventually(lambda: "too many unstable restarts" in (pm2.home / "pm2.log").read_text(), timeout=30)
    know(cli, pm2.home)
    eventually(lambda: cli("replay", "--since", "1h", "--json").json["incidents"], timeout=20)
    (found,) = document(cli("replay", "--since", "1h", "--json"))["incidents"]
    assert (found["name"], found["fault"], found["lasted_s"]) == ("trip", "crash_loop", None)
    assert found["signatures"][0]["signature"] == "TypeError: no row <n>"
    assert found["signatures"][0]["count"] == found["deaths"] == 4
    assert found["evidence"] == ["supervisor", "text"]


def test_a_real_supervisord_tells_when_its_program_died(cli: Cli, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="s-", dir="/tmp"))
    (folder / "trip.sh").write_text("echo 'ValueError: no row 42' >&2; exit 3")
    program = (
        f"[program:trip]\ncommand=sh {folder}/trip.sh\nstartretries=2\nstartsecs=30\nstderr_logfile={folder}/trip.err\n"
    )
    supervisord = Supervisord(folder, program)
    try:
        supervisord.start()
        eventually(lambda: "gave up: trip" in (folder / "main.log").read_text(), timeout=30, why="it has given up")
        cli.home.mkdir(mode=0o700)
        (cli.home / "config.toml").write_text(
            f'[supervisors]\nsupervisord = [{{ address = "{supervisord.address}" }}]\n'
        )
        (found,) = document(cli("replay", "--since", "1h", "--json"))["incidents"]
    finally:
        supervisord.end()
        shutil.rmtree(folder)
    assert (found["name"], found["fault"], found["deaths"]) == ("trip", "crash", 3)
    assert "exit code 3" in found["summary"]
    assert "gave up" in found["ended"]
    assert found["signatures"][0]["signature"].startswith("ValueError: no row")
