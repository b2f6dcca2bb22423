"""After the agent's death: each unfinished step is judged by the world, and nothing is done twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opsagent.consent import Consent
from opsagent.model import Check, CheckKind, Fault, Plan, Risk, Ruling
from opsagent.planning import scale_steps, start_steps
from opsagent.store.plans import UNDO
from opsagent_tools.actions import Action, ActionName
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
    assert file.under_way is not None
    assert (file.under_way.plan.id, file.under_way.what) == (plan_id, "verify")
    assert [row.status for row in bench.journal.plan(plan_id).steps] == ["done"]
    assert bench.supervisor.calls == []


async def test_steps_that_were_not_come_to_are_gone_on_with(bench: Bench) -> None:
    plan_id = await interrupted(bench, steps=3)
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.done_steps, file.under_way.plan.id) == ("continue", 1, plan_id)


async def test_a_goal_that_was_not_reached_is_gone_on_with(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.reconcile._LOOK_S", 0.2)
    await bench.kill(STORE)
    plan_id = await interrupted(bench)
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.done_steps, file.attempts) == ("continue", 0, [])
    assert [row.status for row in bench.journal.plan(plan_id).steps] == ["failed"]
    assert bench.supervisor.calls == []


async def test_what_may_not_be_begun_twice_is_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a command of a runbook ran nobody can tell; where its goal was not reached, a new pass decides."""
    monkeypatch.setattr("opsagent.reconcile._LOOK_S", 0.2)
    await bench.kill(STORE)
    incident = await bench.incident(STORE)
    (start,) = start_steps(await bench.unit(STORE))
    plan = bench.plan(
        STORE, replace(start, action=Action(name=ActionName.RUN_RUNBOOK_COMMAND, unit=STORE)), incident=incident
    )
    bench.journal.record_plan(plan)
    bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode")
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is None
    assert bench.journal.plan(plan.id).status == "interrupted"


async def test_a_plan_of_long_ago_is_taken_back_and_not_gone_on_with(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsagent.reconcile._GOES_ON_S", -1.0)
    incident = await bench.incident(STORE)
    unit = await bench.unit(STORE)
    plan = bench.plan(STORE, *scale_steps(unit, 1), *start_steps(unit), incident=incident)
    bench.journal.record_plan(plan)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.done_steps, file.under_way.judged) == ("undo", 1, False)


async def test_what_nothing_can_tell_is_unknown(bench: Bench) -> None:
    """A goal that always holds says nothing of a step that may not even have been begun."""
    incident = await bench.incident(STORE)
    (start,) = start_steps(await bench.unit(STORE))
    plan = bench.plan(STORE, replace(start, goal=Check(kind=CheckKind.ALWAYS, unit=STORE)), incident=incident)
    bench.journal.record_plan(plan)
    bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode")
    (file,) = await bench.reconciler.reconcile()
    assert [row.status for row in bench.journal.plan(plan.id).steps] == ["unknown"]
    assert "cannot be told" in file.unclear


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
        assert file.under_way is not None
        assert (file.under_way.plan, file.under_way.what) == (plan, "verify" if steps == 1 else "continue")


async def test_a_step_that_failed_before_the_agent_ended_wants_judging(bench: Bench) -> None:
    plan = await planned(bench, 2)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "failed", "it died again")
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.done_steps, file.under_way.begun_steps) == ("verify", 0, 1)
    assert file.under_way.why == "it died again"


async def test_a_plan_of_an_incident_that_is_over_ends_with_it(bench: Bench) -> None:
    plan = await planned(bench)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
    bench.journal.set_incident("inc-store", status="resolved")
    assert await bench.reconciler.reconcile() == []
    assert bench.journal.plan(plan.id).status == "interrupted"


@pytest.mark.parametrize("taken_back", [True, False])
async def test_a_plan_that_was_being_taken_back_is_taken_back_to_its_end(bench: Bench, taken_back: bool) -> None:
    plan = await planned(bench, 2)
    for ordinal in (0, 1):
        bench.journal.end_step(bench.journal.intend_step(plan, ordinal, plan.steps[ordinal], {}, "mode"), "done")
    undoing = bench.journal.intend_step(plan, 1, plan.steps[1], {}, UNDO)
    if taken_back:
        bench.journal.end_step(undoing, "undone")
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.judged, file.under_way.done_steps) == ("undo", True, 2)
    assert file.under_way.undone == {1}, "what it was for holds: seen where it was not written"


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
    assert (file.left_over, file.under_way) == (None, None)


async def test_what_would_be_run_with_a_masked_secret_is_not_taken_over(bench: Bench) -> None:
    incident = await bench.incident(STORE)
    (start,) = start_steps(await bench.unit(STORE))
    secret = replace(start, action=replace(start.action, args={"path": "/tmp/password=hunter2abc"}))
    plan = bench.plan(STORE, start, secret, incident=incident)
    bench.journal.record_plan(plan)
    assert bench.journal.plan(plan.id).masked
    bench.journal.end_step(bench.journal.intend_step(plan, 0, start, {}, "mode"), "done")
    (file,) = await bench.reconciler.reconcile()
    assert (file.left_over, file.under_way) == (None, None)


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


async def test_a_yes_that_was_taken_before_anything_was_begun_still_holds(bench: Bench) -> None:
    await bench.kill(STORE)
    plan = await planned(bench)
    binding = await bench.situations.binding(plan)
    asked = bench.journal.ask(plan, 0, plan.steps[0], binding, 60.0)
    bench.journal.decide_approval(asked, approve=True, by="ann")
    assert bench.journal.use_approval(asked, binding)
    (file,) = await bench.reconciler.reconcile()
    assert (file.left_over, file.agreed) == (plan, asked)
    consent = Consent(
        journal=bench.journal, timeline=bench.timeline, situations=bench.situations, verifier=bench.verifier
    )
    assert await consent.given(file, plan, RULING, agreed=file.agreed) == "yes"
    assert len(bench.journal.approvals(pending=False)) == 1, "nobody is asked twice"


async def test_a_yes_that_was_taken_and_begun_holds_to_the_end_of_the_plan(bench: Bench) -> None:
    plan = await planned(bench, 2)
    binding = await bench.situations.binding(plan)
    asked = bench.journal.ask(plan, 0, plan.steps[0], binding, 60.0)
    bench.journal.decide_approval(asked, approve=True, by="ann")
    assert bench.journal.use_approval(asked, binding)
    bench.journal.end_step(bench.journal.intend_step(plan, 0, plan.steps[0], {}, "approved"), "done")
    (file,) = await bench.reconciler.reconcile()
    assert file.under_way is not None
    assert (file.under_way.what, file.under_way.confirmed) == ("continue", True)


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
