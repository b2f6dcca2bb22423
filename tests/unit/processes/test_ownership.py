"""Whose a listening port is, on machines that are made up: a folder in the form of /proc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent_tools.processes.listening import Held, Socket
from opsagent_tools.processes.marks import MARK
from opsagent_tools.processes.ownership import Ownership, assign
from opsagent_tools.processes.sweep import Seen, Sweep
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

API = UnitId("pm2", "api", "here")
DAEMON, WORKER, CHILD, STRANGER = 100, 101, 102, 200


@dataclass
class MadeUp:
    """Processes, and who of them holds which port."""

    proc: Path
    seen: dict[int, Seen] = field(default_factory=lambda: {1: Seen(1, 0, "init", "S", 0, False)})
    sockets: list[Socket] = field(default_factory=list)
    holders: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def process(self, pid: int, *, parent: int = 1, name: str = "node", env: Mapping[str, str] | None = None) -> None:
        self.seen[pid] = Seen(pid, parent, name, "S", 1000, False)
        folder = self.proc / str(pid)
        folder.mkdir()
        folder.joinpath("environ").write_text("".join(f"{key}={value}\0" for key, value in (env or {}).items()))
        folder.joinpath("cgroup").write_text("0::/\n")

    def listens(self, port: int, *pids: int) -> None:
        inode = 9000 + port
        self.sockets.append(Socket(port, "0.0.0.0", 0, inode))
        self.holders[inode] = pids

    def look(self, units: list[Unit], daemons: dict[int, str]) -> Ownership:
        return assign(Sweep(self.seen, str(self.proc)), self.sockets, Held(self.holders), units, daemons)


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    tmp_path.joinpath("stat").write_text("btime 1700000000\n")
    found = MadeUp(tmp_path)
    found.process(DAEMON, name="PM2 v7.0.4: God")
    found.process(WORKER, parent=DAEMON, env={"pm_id": "0", "name": "api"})
    found.process(CHILD, parent=WORKER, env={"pm_id": "0", "name": "api"})
    return found


def api(**fields: Any) -> Unit:
    return Unit(id=API, state=UnitState.RUNNING, processes=(Process(key=ProcessKey(WORKER, 1.0)),), **fields)


def test_a_port_is_the_units_also_where_a_child_of_its_process_holds_it(made_up: MadeUp) -> None:
    made_up.listens(80, WORKER)
    made_up.listens(81, CHILD)
    found = made_up.look([api()], {DAEMON: "pm2"})
    assert (dict(found.ports), found.unsupervised) == ({API: (80, 81)}, ())


def test_a_socket_that_the_daemon_holds_is_the_one_unit_s_that_shares_it(made_up: MadeUp) -> None:
    made_up.listens(80, DAEMON)
    assert made_up.look([api(shares_socket=True)], {DAEMON: "pm2"}).ports == {API: (80,)}
    found = made_up.look([api()], {DAEMON: "pm2"})
    assert (found.ports, found.unsupervised) == ({}, ())  # the supervisor's own


def test_what_nobody_supervises_is_listed_with_what_can_be_told(made_up: MadeUp) -> None:
    made_up.process(STRANGER, name="redis-server")
    made_up.listens(6379, STRANGER)
    (one,) = made_up.look([api()], {DAEMON: "pm2"}).unsupervised
    assert (one.sort, one.pid, one.name, one.ports) == ("process", STRANGER, "redis-server", (6379,))
    assert one.started == pytest.approx(1700000010, abs=100)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"pm_id": "3", "name": "old"}, "left over from old of PM2"),
        ({MARK: "circus:web@here"}, "left over from circus:web@here of the engine"),
        ({"SUPERVISOR_PROCESS_NAME": "job"}, "left over from job of supervisord"),
    ],
)
@pytest.mark.parametrize("reaper", [1, 50], ids=["init", "a user's systemd"])
def test_what_outlived_its_supervisor_is_a_leftover(
    made_up: MadeUp, env: dict[str, str], says: str, reaper: int
) -> None:
    if reaper != 1:
        made_up.process(reaper, name="systemd")
    made_up.process(STRANGER, parent=reaper, env=env)
    made_up.listens(80, STRANGER)
    (one,) = made_up.look([], {}).unsupervised
    assert (one.sort, one.says) == ("leftover", says)


def test_what_a_supervisor_runs_that_is_not_watched_is_nobodys_leftover(made_up: MadeUp) -> None:
    made_up.listens(80, WORKER)
    made_up.listens(81, CHILD)
    assert made_up.look([], {}).unsupervised == ()
