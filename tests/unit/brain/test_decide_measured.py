"""What is done about something that is nearly used up, and about what flaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsagent.decide import Case
from opsagent.model import Act, Escalate, EvidenceKind, Fault, LeaveAlone, Scalar, Signal, SignalKind
from opsagent.naming import host_unit
from opsagent_tools.actions import ActionName
from opsagent_tools.units import Process, ProcessKey, UnitState
from tests.support.cases import NOW, case_of, failed, outcome, target_of, unit_of

WORKERS = unit_of(
    "api",
    processes=tuple(Process(key=ProcessKey(pid, NOW.timestamp() - 500)) for pid in (101, 102)),
    instances=2,
    surges=True,
    shares_socket=True,
)


def fds(share: float) -> dict[str, Any]:
    return {
        "room_left": {"resource": "fds", "share": share, "worst_pid": 102, "by": "", "said": f"{share:.0%} of them"}
    }


def disk(share: float) -> dict[str, Any]:
    said = "the file system /srv is 97% full, api writes most"
    return {"room_left": {"resource": "disk", "share": share, "worst_pid": 0, "by": "circus:api@box", "said": said}}


def of_the_machine() -> Case:
    case = case_of(Fault.SATURATION)
    return replace(case, incident=replace(case.incident, unit=host_unit()), unit=None, spec=None)


def told(case: Case, **data: Scalar) -> Case:
    """The same, with a symptom as detect has it."""
    unit = case.incident.unit
    symptom = Signal(kind=SignalKind.SAMPLE, unit=unit, at=case.now, evidence=EvidenceKind.KERNEL, data=data)
    return replace(case, incident=replace(case.incident, symptoms=(symptom,)))


def test_descriptors_come_back_with_new_instances_one_at_a_time() -> None:
    decision, _ = outcome(case_of(Fault.SATURATION, unit=WORKERS), fds(0.85))
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "saturation/rolling_reload"
    assert all(step.action.name is ActionName.RELOAD for step in decision.plan.steps)
    assert decision.plan.steps[0].action.args["pid"] == 102, "the one that has most of them goes first"


def test_where_only_a_restart_is_possible_it_comes_as_late_as_it_may() -> None:
    early, _ = outcome(case_of(Fault.SATURATION), fds(0.85))
    assert isinstance(early, LeaveAlone)
    assert early.look_again_s
    late, _ = outcome(case_of(Fault.SATURATION), fds(0.97))
    assert isinstance(late, Act)
    assert late.plan.remedy == "saturation/restart"


@pytest.mark.parametrize("share", [0.9, 1.0])
def test_what_fills_a_disk_is_for_a_person_and_the_writer_is_named(share: float) -> None:
    decision, _ = outcome(case_of(Fault.SATURATION, unit=WORKERS), disk(share))
    assert isinstance(decision, Escalate)
    assert "api writes most; what of it may go is for a person to say" in decision.why
    assert "do not delete data" in decision.why


def test_the_machine_is_there_although_no_supervisor_lists_it() -> None:
    decision, asked = outcome(of_the_machine(), disk(0.97))
    assert isinstance(decision, Escalate)
    assert "/srv is 97% full" in decision.why
    assert asked == ["room_left", "own_logs"], "no supervisor is asked about the machine"


def test_of_the_machine_that_does_not_tell_a_person_is_told_all_the_same() -> None:
    decision, _ = outcome(of_the_machine(), {"room_left": {"failed": "?", "said": "?"}})
    assert isinstance(decision, Escalate)


def test_where_there_is_room_again_nothing_is_done() -> None:
    for case in (case_of(Fault.SATURATION), of_the_machine()):
        decision, _ = outcome(case, disk(0.5))
        assert isinstance(decision, LeaveAlone)
        assert "room again" in decision.why


def test_descriptors_are_no_room_on_a_disk() -> None:
    """After a restart of the agent nobody knows yet who writes there."""
    decision, _ = outcome(told(case_of(Fault.SATURATION), resource="disk"), fds(0.01))
    assert isinstance(decision, Escalate)
    decision, _ = outcome(told(case_of(Fault.SATURATION), resource="fds"), fds(0.01))
    assert isinstance(decision, LeaveAlone)
    assert "room again" in decision.why


@pytest.mark.parametrize(
    ("soonest_s", "again_s"),
    [(3600.0, 60.0), (400.0, 20.0), (60.0, 3.0), (5.0, 1.0), (-1.0, 1.0), (-10.0, 5.0)],
)
def test_the_nearer_the_end_is_the_sooner_it_is_looked_at_again(soonest_s: float, again_s: float) -> None:
    case = told(case_of(Fault.SATURATION), resource="fds", soonest_s=soonest_s)
    decision, _ = outcome(case, fds(0.85))
    assert isinstance(decision, LeaveAlone)
    assert decision.look_again_s == again_s


@pytest.mark.parametrize(
    ("case", "answers"),
    [
        (case_of(Fault.SATURATION, tried=(failed("saturation/restart"),)), fds(0.99)),
        (case_of(Fault.SATURATION), {**fds(0.99), "unit_state": {"state": "running", "foreign": True, "owner": "www"}}),
        (case_of(Fault.SATURATION), {"room_left": {"failed": "?", "said": "?"}}),
        (case_of(Fault.FLAPPING), {}),
        (case_of(Fault.FLAPPING), {"health_now": {"configured": True, "ok": False, "reason": "refused"}}),
        (case_of(Fault.FLAPPING, upstream=(target_of("store", state=UnitState.STOPPED),)), {}),
    ],
)
def test_a_person_is_told_and_nothing_is_changed(case: Case, answers: dict[str, Any]) -> None:
    decision, _ = outcome(case, answers)
    assert isinstance(decision, Escalate), decision


def test_what_is_only_slow_is_for_a_person() -> None:
    others = frozenset({unit_of("web").id})
    decision, _ = outcome(case_of(Fault.HANG, affected=others), {})
    assert isinstance(decision, Escalate)
    assert "api answers far more slowly than usual, and web fail for it" in decision.why
