"""PM2's bus and lists told as events: the orders in which they really came, and those that are late."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from opsagent_tools.supervisors.pm2.story import Story
from opsagent_tools.supervisors.pm2.units import read_apps
from opsagent_tools.supervisors.port import EventKind, SupervisorEvent
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

NOW = 1000.0
API = UnitId.local("pm2", "api")


class Bus:
    """A story, and the processes that its kernel knows."""

    def __init__(self) -> None:
        self.alive: set[int] = set()
        self.story = Story("pm2", lambda key: key.pid in self.alive)

    def listed(self, pids: Mapping[int, int], *, first: bool = False, state: str = "online") -> list[SupervisorEvent]:
        """A list in which PM2's numbers have these pids (0: none). A process that is dead has no key."""
        raw = [
            {"pid": pid, "pm_id": number, "name": "api", "pm2_env": {"pm_id": number, "name": "api", "status": state}}
            for number, pid in pids.items()
        ]
        processes = tuple(Process(key=ProcessKey(pid, 1.0)) for pid in pids.values() if pid in self.alive)
        unit_state = UnitState.RUNNING if state == "online" else UnitState.STOPPED
        unit = Unit(id=API, state=unit_state, processes=processes, instances=len(pids))
        return list(self.story.see([unit], read_apps(raw), NOW, first=first))

    def log(self, *lines: str) -> list[SupervisorEvent]:
        """What the daemon writes into its own log."""
        return self.hear("log:PM2", [{"data": line} for line in lines])

    def event(self, event: str, pm_id: object = 0, status: str = "online", **more: Any) -> list[SupervisorEvent]:
        """One event of one process."""
        process = {"pm_id": pm_id, "name": "api", "namespace": "default", "status": status, **more}
        return self.hear("process:event", [{"event": event, "process": process}])

    def hear(self, topic: str, messages: Sequence[Mapping[str, Any]]) -> list[SupervisorEvent]:
        return [event for message in messages for event in self.story.hear(topic, message, NOW)]


def kinds(events: Sequence[SupervisorEvent]) -> list[tuple[str, int | None]]:
    return [(event.kind.value, event.pid) for event in events]


def running(pids: Mapping[int, int]) -> Bus:
    """A unit that runs in these processes."""
    bus = Bus()
    bus.alive |= set(pids.values())
    assert bus.listed(pids, first=True) == []
    return bus


def test_a_death_has_pid_signal_and_reason_from_three_places() -> None:
    bus = running({0: 71})
    bus.alive.discard(71)
    assert bus.log("App [api:0] exited with code [0] via signal [SIGKILL]") == []
    (event,) = bus.event("exit", status="stopped", exit_code=0)
    assert (event.kind, event.unit, event.pid, event.exit_code) == (EventKind.EXITED, API, 71, -signal.SIGKILL)


def test_a_death_that_a_list_showed_first_still_has_its_pid() -> None:
    bus = running({0: 71, 1: 72})
    bus.alive.discard(71)
    bus.listed({0: 71, 1: 72})
    assert kinds(bus.event("exit", status="stopped")) == [("exited", 71)]


def test_a_stop_is_told_once_however_often_pm2_tells_it() -> None:
    bus = running({0: 71})
    told = bus.log("Stopping app:api id:0")
    bus.alive.discard(71)
    told += bus.log("App [api:0] exited with code [0] via signal [SIGINT]")
    told += (
        bus.event("exit", status="stopping") + bus.event("exit", status="stopped") + bus.event("stop", status="stopped")
    )
    told += bus.listed({0: 0}, state="stopped")
    assert kinds(told) == [("stopping", 71), ("stopped", None)]


def test_a_restart_that_is_heard_late_does_not_take_the_new_process_for_the_old() -> None:
    bus = running({0: 71})
    bus.alive = {81}
    assert kinds(bus.listed({0: 81})) == [("spawned", 81)]  # somebody's list was quicker than the bus
    told = bus.log("Stopping app:api id:0") + bus.event("exit", status="stopping") + bus.event("exit", status="stopped")
    assert kinds(told) == [("stopping", 71)]
    bus.event("online", status="launching")
    bus.alive.discard(81)
    assert kinds(bus.event("exit", status="stopped")) == [("exited", 81)]


def test_a_reload_ends_the_older_process_of_a_number() -> None:
    bus = running({0: 71})
    bus.alive.add(81)
    bus.event("online", status="launching")
    assert kinds(bus.listed({0: 81})) == [("spawned", 81)]
    told = bus.log("Stopping app:api id:_old_0")
    bus.alive.discard(71)
    told += bus.event("exit", pm_id="_old_0", status="stopping") + bus.event("exit", pm_id="_old_0", status="stopped")
    assert kinds(told) == [("stopping", 71)]
    bus.alive.discard(81)
    assert kinds(bus.event("exit", status="stopped")) == [("exited", 81)]


def test_lost_messages_mean_list_again_and_nothing_stale_is_told() -> None:
    bus = running({0: 71})
    bus.alive = {81}
    assert kinds(bus.hear("", [{"process:event": 3}])) == [("changed", None)]
    assert bus.story.wants_list
    bus.listed({0: 81})
    bus.alive.clear()
    assert kinds(bus.event("exit", status="stopped")) == [("exited", 81)]


def test_giving_up_is_the_reason_of_the_last_exit() -> None:
    bus = running({0: 71})
    bus.alive.discard(71)
    bus.event("restart overlimit", status="errored")
    (event,) = bus.event("exit", status="errored", exit_code=1)
    assert (event.exit_code, event.reason) == (1, "too many unstable restarts: PM2 has given up")


def test_the_end_of_the_daemon_is_announced() -> None:
    bus = running({0: 71})
    assert bus.hear("pm2:kill", [{"status": "killed", "msg": "pm2 has been killed\nby CLI"}]) == []
    assert bus.story.killed == "pm2 has been killed�by CLI"


def test_names_and_reasons_are_one_printable_line() -> None:
    bus = running({0: 71})
    told = bus.hear("process:event", [{"event": "exit", "process": {"pm_id": 0, "name": "a\x1b[31m\n", "status": "x"}}])
    assert told[0].unit is not None
    assert told[0].unit.name.isprintable()
    strange: list[dict[str, Any]] = [{}, {"process": None}, {"process": []}, {"event": 3, "process": {}}]
    for nonsense in strange:
        assert bus.hear("process:event", [nonsense]) == []
