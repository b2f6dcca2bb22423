"""What is decided, fault by fault: the right remedy, and above all the tempting wrong ones that are not taken."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.model import Act, Escalate, Fault, LeaveAlone, Scalar
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState
from tests.support.cases import (
    BEGAN,
    ENDED,
    HANGS,
    Answers,
    case_of,
    died,
    failed,
    outcome,
    spec_of,
    target_of,
    unit_of,
)

STORE = target_of("store")
STORE_DOWN: dict[str, Any] = {
    "dependencies": {
        "ok": False,
        "root": "circus:store@box",
        "root_name": "store",
        "root_state": "exited",
        "said": "store ended and is not running",
    },
    "unit_state:store": ENDED["unit_state"],
    "port_holder:store": ENDED["port_holder"],
}
COMING = {**STORE_DOWN["dependencies"], "root_state": "starting"}
STORE_STOPPED: dict[str, Any] = {
    "dependencies": {**STORE_DOWN["dependencies"], "root_state": "stopped", "said": "store was stopped on purpose"},
    "unit_state:store": {"state": "stopped"},
}
STORE_FROZEN: dict[str, Any] = {
    "dependencies": {
        **STORE_DOWN["dependencies"],
        "root_state": "running",
        "said": "store is stopped by a signal (state T)",
    },
    "process_state:store": {"stopped": 1, "stopped_pids": "7"},
}
STRANGER: dict[str, Any] = {
    "relation": "stranger",
    "pid": 77,
    "said": "port 8000 of api is held by process 77 (nginx, user www)",
}
ORPHAN: dict[str, Any] = {
    "relation": "orphan",
    "pid": 78,
    "started": 1000.5,
    "said": "port 8000 of api is held by process 78, left over",
}
CHANGED: dict[str, Any] = {
    "changed": True,
    "known": True,
    "restorable": True,
    "path": "/srv/app.json",
    "good": "a" * 64,
    "current": "b" * 64,
    "changed_at": BEGAN.timestamp() - 20,
    "said": "app.json of api changed since it was last well",
}
LOCK: dict[str, Any] = {
    "found": True,
    "path": "/srv/state/api.lock",
    "sha256": "c" * 64,
    "said": "api.lock was left behind by 99",
}
BOOT_DEATHS = tuple(died("api", lived_s=0.3, pid=200 + n) for n in range(4))
LOOPS: dict[str, Any] = {"unit_state": {"state": "starting", "processes": 0, "last_exit": 1, "age_s": 0.0}}
WORKERS = unit_of(
    "api",
    instances=2,
    shares_socket=True,
    surges=True,
    processes=(Process(key=ProcessKey(101, 1.0)), Process(key=ProcessKey(102, 2.0))),
)
ONE_OF_TWO = unit_of("api", instances=2, shares_socket=True, surges=True, autorestart=False)
SHORT: dict[str, Any] = {
    "unit_state": {"state": "running", "processes": 1, "instances": 2, "short": True, "last_exit": -11, "age_s": 500.0}
}
ANSWERS_500: dict[str, Any] = {
    "health_now": {"configured": True, "ok": False, "reason": "status", "status": 500, "said": "status 500"}
}
ENDED_1: dict[str, Any] = {**ENDED, "unit_state": {"state": "exited", "last_exit": 1}}


def actions(case: Any, answers: Answers) -> list[str]:
    decision, _ = outcome(case, answers)
    assert isinstance(decision, Act), decision
    return [str(step.action) for step in decision.plan.steps]


_PM2_DOWN = case_of(
    Fault.ENGINE_DOWN, unit=Unit(id=UnitId("pm2", "daemon of pm2", "box"), state=UnitState.UNKNOWN), spec=None
)
_GONE_PM2: dict[str, Scalar] = {
    "reachable": False,
    "gone": True,
    "said": "the daemon of pm2 does not answer",
    "revival": "ends 2 that outlived it (api 7, api 9), starts PM2 7.0.4 and with it api x2",
    "outlived": 2,
}

TABLE: list[tuple[str, Any, Answers, list[str] | type]] = [
    # a crash
    ("it ended, nobody starts it", case_of(Fault.CRASH), ENDED, ["start:api"]),
    ("its supervisor runs it again", case_of(Fault.CRASH), {}, LeaveAlone),
    ("its supervisor is at it", case_of(Fault.CRASH), {"unit_state": {"state": "starting"}}, LeaveAlone),
    ("a stranger has its port", case_of(Fault.CRASH), {**ENDED, "port_holder": STRANGER}, Escalate),
    (
        "a stranger on its port even answers its probe",
        case_of(Fault.CRASH),
        {**ENDED, "port_holder": STRANGER, "health_now": {"configured": True, "ok": True}},
        Escalate,
    ),
    (
        "its own orphan has its port",
        case_of(Fault.CRASH),
        {**ENDED, "port_holder": ORPHAN},
        ["stop_orphan:api", "start:api"],
    ),
    ("what it needs is down", case_of(Fault.CRASH, upstream=(STORE,)), {**ENDED, **STORE_DOWN}, ["start:store"]),
    ("what it needs was stopped", case_of(Fault.CRASH, upstream=(STORE,)), {**ENDED, **STORE_STOPPED}, Escalate),
    ("a full disk", case_of(Fault.CRASH), {**ENDED, "disk": {"full": True, "said": "/ is full"}}, Escalate),
    ("its command is gone", case_of(Fault.CRASH), {**ENDED, "executable": {"ok": False, "said": "gone"}}, Escalate),
    (
        "of another user",
        case_of(Fault.CRASH),
        {**ENDED, "unit_state": {**ENDED["unit_state"], "foreign": True}},
        Escalate,
    ),
    ("the supervisor does not tell", case_of(Fault.CRASH), {"unit_state": {"failed": "no answer"}}, Escalate),
    (
        "a changed configuration, but it was killed after long",
        case_of(Fault.CRASH, symptoms=(died("api"),)),
        {**ENDED, "config_changed": CHANGED},
        ["start:api"],
    ),
    (
        "it dies at boot with a changed configuration",
        case_of(Fault.CRASH, symptoms=(died("api", lived_s=0.2),)),
        {**ENDED, "unit_state": {"state": "exited", "last_exit": 1}, "config_changed": CHANGED},
        ["rollback_config:api", "start:api"],
    ),
    (
        "its configuration changed after what died was started",
        case_of(Fault.CRASH, symptoms=(died("api", lived_s=8.0),)),
        {**ENDED_1, "config_changed": {**CHANGED, "changed_at": BEGAN.timestamp() - 2}},
        ["start:api"],
    ),
    (
        "its configuration changed after what died was started, and it cannot be started with it",
        case_of(Fault.CRASH, symptoms=(died("api", lived_s=8.0),), tried=(failed("crash/start"),)),
        {**ENDED_1, "config_changed": {**CHANGED, "changed_at": BEGAN.timestamp() - 2}},
        ["rollback_config:api", "start:api"],
    ),
    (
        "its configuration changed, then all workers that ran without it died once",
        case_of(Fault.CRASH_LOOP, symptoms=tuple(died("api", lived_s=8.0, pid=300 + n) for n in range(4))),
        {**LOOPS, "config_changed": {**CHANGED, "changed_at": BEGAN.timestamp() - 2}},
        Escalate,
    ),
    (
        "somebody edits the configuration while it is down",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        {**ENDED, "config_changed": {**CHANGED, "changed_at": BEGAN.timestamp() + 60}},
        Escalate,
    ),
    (
        "starting did not help: its lock is stale",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        {**ENDED, "stale_lock": LOCK},
        ["quarantine:api", "start:api"],
    ),
    (
        "starting did not help; the lock is of the start that failed",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        {**ENDED, "stale_lock": {**LOCK, "by_last_run": True}},
        Escalate,
    ),
    (
        "starting did not help, nothing explains it",
        case_of(Fault.CRASH, tried=(failed("crash/start"),)),
        ENDED,
        Escalate,
    ),
    ("it died again and again", case_of(Fault.CRASH, symptoms=BOOT_DEATHS), ENDED, Escalate),
    (
        "young workers that died side by side",
        case_of(Fault.CRASH, symptoms=tuple(died("api", lived_s=8.0, pid=300 + n) for n in range(4))),
        ENDED,
        ["start:api"],
    ),
    ("one of two ended, nobody starts it", case_of(Fault.CRASH, unit=ONE_OF_TWO), SHORT, ["start:api"]),
    (
        "one of two workers without a probe was killed, nobody starts it",
        case_of(Fault.CRASH, unit=ONE_OF_TWO, spec=spec_of("api", port=None, health=None)),
        SHORT,
        ["start:api"],
    ),
    (
        "one of two workers without a probe was killed, its supervisor starts it",
        case_of(Fault.CRASH, unit=WORKERS, spec=spec_of("api", port=None, health=None)),
        SHORT,
        LeaveAlone,
    ),
    (
        "one of two ended, of another user",
        case_of(Fault.CRASH, unit=ONE_OF_TWO),
        {"unit_state": {**SHORT["unit_state"], "foreign": True}},
        Escalate,
    ),
    (
        "a job that ran to its end",
        case_of(Fault.CRASH, unit=unit_of("api", ports=()), spec=spec_of("api", port=None, health=None)),
        {"unit_state": {"state": "exited", "last_exit": 0}},
        Escalate,
    ),
    (
        "a worker without a port that was killed",
        case_of(Fault.CRASH, unit=unit_of("api", ports=()), spec=spec_of("api", port=None, health=None)),
        {"unit_state": {"state": "exited", "last_exit": -9}},
        ["start:api"],
    ),
    # a crash loop
    ("nothing explains the loop", case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS), LOOPS, Escalate),
    ("the loop is over", case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS), {}, LeaveAlone),
    (
        "a stranger has the port",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "port_holder": STRANGER},
        Escalate,
    ),
    (
        "its orphan has the port",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "port_holder": ORPHAN},
        ["stop_orphan:api", "start:api"],
    ),
    (
        "its configuration changed",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "config_changed": CHANGED},
        ["rollback_config:api", "start:api"],
    ),
    (
        "several files changed",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "config_changed": {**CHANGED, "restorable": False}},
        Escalate,
    ),
    (
        "something kills it, whatever its configuration",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {"unit_state": {"state": "starting", "last_exit": -9}, "config_changed": CHANGED, "stale_lock": LOCK},
        Escalate,
    ),
    (
        "a stale lock",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "stale_lock": LOCK},
        ["quarantine:api", "start:api"],
    ),
    (
        "a lock that nobody complains of, and a change that is likelier",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS),
        {**LOOPS, "stale_lock": LOCK, "config_changed": {**CHANGED, "restorable": False}},
        Escalate,
    ),
    (
        "what it needs is down",
        case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS, upstream=(STORE,)),
        {**LOOPS, **STORE_DOWN, "config_changed": CHANGED},
        ["start:store"],
    ),
    # a hang
    ("stopped by a signal", case_of(Fault.HANG), {**HANGS, "process_state": {"stopped": 1}}, ["continue:api"]),
    (
        "one worker of several is stopped, the probe met another",
        case_of(Fault.HANG, unit=WORKERS),
        {"process_state": {"stopped": 1, "stopped_pids": "102"}},
        ["continue:api"],
    ),
    ("it answers again", case_of(Fault.HANG), {}, LeaveAlone),
    ("deadlocked", case_of(Fault.HANG), HANGS, ["restart:api"]),
    ("spinning", case_of(Fault.HANG), {**HANGS, "process_state": {"spinning": True}}, ["restart:api"]),
    ("several workers", case_of(Fault.HANG, unit=WORKERS), HANGS, ["reload:api", "reload:api"]),
    ("a debugger", case_of(Fault.HANG), {**HANGS, "process_state": {"debugged": True, "stopped": 1}}, Escalate),
    ("starved by others", case_of(Fault.HANG), {**HANGS, "process_state": {"starved": True}}, Escalate),
    ("too much to do", case_of(Fault.HANG), {**HANGS, "process_state": {"busy": True}}, Escalate),
    ("waiting for a disk", case_of(Fault.HANG), {**HANGS, "process_state": {"uninterruptible": 1}}, Escalate),
    (
        "waiting for a slow database",
        case_of(Fault.HANG),
        {**HANGS, "connections": {"waiting": True, "on": "10.0.0.1:5432", "said": "api waits for 10.0.0.1:5432"}},
        Escalate,
    ),
    ("nothing known of its connections", case_of(Fault.HANG), {**HANGS, "connections": {"failed": "x"}}, Escalate),
    ("nothing known of its processes", case_of(Fault.HANG), {**HANGS, "process_state": {"failed": "x"}}, Escalate),
    (
        "it answers 503, nobody knows why",
        case_of(Fault.HANG),
        {"health_now": {"configured": True, "ok": False, "reason": "status", "status": 503, "said": "status 503"}},
        Escalate,
    ),
    (
        "it answers 503, out of descriptors",
        case_of(Fault.HANG),
        {
            "health_now": {"configured": True, "ok": False, "reason": "status", "said": "status 503"},
            "process_state": {"fds": 127, "fds_limit": 128, "fds_share": 0.99},
        },
        ["restart:api"],
    ),
    ("within its grace", case_of(Fault.HANG), {**HANGS, "unit_state": {"state": "running", "age_s": 2.0}}, LeaveAlone),
    (
        "never well since it was started",
        case_of(Fault.HANG),
        {"health_now": {**HANGS["health_now"], "failing_s": 499.0}},
        Escalate,
    ),
    ("a full disk", case_of(Fault.HANG), {**HANGS, "disk": {"full": True, "said": "/ is full"}}, Escalate),
    ("a stranger answers on its port", case_of(Fault.HANG), {**HANGS, "port_holder": STRANGER}, Escalate),
    ("what it needs is down", case_of(Fault.HANG, upstream=(STORE,)), {**HANGS, **STORE_DOWN}, ["start:store"]),
    ("what it needs hangs", case_of(Fault.HANG, upstream=(STORE,)), {**HANGS, **STORE_FROZEN}, ["continue:store"]),
    ("what it needs was stopped", case_of(Fault.HANG, upstream=(STORE,)), {**HANGS, **STORE_STOPPED}, Escalate),
    (
        "what it needs is not known",
        case_of(Fault.HANG, upstream=(STORE,)),
        {**HANGS, "dependencies": {"failed": "no answer in time"}},
        Escalate,
    ),
    ("restarting did not help", case_of(Fault.HANG, tried=(failed("hang/restart"),)), HANGS, Escalate),
    (
        "started with a changed configuration, unwell since",
        case_of(Fault.HANG),
        {**HANGS, "config_changed": CHANGED, "unit_state": {"state": "running", "age_s": 22.0}},
        ["rollback_config:api", "restart:api"],
    ),
    (
        "started with a changed configuration, answers with a failure since",
        case_of(Fault.HANG),
        {**ANSWERS_500, "config_changed": CHANGED, "unit_state": {"state": "running", "age_s": 15.0}},
        ["rollback_config:api", "restart:api"],
    ),
    (
        "started with a changed configuration, still silent",
        case_of(Fault.HANG),
        {**HANGS, "config_changed": CHANGED, "unit_state": {"state": "running", "age_s": 15.0}},
        LeaveAlone,
    ),
    (
        "started beyond its grace, still silent",
        case_of(Fault.HANG),
        {"health_now": {**HANGS["health_now"], "last_ok_s": 16.0}, "unit_state": {"state": "running", "age_s": 15.0}},
        LeaveAlone,
    ),
    (
        "well after it was started, silent since",
        case_of(Fault.HANG),
        {"health_now": {**HANGS["health_now"], "last_ok_s": 7.0}, "unit_state": {"state": "running", "age_s": 15.0}},
        ["restart:api"],
    ),
    (
        "never seen well by who came a while after it was started",
        case_of(Fault.HANG),
        {**HANGS, "unit_state": {"state": "running", "age_s": 60.0}},
        Escalate,
    ),
    # growing memory
    (
        "workers on one socket",
        case_of(Fault.MEMORY_GROWTH, unit=WORKERS),
        {"memory": {"share": 0.7, "said": "70%"}},
        ["reload:api", "reload:api"],
    ),
    ("it fell back", case_of(Fault.MEMORY_GROWTH, unit=WORKERS), {"memory": {"share": 0.2, "said": "20%"}}, LeaveAlone),
    ("one instance, early", case_of(Fault.MEMORY_GROWTH), {"memory": {"share": 0.7, "said": "70%"}}, LeaveAlone),
    ("one instance, late", case_of(Fault.MEMORY_GROWTH), {"memory": {"share": 0.92, "said": "92%"}}, ["restart:api"]),
    (
        "one instance, soon",
        case_of(Fault.MEMORY_GROWTH),
        {"memory": {"share": 0.8, "limit_in_s": 20.0, "said": "80%"}},
        ["restart:api"],
    ),
    # a dependency
    ("it ended", case_of(Fault.DEPENDENCY_DOWN), ENDED, ["start:api"]),
    (
        "it is stopped by a signal",
        case_of(Fault.DEPENDENCY_DOWN),
        {**HANGS, "process_state": {"stopped": 1}},
        ["continue:api"],
    ),
    ("it hangs", case_of(Fault.DEPENDENCY_DOWN), HANGS, ["restart:api"]),
    ("it is back", case_of(Fault.DEPENDENCY_DOWN), {}, LeaveAlone),
    (
        "its own dependency is down",
        case_of(Fault.DEPENDENCY_DOWN, upstream=(STORE,)),
        {**ENDED, **STORE_DOWN},
        ["start:store"],
    ),
    # errors in the log
    ("they stopped", case_of(Fault.ERROR_BURST), {}, LeaveAlone),
    ("they go on, all is well", case_of(Fault.ERROR_BURST), {"recent_errors": {"recent": 30}}, Escalate),
    ("and its probe fails", case_of(Fault.ERROR_BURST), {"recent_errors": {"recent": 30}, **HANGS}, Escalate),
    (
        "and what it needs is down",
        case_of(Fault.ERROR_BURST, upstream=(STORE,)),
        {"recent_errors": {"recent": 30}, **STORE_DOWN},
        ["start:store"],
    ),
    # the engine
    (
        "it is gone",
        case_of(Fault.ENGINE_DOWN, unit=unit_of("engine")),
        {"supervisor_state": {"reachable": False, "gone": True, "said": "gone"}},
        ["start:engine"],
    ),
    ("it answers", case_of(Fault.ENGINE_DOWN, unit=unit_of("engine")), {}, LeaveAlone),
    (
        "nobody knows",
        case_of(Fault.ENGINE_DOWN, unit=unit_of("engine")),
        {"supervisor_state": {"failed": "?"}},
        Escalate,
    ),
    # the daemon of somebody else's supervisor
    ("theirs is gone", _PM2_DOWN, {"supervisor_state": _GONE_PM2}, ["start:daemon of pm2"]),
    (
        "theirs is gone, and nobody ended it, and it is not known how it was started",
        _PM2_DOWN,
        {"supervisor_state": {**_GONE_PM2, "revival": "", "hint": "systemctl start pm2-deploy"}},
        Escalate,
    ),
    (
        "a person ended theirs",
        _PM2_DOWN,
        {"supervisor_state": {**_GONE_PM2, "ended": "a person ended it (pm2 kill)"}},
        LeaveAlone,
    ),
    (
        "theirs answers and lost its list",
        _PM2_DOWN,
        {"supervisor_state": {**_GONE_PM2, "reachable": True, "gone": False, "trouble": "it does not know api"}},
        ["start:daemon of pm2"],
    ),
    ("theirs answers", _PM2_DOWN, {"supervisor_state": {"reachable": True, "gone": False}}, LeaveAlone),
    ("nobody knows of theirs", _PM2_DOWN, {"supervisor_state": {"failed": "?"}}, Escalate),
]


@pytest.mark.parametrize(
    ("case", "answers", "right"),
    [row[1:] for row in TABLE],
    ids=[f"{row[1].incident.fault}: {row[0]}" for row in TABLE],
)
def test_decision(case: Any, answers: Answers, right: list[str] | type) -> None:
    decision, _ = outcome(case, answers)
    if isinstance(right, list):
        assert isinstance(decision, Act), decision
        assert [str(step.action) for step in decision.plan.steps] == right
        assert decision.plan.source == "runbook"
    else:
        assert isinstance(decision, right), decision
        assert isinstance(decision, Escalate | LeaveAlone)
        assert decision.why


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.ENGINE_DOWN])
def test_what_a_person_stopped_is_left_alone_without_a_question(fault: Fault) -> None:
    case = case_of(fault, unit=unit_of("api", state=UnitState.STOPPED), stopped_by_person=True)
    decision, asked = outcome(case, ENDED)
    assert isinstance(decision, LeaveAlone)
    assert asked == []


@pytest.mark.parametrize("fault", list(Fault))
def test_on_hold_nothing_is_done(fault: Fault) -> None:
    decision, asked = outcome(case_of(fault, held=True), ENDED)
    assert isinstance(decision, LeaveAlone)
    assert asked == []


@pytest.mark.parametrize("fault", list(Fault))
def test_in_a_maintenance_window_nothing_is_done_and_it_is_looked_at_again_when_it_ends(fault: Fault) -> None:
    decision, asked = outcome(case_of(fault, maintenance=("backup", 2.0)), ENDED)
    assert isinstance(decision, LeaveAlone)
    assert asked == []
    assert "maintenance window (backup)" in decision.why
    assert decision.look_again_s is not None
    assert 2.0 < decision.look_again_s < 3.0


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.ENGINE_DOWN])
def test_stopped_between_detection_and_probe_nothing_is_changed(fault: Fault) -> None:
    decision, _ = outcome(case_of(fault), {**ENDED, "unit_state": {"state": "stopped"}})
    assert not isinstance(decision, Act)


def test_others_suffer_from_what_a_person_stopped_so_a_person_is_told_who_and_why() -> None:
    api = unit_of("api").id
    store = unit_of("store", state=UnitState.STOPPED)
    case = case_of(Fault.DEPENDENCY_DOWN, unit=store, affected=frozenset({api}), stopped_by_person=True)
    decision, _ = outcome(case, {})
    assert isinstance(decision, Escalate)
    assert "api" in decision.why
    assert "store was stopped by a person" in decision.why


def test_the_stranger_on_the_port_is_named() -> None:
    decision, _ = outcome(case_of(Fault.CRASH_LOOP, symptoms=BOOT_DEATHS), {**LOOPS, "port_holder": STRANGER})
    assert isinstance(decision, Escalate)
    assert "process 77 (nginx, user www)" in decision.why
    assert any("77" in hypothesis.cause for hypothesis in decision.hypotheses)


def test_a_dependency_further_up_is_tried_before_the_next_one() -> None:
    """`db` is up again, `store` is still down: the same remedy, for another unit."""
    case = case_of(Fault.HANG, upstream=(STORE, target_of("db")), tried=(failed("dependency_down/start", "db"),))
    assert actions(case, {**HANGS, **STORE_DOWN}) == ["start:store"]
    again = case_of(Fault.HANG, upstream=(STORE,), tried=(failed("dependency_down/start", "store"),))
    decision, _ = outcome(again, {**HANGS, **STORE_DOWN})
    assert isinstance(decision, Escalate)


def test_a_leak_is_never_met_by_stopping_everything_at_once() -> None:
    decision, _ = outcome(case_of(Fault.MEMORY_GROWTH, unit=WORKERS), {"memory": {"share": 0.99, "said": "99%"}})
    assert isinstance(decision, Act)
    assert all(step.action.name is ActionName.RELOAD for step in decision.plan.steps)
    assert [step.action.args["pid"] for step in decision.plan.steps] == [101, 102]


def test_the_note_says_what_since_when_why_and_what_was_tried() -> None:
    case = case_of(Fault.CRASH, tried=(failed("crash/start"),))
    decision, _ = outcome(case, {**ENDED, "last_log": {"last_error": "FATAL: no such table", "lines": 3}})
    assert isinstance(decision, Escalate)
    assert "api ended by itself since 2026-03-01 11:59:55 UTC" in decision.why
    assert "crash/start did not help" in decision.why
    assert any("no such table" in hypothesis.cause for hypothesis in decision.hypotheses)


@pytest.mark.parametrize(
    ("case", "answers", "least", "most"),
    [
        (case_of(Fault.MEMORY_GROWTH), {"memory": {"share": 0.7, "limit_in_s": 60.0, "said": "70%"}}, 10, 40),
        (case_of(Fault.MEMORY_GROWTH), {"memory": {"share": 0.7, "limit_in_s": 6e4, "said": "70%"}}, 300, 300),
        (case_of(Fault.HANG), {**HANGS, "unit_state": {"state": "running", "age_s": 2.0}}, 1, 5),
        (
            case_of(Fault.HANG, upstream=(STORE,)),
            {**HANGS, **STORE_DOWN, "dependencies": COMING, "unit_state:store": {"state": "starting"}},
            1,
            5,
        ),
    ],
    ids=["a leak with time left", "a slow leak", "it has only just started", "what it needs is starting"],
)
def test_where_it_is_too_early_decide_wants_to_look_again(
    case: Any, answers: Answers, least: float, most: float
) -> None:
    decision, _ = outcome(case, answers)
    assert isinstance(decision, LeaveAlone)
    assert decision.look_again_s is not None
    assert least <= decision.look_again_s <= most
