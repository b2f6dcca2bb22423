"""What people taught is told before a yes counts: a yes to an offer, or to all of several, was none to the rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent.carrying import changes, heeding
from opsagent.carrying.carrier import Carrier
from opsagent.carrying.events import Person, Said
from opsagent.carrying.working import Desk
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.model import Plan
from opsagent.planning import new_plan
from opsagent.ports import Progress
from opsagent.store.errors import StoreError
from opsagent.taught.book import TaughtBook
from opsagent.taught.rule import TaughtRule
from opsagent_tools.units import UnitId
from tests.unit.carrying.conftest import Room
from tests.unit.store.values import step

API = UnitId.local("circus", "api")
RULE = TaughtRule(verdict="never", actions=frozenset({"start"}), units=("api",))


class Agent:
    """Asks like the guard does where it was not confirmed."""

    def __init__(self) -> None:
        self.confirmed: list[bool] = []

    async def submit(self, _plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        self.confirmed.append(confirmed)
        kind, rule = ("done", "") if confirmed else ("asked", "confirm")
        yield Progress(kind=kind, at=datetime.now(UTC), text=f"{by}: {RULE.says()}", rule=rule, approval="a1")  # type: ignore[arg-type]


async def _carried(room: Room, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> tuple[Agent, list[str], str]:
    """Return the agent, what was shown with a question or without one, and how it ended."""
    agent, asked = Agent(), list[str]()

    async def confirm(_question: str, lines: Sequence[str]) -> bool:
        asked.extend(lines)
        return False

    async def decided(_desk: object, _work: object) -> None:
        return None

    plan = new_plan(unit=API, steps=(step(unit=API),), remedy="start", origin="person", source="person", why="")
    monkeypatch.setattr(changes, "plan_for", lambda _desk, _place: plan)
    monkeypatch.setattr(Desk, "write", decided)
    person = Person(name="kim", confirm=confirm if there else None, agreed=True)
    carrier = Carrier(room.home, person, running=room.running, agent=agent)  # type: ignore[arg-type]
    said = Said(steps=(CommandStep(tool="start", target="api"),), text="as said", language="en")
    events = [event async for event in carrier.carry(said)]
    return agent, [*asked, *(line for event in events for line in event.lines)], events[-1].kind


@pytest.mark.parametrize("rules", [(), (RULE,)])
async def test_a_yes_that_was_given_before_the_rule_was_shown_is_asked_for_again(
    room: Room, monkeypatch: pytest.MonkeyPatch, rules: tuple[TaughtRule, ...]
) -> None:
    monkeypatch.setattr(heeding, "_read", lambda _home: rules)
    agent, asked, ended = await _carried(room, monkeypatch, there=True)
    assert agent.confirmed == [not rules]
    assert [RULE.says() in line for line in asked] == [True] * len(rules)
    assert ended == ("declined" if rules else "done")


async def test_who_cannot_be_asked_has_said_yes_with_their_command(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heeding, "_read", lambda _home: (RULE,))
    agent, asked, ended = await _carried(room, monkeypatch, there=False)
    assert (agent.confirmed, ended) == ([True], "done")
    assert asked == [f"a person taught: {RULE.says()}"], "and is told what it is against"


async def test_who_leaves_at_the_question_has_said_no(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[bool] = []

    class Journal:
        def decide_approval(self, _approval: str, approve: bool, _by: str) -> None:
            decided.append(approve)

    async def write(_desk: Desk, work: Callable[[Journal], None]) -> None:
        work(Journal())

    async def leave(_question: str, _lines: Sequence[str]) -> bool:
        raise asyncio.CancelledError

    plan = new_plan(unit=API, steps=(step(unit=API),), remedy="start", origin="person", source="person", why="")
    monkeypatch.setattr(changes, "plan_for", lambda _desk, _place: plan)
    monkeypatch.setattr(Desk, "write", write)
    carrier = Carrier(room.home, Person(name="kim", confirm=leave), running=room.running, agent=Agent())  # type: ignore[arg-type]
    said = Said(steps=(CommandStep(tool="start", target="api"),), text="as said", language="en")
    with pytest.raises(asyncio.CancelledError):
        _ = [event async for event in carrier.carry(said)]
    assert decided == [False]


async def test_where_what_was_taught_cannot_be_read_people_are_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_book: TaughtBook, _now: datetime) -> tuple[TaughtRule, ...]:
        raise StoreError("the disk does not read")

    monkeypatch.setattr(TaughtBook, "open_now", unreadable)
    opened = Home.open(home)
    assert "the disk does not read" in (await heeding.standing_against(opened))("stop", API)
    assert (await heeding.forbidding(opened))("stop", API) == ""
