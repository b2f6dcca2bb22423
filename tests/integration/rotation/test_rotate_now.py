"""`opsagent logs UNIT --rotate` on real supervisors: PM2 in both modes, and the engine."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Cli, home_of_its_own
from tests.support import pm2 as pm2s
from tests.support.pm2 import PM2
from tests.support.waiting import eventually
from tests.unit.logs.rotating import everything, numbers

OWN = frozenset({os.geteuid()})
TALK = """
let n = 0;
const talk = () => { for (let i = 0; i < 200; i++) console.log(`${String(n++).padStart(9, "0")} a line of its log`); };
const talking = setInterval(talk, 5);
process.on("SIGUSR2", () => { clearInterval(talking); console.log(`count ${n}`); setInterval(() => 0, 1e6); });
"""
OWN_LOG = """
import itertools, os, signal, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
go = True
signal.signal(signal.SIGTERM, lambda *_: globals().update(go=False))
for n in itertools.count():
    os.write(log, b"%09d a line of its log\\n" % n)
    if not go:
        break
    if not n % 100:
        time.sleep(0.001)
"""
SERVICES = """
[services.writer]
command = ["{python}", "writer.py", "own.log"]
logs = ["own.log"]
"""


@contextmanager
def watched(pm2: PM2) -> Iterator[Cli]:
    with home_of_its_own() as cli:
        cli.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (cli.home / "config.toml").write_text(f"[supervisors]\npm2_homes = [{json.dumps(str(pm2.home))}]\n")
        yield cli


def rotated(cli: Cli, unit: str) -> dict[str, Any]:
    """Rotate; return what was done with each log, by its name."""
    result = cli("logs", unit, "--rotate", "--yes", "--json")
    assert result.code == 0, result
    return {Path(one["path"]).name: one for one in result.json["results"]}


def detail(result: dict[str, Any]) -> str:
    """What the step itself said."""
    return str(
        next((one["text"] for one in reversed(result["progress"]) if one["kind"].startswith("step_")), result["detail"])
    )


def end_talk(pm2: PM2, name: str, log: Path) -> int:
    """Have an app fall silent; return how many lines it wrote."""
    for pid in pm2.pids(name):
        os.kill(pid, signal.SIGUSR2)

    def last() -> list[bytes]:
        return [line for line in log.read_bytes().split(b"\n") if line.startswith(b"count ")]

    found = eventually(last, timeout=30, why="it said its last line")
    return int(found[-1].split()[1])


def spoken(content: bytes) -> bytes:
    """The numbered lines, without the app's last one."""
    return b"\n".join(line for line in content.split(b"\n") if not line.startswith(b"count "))


@pytest.fixture(scope="module")
def talking() -> Iterator[tuple[Cli, PM2]]:
    """PM2 with an app in each mode that writes lines all the time."""
    with pm2s.running() as pm2, watched(pm2) as cli:
        (pm2.home / "talk.js").write_text(TALK)
        for name, cluster in (("forked", False), ("clustered", True)):
            pm2.start(name, pm2.home / "talk.js", cluster=cluster)
        yield cli, pm2


def out_log(pm2: PM2, name: str) -> Path:
    """An app's log, once there are some lines in it."""
    logs = pm2.home / "logs"
    found = eventually(lambda: [*logs.glob(f"{name}-out.log"), *logs.glob(f"{name}-out-*.log")], why="it has a log")
    size = found[0].stat().st_size
    eventually(lambda: found[0].stat().st_size > size + 100_000, why="it talks")
    return found[0]


@pytest.mark.parametrize("name", ["forked", "clustered"])
def test_no_line_of_an_app_of_pm2_is_lost(name: str, talking: tuple[Cli, PM2]) -> None:
    cli, pm2 = talking
    log = out_log(pm2, name)
    done = rotated(cli, name)[log.name]
    assert "(collapsed)" in detail(done) or "(punched)" in detail(done), done
    assert out_log(pm2, name) == log, "it goes on in the same log"
    count = end_talk(pm2, name, log)
    assert len(list(log.parent.glob(f"{log.name}.*"))) == 1
    assert numbers(spoken(everything(log, OWN))) == list(range(count))


def test_under_a_running_pm2_logrotate_nothing_is_doubled(talking: tuple[Cli, PM2]) -> None:
    cli, pm2 = talking
    pm2.start("talk", pm2.home / "talk.js")
    pm2.start("pm2-logrotate", "talker.js", pmx_module=True)
    log = out_log(pm2, "talk")
    done = rotated(cli, "talk")[log.name]
    assert "pm2-logrotate rotates" in detail(done)
    assert list(log.parent.glob(f"{log.name}.*")) == []
    for pm_id in pm2.ids("pm2-logrotate"):
        pm2.call("deleteProcessId", pm_id)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, Path]]:
    """A service on the engine that writes a log of its own."""
    folder = tmp_path_factory.mktemp("rotate")
    (folder / "writer.py").write_text(OWN_LOG)
    (folder / "services.toml").write_text(SERVICES.format(python=sys.executable))
    with home_of_its_own() as cli:
        result = cli("up", str(folder / "services.toml"))
        assert result.code == 0, result
        eventually(lambda: (folder / "own.log").stat().st_size > 100_000, why="it writes")
        yield cli, folder / "own.log"


def archives_of(log: Path) -> list[str]:
    return sorted(path.name for path in log.parent.glob(f"{log.name}.*"))


def test_without_a_yes_nothing_is_moved(engine: tuple[Cli, Path]) -> None:
    cli, log = engine
    before = archives_of(log)
    result = cli("logs", "writer", "--rotate")
    assert (result.code, "--yes" in result.err) == (3, True)
    assert archives_of(log) == before
    assert cli("logs", "--rotate").code == 2


def test_a_log_that_is_a_link_to_etc_shadow_is_refused_and_said(engine: tuple[Cli, Path]) -> None:
    cli, log = engine
    log.rename(log.with_name("kept"))
    log.symlink_to("/etc/shadow")
    before, archived = Path("/etc/shadow").stat(), archives_of(log)
    try:
        result = cli("logs", "writer", "--rotate", "--yes")
        assert result.code == 4
        assert "/etc/shadow is protected" in result.err
        after = Path("/etc/shadow").stat()
        assert (after.st_mtime_ns, after.st_ino, after.st_nlink) == (before.st_mtime_ns, before.st_ino, before.st_nlink)
        assert archives_of(log) == archived
    finally:
        log.unlink()
        log.with_name("kept").rename(log)


def test_a_log_that_the_service_writes_itself_is_cut_under_its_hands(engine: tuple[Cli, Path]) -> None:
    cli, log = engine
    done = rotated(cli, "writer")["own.log"]
    assert "(collapsed)" in detail(done) or "(punched)" in detail(done), done
    whole, _, _ = everything(log, OWN).rpartition(b"\n")  # it goes on writing
    found = numbers(whole)
    assert found == list(range(found[-1] + 1))
