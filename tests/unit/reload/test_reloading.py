"""A reload proves its canary, goes on one by one, and stops where a new release is not fit; what it cost is kept."""

from __future__ import annotations

import asyncio

import pytest

from opsagent.planning import rolling_reload_steps, scale_down_steps, scale_steps
from opsagent.ports import Progress
from opsagent_tools.supervisors.port import Busy, NotSupported
from opsagent_tools.units import UnitId
from tests.support.living import BAD, GOOD, LATE, LOUD
from tests.support.waiting import until
from tests.unit.reload.conftest import API, Desk

QUICK = 0.1


async def reload(desk: Desk, **values: object) -> list[Progress]:
    steps = rolling_reload_steps(await desk.unit(), desk.spec, canary_s=float(values.pop("canary_s", QUICK)))  # type: ignore[arg-type]
    return await desk.do("reload", *steps, **values)  # type: ignore[arg-type]


async def test_every_instance_is_replaced_and_the_cost_is_remembered(desk: Desk) -> None:
    before = await desk.pids()
    told = await reload(desk)
    assert told[-1].kind == "done", told[-1]
    assert not before & await desk.pids()
    assert len(await desk.pids()) == 3 == len(desk.supervisor.alive())
    change = desk.journal.last_change(API, ("reload",))
    assert change is not None
    assert (change.done, change.way, change.seen_by, change.failed) == (True, "beside", "process", 0)
    assert change.took_s > 0
    again = await reload(desk)
    assert any("the last reload, " in item.text and "no gap seen" in item.text for item in again)


@pytest.mark.parametrize(
    ("release", "why"),
    [
        (BAD, "Error: this release needs what is not there"),
        (LATE, "Error: it ended late"),
        (LOUD, "5 error lines that were not there before: Error: no table 0"),
    ],
)
async def test_a_release_that_is_not_fit_leaves_the_old_one_serving(desk: Desk, release: str, why: str) -> None:
    before = await desk.pids()
    desk.supervisor.release = release
    told = await reload(desk, canary_s=1.2)
    assert told[-1].kind == "failed"
    assert why in told[-1].text
    assert "the 3 old instances serve on" in told[-1].text
    assert await desk.pids() == before == desk.supervisor.alive()
    (row,) = desk.journal.incidents()
    assert (row.id, row.fault.value, row.status) == (told[-1].data["incident"], "bad_release", "escalated")
    assert why in row.incident.summary


async def test_the_incident_takes_up_the_next_try_and_ends_with_a_release_that_is_fit(desk: Desk) -> None:
    desk.supervisor.release = BAD
    first, second = (await reload(desk))[-1], (await reload(desk))[-1]
    assert first.data["incident"] == second.data["incident"]
    desk.supervisor.release = GOOD
    told = await reload(desk)
    assert told[-1].kind == "done"
    assert any("warn" in item.text and "incident inc-" in item.text for item in told if item.kind == "preflight")
    (row,) = desk.journal.incidents()
    assert (row.status, row.outcome) == ("closed", "a later release was proved fit")


async def test_one_instance_that_stands_alone_is_restarted_only_after_a_yes_to_the_downtime(single: Desk) -> None:
    before = await single.pids()
    asked = (await reload(single))[-1]
    assert (asked.kind, asked.rule) == ("asked", "confirm")
    assert "does not serve while it starts anew; how long that takes is not known yet" in asked.text
    assert await single.pids() == before
    assert (await reload(single, confirmed=True))[-1].kind == "done"
    assert not before & await single.pids()
    assert "s last time (" in (await reload(single))[-1].text


async def test_a_release_that_takes_the_only_instance_down_is_told_with_its_last_words(single: Desk) -> None:
    single.supervisor.release = BAD
    unit = await single.unit()
    told = await single.do("reload", *rolling_reload_steps(unit, single.spec), confirmed=True)
    assert told[-1].kind == "failed"
    why = "restarted api, and it does not stay up: Error: this release needs what is not there (ended with exit code 3"
    assert told[-1].text.startswith(why)
    assert [row.fault.value for row in single.journal.incidents()] == ["bad_release"]


async def test_a_second_change_is_refused_at_once_and_the_first_goes_on(desk: Desk) -> None:
    with desk.claims.of(API, "another plan", "reload of api"):
        told = await reload(desk)
    assert (told[-1].kind, told[-1].rule) == ("refused", "busy")
    assert "another reload of api is under way since" in told[-1].text
    assert desk.supervisor.calls == []


@pytest.mark.parametrize(
    ("error", "rule"), [(Busy("a reload is under way"), "busy"), (NotSupported("no"), "not supported")]
)
async def test_what_the_supervisor_refuses_before_it_began_is_refused(desk: Desk, error: Exception, rule: str) -> None:
    async def refuse(unit: UnitId) -> None:
        raise error

    desk.supervisor.surge = refuse  # type: ignore[assignment,method-assign]
    told = await reload(desk)
    assert (told[-1].kind, told[-1].rule) == ("refused", rule)
    assert desk.journal.incidents() == ()
    assert desk.journal.last_change(API, ("reload",)) is None, "nothing was changed"


async def test_fewer_instances_go_one_at_a_time_after_a_yes(desk: Desk) -> None:
    steps = scale_down_steps(await desk.unit(), 1, desk.spec)
    asked = await desk.do("scale", *steps)
    assert asked[-1].kind == "asked"
    told = await desk.do("scale", *steps, confirmed=True)
    assert told[-1].kind == "done", told[-1]
    assert desk.supervisor.calls == ["scale:api", "scale:api"]
    assert len(await desk.pids()) == 1


async def test_instances_come_back_where_those_that_stay_do_not_bear_it(desk: Desk) -> None:
    steps = scale_down_steps(await desk.unit(), 1, desk.spec)
    scale = desk.supervisor.scale

    async def too_much(unit: UnitId, instances: int) -> None:
        await scale(unit, instances)
        if instances == 1:  # the one that stays breaks down under the work of three
            (last,) = (await desk.supervisor.describe(unit)).processes
            desk.supervisor._children[last.pid].kill()

    desk.supervisor.scale = too_much  # type: ignore[method-assign]
    told = await desk.do("scale", *steps, confirmed=True)
    assert told[-1].kind == "failed"
    assert "1 of it do not bear it: one that should have stayed is gone" in told[-1].text
    assert [item.text for item in told if item.kind == "undone"] == ["api runs 2", "api runs 3"]
    assert (await desk.unit()).instances == 3


async def test_a_larger_scale_needs_no_preflight_but_is_a_change(desk: Desk) -> None:
    told = await desk.do("scale", *scale_steps(await desk.unit(), 4, desk.spec))
    assert told[-1].kind == "done"
    assert not [item for item in told if item.kind == "preflight"]
    assert desk.journal.last_change(API, ("scale",), done=True) is not None


async def test_whoever_goes_away_in_the_middle_leaves_no_canary_behind(desk: Desk) -> None:
    before = await desk.pids()
    steps = rolling_reload_steps(await desk.unit(), desk.spec, canary_s=30.0)
    command = asyncio.create_task(desk.do("reload", *steps))
    await until(lambda: len(desk.supervisor.alive()) == 4, why="the canary stands beside the others")
    command.cancel()
    await desk.people.close()
    assert await desk.pids() == before == desk.supervisor.alive()
    assert desk.claims.held(API) is None
