"""What a chat model worked out is a person's to decide."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.guard import Situation, rule_on_plan
from opsagent.model import Plan, Ruling, Step
from opsagent.planning import new_plan, restart_steps, start_steps
from opsagent.policy import Policy
from opsagent_tools.services.spec import Mode
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

API = UnitId("circus", "api", "here")
UNIT = Unit(id=API, state=UnitState.RUNNING, processes=(Process(key=ProcessKey(100, 1.0)),), uid=1000)


def a_plan(steps: tuple[Step, ...]) -> Plan:
    return new_plan(unit=API, steps=steps, remedy="learnt/restart", origin="agent", source="model")


def ruling_on(steps: tuple[Step, ...], mode: Mode, **situation: Any) -> Ruling:
    granted = frozenset((API, step.action.name) for step in steps)
    around = Situation(unit=UNIT, own_uid=1000, grants=granted, **situation)
    return rule_on_plan(a_plan(steps), around, Policy(mode=mode))


@pytest.mark.parametrize(
    ("mode", "verdict", "rule"),
    [
        ("observe", "deny", "observe"),
        ("suggest", "ask", "model"),
        ("approve", "ask", "model"),
        ("auto", "ask", "model"),
    ],
)
@pytest.mark.parametrize("steps", [start_steps(UNIT), restart_steps(UNIT)])
def test_what_a_model_worked_out_is_asked_about_in_every_mode(
    steps: tuple[Step, ...], mode: Mode, verdict: str, rule: str
) -> None:
    """Though a person granted that very action on that very unit: to the agent's own runbooks, that was."""
    ruling = ruling_on(steps, mode)
    assert (ruling.verdict, ruling.rule) == (verdict, rule)


@pytest.mark.parametrize("mode", ["suggest", "approve", "auto"])
def test_a_persons_yes_lets_it_through_and_exceeds_no_order_of_anybody(mode: Mode) -> None:
    assert ruling_on(restart_steps(UNIT), mode, confirmed=True).rule == "approved"
    for order, rule in (({"paused": "kim"}, "paused"), ({"hold": "migration"}, "hold"), ({"deploy": "ann"}, "deploy")):
        assert ruling_on(restart_steps(UNIT), mode, confirmed=True, **order).rule == rule


def test_where_the_agents_own_repairs_failed_a_person_is_asked_all_the_same() -> None:
    """Whatever is known did not help: that is when something else is worth asking about."""
    assert ruling_on(restart_steps(UNIT), "auto", failed_repairs=3, unit_actions=5).rule == "model"
