"""The agent's own death, and its engine's: the world decides how it goes on, and nothing is done twice."""

from __future__ import annotations

import os
import signal

import psutil

from opsagent.model import Fault
from tests.integration.agent.conftest import Place, accepts
from tests.support.waiting import until


async def test_the_daemon_killed_in_the_middle_of_a_repair(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False, delay_s=2.0))
    await place.watch()
    await place.kill("store")
    await place.incident(lambda row: any(step.status == "intended" for plan in row.plans for step in plan.steps))
    await until(lambda: len(place.starts("store")) == 2, why="the repair has begun")
    await place.kill_daemon()
    await place.watch()
    row = await place.incident(lambda row: row.status in {"resolved", "closed"})
    assert row.outcome == "repaired"
    assert len(place.starts("store")) == 2, "nothing is done twice"
    assert [step.status for plan in row.plans for step in plan.steps] == ["done"]
    assert {"opened", "planned", "step_started", "resumed", "learnt", "resolved"} <= {
        event.kind for event in row.events
    }
    with place.journal() as journal:
        assert journal.unfinished_steps() == ()
        assert len(journal.incidents()) == 1
        assert journal.verify().problems == ()


async def test_the_engine_killed(place: Place, free_ports: object) -> None:
    one, two = free_ports(2)  # type: ignore[operator]
    await place.up(place.service("web", one, instances=1), place.service("store", two, autorestart=False))
    await place.watch("suggest")  # bringing its own engine back has a mode of its own
    old, before = place.engine.pid(), {*await place.pids("web"), *await place.pids("store")}
    assert old is not None
    os.kill(old, signal.SIGKILL)
    row = await place.incident(lambda row: row.status in {"resolved", "closed"})
    assert (row.incident.fault, row.outcome) == (Fault.ENGINE_DOWN, "repaired")
    assert place.engine.pid() not in {None, old}
    for name, port in (("web", one), ("store", two)):
        await until(lambda port=port: accepts(port), why=f"{name} serves again")
        pids = await place.pids(name)
        assert len(pids) == 1
        assert [pid for pid in place.starts(name) if psutil.pid_exists(pid)] == pids, "nothing is doubled"
    assert not any(psutil.pid_exists(pid) for pid in before)
