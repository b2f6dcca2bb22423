"""Remedies that a model worked out and a person accepted: their names say all that is done."""

from __future__ import annotations

import pytest

from opsagent.runbooks.case import Target
from opsagent.runbooks.learnt import name_of, parsed, remedy_of, steps_of, unfit
from opsagent_tools.units import Unit, UnitId, UnitState

ROOT = UnitId("circus", "web", "here")
STORE = UnitId("pm2", "store", "here")


@pytest.mark.parametrize(
    ("action", "unit", "instances", "name"),
    [
        ("restart", ROOT, 0, "learnt/restart"),
        ("start", STORE, 0, "learnt/start@pm2:store"),
        ("scale", ROOT, 3, "learnt/scale=3"),
        ("reload", STORE, 0, "learnt/reload@pm2:store"),
    ],
)
def test_a_name_says_what_is_done_and_to_whom(action: str, unit: UnitId, instances: int, name: str) -> None:
    assert name_of(action, unit, ROOT, instances) == name
    found = parsed(name)
    assert found is not None
    assert (found.action, found.instances) == (action, instances)
    remedy = remedy_of(name)
    assert remedy is not None
    assert remedy.name == name


@pytest.mark.parametrize("action", ["stop", "rollback", "truncate_log", "free_port", "run_runbook_command", ""])
def test_nothing_else_may_be_learnt(action: str) -> None:
    with pytest.raises(ValueError, match="nothing that may be learnt"):
        name_of(action, ROOT, ROOT)


@pytest.mark.parametrize(
    "name",
    ["crash/start", "learnt/stop", "learnt/scale=0", "learnt/scale=99", "learnt/restart@a b", "learnt/restart\n"],
)
def test_another_name_means_nothing(name: str) -> None:
    assert parsed(name) is None
    assert remedy_of(name) is None


def test_what_makes_no_sense_now_is_not_done() -> None:
    unit = Unit(id=ROOT, state=UnitState.RUNNING, instances=3)
    start, restart, scale = parsed("learnt/start"), parsed("learnt/restart"), parsed("learnt/scale=3")
    assert start is not None
    assert restart is not None
    assert scale is not None
    assert unfit(start, unit, UnitState.RUNNING)
    assert not unfit(start, unit, UnitState.EXITED)
    assert unfit(restart, unit, UnitState.EXITED)
    assert unfit(scale, unit, UnitState.RUNNING)
    assert [str(step.action) for step in steps_of(restart, Target(unit=unit))] == ["restart:web"]
