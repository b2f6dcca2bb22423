"""act: gate, guard, journal, hands, goal; each step is written down before it runs and after."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from opsagent.guard import Situation
from opsagent.model import Check, CheckKind
from opsagent.planning import quarantine_steps, restart_steps, rolling_reload_steps, start_steps, stop_steps
from opsagent.ports import Progress
from opsagent.store.rows import StepRow
from opsagent_tools.units import UnitState
from tests.unit.agent.conftest import API, STORE, Bench


def steps_of(bench: Bench, plan_id: str) -> tuple[StepRow, ...]:
    return bench.journal.plan(plan_id).steps


async def test_a_step_is_on_the_disk_before_it_runs(bench: Bench) -> None:
    await bench.kill(STORE)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)))
    seen: list[str] = []
    start = bench.supervisor.start

    async def watched(unit: object) -> None:
        seen.extend(row.status for row in bench.journal.unfinished_steps())
        await start(unit)  # type: ignore[arg-type]

    bench.supervisor.start = watched  # type: ignore[method-assign]
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert carried.result == "done"
    assert seen == ["intended"]
    assert [(row.status, row.rule) for row in steps_of(bench, plan.id)] == [("done", "mode")]


async def test_the_guard_is_asked_again_before_every_step(bench: Bench) -> None:
    unit = await bench.unit(API)
    plan = bench.plan(API, *restart_steps(unit), *restart_steps(unit))

    def tell(progress: Progress) -> None:
        if progress.kind == "step_done":
            bench.journal.hold(API, None, "mine", "kim")

    carried = await bench.actor.carry_out(plan, confirmed=False, tell=tell)
    assert (carried.result, carried.done_steps) == ("refused", 1), "held after its first step"
    assert carried.ruling is not None
    assert carried.ruling.rule == "hold"


async def test_what_a_plan_itself_stopped_it_may_start_again_and_nothing_else(bench: Bench) -> None:
    unit = await bench.unit(API)
    carried = await bench.actor.carry_out(
        bench.plan(API, *stop_steps(unit), *start_steps(unit)), confirmed=False, tell=bench.told.append
    )
    assert carried.result == "done"
    await bench.supervisor.stop(API)
    for steps in (start_steps(unit), (*stop_steps(unit), *start_steps(unit))):
        refused = await bench.actor.carry_out(bench.plan(API, *steps), confirmed=False, tell=bench.told.append)
        assert refused.ruling is not None
        assert (refused.done_steps, refused.ruling.rule) == (0, "intent")


async def test_a_pause_stops_a_plan_between_two_steps(bench: Bench) -> None:
    await bench.kill(STORE)
    start = start_steps(await bench.unit(STORE))
    plan = bench.plan(STORE, *start, *start)
    original = bench.journal.end_step

    def end_and_pause(*args: object, **values: object) -> None:
        original(*args, **values)  # type: ignore[arg-type]
        bench.journal.pause("kim")

    bench.journal.end_step = end_and_pause  # type: ignore[method-assign]
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert (carried.result, carried.done_steps) == ("refused", 1)


async def test_a_gate_that_does_not_hold_ends_the_plan_before_its_step(bench: Bench) -> None:
    (step,) = stop_steps(await bench.unit(API))
    gate = Check(kind=CheckKind.DOWN, unit=STORE)
    plan = bench.plan(API, replace(step, gate=gate, timeout_s=0.1))
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert (carried.result, carried.done_steps) == ("failed", 0)
    assert bench.supervisor.calls == []


async def test_a_goal_that_is_not_reached_is_a_failure_however_well_the_action_went(bench: Bench) -> None:
    (step,) = start_steps(await bench.unit(STORE))
    goal = Check(kind=CheckKind.PATH_GONE, unit=STORE, args={"path": str(bench.folder)})
    plan = bench.plan(STORE, replace(step, goal=goal, timeout_s=0.1))
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert carried.result == "failed"
    assert [row.status for row in steps_of(bench, plan.id)] == ["failed"]


async def test_what_was_done_is_undone_last_first_and_journalled(bench: Bench) -> None:
    lock = bench.folder / "api.lock"
    lock.write_bytes(b"123\n")
    sha256 = hashlib.sha256(b"123\n").hexdigest()
    plan = bench.plan(API, *quarantine_steps(await bench.unit(API), lock, sha256))
    bench.supervisor.uid = lock.stat().st_uid  # type: ignore[attr-defined]
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert carried.result == "done", carried
    assert not lock.exists()
    await bench.actor.undo(plan, carried.done_steps, bench.told.append)
    assert lock.read_bytes() == b"123\n"
    assert [(row.status, row.rule) for row in steps_of(bench, plan.id)] == [("done", "mode"), ("undone", "undo")]


async def test_the_budget_counts_repairs_not_steps_and_ends_them(bench: Bench) -> None:
    for expected in ("done", "done", "refused"):
        await bench.kill(STORE)
        start = start_steps(await bench.unit(STORE))
        bench.policy = replace(bench.policy, budget_actions=2)
        carried = await bench.actor.carry_out(
            bench.plan(STORE, *start, *start), confirmed=False, tell=bench.told.append
        )
        assert carried.result == expected
    assert (await bench.unit(STORE)).state is UnitState.EXITED


async def test_a_situation_is_fresh(bench: Bench) -> None:
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)))
    bench.journal.hold(STORE, None, "mine", "kim")
    situation = await bench.situations.of(plan, await bench.situations.spent(plan), confirmed=False)
    assert isinstance(situation, Situation)
    assert situation.hold == "mine"


async def test_what_a_killed_reload_left_beside_the_others_goes(bench: Bench) -> None:
    """The agent was killed between the surge and the end of the old instance: the newest has taken over from nobody."""
    old = (await bench.unit(API)).processes
    await bench.supervisor.surge(API)
    plan = bench.plan(API, *rolling_reload_steps(await bench.unit(API)))
    assert await bench.actor.tidy(plan) == 1
    assert (await bench.unit(API)).processes == old
    assert await bench.actor.tidy(plan) == 0
    await bench.supervisor.surge(API)
    start = bench.plan(API, *start_steps(await bench.unit(API)))
    assert await bench.actor.tidy(start) == 0, "no reload: it is somebody else's"
