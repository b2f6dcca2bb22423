"""What a program proposes is asked about and never done, until a person who is not the proposer says yes to it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from opsagent.model import Plan
from opsagent.planning import restart_steps, start_steps
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.proposing import OPEN_AT_ONCE, Proposals
from opsagent.store.errors import NotDecided
from tests.unit.agent.conftest import API, STORE, Bench

PROGRAM = "mcp: editor"


async def _restart(bench: Bench) -> Plan:
    steps = restart_steps(await bench.unit(API))
    return bench.plan(API, *steps, origin="person", source="model", remedy="person/restart")


def _desk(bench: Bench) -> Proposals:
    return Proposals(
        journal=bench.journal, timeline=bench.timeline, situations=bench.situations, policy=lambda: bench.policy
    )


async def _proposed(bench: Bench, plan: Plan, by: str = PROGRAM) -> Progress:
    return await _desk(bench).propose(plan, by=by, why="its memory grows")


@pytest.mark.parametrize("mode", ["observe", "suggest", "approve", "auto"])
async def test_nothing_runs_whatever_the_mode_and_the_risk(bench: Bench, mode: str) -> None:
    bench.policy = Policy(mode=mode)  # type: ignore[arg-type]
    safe = bench.plan(STORE, *start_steps(await bench.unit(STORE)), origin="person", source="model")
    for plan in (safe, await _restart(bench)):
        told = await _proposed(bench, plan)
        assert (told.kind, told.rule) == ("asked", "proposed")
        assert bench.journal.approval(told.approval).proposer == PROGRAM
    assert bench.supervisor.calls == []


async def test_a_person_says_yes_and_it_is_done_exactly_once(bench: Bench) -> None:
    asked = await _proposed(bench, await _restart(bench))
    bench.journal.decide_approval(asked.approval, approve=True, by="kim")
    first = [one async for one in bench.people.approved(asked.approval, by="kim")]
    again = [one async for one in bench.people.approved(asked.approval, by="kim")]
    assert (first[-1].kind, again[-1].kind) == ("done", "refused")
    assert bench.supervisor.calls == ["restart:api"]


async def test_who_proposed_cannot_say_yes(bench: Bench) -> None:
    asked = await _proposed(bench, await _restart(bench), by="kim")
    with pytest.raises(NotDecided, match="kim proposed it"):
        bench.journal.decide_approval(asked.approval, approve=True, by="kim")
    assert [one.kind async for one in bench.people.approved(asked.approval, by="kim")] == ["refused"]
    assert bench.supervisor.calls == []


async def test_what_people_want_left_alone_is_not_even_asked(bench: Bench) -> None:
    bench.journal.hold(API, datetime.now(UTC) + timedelta(hours=1), "migration", "kim")
    told = await _proposed(bench, await _restart(bench))
    assert (told.kind, told.rule) == ("refused", "hold")
    bench.journal.release_hold(API, "kim")
    bench.journal.pause("kim")
    assert (await _proposed(bench, await _restart(bench))).rule == "paused"
    assert bench.journal.approvals() == ()


async def test_the_same_is_asked_once_and_a_flood_of_questions_is_refused(bench: Bench) -> None:
    first = await _proposed(bench, await _restart(bench))
    again = await _proposed(bench, await _restart(bench))
    assert again.approval == first.approval
    await bench.kill(API)  # other processes: that is another question
    for _ in range(OPEN_AT_ONCE - 1):
        await _proposed(bench, await _restart(bench))
        await bench.kill(API)
    assert (await _proposed(bench, await _restart(bench))).rule == "budget"
    assert (await _proposed(bench, await _restart(bench), by="mcp: another")).rule == "budget"
    assert (await _proposed(bench, await _restart(bench), by="model: another")).kind == "asked"


async def test_who_comes_at_the_same_time_is_counted_too(bench: Bench) -> None:
    desk = _desk(bench)
    plans = [await _restart(bench) for _ in range(3)]
    told = await asyncio.gather(*(desk.propose(plan, by=PROGRAM, why="") for plan in plans))
    assert {one.approval for one in told} == {bench.journal.approvals()[0].id}
    named = [(await _restart(bench), f"mcp: {number}") for number in range(OPEN_AT_ONCE + 3)]
    await asyncio.gather(*(desk.propose(plan, by=name, why="") for plan, name in named))
    assert len(bench.journal.approvals()) == OPEN_AT_ONCE


async def test_a_plan_that_was_proposed_before_is_no_new_one(bench: Bench) -> None:
    plan = await _restart(bench)
    await _proposed(bench, plan)
    assert (await _proposed(bench, plan, by="mcp: another")).rule == "known"
