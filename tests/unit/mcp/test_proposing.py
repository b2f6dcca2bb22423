"""What a program may propose, and how often: counted in the journal, whatever it calls itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent import planning
from opsagent.answering.answers import Answers
from opsagent.commands.meaning import MAX_INSTANCES
from opsagent.commands.reading import CommandStep
from opsagent.home import Home
from opsagent.mcp_server.desk import Desk
from opsagent.mcp_server.errors import CallError
from opsagent.mcp_server.proposing import OPEN_MAX, PER_HOUR, _demand_proposable, _step, _within_budget, tools
from opsagent.store.journal import Journal
from opsagent_tools.units import Unit, UnitId, UnitState

API = Unit(id=UnitId("circus", "api", "box"), state=UnitState.RUNNING)


def asked(home: Home, number: int, *, proposer: str = "mcp: {}", ago_s: float = 0.0, answered: bool = False) -> None:
    with Journal.open(home, clock=lambda: datetime.now(UTC) - timedelta(seconds=ago_s)) as journal:
        for count in range(number):
            steps = planning.stop_steps(API, None)
            plan = planning.new_plan(
                unit=API.id, steps=steps, remedy="person/stop", origin="person", source="person", why=""
            )
            journal.record_plan(plan, ())
            approval = journal.ask(plan, 0, plan.steps[0], f"binding-{count}", 7200, proposer.format(count), 1)
            if answered:
                journal.decide_approval(approval, approve=False, by="ann")


def budget(home: Home, more: int = 1) -> str:
    try:
        _within_budget(Desk(home=home, answers=Answers(home)), more)
    except CallError as error:
        return error.code
    return ""


def test_another_name_gives_no_more_open_questions(home: Path) -> None:
    place = Home.open(home)
    asked(place, OPEN_MAX - 1)
    asked(place, 5, proposer="a command of ann")
    assert (budget(place), budget(place, 2)) == ("", "too_many")


def test_there_is_a_rate_beside(home: Path) -> None:
    place = Home.open(home)
    asked(place, PER_HOUR - 1, answered=True)
    assert (budget(place), budget(place, 2)) == ("", "too_many")


def test_the_hour_passes(home: Path) -> None:
    place = Home.open(home)
    asked(place, PER_HOUR, answered=True, ago_s=3700)
    assert budget(place) == ""


@pytest.mark.parametrize(
    "step",
    [
        CommandStep(tool="pause"), CommandStep(tool="approve", args={"id": "x"}), CommandStep(tool="teach", args={"text": "x"}),
        CommandStep(tool="hold", target="api"), CommandStep(tool="tail_logs", target="api"), CommandStep(tool="free_port", target="api"),
        CommandStep(tool="stop"), CommandStep(tool="stop", target="all"), CommandStep(tool="stop", target="api", args={"at": "03:00"}),
        CommandStep(tool="stop", target="api", args={"if": "api is down"}),
    ],
    ids=str,
)  # fmt: skip
def test_what_only_people_say_is_not_proposed(step: CommandStep) -> None:
    with pytest.raises(CallError) as caught:
        _demand_proposable(step)
    assert caught.value.code == "not_proposed"


@pytest.mark.parametrize("one", [{"tool": "stop", "replicas": 3}, {"tool": "start", "safely": True}], ids=str)
def test_what_a_tool_does_not_take_is_no_part_of_a_proposal(one: dict[str, object]) -> None:
    with pytest.raises(CallError, match="takes no"):
        _step({**one, "unit": "api"})


def test_no_more_instances_are_proposed_than_a_person_can_say() -> None:
    (propose, _) = tools()
    assert propose.properties["steps"]["items"]["properties"]["replicas"]["maximum"] == MAX_INSTANCES
