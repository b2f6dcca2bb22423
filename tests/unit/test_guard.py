"""The one guard: which rule decides, for the unattended agent and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsagent.guard import Situation, risk_of, rule_on_plan, rule_on_step
from opsagent.model import Check, CheckKind, Plan, Risk, Step
from opsagent.planning import (
    continue_steps,
    new_plan,
    quarantine_steps,
    restart_steps,
    rolling_reload_steps,
    scale_steps,
    start_engine_steps,
    start_steps,
    stop_steps,
)
from opsagent.policy import Policy
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.registry import TOOLS
from opsagent_tools.services.spec import Mode, ServiceSpec
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

API = UnitId("circus", "api", "here")
AUTO = Policy(mode="auto")
ENGINE_ID = UnitId("circus", "engine", "here")


def a_unit(**changes: Any) -> Unit:
    processes = tuple(Process(key=ProcessKey(100 + n, 1.0)) for n in range(changes.pop("running", 1)))
    values: dict[str, Any] = {
        "id": API,
        "state": UnitState.RUNNING,
        "processes": processes,
        "ports": (80,),
        "uid": 1000,
    }
    return Unit(**{**values, **changes})


def a_spec(**changes: Any) -> ServiceSpec:
    return ServiceSpec(name="api", command=("api",), cwd=Path("/srv"), **changes)


def a_plan(steps: tuple[Step, ...], origin: Any = "agent", unit: UnitId = API) -> Plan:
    return new_plan(unit=unit, steps=steps, remedy="crash/start", origin=origin, source="runbook")


def ruling_on(steps: tuple[Step, ...], policy: Policy | None = None, origin: Any = "agent", **situation: Any) -> Any:
    around = Situation(**{"unit": a_unit(), "own_uid": 1000, **situation})
    return rule_on_plan(a_plan(steps, origin), around, policy or AUTO)


@pytest.mark.parametrize(
    ("steps", "unit", "risk"),
    [
        (start_steps(a_unit()), a_unit(), Risk.SAFE),
        (continue_steps(a_unit()), a_unit(), Risk.SAFE),
        (restart_steps(a_unit()), a_unit(), Risk.DISRUPTIVE),
        (stop_steps(a_unit()), a_unit(), Risk.DISRUPTIVE),
        (quarantine_steps(a_unit(), Path("/srv/lock"), "00"), a_unit(), Risk.DISRUPTIVE),
        (scale_steps(a_unit(), 4), a_unit(), Risk.SAFE),
        (scale_steps(a_unit(instances=4), 1), a_unit(instances=4), Risk.DISRUPTIVE),
    ],
)
def test_risk_comes_from_effect_unit_and_state(steps: tuple[Step, ...], unit: Unit, risk: Risk) -> None:
    assert {risk_of(step.action, unit) for step in steps} == {risk}


def test_replacing_one_of_four_on_a_shared_socket_is_safe_and_one_of_one_is_not() -> None:
    four = a_unit(running=4, instances=4, shares_socket=True, surges=True)
    one = a_unit()
    assert {risk_of(step.action, four) for step in rolling_reload_steps(four)} == {Risk.SAFE}
    assert {risk_of(step.action, one) for step in rolling_reload_steps(one)} == {Risk.DISRUPTIVE}


def test_an_action_that_no_tool_declares_is_destructive_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [name for name in ActionName if name not in TOOLS] == []
    for module in ("opsagent.guard", "opsagent.rules.orders"):  # as if nobody had declared any
        monkeypatch.setattr(f"{module}.TOOLS", {})
    for name in (ActionName.START, ActionName.RUN_GUI_PROCEDURE):
        step = Step(action=Action(name=name, unit=API), goal=Check(kind=CheckKind.ALWAYS, unit=API))
        assert risk_of(step.action, a_unit()) is Risk.DESTRUCTIVE
        for origin in ("agent", "person"):
            assert ruling_on((step,), origin=origin, confirmed=True).rule == "unknown tool"


@pytest.mark.parametrize(
    ("situation", "rule"),
    [
        ({"paused": "by kim"}, "paused"),
        ({"spec": a_spec(protected=True)}, "protected"),
        ({"hold": "migration"}, "hold"),
        ({"maintenance": "backup"}, "maintenance"),
        ({"unit": a_unit(state=UnitState.STOPPED)}, "intent"),
        ({"unit": a_unit(uid=33)}, "foreign owner"),
        ({"failed_repairs": 3}, "breaker"),
        ({"unit_actions": 5}, "budget"),
        ({"all_actions": 20}, "budget"),
    ],
)
def test_each_limit_refuses_the_unattended_agent_even_in_mode_auto(situation: dict[str, Any], rule: str) -> None:
    ruling = ruling_on(start_steps(a_unit()), **situation)
    assert (ruling.verdict, ruling.rule) == ("deny", rule)
    assert ruling.why


@pytest.mark.parametrize(
    ("mode", "verdict", "rule"),
    [
        ("observe", "deny", "observe"),
        ("suggest", "deny", "suggest"),
        ("approve", "ask", "mode"),
        ("auto", "allow", "mode"),
    ],
)
def test_the_mode_decides_last(mode: Mode, verdict: str, rule: str) -> None:
    ruling = ruling_on(restart_steps(a_unit()), Policy(mode=mode))
    assert (ruling.verdict, ruling.rule) == (verdict, rule)


def test_a_mode_may_differ_by_risk() -> None:
    policy = Policy(mode={Risk.SAFE: "auto", Risk.DISRUPTIVE: "approve", Risk.DESTRUCTIVE: "approve"})
    assert ruling_on(start_steps(a_unit()), policy).verdict == "allow"
    assert ruling_on(restart_steps(a_unit()), policy).verdict == "ask"


def test_an_approval_given_for_this_plan_lets_mode_approve_through_but_no_limit() -> None:
    approve = Policy(mode="approve")
    assert ruling_on(restart_steps(a_unit()), approve, confirmed=True).verdict == "allow"
    assert ruling_on(restart_steps(a_unit()), approve, confirmed=True, hold="x").rule == "hold"


def test_a_maintenance_window_keeps_off_the_agent_and_not_people() -> None:
    approve = Policy(mode="approve")
    assert ruling_on(restart_steps(a_unit()), approve, confirmed=True, maintenance="backup").verdict == "allow"
    assert ruling_on(start_steps(a_unit()), origin="person", maintenance="backup").verdict == "allow"


def test_the_strictest_step_decides_for_the_plan() -> None:
    policy = Policy(mode={Risk.SAFE: "auto", Risk.DISRUPTIVE: "suggest", Risk.DESTRUCTIVE: "suggest"})
    both = quarantine_steps(a_unit(), Path("/srv/lock"), "00") + start_steps(a_unit())
    assert ruling_on(both, policy).verdict == "deny"


def test_the_agents_own_engine_has_a_mode_of_its_own() -> None:
    plan = a_plan(start_engine_steps(ENGINE_ID), unit=ENGINE_ID)
    around = Situation(unit=None, own_uid=1000)
    assert rule_on_plan(plan, around, Policy(mode="suggest")).verdict == "allow"
    assert rule_on_plan(plan, around, Policy(mode="auto", engine_mode="observe")).verdict == "deny"


def test_the_daemon_of_somebody_elses_supervisor_follows_the_normal_mode() -> None:
    daemon = UnitId("pm2", "daemon of pm2", "here")
    around = Situation(unit=None, own_uid=1000)
    careful = Policy(mode={Risk.SAFE: "auto", Risk.DISRUPTIVE: "suggest", Risk.DESTRUCTIVE: "suggest"})
    alone, outlived = start_engine_steps(daemon), start_engine_steps(daemon, ends=3)
    assert rule_on_plan(a_plan(alone, unit=daemon), around, Policy(mode="suggest")).verdict == "deny"
    assert rule_on_plan(a_plan(alone, unit=daemon), around, careful).verdict == "allow"
    ruling = rule_on_plan(a_plan(outlived, unit=daemon), around, careful)
    assert (ruling.verdict, ruling.risk) == ("deny", Risk.DISRUPTIVE)


def test_an_app_that_is_called_engine_is_no_daemon() -> None:
    app = a_unit(id=UnitId("pm2", "engine", "here"), state=UnitState.STOPPED)
    plan = a_plan(start_steps(app), unit=app.id)
    ruling = rule_on_plan(plan, Situation(unit=app, own_uid=1000), Policy(mode="auto"))
    assert (ruling.verdict, ruling.rule) == ("deny", "intent")


def test_people_are_not_bound_by_mode_hold_or_pause_but_confirm_what_disrupts() -> None:
    busy = {"paused": "by kim", "hold": "migration", "failed_repairs": 9}
    assert ruling_on(start_steps(a_unit()), Policy(mode="observe"), "person", **busy).verdict == "allow"
    assert ruling_on(restart_steps(a_unit()), AUTO, "person").verdict == "ask"
    assert ruling_on(restart_steps(a_unit()), AUTO, "person", confirmed=True).verdict == "allow"


def test_a_yes_never_exceeds_policy() -> None:
    ruling = ruling_on(restart_steps(a_unit()), AUTO, "person", confirmed=True, spec=a_spec(protected=True))
    assert (ruling.verdict, ruling.rule) == ("deny", "protected")


def test_a_step_is_ruled_on_by_itself_too() -> None:
    step = start_steps(a_unit())[0]
    ruling = rule_on_step(step, a_plan((step,)), Situation(unit=a_unit(), hold="x"), AUTO)
    assert ruling.rule == "hold"
