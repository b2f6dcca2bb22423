"""What is to be done later is done by the daemon at its time, exactly once, whenever the daemon dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from opsagent.api.client import ApiClient
from opsagent.carrying.stored import to_stored
from opsagent.commands.reading import CommandStep
from opsagent.local_api import RemoteAgent
from opsagent.planning import new_plan, restart_steps
from opsagent.store.errors import NotDecided
from opsagent.store.schedules import ScheduleRow
from opsagent_tools.units import UnitId
from tests.integration.agent.conftest import Place
from tests.support.waiting import until


def _schedule(place: Place, tool: str, *, at: str = "in 1s", due: datetime | None = None, only_if: str = "") -> str:
    api = UnitId.local("circus", "api")
    with place.writing() as journal:
        row = journal.add_schedule(
            by="kim",
            text=f"{tool} api {at}",
            language="en",
            steps=to_stored([CommandStep(tool=tool, target="api", args={"if": only_if} if only_if else {})]),
            units=[{"unit": asdict(api), "release": "/"}],
            at_text=at,
            zone="UTC",
            next_at=due or datetime.now(UTC) + timedelta(seconds=1),
        )
    return row.id


async def _row(place: Place, schedule: str, condition: Callable[[ScheduleRow], bool]) -> ScheduleRow:
    def look() -> ScheduleRow | None:
        with place.journal() as journal:
            row = journal.schedule(schedule)
        return row if condition(row) else None

    return await until(look, timeout=60, why="such a schedule")


async def _up(place: Place, port: int, *, delay_s: float = 0.0) -> None:
    await place.up(place.service("api", port, delay_s=delay_s))
    assert len(place.starts("api")) == 1


async def test_they_are_done_at_their_time_and_people_go_before_them(place: Place, free_port: int) -> None:
    await _up(place, free_port)
    left = _schedule(place, "restart")  # as a daemon leaves it that dies between its claim and anything else
    late = _schedule(place, "restart", due=datetime.now(UTC) - timedelta(minutes=11))  # the same, and it took long
    with place.writing() as journal:
        for schedule in (left, late):
            due = journal.schedule(schedule).next_at
            assert due is not None
            assert journal.claim_run(schedule, due)
    await place.watch("observe")  # the mode is for what the agent does by itself
    row = await _row(place, left, lambda row: row.state == "done")
    assert row.last_result == "restart api: done: 1 of 1 steps done"
    assert "missed" in str((await _row(place, late, lambda row: row.state == "done")).last_result)
    assert len(place.starts("api")) == 2

    with place.writing() as journal:
        journal.hold(UnitId.local("circus", "api"), None, "migration", "lee")
    every = _schedule(place, "restart", at="every 2h")
    unmet = _schedule(place, "hold", only_if="api is down")
    missed = _schedule(place, "restart", due=datetime.now(UTC) - timedelta(minutes=11))
    row = await _row(place, every, lambda row: row.last_result is not None)
    assert (row.state, row.last_result) == ("waiting", "restart api: not done: it is on hold: migration")
    assert row.next_at is not None
    assert row.next_at > datetime.now(UTC) + timedelta(minutes=110)
    assert (await _row(place, unmet, lambda row: row.state == "done")).last_result == "hold api: not done: api is up"
    assert "missed" in str((await _row(place, missed, lambda row: row.state == "done")).last_result)
    assert len(place.starts("api")) == 2
    with place.journal() as journal:
        said = [event.kind for event in journal.events() if event.kind.startswith("schedule")]
    assert (said.count("scheduled"), said.count("schedule_failed")) == (2, 3)


async def test_everything_at_its_time_leaves_alone_what_is_being_deployed(place: Place, free_port: int) -> None:
    await _up(place, free_port)
    with place.writing() as journal:
        journal.begin_deploy(UnitId.local("circus", "api"), datetime.now(UTC) + timedelta(hours=1), "4.2", "lee")
        schedule = journal.add_schedule(
            by="kim",
            text="restart everything in 1s",
            language="en",
            steps=to_stored([CommandStep(tool="restart", target="all")]),
            units=[{"unit": None, "release": ""}],
            at_text="in 1s",
            zone="UTC",
            next_at=datetime.now(UTC) + timedelta(seconds=1),
        ).id
    await place.watch("observe")
    row = await _row(place, schedule, lambda row: row.state == "done")
    assert "api was left alone: it is being deployed" in str(row.last_result)
    assert len(place.starts("api")) == 1


async def test_a_program_proposes_over_the_socket_and_a_persons_yes_has_it_done_once(
    place: Place, free_port: int
) -> None:
    await _up(place, free_port)
    await place.watch("auto")
    unit = await place.unit("api")
    plan = new_plan(
        unit=unit.id, steps=restart_steps(unit, None), remedy="person/restart", origin="person", source="model", why="x"
    )
    agent = RemoteAgent(await ApiClient.connect(place.home.api_socket))
    asked = await agent.propose(plan, by="mcp: editor", why="its memory grows")
    assert (asked.kind, asked.rule) == ("asked", "proposed")
    with place.writing() as journal:
        assert journal.approval(asked.approval).proposer == "mcp: editor"
        with pytest.raises(NotDecided):
            journal.decide_approval(asked.approval, approve=True, by="mcp: editor")
        assert len(place.starts("api")) == 1
        journal.decide_approval(asked.approval, approve=True, by="kim")
    kinds = [[one.kind async for one in agent.approved(asked.approval, by="kim")][-1] for _ in range(2)]
    assert kinds == ["done", "refused"]
    assert len(place.starts("api")) == 2


async def test_killed_in_the_middle_of_it_the_daemon_restarts_the_service_once(place: Place, free_port: int) -> None:
    await _up(place, free_port, delay_s=1.0)
    await place.watch()
    schedule = _schedule(place, "restart")

    def begun() -> bool:
        with place.journal() as journal:
            return bool(journal.unfinished_steps())

    await until(begun, timeout=60, why="its step is under way")
    await place.kill_daemon()
    await place.watch()
    row = await _row(place, schedule, lambda row: row.state == "done")
    assert "done" in str(row.last_result), row
    assert len(place.starts("api")) == 2
    with place.journal() as journal:
        assert journal.verify().ok
