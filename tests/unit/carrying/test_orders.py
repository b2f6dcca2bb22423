"""Orders in plain words: the same as the commands of their own, and what is taught is shown and confirmed first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from opsagent.brain.proposals import taken
from opsagent.carrying.events import Ending
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.model import Plan
from opsagent.planning import new_plan
from opsagent.store.journal import Journal
from opsagent.taught.book import TaughtBook
from opsagent_tools.services.schedule import machine_zone
from opsagent_tools.units import UnitId
from tests.unit.carrying.conftest import Room
from tests.unit.store.values import step

API = UnitId.local("circus", "api")


async def test_pause_and_resume(room: Room) -> None:
    (end,) = await room.carry(CommandStep(tool="pause", args={"why": "deploy"}))
    assert end.kind == "done"
    with room.journal() as journal:
        paused = journal.paused()
    assert paused is not None
    assert (paused.by, paused.why) == ("kim", "deploy")
    (end,) = await room.carry(CommandStep(tool="resume"), language="ko")
    assert (end.kind, end.data["was_paused"]) == ("done", True)
    assert "다시 시작" in end.text
    (end,) = await room.carry(CommandStep(tool="resume"))
    assert end.text == "the agent was not paused"


async def test_hold_for_a_while_and_release(room: Room) -> None:
    await room.carry(CommandStep(tool="hold", target="api", args={"for": "2h", "why": "migration"}))
    with room.journal() as journal:
        (hold,) = journal.holds()
    assert (hold.unit, hold.why, hold.by) == (API, "migration", "kim")
    assert hold.until is not None
    assert timedelta(minutes=119) < hold.until - datetime.now(UTC) <= timedelta(hours=2)
    (end,) = await room.carry(CommandStep(tool="resume", target="api"))
    assert end.data["released"] == 1
    with room.journal() as journal:
        assert journal.holds() == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hold api because of the  migration", "hold api because of the migration"),
        ("마이그레이션 때문에 api 건드리지 마", "마이그레이션 때문에 api 건드리지 마"),
        ("hold api", ""),
    ],
)
async def test_the_reason_that_they_gave_is_kept_in_their_words(room: Room, text: str, why: str) -> None:
    await room.carry(CommandStep(tool="hold", target="api"), CommandStep(tool="pause"), text=text)
    with room.journal() as journal:
        assert journal.holds()[0].why == why
        assert why in str(journal.paused())


async def test_all_holds_are_released_at_once(room: Room) -> None:
    await room.carry(CommandStep(tool="hold", target="all"))
    with room.journal() as journal:
        assert len(journal.holds()) == 3
    (end,) = await room.carry(CommandStep(tool="resume", target="all"))
    assert end.data["released"] == 3
    with room.journal() as journal:
        assert journal.holds() == ()


async def test_a_name_that_means_nobody_ends_it(room: Room) -> None:
    (end,) = await room.carry(CommandStep(tool="hold", target="nope"), CommandStep(tool="pause"))
    assert (end.kind, end.code) == ("failed", Ending.USAGE)
    with room.journal() as journal:
        assert journal.paused() is None


async def test_a_procedure_that_nobody_showed_is_not_carried_out(room: Room) -> None:
    (end,) = await room.carry(CommandStep(tool="run_gui_procedure", args={"procedure": "export report"}))
    assert (end.kind, end.code) == ("failed", Ending.USAGE)
    assert "opsagent gui record" in end.text


def _question(home: Home, proposer: str = "agent", plan_id: str = "p1") -> str:
    plan: Plan = new_plan(
        unit=API, steps=(step(unit=API),), remedy="crash/start", origin="agent", source="runbook", why="it died"
    )
    with Journal.open(home) as journal:
        journal.record_plan(plan)
        return journal.ask(plan, 0, plan.steps[0], "b" * 64, 600, proposer)


async def test_a_question_is_answered_by_its_id(room: Room) -> None:
    asked = _question(room.home)
    events = await room.carry(CommandStep(tool="approve", args={"id": asked[:6]}))
    assert [event.kind for event in events] == ["shown", "done"]
    with room.journal() as journal:
        assert (journal.approval(asked).status, journal.approval(asked).decided_by) == ("approved", "kim")


async def test_the_only_open_question_is_shown_before_it_is_answered(room: Room) -> None:
    asked = _question(room.home)
    for agreed in (False, True):  # nobody is there who could have seen it
        events = await room.carry(CommandStep(tool="approve"), agreed=agreed)
        assert (events[-1].kind, events[-1].code) == ("asked", 3)
        assert asked in events[-1].text
    events = await room.carry(CommandStep(tool="deny"), says=False, agreed=True)
    assert events[-1].kind == "declined"
    with room.journal() as journal:
        assert journal.approval(asked).status == "pending"
    await room.carry(CommandStep(tool="deny"), says=True)
    assert any("start:api" in line for line in room.seen)
    with room.journal() as journal:
        assert journal.approval(asked).status == "denied"


async def test_what_a_model_would_approve_is_shown_before_it_is_answered(room: Room) -> None:
    """Who said yes to `approve 7f3a…` said so to an id that they had not come up with."""
    asked = _question(room.home, "mcp: editor")
    for tool in ("approve", "deny"):
        (step,) = taken([{"tool": tool, "args": {"id": asked}}], room.running.units)
        events = await room.carry(step, says=False, agreed=True)
        assert events[-1].kind == "declined"
        assert any("start:api" in line for line in room.seen)
        events = await room.carry(step, agreed=True)
        assert (events[-1].kind, events[-1].code) == ("asked", 3)
    with room.journal() as journal:
        assert journal.approval(asked).status == "pending"
    await room.carry(step, says=True, agreed=True)
    with room.journal() as journal:
        assert journal.approval(asked).status == "denied"


async def test_several_questions_are_not_guessed_at_and_the_proposer_does_not_approve(room: Room) -> None:
    first, second = _question(room.home), _question(room.home, "kim", "p2")
    (end,) = await room.carry(CommandStep(tool="approve"), says=True)
    assert end.code == Ending.USAGE
    assert first in end.text
    assert second in end.text
    events = await room.carry(CommandStep(tool="approve", args={"id": second}))
    assert (events[-1].kind, events[-1].code) == ("refused", 4)
    (end,) = await room.carry(CommandStep(tool="approve", args={"id": "ffff"}))
    assert end.code == Ending.USAGE


@pytest.mark.parametrize(("text", "binds"), [
    ("never restart billing between 1 and 3 am", True),
    ("billing belongs to the payments team", False),
])  # fmt: skip
async def test_what_is_taught_is_shown_and_kept_once_it_is_confirmed(room: Room, text: str, binds: bool) -> None:
    taught = CommandStep(tool="teach", args={"text": text})
    for says in (None, False):
        events = await room.carry(taught, says=says)
        assert (events[0].kind, events[-1].code) == ("shown", 3)
        assert text in events[0].lines[0]
        assert events[0].lines[1].startswith("rule: never") is binds
    assert not (room.home.path / "memory.db").exists()
    events = await room.carry(taught, says=True)
    assert events[-1].kind == "done"
    assert events[-1].data["kept"]["text"] == text
    at_two = datetime(2026, 5, 1, 2, 0, tzinfo=ZoneInfo(machine_zone()))
    book = TaughtBook(room.home.database)
    try:
        assert [rule.units for rule in book.open_now(at_two)] == ([("billing",)] if binds else [])
    finally:
        book.close()
