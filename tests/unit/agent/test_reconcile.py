"""After the agent's death: each unfinished step is judged by the world, and nothing is done twice."""

from __future__ import annotations

import pytest

from opsagent.model import Fault
from opsagent.planning import start_steps
from tests.unit.agent.conftest import STORE, Bench


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
