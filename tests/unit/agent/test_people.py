"""People's commands take the same way: guard, journal, act, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsagent.planning import restart_steps, start_steps, stop_steps
from opsagent.ports import Progress
from opsagent.store.errors import StoreError
from opsagent.taught.book import TaughtBook
from opsagent_tools.units import UnitState
from tests.unit.agent.conftest import API, STORE, Bench


async def submitted(bench: Bench, *steps: Any, confirmed: bool = False, by: str = "kim") -> list[Progress]:
    plan = bench.plan(API, *steps, origin="person", source="person", remedy="person/command")
    return [progress async for progress in bench.people.submit(plan, confirmed=confirmed, by=by)]


async def test_what_is_safe_runs_at_once(bench: Bench) -> None:
    told = await submitted(bench, *start_steps(await bench.unit(API)))
    assert told[-1].kind == "done"


async def test_what_disrupts_is_asked_first_and_nothing_has_changed_then(bench: Bench) -> None:
    told = await submitted(bench, *restart_steps(await bench.unit(API)))
    assert (told[-1].kind, told[-1].rule, told[-1].risk) == ("asked", "confirm", "disruptive")
    assert told[-1].approval
    assert bench.supervisor.calls == []


async def test_a_yes_runs_it(bench: Bench) -> None:
    told = await submitted(bench, *restart_steps(await bench.unit(API)), confirmed=True)
    assert told[-1].kind == "done"
    assert bench.supervisor.calls == ["restart:api"]


async def test_an_approved_command_runs_as_it_was_stored_and_only_once(bench: Bench) -> None:
    asked = (await submitted(bench, *restart_steps(await bench.unit(API))))[-1]
    bench.journal.decide_approval(asked.approval, approve=True, by="kim")
    first = [progress async for progress in bench.people.approved(asked.approval, by="kim")]
    again = [progress async for progress in bench.people.approved(asked.approval, by="kim")]
    assert (first[-1].kind, again[-1].kind) == ("done", "refused")
    assert bench.supervisor.calls == ["restart:api"]


async def test_a_yes_is_void_when_the_processes_are_others_than_those_it_was_for(bench: Bench) -> None:
    asked = (await submitted(bench, *restart_steps(await bench.unit(API))))[-1]
    bench.journal.decide_approval(asked.approval, approve=True, by="kim")
    await bench.kill(API)  # its supervisor starts it again, as another process
    told = [progress async for progress in bench.people.approved(asked.approval, by="kim")]
    assert told[-1].kind == "refused"
    assert bench.supervisor.calls == []


async def test_what_a_person_stops_is_stopped_for_the_agent_too(bench: Bench) -> None:
    await submitted(bench, *stop_steps(await bench.unit(API)), confirmed=True)
    unit = await bench.unit(API)
    assert unit.state is UnitState.STOPPED
    carried = await bench.actor.carry_out(bench.plan(API, *start_steps(unit)), confirmed=False, tell=bench.told.append)
    assert (carried.result, carried.why) == ("refused", "api was stopped by a person; it stays stopped")


async def test_a_caller_that_goes_away_leaves_no_step_half_done(bench: Bench) -> None:
    await bench.kill(STORE)
    plan = bench.plan(STORE, *start_steps(await bench.unit(STORE)), origin="person", source="person")
    told = bench.people.submit(plan, confirmed=True, by="kim")
    await anext(told)
    await told.aclose()  # type: ignore[attr-defined]
    assert await bench.checker.wait(plan.steps[0].goal, 5.0)


async def test_where_what_was_taught_cannot_be_read_people_are_asked_back_and_the_agent_does_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "memory.db").write_bytes(b"this is no database" * 100)
    bench.situations._taught = TaughtBook(tmp_path / "memory.db")
    start = start_steps(await bench.unit(API))
    with pytest.raises(StoreError):
        await bench.actor.carry_out(bench.plan(API, *start), confirmed=False, tell=bench.told.append)
    asked = (await submitted(bench, *start))[-1]
    assert (asked.kind, asked.rule) == ("asked", "confirm")
    assert "what people taught cannot be read" in asked.text
    assert bench.supervisor.calls == []
    assert (await submitted(bench, *start, confirmed=True))[-1].kind == "done"
    bench.situations._taught.close()
