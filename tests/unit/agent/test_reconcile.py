"""After the agent's death: each unfinished step is judged by the world, and nothing is done twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opsagent.consent import Consent
from opsagent.model import Fault, Plan, Risk, Ruling
from opsagent.planning import start_steps
from opsagent.store.plans import UNDO
from tests.unit.agent.conftest import STORE, Bench

RULING = Ruling(verdict="ask", risk=Risk.SAFE, rule="mode", why="safe steps need approval")


async def interrupted(bench: Bench, steps: int = 1) -> str:
    """Have the journal as a killed agent leaves it: the first step intended, never ended."""
    incident = await bench.incident(STORE)
    start = start_steps(await bench.unit(STORE))
    plan = bench.plan(STORE, *(start * steps), incident=incident)
    bench.journal.record_plan(plan)
    bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode")
    return plan.id


async def test_a_goal_that_was_reached_only_wants_verifying(bench: Bench) -> None:
    plan_id = await interrupted(bench)
    (file,) = await bench.reconciler.reconcile()
    assert file.carried_over is not None
    assert file.carried_over.id == plan_id
    assert [row.status for row in bench.journal.plan(plan_id).steps] == ["done"]
    assert bench.supervisor.calls == []


async def test_steps_that_were_not_come_to_are_left_over(bench: Bench) -> None:
    await interrupted(bench, steps=3)
    (file,) = await bench.reconciler.reconcile()
    assert file.left_over is not None
    assert (len(file.left_over.steps), file.left_over.attempt) == (2, 2)
    assert file.carried_over is None


async def test_a_goal_that_was_not_reached_is_a_new_pass(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.reconcile._LOOK_S", 0.2)
    await bench.kill(STORE)
    plan_id = await interrupted(bench)
    (file,) = await bench.reconciler.reconcile()
    assert (file.carried_over, file.left_over, file.attempts) == (None, None, [])
    assert [row.status for row in bench.journal.plan(plan_id).steps] == ["failed"]
    assert bench.supervisor.calls == []


async def test_what_cannot_be_told_is_said_to_be_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.reconcile._LOOK_S", 0.2)
    plan_id = await interrupted(bench)
    bench.supervisor.lose()
    await bench.reconciler.reconcile()
    assert [row.status for row in bench.journal.plan(plan_id).steps] == ["unknown"]


async def test_incidents_without_a_step_under_way_go_on_too(bench: Bench) -> None:
    await bench.incident(STORE, Fault.HANG)
    (file,) = await bench.reconciler.reconcile()
    assert file.incident.fault is Fault.HANG
    assert await bench.reconciler.reconcile(), "still open: it is not settled by being looked at"


async def planned(bench: Bench, steps: int = 1, **values: str) -> Plan:
    """Have an incident with a plan that is written down."""
    incident = await bench.incident(STORE)
    plan = bench.plan(STORE, *(start_steps(await bench.unit(STORE)) * steps), incident=incident, **values)
    bench.journal.record_plan(plan)
    return plan


@pytest.mark.parametrize("steps", [1, 2])
async def test_what_was_done_before_the_agent_ended_is_its_doing(bench: Bench, steps: int) -> None:
    plan = await planned(bench, steps)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
    for _ in range(2):  # it may be killed again before it has verified it
        (file,) = await bench.reconciler.reconcile()
        assert (file.carried_over == plan) is (steps == 1)
    assert (bench.journal.plan(plan.id).status == "interrupted") is (steps == 2)


async def test_steps_are_left_over_once(bench: Bench) -> None:
    plan = await planned(bench, 2)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
    (file,) = await bench.reconciler.reconcile()
    assert file.left_over is not None
    assert file.left_over.steps == plan.steps[1:]


async def test_a_plan_of_an_incident_that_is_over_ends_with_it(bench: Bench) -> None:
    plan = await planned(bench)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
    bench.journal.set_incident("inc-store", status="resolved")
    assert await bench.reconciler.reconcile() == []
    assert bench.journal.plan(plan.id).status == "interrupted"


async def test_a_plan_that_was_being_taken_back_had_failed(bench: Bench) -> None:
    plan = await planned(bench)
    for rule, status in (("mode", "done"), (UNDO, "undone")):
        bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, rule), status)  # type: ignore[arg-type]
    (file,) = await bench.reconciler.reconcile()
    assert bench.journal.plan(plan.id).status == "failed"
    assert (file.carried_over, file.left_over) == (None, None)
    assert [(attempt.remedy, attempt.better) for attempt in file.attempts] == [("crash/start", False)]


async def test_what_was_tried_and_found_out_is_not_forgotten(bench: Bench) -> None:
    plan = await planned(bench, remedy="crash/quarantine_lock")
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "failed")
    bench.journal.end_plan(plan.id, "failed", "it died again")
    bench.journal.set_incident("inc-store", probes=7)
    (file,) = await bench.reconciler.reconcile()
    assert [(one.remedy, one.unit, one.better, one.why) for one in file.attempts] == [
        ("crash/quarantine_lock", STORE, False, "it died again")
    ]
    assert file.probes == 7


async def test_a_plan_that_nobody_began_is_over(bench: Bench) -> None:
    plan = await planned(bench)
    (file,) = await bench.reconciler.reconcile()
    assert bench.journal.plan(plan.id).status == "interrupted"
    assert file.left_over is None


async def test_what_would_be_run_with_a_masked_secret_is_not_taken_over(bench: Bench) -> None:
    incident = await bench.incident(STORE)
    (start,) = start_steps(await bench.unit(STORE))
    secret = replace(start, action=replace(start.action, args={"path": "/tmp/password=hunter2abc"}))
    plan = bench.plan(STORE, start, secret, incident=incident)
    bench.journal.record_plan(plan)
    assert bench.journal.plan(plan.id).masked
    bench.journal.end_step(bench.journal.intend_step(plan, 0, start, {}, "mode"), "done")
    (file,) = await bench.reconciler.reconcile()
    assert (file.left_over, file.carried_over) == (None, None)


@pytest.mark.parametrize("answered", ["before", "after"])
async def test_a_question_stays_the_same_question(bench: Bench, answered: str) -> None:
    await bench.kill(STORE)
    plan = await planned(bench)
    asked = bench.journal.ask(plan, 0, plan.steps[0], await bench.situations.binding(plan), 60.0)
    if answered == "before":
        bench.journal.decide_approval(asked, approve=True, by="ann")

    (file,) = await bench.reconciler.reconcile()
    assert file.left_over is not None
    assert (file.left_over.id, file.left_over.steps) == (plan.id, plan.steps)

    consent = Consent(
        journal=bench.journal, timeline=bench.timeline, situations=bench.situations, verifier=bench.verifier
    )
    given = asyncio.create_task(consent.given(file, file.left_over, RULING))
    await asyncio.sleep(0.05)
    assert [row.id for row in bench.journal.approvals(pending=False)] == [asked]
    if answered == "after":
        bench.journal.decide_approval(asked, approve=True, by="ann")
    assert await given == "yes"
    assert bench.journal.approval(asked).status == "used"


async def test_a_yes_for_what_has_changed_meanwhile_is_asked_anew(bench: Bench) -> None:
    await bench.kill(STORE)
    plan = await planned(bench)
    asked = bench.journal.ask(plan, 0, plan.steps[0], "as it was", 60.0)
    bench.journal.decide_approval(asked, approve=True, by="ann")
    (file,) = await bench.reconciler.reconcile()
    assert file.left_over is not None
    consent = Consent(
        journal=bench.journal, timeline=bench.timeline, situations=bench.situations, verifier=bench.verifier
    )
    assert await consent.given(file, file.left_over, RULING) == "changed"
