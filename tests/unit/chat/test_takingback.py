"""The step that takes back another one; where there is none, none is made up."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.chat.takingback import Done, back_of
from opsagent.commands.reading import CommandStep


def back(tool: str, target: str | None = "web", args: dict[str, Any] | None = None, **result: Any) -> str:
    step = CommandStep(tool=tool, target=target, args=args or {})
    found = back_of(Done(step=step, instances={"web": 2}, result=result))
    if found.step is None:
        return found.command
    return " ".join(map(str, filter(None, (found.step.tool, found.step.target, *found.step.args.values()))))


@pytest.mark.parametrize(
    ("tool", "target", "expected"),
    [
        ("stop", "web", "start web"),
        ("start", "web", "stop web"),
        ("scale", "web", "scale web 2"),
        ("scale", "new", ""),
        ("pause", None, "resume"),
        ("resume", None, "pause"),
        ("resume", "web", ""),
        ("hold", "web", "resume web"),
        ("restart", "web", ""),
        ("reload", "web", ""),
        ("rollback", "web", "opsagent rollback web --undo"),
    ],
)
def test_the_step_back(tool: str, target: str | None, expected: str) -> None:
    assert back(tool, target) == expected


def test_what_is_to_be_done_later_is_cancelled_and_not_done_the_other_way_round() -> None:
    assert back("stop", args={"at": "03:00"}, schedule={"id": "7f3a"}) == "opsagent schedule cancel 7f3a"


def test_what_was_taught_is_forgotten_by_its_id() -> None:
    assert back("teach", None, {"text": "x"}, kept={"id": "fact-1"}) == "opsagent memory forget fact-1"
