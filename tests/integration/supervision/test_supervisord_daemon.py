"""supervisord dies, is shut down, a program of it is stopped: what the agent makes of each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsagent.model import Fault
from tests.integration.supervision.conftest import Watched
from tests.support import processes
from tests.support.supervisord import Supervisord
from tests.support.waiting import until

PROGRAMS = f"""
[program:job]
command={sys.executable} -c "import time; time.sleep(4712)"
startsecs=0
[program:worker]
command={sys.executable} -c "import time; time.sleep(4713)"
startsecs=0
"""


@pytest.fixture
def supervisord(watched: Watched) -> Iterator[Supervisord]:
    folder = Path(watched.home.path.parent, "s")
    folder.mkdir(mode=0o700)
    daemon = Supervisord(folder, PROGRAMS)
    daemon.start()
    daemon.settle()
    watched.configure(f'supervisord = [{{ address = "{daemon.address}" }}]\n')
    try:
        yield daemon
    finally:
        daemon.end()


def runs(seconds: str) -> list[int]:
    """Every process of a program that lives, whoever knows of it."""
    return [one.pid for one in processes.mentioning([f"time.sleep({seconds})"]) if "-c" in one.cmdline()[:2]]


async def test_killed_it_is_brought_back_with_what_a_person_stopped_left_stopped(
    supervisord: Supervisord, watched: Watched
) -> None:
    await watched.watch("job", "worker", mode="auto")
    supervisord.ctl("stop", "worker")

    async def stopped() -> bool:
        return bool((await watched.units())["worker"]["state"] == "stopped")

    await until(stopped, why="the agent knows that a person stopped it")
    (job,) = runs("4712")
    supervisord.kill()
    row = await watched.incident(lambda row: row.status in {"resolved", "escalated"}, "what became of it")
    assert (row.incident.fault, row.incident.unit.name) == (Fault.ENGINE_DOWN, "daemon of supervisord")
    assert (row.outcome, row.remedy) == ("repaired", "engine_down/revive"), row.events
    assert len(runs("4712")) == 1
    assert runs("4712") != [job]
    assert runs("4713") == []


async def test_shut_down_by_a_person_it_is_noted_and_left_alone(supervisord: Supervisord, watched: Watched) -> None:
    await watched.watch("job", "worker", mode="auto")
    supervisord.ctl("shutdown")
    await until(lambda: any("does not run any more" in note for note in watched.notes()), why="it is told")
    assert (await watched.listing())["units"] == []
    await asyncio.sleep(3.5)  # longer than whoever would bring it back waits
    assert runs("4712") == runs("4713") == []
    assert [row for row in watched.rows() if row.plans] == []
