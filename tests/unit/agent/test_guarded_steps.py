"""Every step is ruled on by what people said of the very unit that it is for, and by what is under way there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.casefile import CaseFile
from opsagent.claims import Claims
from opsagent.model import Check, CheckKind, Step
from opsagent.planning import restart_steps, start_steps
from opsagent.planning_parts import action_of
from opsagent.situation import Situations
from opsagent.waiting import Waiting
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId
from tests.unit.agent.conftest import API, STORE, Bench


@pytest.mark.parametrize("said", ["hold", "protected", "deploy"])
async def test_a_step_on_another_unit_than_the_plans_is_bound_by_what_was_said_of_that_one(
    bench: Bench, said: str
) -> None:
    await bench.kill(STORE)
    until = datetime.now(UTC) + timedelta(minutes=5)
    if said == "hold":
        bench.journal.hold(API, until, "mine", "kim")
    elif said == "deploy":
        bench.journal.begin_deploy(API, until, "v2", "kim")
    else:
        specs = (bench.spec("store", autorestart=False), bench.spec("api", depends_on=("store",), protected=True))
        bench.world.replace_specs({spec.name: spec for spec in specs})
    before = (await bench.unit(API)).processes
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), *restart_steps(await bench.unit(API)))
    bench.journal.record_plan(plan)
    carried = await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)
    assert carried.ruling is not None
    assert (carried.result, carried.ruling.rule, carried.done_steps) == ("refused", said, 1)
    assert "api" in carried.why
    assert (await bench.unit(API)).processes == before


async def test_another_change_of_the_unit_keeps_any_action_away(bench: Bench, tmp_path: Path) -> None:
    ours, theirs = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    bench.situations = Situations(
        journal=bench.journal, checker=bench.checker, world=bench.world, policy=lambda: bench.policy, claims=ours
    )
    plan = bench.plan(API, *start_steps(await bench.unit(API)))
    spent = await bench.situations.spent(plan)
    with theirs.of(API, "other", "reload of api"):
        assert "reload of api" in (await bench.situations.of(plan, spent, confirmed=False)).busy
    with ours.of(API, plan.id, "restart of api"):
        assert (await bench.situations.of(plan, spent, confirmed=False)).busy == "", "it is this very one"
    assert (await bench.situations.of(replace(plan, unit=STORE), spent, confirmed=False)).busy == ""


@pytest.mark.parametrize("whose", [API, STORE])
@pytest.mark.parametrize("said", ["hold", "deploy"])
async def test_once_people_are_done_with_it_or_with_what_it_depends_on_it_is_decided_anew(
    bench: Bench, said: str, whose: UnitId
) -> None:
    until_ = datetime.now(UTC) + timedelta(minutes=5)
    if said == "hold":
        bench.journal.hold(whose, until_, "mine", "kim")
    else:
        bench.journal.begin_deploy(whose, until_, "v2", "kim")
    specs = (bench.spec("store", autorestart=False, depends_on=("api",)), bench.spec("api"))
    bench.world.replace_specs({spec.name: spec for spec in specs})
    await bench.kill(STORE)
    await bench.unit(STORE)
    waiting = Waiting(bench.verifier, bench.world, bench.situations)
    news = asyncio.create_task(waiting.for_news(CaseFile(incident=await bench.incident(STORE))))
    await asyncio.sleep(0.1)
    assert not news.done()
    if said == "hold":
        bench.journal.release_hold(whose, "kim")
    else:
        bench.journal.end_deploy(whose, "kim")
    assert await asyncio.wait_for(news, 10.0) == "news"


@pytest.mark.parametrize("said", ["", "hold", "pause", "deploy", "protected"])
async def test_what_people_order_meanwhile_binds_what_takes_a_step_back(bench: Bench, said: str) -> None:
    unit = await bench.unit(API)
    stop = Step(
        action=action_of(ActionName.STOP, API),
        goal=Check(kind=CheckKind.DOWN, unit=API),
        undo=action_of(ActionName.START, API),
    )
    plan = bench.plan(API, stop)
    bench.journal.record_plan(plan)
    assert (await bench.actor.carry_out(plan, confirmed=False, tell=bench.told.append)).result == "done"
    until_ = datetime.now(UTC) + timedelta(minutes=5)
    match said:
        case "hold":
            bench.journal.hold(API, until_, "mine", "kim")
        case "pause":
            bench.journal.pause("kim")
        case "deploy":
            bench.journal.begin_deploy(API, until_, "v2", "kim")
        case "protected":
            bench.world.replace_specs({"api": bench.spec("api", protected=True)})
    left = await bench.actor.undo(plan, 1, bench.told.append)
    assert (bool(left), bool((await bench.unit(API)).processes)) == (bool(said), not said)
    assert unit.processes
    if said:
        assert bench.told[-1].kind == "refused"
        assert [row.rule for row in bench.journal.plan(plan.id).steps] != ["undo"], "nothing was begun"
