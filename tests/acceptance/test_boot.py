"""`startup`, `unstartup` and `uninstall` on a machine that boots with systemd: one of its own, in namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import systemd_box
from tests.support.systemd_box import Box
from tests.support.waiting import eventually

HOME = "/home/agent"
UNITS = ("opsagent.service", "opsagent-engine.service")
SERVICES = '[services.job]\ncommand = ["sleep", "4714"]\n'
GREETER = "[Service]\nExecStart=/bin/sh -c 'echo it greets; exec sleep 4718'\n"


class Machine:
    """`opsagent` inside the box."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def __call__(self, *arguments: str, discover: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of ours as root of that machine, and demand that it succeeds."""
        environment = ["env", "-i", "-C", str(systemd_box.ROOT), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        command = [*environment, "NO_COLOR=1", f"OPSAGENT_DISCOVER={discover}", sys.executable, "-m", "opsagent"]
        done = self.box.run(*command, *arguments, "--home", HOME, timeout=120)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str, discover: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", discover=discover).stdout)

    def show(self, unit: str, key: str) -> str:
        return self.box.run("systemctl", "show", "--value", "-p", key, unit).stdout.strip()

    def active(self) -> list[str]:
        return self.box.run("systemctl", "is-active", *UNITS).stdout.split()

    def jobs(self) -> list[str]:
        """Every process of the service, whoever knows of it."""
        return self.box.run("pgrep", "-xf", "sleep 4714").stdout.split()

    def files(self) -> list[str]:
        return [name for name in UNITS if self.box.run("test", "-e", f"/etc/systemd/system/{name}").returncode == 0]


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    systemd_box.needed()
    with systemd_box.booted() as found:
        found.run("mkdir", "-p", "/home/srv")
        found.run("tee", "/home/srv/services.toml", input=SERVICES)
        yield found


@pytest.fixture
def machine(box: Box) -> Machine:
    """A machine on which the engine runs a service, and nothing starts at boot."""
    found = Machine(box)
    found("up", "/home/srv/services.toml")
    return found


def test_a_service_of_systemd_is_listed_and_its_journal_shown(machine: Machine) -> None:
    machine.box.run("tee", "/etc/systemd/system/greeter.service", input=GREETER)
    machine.box.run("systemctl", "daemon-reload")
    machine.box.run("systemctl", "start", "greeter.service")
    greeter = next(unit for unit in machine.json("ps", discover=1)["units"] if unit["name"] == "greeter")
    assert (greeter["supervisor"], greeter["state"], len(greeter["processes"])) == ("systemd", "running", 1)
    eventually(lambda: "it greets" in machine("logs", "greeter", discover=1).stdout, why="the journal has its line")
    checks = {check["about"]: check for check in machine.json("doctor", discover=1)["checks"]}
    assert checks["systemd"]["level"] == "ok"
    assert machine("do", "stop greeter", "--yes", discover=1).returncode == 0
    assert machine.show("greeter.service", "ActiveState") == "inactive"


def test_agent_and_engine_start_at_boot_are_kept_and_go_away_without_the_services(machine: Machine) -> None:
    (job,) = machine.jobs()
    started = machine.json("startup")
    assert (started["kind"], started["system"], started["running"]) == ("systemd", True, True)
    eventually(lambda: machine.active() == ["active", "active"], timeout=40, why="both run")
    assert machine.jobs() == [job]  # the engine that ran was taken over
    assert machine.show("opsagent.service", "WatchdogUSec") == "1min"
    assert machine.show("opsagent.service", "LimitNOFILE") == "65536"
    assert machine.show("opsagent.service", "UnitFileState") == "enabled"
    eventually(lambda: machine.json("ps")["daemon"] is not None, timeout=30, why="the agent answers")

    agent = machine.show("opsagent.service", "MainPID")
    machine.box.run("kill", "-KILL", agent)
    eventually(lambda: machine.show("opsagent.service", "MainPID") not in {agent, "0"}, timeout=30, why="it is back")
    engine = machine.json("ps")["engine"]["pid"]
    machine.box.run("kill", "-KILL", str(engine))
    eventually(lambda: machine.json("ps")["engine"]["pid"] not in {engine, None}, timeout=40, why="the engine is back")
    eventually(lambda: len(machine.jobs()) == 1 and machine.jobs() != [job], timeout=20, why="its service runs, once")

    (job,) = machine.jobs()
    assert machine.json("unstartup")["removed"] == 2
    assert machine.files() == []
    assert machine.active() == ["inactive", "inactive"]
    assert machine.jobs() == [job]
    assert machine.json("ps")["engine"]["running"] is True
    assert machine.json("unstartup")["removed"] == 0


def test_uninstall_leaves_nothing_but_the_services_and_what_keeps_them(machine: Machine) -> None:
    machine("startup")
    eventually(lambda: machine.active() == ["active", "active"], timeout=40, why="both run")
    (job,) = machine.jobs()
    left = machine.json("uninstall", "--yes")
    assert (machine.files(), machine.active()) == ([], ["inactive", "inactive"])
    assert machine.jobs() == [job]
    assert left["kept"] == f"{HOME}/engine"
    assert set(machine.box.run("ls", "-A", HOME).stdout.split()) <= {"engine", "runtime"}
    assert machine.box.run("test", "-d", f"/proc/{left['engine_pid']}").returncode == 0

    left = machine.json("uninstall", "--yes", "--stop-services")
    assert machine.jobs() == []
    assert machine.box.run("test", "-e", HOME).returncode != 0
    assert left["kept"] is None
