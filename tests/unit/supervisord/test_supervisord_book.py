"""What is made of supervisord's answers and of its log: units, states, exit codes, and whether a death was wanted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.book import Book
from opsagent_tools.supervisors.supervisord.chronicle import Chronicle
from opsagent_tools.supervisors.supervisord.conf import read_conf
from opsagent_tools.supervisors.supervisord.info import (
    BACKOFF,
    EXITED,
    FATAL,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    Config,
    Info,
    configs_of,
    infos_of,
    unit_names,
)
from opsagent_tools.units import UnitState

_LOG = """\
2026-11-28 15:00:00,100 INFO supervisord started with pid 10
2026-11-28 15:00:01,000 INFO spawned: 'api' with pid 11
2026-11-28 15:00:02,000 WARN exited: api (terminated by SIGKILL; not expected)
2026-11-28 15:00:03,000 INFO spawned: 'api' with pid 12
2026-11-28 15:00:04,000 INFO waiting for api to stop
2026-11-28 15:00:04,500 INFO stopped: api (terminated by SIGTERM)
2026-11-28 15:00:05,000 INFO spawned: 'api' with pid 13
2026-11-28 15:00:06,000 INFO exited: api (exit status 7; not expected)
"""


def test_the_log_tells_signals_codes_and_who_asked() -> None:
    log = Chronicle()
    log.read(_LOG)
    ends = [log.end_of("api", pid) for pid in (11, 12, 13)]
    assert [(end.exit_code, end.asked) for end in ends if end is not None] == [(-9, False), (-15, True), (7, False)]
    assert log.starts("api") == 3
    assert log.last_end("api") == ends[-1]


def test_what_was_read_is_not_counted_twice() -> None:
    log = Chronicle()
    for end in range(0, len(_LOG), 40):
        log.read(_LOG[:end].rpartition("\n")[0])
    log.read(_LOG)
    log.read(_LOG[200:])
    assert log.starts("api") == 3


def test_a_log_into_which_programs_write_tells_nothing() -> None:
    log = Chronicle()
    log.read(_LOG)
    log.read(
        "2026-11-28 15:00:07,000 DEBG 'api' stdout output:\n2026-11-28 15:00:08,000 INFO exited: db (exit status 1)\n"
    )
    assert log.forgeable
    assert (log.starts("api"), log.last_end("db")) == (0, None)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_read_to_its_end(text: str) -> None:
    log = Chronicle()
    log.read(_LOG + text)
    log.read(text)


@pytest.mark.parametrize(
    ("processes", "programs", "units"),
    [
        ([("api", "api")], {}, {"api:api": "api"}),
        ([("api", "api_00"), ("api", "api_01")], {}, {"api:api_00": "api", "api:api_01": "api"}),
        ([("web", "http"), ("web", "mail")], {}, {"web:http": "web:http", "web:mail": "web:mail"}),
        ([("x", "w1"), ("x", "w2"), ("x", "mail")], {}, {"x:w1": "x:w", "x:w2": "x:w", "x:mail": "x:mail"}),
        ([("x", "v2"), ("x", "mail")], {}, {"x:v2": "x:v2", "x:mail": "x:mail"}),
        ([("x", "a"), ("x", "b")], {"x:a": "p", "x:b": "p"}, {"x:a": "x", "x:b": "x"}),
    ],
)
def test_processes_of_one_program_are_one_unit(
    processes: list[tuple[str, str]], programs: dict[str, str], units: dict[str, str]
) -> None:
    assert unit_names(processes, programs) == units


def info(state: int, name: str = "api", **values: object) -> Info:
    base = {"group": "api", "name": name, "state": state, "pid": 0, "start": 10, "stop": 0, "now": 20, "exit_status": 0}
    return Info(**{**base, "spawn_error": "", "stdout": "", "stderr": "", **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "unit"),
    [
        ([RUNNING], UnitState.RUNNING),
        ([RUNNING, FATAL], UnitState.RUNNING),
        ([STARTING], UnitState.STARTING),
        ([BACKOFF], UnitState.STARTING),
        ([STOPPING], UnitState.STOPPING),
        ([STOPPED, STOPPED], UnitState.STOPPED),
        ([FATAL], UnitState.EXITED),
        ([EXITED], UnitState.EXITED),
        ([STOPPED, EXITED], UnitState.EXITED),
        ([1000], UnitState.UNKNOWN),
    ],
)
def test_states_are_those_that_all_supervisors_share(states: list[int], unit: UnitState) -> None:
    book = Book("supervisord")
    book.take([info(state, f"api_{number}") for number, state in enumerate(states)])
    assert book.unit("api").state is unit


def test_exited_for_a_moment_is_starting_where_it_comes_back(tmp_path: Path) -> None:
    conf = tmp_path / "s.conf"
    book = Book("supervisord")
    book.take([info(EXITED, exit_status=3)])
    configs = {"api:api": Config(group="api", name="api", in_use=True, exit_codes=(0,), values={})}
    for wish, state in {
        "true": UnitState.STARTING,
        "unexpected": UnitState.STARTING,
        "false": UnitState.EXITED,
    }.items():
        conf.write_text(f"[program:api]\ncommand=x\nautorestart={wish}\n")
        book.take_conf(read_conf(conf, os.geteuid()), configs)
        assert book.unit("api").state is state
    book.take([info(EXITED, exit_status=0)])
    conf.write_text("[program:api]\ncommand=x\n")
    book.take_conf(read_conf(conf, os.geteuid()), configs)
    assert book.unit("api").state is UnitState.EXITED


@pytest.mark.parametrize(
    ("code", "stops_with", "waits", "surely"),
    [
        (-signal.SIGKILL, signal.SIGTERM, 10, True),
        (-signal.SIGSEGV, signal.SIGTERM, 10, True),
        (-signal.SIGTERM, signal.SIGTERM, 10, False),
        (-signal.SIGTERM, signal.SIGINT, 10, True),
        (-signal.SIGKILL, signal.SIGKILL, 10, False),
        (-signal.SIGKILL, signal.SIGTERM, 1, False),
        (0, signal.SIGTERM, 10, False),
        (3, signal.SIGTERM, 10, False),
        (None, signal.SIGTERM, 10, False),
    ],
)
def test_only_a_death_that_no_stop_can_be_needs_no_question(
    code: int | None, stops_with: int, waits: int, surely: bool
) -> None:
    book = Book("supervisord")
    values = {"stopsignal": int(stops_with), "stopwaitsecs": waits}
    book.take_conf(None, {"api:api": Config(group="api", name="api", in_use=True, values=values)})
    assert book.surely_by_itself("api:api", code, looked_every_s=1.0) is surely
    assert not book.surely_by_itself("api:other", code, looked_every_s=1.0)


def test_a_pid_that_is_not_its_child_is_not_believed() -> None:
    book = Book("supervisord")
    book.begin(1, 0)
    book.take([info(RUNNING, pid=os.getpid())])
    assert book.unit("api").processes == ()
    book.begin(os.getppid(), 0)
    book.take([info(RUNNING, pid=os.getpid())])
    assert [process.pid for process in book.unit("api").processes] == [os.getpid()]


@pytest.mark.parametrize("raw", [None, 3, "x", ["x"], [{"state": "RUNNING"}], [{"pid": True}]])
def test_an_answer_of_another_kind_is_no_supervisords(raw: object) -> None:
    with pytest.raises(SupervisorUnreachable, match="cannot be read"):
        infos_of(raw)  # type: ignore[arg-type]
    if not isinstance(raw, list) or raw == ["x"]:
        with pytest.raises(SupervisorUnreachable, match="cannot be read"):
            configs_of(raw)  # type: ignore[arg-type]
