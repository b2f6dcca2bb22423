"""The agent over services of systemd: what its senses tell of their logs and deaths. Runs inside a box (../test_systemd.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opsagent.model import EvidenceKind, Fault, SignalKind
from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor
from opsagent_tools.supervisors.systemd.look import look
from opsagent_tools.units import UnitId
from tests.support.sensing import sensing
from tests.support.supervisors import spec
from tests.support.systemd import Services, systemctl, unit_text
from tests.support.systemd_box import ROOT, inside
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.skipif(not inside(), reason="runs inside a box: tests/contract/test_systemd.py")

API = UnitId.local("systemd", "api")


@pytest.fixture
def services() -> Iterator[Services]:
    found = Services("system")
    yield found
    found.end()


@pytest.fixture
async def systemd() -> AsyncIterator[SystemdSupervisor]:
    supervisor = SystemdSupervisor()
    yield supervisor
    await supervisor.close()


def run(services: Services, text: str) -> None:
    services.write("api.service", text)
    services.tell()
    services.start(["api.service"])


async def test_an_error_in_the_journal_is_told_redacted(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    run(services, f"[Service]\nRestart=always\nExecStart=cat {tmp_path}/pipe\n")
    async with sensing([systemd]) as told:
        (tmp_path / "pipe").write_text("INFO fine\nERROR: login of bob failed, password=hunter2hunter2 after 12 ms\n")

        error = await told.until(SignalKind.LOG_ERROR, API)

        assert error.evidence is EvidenceKind.TEXT
        assert error.text is not None
        assert "login of bob failed" in error.text.raw
        assert "hunter2" not in error.text.raw
        assert told.of(SignalKind.LOG_ERROR, API) == [
            error
        ]  # what systemd itself says of the unit is none of its errors


async def test_a_crash_is_an_incident(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, unit_text(spec("api", tmp_path, autorestart=False)))
    async with sensing([systemd]) as told:
        os.kill((await systemd.describe(API)).processes[0].pid, signal.SIGKILL)

        incident = await told.incident()

        assert (incident.unit, incident.fault) == (API, Fault.CRASH)


async def test_a_persons_stop_is_no_incident(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    run(services, unit_text(spec("api", tmp_path)))
    services.write("other.service", unit_text(spec("other", tmp_path, autorestart=False)))
    services.tell()
    services.start(["other.service"])
    other = UnitId.local("systemd", "other")
    async with sensing([systemd]) as told:
        systemctl("stop", "api.service")
        await until(lambda: told.of(SignalKind.STOPPED, API))
        os.kill((await systemd.describe(other)).processes[0].pid, signal.SIGKILL)  # what comes after it, and is one
        await until(lambda: told.detector.open)

        assert [incident.unit for incident in told.detector.open] == [other]


def opsagent(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line, as root does on a machine of systemd's."""
    environment = {"PATH": os.environ["PATH"], "OPSAGENT_HOME": str(home / "home"), "HOME": str(home)}
    command = [sys.executable, "-m", "opsagent", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_lists_it_and_shows_its_journal(services: Services, tmp_path: Path) -> None:
    run(services, "[Service]\nExecStart=sh -c 'echo ready to serve; exec sleep 600'\n")

    listed = json.loads(opsagent(tmp_path, "ps", "--json").stdout)
    lines = json.loads(opsagent(tmp_path, "logs", "api", "--json").stdout)

    assert [(unit["name"], unit["state"]) for unit in listed["units"]] == [("api", "running")]
    assert "ready to serve" in [line["line"] for line in lines]


def test_a_release_that_cannot_start_is_refused_with_its_last_words(services: Services, tmp_path: Path) -> None:
    (tmp_path / "release").write_text("exec sleep 600\n")
    services.write(
        "worker@.service",
        f"[Service]\nRestart=always\nRestartSec=200ms\nExecStart=sh {tmp_path}/release\n",
        instances=2,
    )
    services.tell()
    services.start(["worker@.service"])
    before = {process.pid for unit in look() for process in unit.processes}
    (tmp_path / "release").write_text("echo 'Error: cannot find what this release needs'; exit 1\n")

    done = opsagent(tmp_path, "do", "reload worker@ safely", "--yes")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "the new release is not fit: Error: cannot find what this release needs" in done.stdout + done.stderr
    (unit,) = look()
    assert (len(before), {process.pid for process in unit.processes}) == (2, before)


def test_a_replay_tells_from_the_journal_that_it_died_and_why(services: Services, tmp_path: Path) -> None:
    """systemd's own words say that it died; what anybody else sends of the unit says nothing."""
    dies = "sh -c 'echo \"ERROR cannot reach 10.0.0.5:5432\"; sleep .3; exit 3'"
    # A name of its own: the journal still has what every api.service of the tests before did.
    services.write(
        "dying.service",
        f"[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=4\n[Service]\nRestart=always\nRestartSec=100ms\nExecStart={dies}\n",
    )
    services.tell()
    services.start(["dying.service"])
    eventually(lambda: systemctl("is-failed", "dying.service", check=False) == "failed", why="systemd gave up")
    forged = "MESSAGE=dying.service: Main process exited, code=killed, status=9/KILL\nUNIT=dying.service\n"
    subprocess.run(["logger", "--journald"], input=forged, text=True, check=False, env={"PATH": os.environ["PATH"]})

    done = opsagent(tmp_path, "replay", "--since", "10m", "--json", "dying")

    assert done.returncode == 0, done.stderr
    (loop,) = json.loads(done.stdout)["incidents"]
    assert (loop["fault"], loop["evidence"]) == ("crash_loop", ["supervisor", "text"])
    assert loop["deaths"] == 4
    assert loop["signatures"][0]["signature"].startswith("cannot reach")
    assert "exit code 3" in loop["summary"]
    assert "gave up" in loop["ended"]
