"""Who is treated when a service is slow, waits, or fails part of the time: where the cause is, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from opsagent.model import Act, Decision, Escalate, Fault, LeaveAlone, Scalar
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Process, ProcessKey
from tests.support.cases import BEGAN, HANGS, NOW, case_of, outcome, target_of, unit_of

DB, JOB = target_of("db", ports=(5432,)), target_of("job", ports=())
LATER = NOW + timedelta(seconds=30)
CHAIN: dict[str, Scalar] = {
    "waiting": True,
    "end": str(DB.unit.id),
    "end_name": "db",
    "hops": 1,
    "waiting_s": 3.0,
    "idle": True,
    "flows": False,
    "outside": "",
    "said": "api waits for db, for 3.0 s now; db does nothing",
}
NOBODY: dict[str, Scalar] = {"waiting": False, "end": "", "outside": "", "said": "api waits for nobody"}
ALONE: dict[str, Scalar] = {
    "server": str(DB.unit.id),
    "server_name": "db",
    "holder": "",
    "holder_held": 0,
    "flooder": "",
    "flooder_s": 0.5,
    "flooder_share": 1.0,
    "given_up": 0,
    "queue_full": False,
    "said": "1 units are connected to db",
}
HOARDED: dict[str, Scalar] = {
    **ALONE,
    "holder": str(JOB.unit.id),
    "holder_name": "job",
    "holder_held": 8,
    "holder_idle_s": 9.0,
    "holder_grown": 8,
    "others_hold": 0,
    "others_wait": 2,
    "said": "job holds 8 connections",
}
FLOODED: dict[str, Scalar] = {
    **ALONE,
    "flooder": str(JOB.unit.id),
    "flooder_name": "job",
    "flooder_s": 60.0,
    "flooder_share": 0.97,
    "given_up": 40,
    "said": "job opens 60 connections a second",
}
HOG: dict[str, Scalar] = {
    "hog": str(JOB.unit.id),
    "hog_name": "job",
    "hog_cpu": 1.9,
    "own_cpu": 0.1,
    "cores": 2.0,
    "waits": 0.4,
    "related": False,
    "job": True,
    "listens": False,
    "restorable": True,
    "nice": 0,
    "were": "101:1.0:0:-",
    "said": "job uses 1.9 of 2 cores",
}
QUIET: dict[str, dict[str, Scalar]] = {
    "wait_chain": NOBODY,
    "clients": ALONE,
    "cpu_hogs": {"hog": "", "cores": 2.0, "said": "no other unit uses much"},
    "held_open": {"count": 0, "said": "api uses what it holds"},
    "workers": {"instances": 1, "ill_pid": 0, "bad": 0, "said": "one instance"},
    "answers": {"asked": 20, "bad": 0, "median_s": 1.5, "worst_s": 1.6, "said": "slow"},
    "threads": {"threads": 1, "said": "1 thread"},
}


def decided(fault: Fault, answers: dict[str, Any], *, now: Any = LATER, **fields: Any) -> Decision:
    given: dict[str, Any] = {"upstream": (DB,), "others": (JOB,), **fields}
    wrong = HANGS if fault is Fault.HANG else {}
    return outcome(case_of(fault, now=now, **given), {**QUIET, **wrong, **answers})[0]


def what(decision: Decision) -> list[str]:
    return [str(step.action) for step in decision.plan.steps] if isinstance(decision, Act) else []


def test_the_one_at_the_end_of_the_wait_is_replaced_and_not_who_waits() -> None:
    assert what(decided(Fault.HANG, {"wait_chain": CHAIN})) == ["restart:db"]


@pytest.mark.parametrize(
    "other",
    [
        {**CHAIN, "idle": False, "said": "db has too much to do"},
        {**CHAIN, "end": "", "outside": "10.0.0.9:5432"},
        {**CHAIN, "waiting_s": 0.5},
    ],
)
def test_who_works_or_is_elsewhere_is_not(other: dict[str, Scalar]) -> None:
    waits = {"waiting": True, "on": "db", "said": "api has waited for db"}
    assert what(decided(Fault.HANG, {"wait_chain": other, "connections": waits})) == []


@pytest.mark.parametrize(("given_up", "done"), [(2, []), (40, ["restart:db"])])
def test_short_waits_count_where_clients_give_up_on_one_that_only_computes(given_up: int, done: list[str]) -> None:
    """Whoever asks may wait for less time than it takes to call that long."""
    spins = {**CHAIN, "waiting_s": 0.5, "idle": False, "spinning": True, "said": "db spins in one computation"}
    waits = {"waiting": True, "on": "db", "said": "api has waited for db"}
    clients = {**ALONE, "given_up": given_up}
    assert what(decided(Fault.HANG, {"wait_chain": spins, "connections": waits, "clients": clients})) == done


def test_a_short_wait_is_given_time() -> None:
    waits = {"waiting": True, "on": "db", "said": "api has waited for db"}
    soon = BEGAN + timedelta(seconds=4)
    assert isinstance(decided(Fault.HANG, {"wait_chain": CHAIN, "connections": waits}, now=soon), LeaveAlone)


@pytest.mark.parametrize("chain", [CHAIN, NOBODY])
def test_who_hoards_connections_is_recycled_and_not_the_server_nor_who_waits(chain: dict[str, Scalar]) -> None:
    assert what(decided(Fault.HANG, {"wait_chain": chain, "clients": HOARDED})) == ["restart:job"]


def test_a_pool_at_rest_is_no_hoard() -> None:
    at_rest = {**HOARDED, "holder_grown": 0}
    plan = what(decided(Fault.HANG, {"wait_chain": NOBODY, "clients": at_rest}))
    assert "restart:job" not in plan


def test_what_was_held_while_all_were_served_is_no_hoard() -> None:
    long_ago = {**HOARDED, "holder_idle_s": (LATER - BEGAN).total_seconds() + 20}
    assert "restart:job" not in what(decided(Fault.HANG, {"wait_chain": NOBODY, "clients": long_ago}))


def test_the_load_is_shed_and_the_server_left_alone() -> None:
    decision = decided(Fault.HANG, {"clients": {**FLOODED, "server": str(unit_of("api").id)}})
    assert what(decision) == ["stop:job", "start:job"]
    assert isinstance(decision, Act)
    stop, start = decision.plan.steps
    assert stop.undo is not None
    assert stop.undo.name is ActionName.START
    assert start.gate is not None
    assert start.gate.unit == unit_of("api").id, "only once the server is well"


def test_who_asks_a_server_that_is_stuck_is_no_flood() -> None:
    jammed = {**FLOODED, "server": str(unit_of("api").id), "jammed": True}
    assert what(decided(Fault.HANG, {"clients": jammed})) == ["restart:api"]


def test_a_flooded_server_is_never_restarted_for_it() -> None:
    nobody_known = {**FLOODED, "server": str(unit_of("api").id), "flooder": "circus:gone@box"}
    assert what(decided(Fault.HANG, {"clients": nobody_known})) == []


def test_the_job_that_takes_the_processor_gets_less_of_it() -> None:
    starved = {"processes": 1, "stopped": 0, "starved": True, "delayed": 0.5, "said": "starved"}
    decision = decided(Fault.HANG, {"cpu_hogs": HOG, "process_state": starved})
    assert what(decision) == ["renice:job"]
    assert isinstance(decision, Act)
    assert decision.plan.steps[0].undo is not None


@pytest.mark.parametrize(
    "fact", [{"job": False}, {"related": True}, {"waits": 0.01}, {"hog_cpu": 0.2}, {"restorable": False}, {"nice": 19}]
)
def test_who_is_needed_or_not_in_the_way_keeps_its_priority(fact: dict[str, Scalar]) -> None:
    busy = {"processes": 1, "stopped": 0, "busy": True, "delayed": 0.02, "said": "busy"}
    assert what(decided(Fault.HANG, {"cpu_hogs": {**HOG, **fact}, "process_state": busy})) == []


STRANGER: dict[str, Scalar] = {
    "hog": "",
    "own_cpu": 0.1,
    "cores": 2.0,
    "waits": 0.6,
    "stranger_takes": True,
    "stranger": "perl",
    "stranger_pid": 4711,
    "stranger_count": 60,
    "stranger_cpu": 1.8,
    "said": "60 processes perl (pid 4711), which no supervisor runs, use 1.8 of 2 cores",
}


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DEGRADED])
@pytest.mark.parametrize("mood", ["starved", "busy"])
def test_what_nobody_supervises_is_named_to_a_person_and_never_touched(fault: Fault, mood: str) -> None:
    process: dict[str, Scalar] = {"processes": 1, "stopped": 0, "spinning": False, "cpu": 0.1, "delayed": 0.6}
    process |= {mood: True, "said": mood}
    decision = decided(fault, {"cpu_hogs": STRANGER, "process_state": process})
    assert isinstance(decision, Escalate), decision
    assert "4711" in decision.why
    assert "perl" in decision.why


def test_who_spins_is_not_excused_by_a_stranger() -> None:
    spins = {"processes": 1, "stopped": 0, "spinning": True, "delayed": 0.4, "cpu": 0.6, "said": "it spins"}
    assert what(decided(Fault.HANG, {"cpu_hogs": STRANGER, "process_state": spins})) == ["restart:api"]


def four() -> Any:
    born = (NOW - timedelta(seconds=500)).timestamp()
    processes = tuple(Process(key=ProcessKey(pid, born)) for pid in (11, 12, 13, 14))
    return unit_of("api", processes=processes, instances=4, surges=True, shares_socket=True)


ILL: dict[str, Scalar] = {
    "instances": 4,
    "asked": 40,
    "bad": 10,
    "nobody_bad": 0,
    "ill_pid": 13,
    "ill_bad": 10,
    "ill_good": 0,
    "others_good": 30,
    "odd_pid": 0,
    "odd": "",
    "said": "instance 13 gave 10 bad answers",
}


def test_only_the_ill_one_of_four_is_replaced() -> None:
    lately = {"asked": 20, "bad": 5, "median_s": 0.01, "worst_s": 0.02, "said": "5 of 20"}
    decision = decided(Fault.DEGRADED, {"workers": ILL, "answers": lately}, unit=four())
    assert what(decision) == ["reload:api"]
    assert isinstance(decision, Act)
    assert decision.plan.steps[0].action.args["pid"] == 13


def test_where_all_of_them_fail_now_and_then_none_is_replaced() -> None:
    all_of_them = {**ILL, "ill_pid": 0, "said": "10 of 40 answers were bad"}
    lately = {"asked": 20, "bad": 5, "median_s": 0.01, "worst_s": 0.02, "said": "5 of 20"}
    answers = {"workers": all_of_them, "answers": lately}
    assert isinstance(decided(Fault.DEGRADED, answers, unit=four(), now=NOW), LeaveAlone)
    assert isinstance(decided(Fault.DEGRADED, answers, unit=four(), now=LATER + timedelta(seconds=60)), Escalate)


def test_what_is_slow_for_a_moment_is_left_alone_and_for_long_replaced_where_others_need_it() -> None:
    needed = frozenset({DB.unit.id})
    idle = {"processes": 1, "stopped": 0, "cpu": 0.01, "delayed": 0.0, "said": "idle"}
    answers = {"process_state": idle}
    assert isinstance(decided(Fault.DEGRADED, answers, now=NOW, affected=needed), LeaveAlone)
    assert what(decided(Fault.DEGRADED, answers, affected=needed)) == ["restart:api"]
    assert what(decided(Fault.DEGRADED, answers)) == [], "nobody is known to need it"
    busy = {**idle, "cpu": 0.9, "busy": True}
    assert what(decided(Fault.DEGRADED, {"process_state": busy}, affected=needed)) == []


def test_what_is_not_clear_is_looked_at_seldomer_and_seldomer_and_then_told() -> None:
    looks, now = list[float](), BEGAN + timedelta(seconds=6)
    while isinstance(decision := decided(Fault.DEGRADED, {}, now=now), LeaveAlone):
        assert decision.look_again_s is not None
        looks.append(decision.look_again_s)
        now += timedelta(seconds=decision.look_again_s)
    assert isinstance(decision, Escalate)
    assert len(looks) <= 5
    assert looks[-1] > 15
    assert min(looks) >= 2
