"""Crashes and crash loops."""

from __future__ import annotations

import pytest

from opsagent.model import SignalKind
from opsagent_tools.units import UnitState
from tests.support.histories import History, service, uid


def test_a_death_is_a_crash_at_once() -> None:
    history = History(service("api"))
    history.error("api", "ValueError: bad")
    history.die("api", 1)
    assert history.open == ["crash of api"]
    assert history.only().summary == "api crashed (exit code 1)"
    assert [symptom.kind for symptom in history.only().symptoms] == [SignalKind.LOG_ERROR, SignalKind.DEATH]


def test_later_deaths_update_the_incident() -> None:
    history = History(service("api", instances=4))
    for _ in range(4):
        history.die("api")
    assert len(history.opened) == 1
    assert len(history.updated) == 3
    assert history.open == ["crash of api"]


@pytest.mark.parametrize(
    ("values", "exit_code", "expected"),
    [
        ({"health": None, "port": None, "autorestart": False}, 0, []),
        ({"health": None, "port": None, "autorestart": False}, 1, ["crash of job"]),
        ({"health": None, "port": 80, "autorestart": False}, 0, ["crash of job"]),
        ({"port": None, "autorestart": False}, 0, ["crash of job"]),
        ({"health": None, "port": None, "autorestart": True}, 0, ["crash of job"]),
        ({"health": None, "port": None, "autorestart": False}, -9, ["crash of job"]),
    ],
)
def test_a_finished_job_is_no_crash(values: dict[str, object], exit_code: int, expected: list[str]) -> None:
    history = History(service("job", **values))
    history.die("job", exit_code)
    history.wait(10)
    assert history.open == expected


def test_a_deliberate_stop_is_no_incident() -> None:
    history = History(service("api"))
    history.stop("api")
    history.wait(30)
    assert history.told == []


def test_a_deliberate_stop_takes_an_open_incident_back() -> None:
    history = History(service("api"))
    history.die("api", respawn=True)
    history.stop("api")
    assert history.open == []
    assert [closed.why for closed in history.closed] == ["api was stopped on purpose"]


def test_a_stop_that_was_told_too_late_takes_the_death_back() -> None:
    history = History(service("api"))
    key = history.world.units[uid("api")].processes[0].key
    history.die("api", -15, respawn=True)
    history.signal(SignalKind.STOPPED, "api", process=key, scope="process")
    assert history.open == []
    assert len(history.closed) == 1


def test_a_second_crash_right_after_a_repair_is_a_new_incident() -> None:
    history = History(service("api"))
    history.die("api")
    history.spawn("api")
    history.wait(5)
    history.mend()
    history.wait(0.5)
    history.die("api")
    assert len(history.opened) == 2


def test_what_was_dead_before_we_looked_is_a_crash() -> None:
    history = History(service("api"))
    history.put("api", processes=(), state=UnitState.EXITED, last_exit=3)
    history.wait(0.5)
    assert history.open == []
    history.wait(3)
    assert history.open == ["crash of api"]
    assert history.only().summary == "api crashed (exit code 3)"


def test_what_is_found_dead_is_told_once_until_it_ran_again() -> None:
    history = History(service("api"))
    history.put("api", processes=(), state=UnitState.EXITED)
    history.wait(3)
    history.mend(mended=False)
    history.wait(60)
    assert len(history.opened) == 1
    history.spawn("api")
    history.wait(5)
    history.put("api", processes=(), state=UnitState.EXITED)
    history.wait(3)
    assert len(history.opened) == 2


def test_a_loop_is_told_by_the_rate_of_deaths() -> None:
    history = History(service("api"))
    for _ in range(3):
        history.die("api", 1, respawn=True)
        history.wait(2)
    assert history.open == ["crash of api"]
    history.die("api", 1, respawn=True)
    assert history.open == ["crash_loop of api"]
    assert len(history.opened) == 1
    assert history.updated[-1].id == history.opened[0].id


def test_slow_deaths_are_no_loop() -> None:
    history = History(service("api"))
    for _ in range(6):
        history.die("api", 1, respawn=True)
        history.wait(25)
    assert history.open == ["crash of api"]


def test_all_old_workers_killed_at_once_are_no_loop() -> None:
    history = History(service("api", instances=8))
    for _ in range(8):
        history.die("api")
    assert history.open == ["crash of api"]


def test_a_loop_that_was_given_up_on_is_not_told_again_while_it_goes_on() -> None:
    history = History(service("api"))
    for _ in range(5):
        history.die("api", 1, respawn=True)
        history.wait(2)
    history.mend(mended=False)
    for _ in range(20):
        history.die("api", 1, respawn=True)
        history.wait(2)
    assert len(history.opened) == 1
    history.wait(60)
    history.die("api", 1, respawn=True)
    assert len(history.opened) == 2


def test_a_mended_loop_counts_from_zero() -> None:
    history = History(service("api"))
    for _ in range(5):
        history.die("api", 1, respawn=True)
        history.wait(2)
    history.wait(8)
    history.mend()
    history.die("api", 1, respawn=True)
    assert history.open == ["crash of api"]


def test_young_workers_killed_at_once_are_no_loop_but_those_that_die_again_are() -> None:
    history = History(service("api", instances=0))
    for _ in range(4):
        history.spawn("api")
    history.wait(6)
    for _ in range(4):
        history.die("api", 1, respawn=True)
    assert history.open == ["crash of api"]
    history.wait(2)
    for _ in range(2):
        history.die("api", 1, respawn=True)
    assert history.open == ["crash of api"]
    history.die("api", 1, respawn=True)
    assert history.open == ["crash_loop of api"]
