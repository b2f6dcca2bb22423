"""A real supervisord and a real circusd are found, opened and looked at like any other supervisor of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from opsagent_tools.processes.sweep import sweep
from opsagent_tools.supervisors.discover import At, Found, Machine, Wanted, discover, look_at, open_supervisor
from opsagent_tools.units import UnitState
from tests.support.circusd import Circusd
from tests.support.supervisord import Supervisord

OTHERS = frozenset({"pm2", "systemd"})


def found_in(folder: Path, wanted: Wanted) -> Found:
    """What is found with its address in a folder; other tests may have supervisors of their own running."""
    machine = Machine(sweep=sweep(), uid=os.geteuid())
    (one,) = (one for one in discover(wanted, machine=machine) if str(folder) in one.address)
    return one


async def test_a_supervisord_is_found_opened_and_looked_at(runtime_root: Path) -> None:
    daemon = Supervisord(
        runtime_root, "[program:api]\ncommand=sleep 600\nstartsecs=0\n[program:mail]\ncommand=sleep 600\n"
    )
    try:
        daemon.start()
        daemon.settle()
        one = found_in(runtime_root, Wanted(off=OTHERS))
        assert (one.family, one.address, one.pid, one.state) == ("supervisord", daemon.address, daemon.pid, "running")
        assert one.kind.startswith("supervisord")
        assert one.usable
        looked = look_at(one)
        supervisor = open_supervisor(one)
        assert supervisor.kind == one.kind
        assert tuple(await supervisor.list()) == looked
        assert [unit.name for unit in looked] == ["api", "mail"]
        assert {unit.state for unit in looked} <= {UnitState.RUNNING, UnitState.STARTING}
        await supervisor.close()
    finally:
        daemon.end()


async def test_a_circusd_is_found_opened_and_looked_at(runtime_root: Path) -> None:
    daemon = Circusd(
        runtime_root, "[watcher:api]\ncmd = sleep 600\nnumprocesses = 2\n[env]\nHOME = " + str(runtime_root) + "/h\n"
    )
    try:
        daemon.start()
        one = found_in(runtime_root, Wanted(off=OTHERS))
        assert (one.family, one.address, one.pid, one.state) == ("circusd", daemon.address, daemon.pid, "running")
        assert one.kind.startswith("circusd")
        (looked,) = look_at(one)
        supervisor = open_supervisor(one)
        (listed,) = await supervisor.list()
        assert (looked.name, looked.state, looked.processes) == ("api", UnitState.RUNNING, listed.processes)
        assert len(looked.processes) == 2
        await supervisor.close()
    finally:
        daemon.end()


def test_one_that_is_named_is_found_without_a_search(runtime_root: Path) -> None:
    daemon = Supervisord(runtime_root)
    try:
        daemon.start()
        wanted = Wanted(discover=False, supervisord=(At(address=daemon.address),))
        assert found_in(runtime_root, wanted).pid == daemon.pid
    finally:
        daemon.end()
