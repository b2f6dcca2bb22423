"""Whoever may have a procedure run: a person in English or Korean, a runbook, a program that may only ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.answering.answers import Answers
from opsagent.cli.main import main
from opsagent.config import Config
from opsagent.guard import Situation, rule_on_plan
from opsagent.mcp_server.desk import Desk
from opsagent.mcp_server.errors import CallError
from opsagent.mcp_server.proposing import _plan, _step
from opsagent.own_agent import own_agent
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent.recall import MemoryDesk
from opsagent.runbooks.case import Target
from opsagent.runbooks.library.making import steps_of
from opsagent.runbooks.own import OwnRunbooks
from opsagent.runbooks.remedy import Fit
from opsagent.screen_settings import ScreenSettings
from opsagent.screens.hand import ScreenHands
from tests.support.cases import unit_of
from tests.unit.screens.conftest import EXPORT, Console

RUNBOOK = """
title = "The feed of web hangs"
cause = "unknown"
answers = ["hang"]
looks_for = "a feed that hangs"
never = "anything else"

[[remedy]]
name = "export"
does = "export the report"
when = ["unit.name is web"]
expects = "a report"
verify = ["health_now.ok is true"]
undo = "nothing to undo"

[[remedy.step]]
action = "run_gui_procedure"
args = { procedure = "export report", month = "march" }
"""


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("run the export report procedure for march", "march"),
        ("6월 export report 실행해줘", "6월"),
    ],
)
def test_a_person_says_it_in_their_own_words(
    console: Console, capsys: pytest.CaptureFixture[str], text: str, month: str
) -> None:
    assert main(["do", text, "--yes"]) == 0, capsys.readouterr()
    assert console.months == [month]


def write_runbook(home: Path, text: str = RUNBOOK) -> OwnRunbooks:
    folder = home / "runbooks"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "feed.toml").write_text(text)
    (folder / "feed.toml").chmod(0o600)
    return OwnRunbooks(folder)


async def test_a_runbook_runs_the_version_that_is_accepted_and_unasked_only_where_the_policy_says_so(
    console: Console,
) -> None:
    own = write_runbook(console.home.path)
    (card,) = own.current().cards
    (step,) = steps_of(card.remedies[0], Fit(target=Target(unit=unit_of("web")), why="it hangs"))
    plan = new_plan(unit=step.action.unit, steps=(step,), remedy="own.feed/export", origin="agent", source="runbook")
    assert rule_on_plan(plan, Situation(unit=None), Policy(mode="auto")).rule == "screens"
    assert (
        rule_on_plan(plan, Situation(unit=None), Policy(mode="auto", procedures=("export report",))).verdict == "allow"
    )
    desk = MemoryDesk(console.home)
    try:
        with console.journal() as journal:
            hands = ScreenHands(console.home, journal, desk, ScreenSettings)
            outcome = await hands.run(step.action, lambda text, approval: None)
    finally:
        await desk.close()
    assert outcome.done, outcome.detail
    assert console.months == ["march"]


def test_another_version_is_another_plan_and_nobodys_procedure_is_none(console: Console) -> None:
    own = write_runbook(console.home.path)
    before = own.current().cards[0].remedies[0].steps[0].args["@digest"]
    console.accept(EXPORT.format(file="/tmp/other.csv"))
    assert own.current().cards[0].remedies[0].steps[0].args["@digest"] != before
    other = write_runbook(console.home.path, RUNBOOK.replace('"export report", month', '"import report", month'))
    assert "no accepted procedure" in other.current().broken[0]
    untold = write_runbook(console.home.path, RUNBOOK.replace(', month = "march"', ""))
    assert "has to be told month" in untold.current().broken[0]


async def test_a_program_may_ask_and_only_a_persons_yes_runs_it(console: Console) -> None:
    step = _step({"tool": "run_gui_procedure", "procedure": "export report", "params": "march"})
    plan = await _plan(
        Desk(home=console.home, answers=Answers(console.home)), step, "mcp: editor says: it is time", 3.0
    )
    async with own_agent(console.home, Config.load(console.home), wait_s=1.0) as agent:
        asked = await agent.propose(plan, by="mcp: editor", why="it is time")
        assert (asked.kind, console.opened) == ("asked", 0)
        with console.journal() as journal:
            journal.decide_approval(asked.approval, True, "kim")
        last = [item async for item in agent.approved(asked.approval, by="kim")][-1]
    assert last.kind == "done"
    assert console.months == ["march"]


async def test_a_program_cannot_ask_for_what_nobody_accepted(console: Console) -> None:
    step = _step({"tool": "run_gui_procedure", "procedure": "drop tables"})
    with pytest.raises(CallError, match="there is no procedure"):
        await _plan(Desk(home=console.home, answers=Answers(console.home)), step, "why", 3.0)
    with pytest.raises(CallError, match="needs procedure"):
        _step({"tool": "run_gui_procedure"})
