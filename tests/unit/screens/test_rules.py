"""What may run on a screen with nobody present, and what people's own commands need."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.guard import Situation, risk_of, rule_on_plan, rule_on_proposal
from opsagent.model import Check, CheckKind, Plan, Risk, Ruling, Step
from opsagent.naming import is_screen, screen_unit
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent_tools.actions import Action, ActionName

UNIT = screen_unit("export report")
NAMED = Policy(mode="auto", procedures=("export report",))


def plan(origin: Any = "agent", **args: Any) -> Plan:
    action = Action(name=ActionName.RUN_GUI_PROCEDURE, unit=UNIT, args={"procedure": "export report", **args})
    step = Step(action=action, goal=Check(kind=CheckKind.PROCEDURE_RAN, unit=UNIT, args={"run": "0" * 16}))
    return new_plan(unit=UNIT, steps=(step,), remedy="screen/export report", origin=origin, source="runbook")


def ruling(policy: Policy, /, origin: Any = "agent", confirmed: bool = False, grants: Any = (), **args: Any) -> Ruling:
    situation = Situation(unit=None, confirmed=confirmed, grants=frozenset(grants))
    return rule_on_plan(plan(origin, **args), situation, policy)


def test_unasked_only_what_the_policy_names_and_only_in_mode_auto() -> None:
    assert ruling(NAMED).verdict == "allow"
    other = ruling(Policy(mode="auto"))
    assert (other.verdict, other.rule) == ("ask", "screens")
    assert ruling(Policy(mode="auto"), confirmed=True).verdict == "allow"


@pytest.mark.parametrize(("mode", "verdict"), [("observe", "deny"), ("suggest", "deny"), ("approve", "ask")])
def test_it_never_makes_more_of_a_mode_than_it_is(mode: Any, verdict: str) -> None:
    assert ruling(Policy(mode=mode, procedures=("export report",))).verdict == verdict


@pytest.mark.parametrize("args", [{"shared": True, "display": ":0"}, {"risky": "step 3 (“Delete” deletes)"}])
def test_a_shared_desktop_and_risky_steps_never_run_unasked(args: dict[str, Any]) -> None:
    assert (ruling(NAMED, **args).verdict, ruling(NAMED, **args).rule) == ("ask", "screens")


def test_no_grant_stands_for_a_procedure() -> None:
    granted = {(UNIT, ActionName.RUN_GUI_PROCEDURE)}
    assert ruling(Policy(mode="approve"), grants=granted).verdict == "ask"


def test_a_persons_command_is_confirmed_and_a_programs_is_asked_about() -> None:
    assert (ruling(NAMED, origin="person").verdict, ruling(NAMED, origin="person").rule) == ("ask", "confirm")
    assert ruling(NAMED, origin="person", confirmed=True).verdict == "allow"
    assert rule_on_proposal(plan("person"), Situation(unit=None), NAMED).verdict == "ask"


def test_it_interrupts_as_far_as_anybody_knows() -> None:
    assert risk_of(plan().steps[0].action, None) is Risk.DISRUPTIVE


def test_the_pause_and_a_hold_keep_it_off() -> None:
    for situation in (Situation(unit=None, paused="by ada"), Situation(unit=None, hold="month end")):
        assert rule_on_plan(plan(), situation, NAMED).verdict == "deny"


def test_a_procedure_is_a_unit_of_its_own() -> None:
    assert is_screen(UNIT)
    assert str(UNIT).startswith("screen:export report@")
