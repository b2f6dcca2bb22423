"""Questions are answered from the supervisors' words, the logs and the journal; what is not known is said to be not known."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from opsagent.answering.answer import Answer
from opsagent.answering.answers import Answers
from opsagent.commands.reading import CommandStep, Language
from opsagent.home import Home
from opsagent.model import Cause, Fault, Hypothesis, Incident
from opsagent.naming import Descriptions
from opsagent.running import Running, UnknownService
from opsagent.store.journal import Journal
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
API = UnitId("circus", "api", "box")
SECRET = "password=hunter2abc"


@pytest.fixture
def place(home: Path) -> Home:
    return Home.open(home)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "api.log"
    lines = [f"{NOW - timedelta(hours=hours):%Y-%m-%d %H:%M:%S} INFO request {hours}" for hours in (30, 5, 1)]
    lines += [f"{NOW - timedelta(minutes=1):%Y-%m-%d %H:%M:%S} ERROR timeout while {SECRET}"]
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (NOW.timestamp() - 60, NOW.timestamp() - 60))
    return path


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def a_unit(log: Path | None = None, **changed: Any) -> Unit:
    me = Process(key=ProcessKey(os.getpid(), NOW.timestamp() - 3600))
    whole = Unit(id=API, state=UnitState.RUNNING, processes=(me,), logs=(log,) if log is not None else ())
    return replace(whole, **changed)


def running(unit: Unit, health: Health | None = None) -> Running:
    spec = ServiceSpec(name="api", command=("true",), cwd=Path("/"), health=health)
    return Running(True, 1, (unit,), (spec,), described=Descriptions({"api": spec}, [unit.id]))


def ask(home: Home, tool: str, unit: Running, language: Language = "en", /, **args: Any) -> Answer:
    target = args.pop("target", "api")
    step = CommandStep(tool=tool, target=target, args=args)
    return Answers(home, unit, zone="Asia/Seoul", clock=lambda: NOW).answer_now(step, language)


def incident(**changed: Any) -> Incident:
    found = Incident(
        id="0123abcd4567ef89", fault=Fault.CRASH, unit=API, opened_at=NOW - timedelta(hours=3),
        began_at=NOW - timedelta(hours=3, seconds=2), summary="api ended by itself",
    )  # fmt: skip
    return replace(found, **changed)


def remember(home: Home, one: Incident, **values: Any) -> None:
    because = Hypothesis(
        cause="its heap is used up", unit=API, weight=0.87, kind=Cause.HEAP_CAP, speaks_for=("it logged out of memory",)
    )
    with Journal.open(home, clock=lambda: NOW) as journal:
        journal.open_incident(one)
        journal.set_incident(one.id, **{"hypotheses": (because,), **values})


def test_who_answers_its_health_check_is_up(place: Home, listening: int) -> None:
    found = ask(place, "describe_process", running(a_unit(), Health(tcp=f"127.0.0.1:{listening}")))
    assert found.headline.startswith("api is up: it answers its health check (up for ")
    assert found.data["headline"] == found.headline
    korean = ask(place, "describe_process", running(a_unit(), Health(tcp=f"127.0.0.1:{listening}")), "ko")
    assert korean.headline.startswith("api는 정상입니다")


def test_who_runs_and_refuses_does_not_serve(place: Home, free_port: int) -> None:
    found = ask(place, "describe_process", running(a_unit(), Health(tcp=f"127.0.0.1:{free_port}")))
    assert "runs but does not serve: its health check fails (refused)" in found.headline


def test_who_has_no_health_check_is_not_called_well(place: Home) -> None:
    assert "whether it serves is not known" in ask(place, "describe_process", running(a_unit())).headline


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": UnitState.STOPPED}, "api is stopped: a person had it stopped"),
        ({"state": UnitState.EXITED, "last_exit": 3}, "api is down: it ended with exit code 3"),
        ({"state": UnitState.EXITED, "last_exit": -9}, "api is down: it was ended by signal 9"),
        ({"state": UnitState.EXITED, "reason": "port 80 is taken"}, "api is down: port 80 is taken"),
        ({"state": UnitState.UNKNOWN}, "api: how it is is not known"),
    ],
)
def test_who_is_down_is_said_to_be_down(place: Home, changed: dict[str, Any], said: str) -> None:
    unit = a_unit(processes=(), **changed)
    assert ask(place, "describe_process", running(unit)).headline.startswith(said)


def test_who_is_stopped_by_a_signal_does_not_serve_whatever_is_known_of_it(place: Home) -> None:
    frozen = subprocess.Popen(["sleep", "60"])
    try:
        frozen.send_signal(signal.SIGSTOP)
        os.waitpid(frozen.pid, os.WUNTRACED)
        frozen_key = ProcessKey(frozen.pid, psutil.Process(frozen.pid).create_time())
        unit = running(a_unit(processes=(Process(key=frozen_key),)))
        assert ask(place, "describe_process", unit).headline.startswith(
            "api does not serve: its process is stopped by a signal"
        )
        assert "running but not serving: api" in ask(place, "list_processes", unit, target=None).headline
    finally:
        frozen.kill()
        frozen.wait()


def test_all_of_them_in_a_sentence(place: Home) -> None:
    one = running(a_unit())
    both = replace(
        one, units=(*one.units, a_unit(id=UnitId("circus", "job", "box"), processes=(), state=UnitState.EXITED))
    )
    assert ask(place, "list_processes", one, target=None).headline == "the only service is up"
    assert ask(place, "list_processes", both, target=None).headline == "1 of 2 services are up; down: job"
    assert (
        ask(place, "list_processes", both, "ko", target=None).headline
        == "서비스 2개 중 1개가 실행 중입니다; 내려감: job"
    )


def test_an_open_incident_and_a_hold_are_told(place: Home) -> None:
    remember(place, incident())
    with Journal.open(place, clock=lambda: NOW) as journal:
        journal.hold(API, NOW + timedelta(hours=2), "migration", "ann")
    told = "\n".join(ask(place, "describe_process", running(a_unit())).lines)
    assert "an incident is open: crash since 11-29 08:59 KST (open): api ended by itself [0123abcd4567ef89]" in told
    assert "on hold by ann until 11-29 14:00 KST: migration" in told


def test_why_it_died_is_answered_from_the_journal(place: Home) -> None:
    ended = {"status": "resolved", "remedy": "crash/start", "remedy_source": "runbook", "mttr_s": 12.0}
    remember(place, incident(), resolved_at=NOW - timedelta(hours=2), **ended)
    found = ask(place, "recall_incidents", running(a_unit()))
    assert found.headline == (
        "api: crash at 11-29 08:59 KST; most likely because: its heap is used up (87% sure); "
        "repaired after 12 s by crash/start"
    )
    assert "for it: it logged out of memory" in found.lines
    assert any(line.startswith("now: api is running") for line in found.lines)
    korean = ask(place, "recall_incidents", running(a_unit()), "ko")
    assert korean.headline.startswith(
        "api: 11-29 08:59 KST 비정상 종료; 가장 유력한 원인: 힙 한도 도달 (its heap is used up) (확신 87%)"
    )


def test_what_a_person_stopped_is_down_because_of_that_and_not_of_an_incident_of_before(place: Home) -> None:
    stopped = running(a_unit(processes=(), state=UnitState.STOPPED))
    bare = ask(place, "recall_incidents", stopped)
    assert bare.headline == "api is stopped: a person had it stopped, and it stays so"
    remember(place, incident(), status="resolved", resolved_at=NOW - timedelta(hours=2), mttr_s=12.0)
    found = ask(place, "recall_incidents", stopped)
    assert found.headline.startswith(f"{bare.headline}; the latest before that: api: crash at 11-29 08:59 KST")
    assert not any(line.startswith("now: ") for line in (*bare.lines, *found.lines))
    then = ask(place, "recall_incidents", stopped, since="12h")  # what was then is asked
    assert then.headline.startswith("api: crash at 11-29 08:59 KST")


def test_what_is_not_recorded_is_not_made_up(place: Home) -> None:
    found = ask(place, "recall_incidents", running(a_unit()))
    assert found.headline == "I do not know: no incident of api is known, for nothing was ever recorded here"
    remember(place, incident(unit=UnitId("circus", "other", "box")))
    later = ask(place, "recall_incidents", running(a_unit()))
    assert later.headline == "I do not know: no incident of api is known, and the journal goes back to 11-29 12:00 KST"
    assert ask(place, "recall_incidents", running(a_unit()), "ko").headline.startswith("모릅니다: ")


def test_an_incident_of_before_is_no_answer_for_last_night(place: Home) -> None:
    remember(place, incident(opened_at=NOW - timedelta(days=4)), status="closed", resolved_at=NOW - timedelta(days=4))
    found = ask(place, "recall_incidents", running(a_unit()), since="12h")
    assert found.headline == "no incident of api is known since 11-29 00:00 KST"
    assert any("0123abcd4567ef89" in line for line in found.lines)
    assert "the journal goes back to 11-29 12:00 KST only: what was before that is not known" in found.lines


def test_what_happened_altogether(place: Home) -> None:
    assert "nothing was ever recorded" in ask(place, "recall_incidents", running(a_unit()), target=None).headline
    remember(place, incident())
    found = ask(place, "recall_incidents", running(a_unit()), target=None, since="1d")
    assert found.headline == "since 11-28 12:00 KST: one incident, 1 still open"
    assert [one["id"] for one in found.data["incidents"]] == ["0123abcd4567ef89"]


def test_lines_since_a_moment_are_those_of_after_it(place: Home, log: Path) -> None:
    found = ask(place, "tail_logs", running(a_unit(log)), since="2h")
    assert [line[20:29] for line in found.data["lines"]] == ["INFO requ", "ERROR tim"]
    assert found.headline == "2 lines of api since 11-29 10:00 KST, one of them is an error"
    assert "hunter2abc" not in str(found)
    assert ask(place, "tail_logs", running(a_unit(log)), lines=1).headline.startswith("the last line of api")
    assert ask(place, "tail_logs", running(a_unit(log)), since="10s").headline.startswith(
        "no lines: api logged nothing"
    )


def test_lines_that_carry_no_time_are_not_said_to_be_of_then(place: Home, tmp_path: Path) -> None:
    path = tmp_path / "plain.log"
    path.write_text("tick\ntock\n")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    found = ask(place, "tail_logs", running(a_unit(path)), since="2h")
    assert "carry no time" in found.headline
    assert [line.raw for line in found.quoted] == ["tick", "tock"]


def test_a_text_is_found_or_said_not_to_be_there(place: Home, log: Path) -> None:
    assert ask(place, "search_logs", running(a_unit(log)), query="REQUEST").headline == "3 lines of api have “REQUEST”"
    none = ask(place, "search_logs", running(a_unit(log)), query="panic").headline
    assert none == "no such line in the log of api: “panic” is in none of the last 4 lines"
    assert (
        ask(place, "search_logs", running(a_unit(log)), query="request", since="2h")
        .data["lines"][0]
        .endswith("request 1")
    )


def test_the_machine(place: Home) -> None:
    found = ask(place, "host_metrics", running(a_unit()), target=None)
    assert "memory available" in found.headline
    assert found.data["cpus"] == os.cpu_count()


def test_what_cannot_be_asked_is_an_error(place: Home) -> None:
    with pytest.raises(UnknownService):
        ask(place, "describe_process", running(a_unit()), target="nobody")
    with pytest.raises(ValueError, match="no tool that reads"):
        ask(place, "restart", running(a_unit()))
    with pytest.raises(ValueError, match="not a duration"):
        ask(place, "tail_logs", running(a_unit()), since="soon")
