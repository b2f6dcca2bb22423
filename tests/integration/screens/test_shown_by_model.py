"""A vision model shows a task once: what it did is a procedure with parameters, and a person is asked before what is risky."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsagent.home import Home
from opsagent.screen_settings import ScreenSettings
from opsagent.screens.by_model import Task, shown_by_model
from opsagent.screens.errors import ProcedureError
from opsagent.screens.stage import Stage
from opsagent_tools.gui.fake import Control, FakeProgram, FakeScreens, FakeWindow
from opsagent_tools.gui.model import Box, Verb
from opsagent_tools.gui.port import Secrets
from opsagent_tools.gui.procedure import ScreenProcedure
from tests.integration.screens.test_seeing import providing, settings

SEEN = frozenset({"enabled", "visible"})
TASK = Task(name="purge", title="", goal="purge the entries of march", command=("console",))
INPUTS: tuple[Mapping[str, Any], ...] = (
    {"action": "left_click", "coordinate": [200, 110]},
    {"action": "type", "text": "march"},
    {"action": "left_click", "coordinate": [150, 210]},
)


def console() -> FakeProgram:
    month = Control(
        "month", "text field", label="Month", value="", box=Box(100, 100, 200, 20), states=SEEN | {"editable"}
    )
    purge = Control("purge", "button", name="Purge", box=Box(100, 200, 100, 20))
    return FakeProgram(windows=[FakeWindow("Console", [month, purge])], program="console")


def speaking() -> Any:
    left = list(INPUTS)

    def speaks(_done: bool) -> Mapping[str, Any]:
        content: list[Mapping[str, Any]] = [{"type": "text", "text": "so"}]
        if left:
            content.append({"type": "tool_use", "id": f"t{len(left)}", "name": "computer", "input": left.pop(0)})
        usage = {"input_tokens": 900, "output_tokens": 50}
        frame = {"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_sequence": None, "usage": usage}
        return {**frame, "content": content, "stop_reason": "tool_use" if len(content) > 1 else "end_turn"}

    return speaks


async def shown(tmp_path: Path, program: FakeProgram, *, yes: bool, asked: list[str]) -> Any:
    @asynccontextmanager
    async def opens(
        procedure: ScreenProcedure, chosen: ScreenSettings, secrets: Secrets, crops: Path
    ) -> AsyncIterator[Stage]:
        screens = FakeScreens()
        screens.startable["console"] = program
        yield Stage(screens)

    async def confirm(question: str) -> bool:
        asked.append(question)
        return yes

    with providing(speaking()) as served:
        chosen = settings("anthropic:claude-x", str(served))
        chosen = replace(chosen, model=replace(chosen.model, calls_per_question=9))
        return await shown_by_model(
            Home.open(tmp_path / "home"), chosen, TASK, confirm=confirm, say=asked.append, opens=opens
        )


async def test_what_it_did_becomes_steps_and_what_it_typed_a_parameter(tmp_path: Path) -> None:
    program, asked = console(), list[str]()
    recorded, done = await shown(tmp_path, program, yes=True, asked=asked)
    assert program.control("month").value == "march"
    assert [one.key for one in program.performed][-1] == "purge"
    procedure = recorded.procedure
    assert procedure.window.program == "console"
    assert [(one.name, one.example) for one in procedure.parameters] == [("month", "march")]
    assert [(one.gesture.verb, one.on.said) for one in procedure.steps if one.on][-1] == (Verb.CLICK, "button “Purge”")
    assert any("Purge" in line and "delete" in line for line in asked)
    assert done.tokens_in == 3600


async def test_without_a_person_s_yes_nothing_risky_is_done_and_nothing_is_kept(tmp_path: Path) -> None:
    program = console()
    with pytest.raises(ProcedureError, match="nobody said yes"):
        await shown(tmp_path, program, yes=False, asked=[])
    assert "purge" not in [one.key for one in program.performed]
