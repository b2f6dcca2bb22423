"""What is made of circusd's answers: states, exit codes, and what is not believed. Processes are real."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.circusd.book import Book
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.units import Unit, UnitState
from tests.support.waiting import eventually


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as found:
        yield found
        found.kill()


@pytest.fixture
def book() -> Book:
    found = Book("circusd")
    found.begin(os.getpid(), os.getuid())
    return found


def unit(book: Book, status: str, *pids: int, **options: Any) -> Unit:
    book.take({"api": Told(name="api", status=status, pids=pids, options=options)})
    return book.unit("api")


def test_a_running_watcher_has_its_processes(book: Book, process: subprocess.Popen[bytes]) -> None:
    found = unit(book, "active", process.pid, numprocesses=2)
    assert (found.state, found.instances, [one.pid for one in found.processes]) == (UnitState.RUNNING, 2, [process.pid])


def test_a_pid_that_is_not_its_child_is_not_believed(book: Book) -> None:
    assert unit(book, "active", 1, os.getpid()).processes == ()


@pytest.mark.parametrize(
    ("status", "options", "state"),
    [
        ("active", {}, UnitState.STARTING),
        ("active", {"respawn": False}, UnitState.EXITED),
        ("active", {"numprocesses": 0}, UnitState.STOPPED),
        ("stopped", {}, UnitState.STOPPED),
        ("stopped", {"on_demand": True}, UnitState.STOPPED),
        ("stopped", {"respawn": False}, UnitState.STOPPED),
        ("starting", {}, UnitState.STARTING),
        ("stopping", {}, UnitState.STOPPING),
        ("sleepy", {}, UnitState.UNKNOWN),
    ],
)
def test_states_without_a_process(book: Book, status: str, options: dict[str, Any], state: UnitState) -> None:
    assert unit(book, status, **options).state is state


def test_who_ended_it_decides_what_it_is(book: Book, process: subprocess.Popen[bytes]) -> None:
    (one,) = unit(book, "active", process.pid, respawn=False).processes
    process.kill()
    eventually(lambda: not is_alive(one.key))
    by_itself = unit(book, "active", respawn=False)
    assert (by_itself.state, by_itself.last_exit) == (UnitState.EXITED, -signal.SIGKILL)
    assert unit(book, "stopped", respawn=False).state is UnitState.EXITED
    book.pardon("api", one.key)  # the word that it was told to end came late
    assert unit(book, "stopped", respawn=False).state is UnitState.STOPPED


def test_a_stop_after_deaths_stays_a_stop_also_where_a_plugin_may_have_done_it(book: Book) -> None:
    book.flaps = True
    for _ in range(3):
        with subprocess.Popen(["sleep", "600"]) as process:
            (one,) = unit(book, "active", process.pid).processes
            process.kill()
            eventually(lambda one=one: not is_alive(one.key))
            unit(book, "active")
    book.stopped("api")
    found = unit(book, "stopped")
    assert found.state is UnitState.STOPPED
    assert "or by a person, after 3 deaths" in found.reason
    assert (found.restarts, book.deaths_within("api", 600)) == (2, 3)
    book.flaps = False
    assert unit(book, "stopped").reason == ""


def test_what_outlived_an_earlier_one_is_not_the_new_ones(book: Book, process: subprocess.Popen[bytes]) -> None:
    unit(book, "active", process.pid)
    assert book.left_behind() == {}
    book.begin(1, 0)  # another circusd answers
    assert [(key.pid, name) for key, name in book.left_behind().items()] == [(process.pid, "api")]
    assert unit(book, "active", process.pid).processes == ()


@pytest.mark.parametrize(
    ("code", "options", "surely"),
    [
        (-signal.SIGKILL, {"stop_signal": 15, "graceful_timeout": 30.0}, True),
        (-signal.SIGKILL, {"stop_signal": 15, "graceful_timeout": 0}, False),
        (-signal.SIGKILL, {"stop_signal": 9, "graceful_timeout": 30.0}, False),
        (-signal.SIGSEGV, {"stop_signal": 15}, True),
        (-signal.SIGTERM, {}, False),
        (1, {}, False),
        (None, {}, False),
    ],
)
def test_only_a_death_that_no_stop_can_be_needs_no_question(
    book: Book, code: int | None, options: dict[str, Any], surely: bool
) -> None:
    unit(book, "active", **options)
    assert book.surely_by_itself("api", code) is surely
    assert not book.surely_by_itself("nobody", code)
