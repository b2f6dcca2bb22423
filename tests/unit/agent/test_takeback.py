"""What a person can have taken back: which steps, in which order, what is back already, what cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from opsagent.model import CheckKind, Plan
from opsagent.planning import quarantine_steps, rollback_config_steps, scale_steps, start_steps
from opsagent.store.plans import UNDO
from opsagent.takeback import Back, backs_of, plans_of, stands
from opsagent.undoing import undo_goal, undo_of
from opsagent_tools.actions import Action, ActionName
from tests.unit.agent.conftest import STORE, Bench

GOOD, BAD = "a" * 64, "b" * 64


async def done(bench: Bench, tmp_path: Path, *, steps: int = 3, **values: str) -> Plan:
    """Have a plan whose first steps were done: a lock aside, a configuration put back, a start."""
    unit = await bench.unit(STORE)
    row = (
        *quarantine_steps(unit, tmp_path / "lock", GOOD),
        *rollback_config_steps(unit, tmp_path / "store.toml", GOOD, BAD),
        *start_steps(unit),
    )
    plan = bench.plan(STORE, *row, incident=await bench.incident(STORE), **values)
    bench.journal.record_plan(plan)
    for ordinal in range(steps):
        bench.journal.end_step(bench.journal.intend_step(plan, ordinal, plan.steps[ordinal], {}, "mode"), "done")
    return plan


def seen(backs: tuple[Back, ...]) -> list[tuple[int, str]]:
    return [(back.ordinal, back.state) for back in backs]


def backs(bench: Bench, what: str) -> tuple[Back, ...]:
    found = bench.journal.done_by(what)
    return backs_of(found.plans, found.takings, found.ordinal)


async def test_last_first_and_only_what_was_done_and_can_be(bench: Bench, tmp_path: Path) -> None:
    plan = await done(bench, tmp_path, steps=2)
    assert seen(backs(bench, plan.id)) == [(1, "possible"), (0, "possible")]
    bench.journal.end_step(bench.journal.intend_step(plan, 2, plan.steps[2], {}, "mode"), "done")
    assert seen(backs(bench, plan.id[:5])) == [(2, "cannot"), (1, "possible"), (0, "possible")]
    assert seen(backs(bench, "inc-store")) == seen(backs(bench, plan.id))
    step = bench.journal.plan(plan.id).steps[1]
    assert seen(backs(bench, step.id)) == [(1, "possible")]
    (taking,) = plans_of(backs(bench, "inc-st"), "kim")
    assert taking.remedy == f"undo/{plan.id}.1-0"
    assert (taking.origin, taking.incident, taking.unit) == ("person", None, STORE)
    assert [step.action for step in taking.steps] == [plan.steps[1].undo, plan.steps[0].undo]
    assert [step.gate for step in taking.steps] == [plan.steps[1].goal, plan.steps[0].goal]


@pytest.mark.parametrize(("by", "came"), [("agent", 1), ("person", 1), ("person", 2)])
async def test_what_is_back_stays_so(bench: Bench, tmp_path: Path, by: str, came: int) -> None:
    plan = await done(bench, tmp_path)
    (taking,) = plans_of(backs(bench, plan.id), "kim")
    if by == "agent":
        undoing = bench.journal.intend_step(plan, 1, replace(plan.steps[1]), {}, UNDO)
        bench.journal.end_step(undoing, "undone")
    else:
        for ordinal in range(came):  # it was interrupted in the middle
            bench.journal.end_step(
                bench.journal.intend_step(taking, ordinal, taking.steps[ordinal], {}, "confirmed"), "done"
            )
    assert seen(backs(bench, plan.id)) == [(2, "cannot"), (1, "back"), (0, "back" if came == 2 else "possible")]


async def test_a_masked_secret_is_not_run_from_the_journal(bench: Bench) -> None:
    plan = await done(bench, Path("/srv/password=hunter2abc"), steps=2)
    assert bench.journal.plan(plan.id).masked
    found = backs(bench, plan.id)
    assert seen(found) == [(1, "cannot"), (0, "cannot")]
    assert plans_of(found, "kim") == ()


async def test_an_id_that_may_be_several_or_none_is_asked_back(bench: Bench, tmp_path: Path) -> None:
    await done(bench, tmp_path)
    await bench.incident(await asyncio.to_thread(lambda: STORE.local("fake", "stock")))
    for wanted in ("nothing", "inc-sto", ""):
        with pytest.raises(LookupError):
            bench.journal.done_by(wanted)


async def test_each_undo_knows_when_it_is_done(bench: Bench, tmp_path: Path) -> None:
    plan = await done(bench, tmp_path)
    goals = [(undo.ordinal, undo.step.goal.kind, dict(undo.step.goal.args)) for undo in undo_of(plan, 3)]
    assert goals == [
        (1, CheckKind.FILE_IS, {"path": str(tmp_path / "store.toml"), "sha256": BAD}),
        (0, CheckKind.PATH_GONE, {"path": plan.steps[0].action.args["to"]}),
    ]
    assert [undo.ordinal for undo in undo_of(plan, 3, undone={1})] == [0]
    (scale,) = scale_steps(await bench.unit(STORE), 3)
    assert scale.undo is not None
    assert undo_goal(scale.undo).args == {"instances": 1}
    assert stands(scale) == scale.goal
    assert undo_goal(Action(name=ActionName.REOPEN_LOG, unit=STORE)).kind is CheckKind.ALWAYS
    assert stands(plan.steps[2]) is None, "how a service is changes by itself"
