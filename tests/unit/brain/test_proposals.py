"""What a model proposes is taken as typed steps, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.brain import prompts
from opsagent.brain.proposals import ARGS, MOST_STEPS, UNASKED, Misfit, args_of, taken
from opsagent.model import Risk
from opsagent_tools.registry import ORDERS, READING, SPOKEN
from opsagent_tools.units import Unit, UnitId, UnitState

UNITS = (
    Unit(id=UnitId("circus", "api", "here"), state=UnitState.RUNNING),
    Unit(id=UnitId("pm2", "web", "here"), state=UnitState.RUNNING),
    Unit(id=UnitId("circus", "web", "here"), state=UnitState.EXITED),
)


def step(tool: str, target: str | None = None, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "target": target, "args": args}


@pytest.mark.parametrize(
    ("proposed", "target", "args"),
    [
        (step("restart", "api"), "api", {}),
        (step("reload", "api", safely=True, at="every day 03:00"), "api", {"safely": True, "at": "every day 03:00"}),
        (step("restart", "api", **{"if": "api memory > 500M"}), "api", {"if": "api memory > 500M"}),
        (step("scale", "api", replicas="4"), "api", {"replicas": 4}),
        (step("tail_logs", "pm2:web", lines=50, since="2h"), "pm2:web", {"lines": 50, "since": "2h"}),
        (step("stop", "all"), "all", {}),
        (step("list_processes", ""), None, {}),
        (step("teach", None, text="never restart api at night"), None, {"text": "never restart api at night"}),
        (step("run_gui_procedure", None, procedure="export report", params="march"), None,
         {"procedure": "export report", "params": "march"}),
        (step("restart", "api", safely=False, at=None), "api", {}),
    ],
)  # fmt: skip
def test_what_fits_becomes_a_step(proposed: dict[str, Any], target: str | None, args: dict[str, Any]) -> None:
    (found,) = taken([proposed], UNITS, procedures=("export report",))
    assert (found.tool, found.target, dict(found.args)) == (proposed["tool"], target, args)


@pytest.mark.parametrize(
    ("proposed", "said"),
    [
        (step("rm", "api"), "'rm' is no tool"),
        (step("free_port", "api"), "is no tool"),
        (step("restart", "apo"), "did you mean api?"),
        (step("restart", "web"), "more than one unit"),
        (step("restart"), "needs a target"),
        (step("scale", "all", replicas=3), "needs a target"),
        (step("scale", "api"), "needs replicas"),
        (step("scale", "api", replicas=0), "from 1 to"),
        (step("scale", "api", replicas=True), "from 1 to"),
        (step("restart", "api", force=True), "takes no 'force'"),
        (step("restart", "api", at="soon"), "at must be"),
        (step("restart", "api", at="every blue moon 03:00"), "at must be"),
        (step("restart", "api", **{"if": "the moon is down"}), "if must be"),
        (step("restart", "api", **{"if": "store is down"}), "no unit that there is"),
        (step("hold", "api", **{"for": "2h; rm -rf /"}), "for must be"),
        (step("host_metrics", "api"), "takes no target"),
        (step("run_gui_procedure", None, procedure="wipe"), "no procedure"),
        ("restart api", "must be an object"),
        ({"tool": "restart", "target": "api", "args": "now"}, "args must be an object"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(proposed: Any, said: str) -> None:
    with pytest.raises(Misfit) as misfit:
        taken([proposed], UNITS, procedures=("export report",))
    assert str(misfit.value).startswith("step 1: ")
    assert said in str(misfit.value)
    assert "\n" not in str(misfit.value)


@pytest.mark.parametrize("proposed", [None, [], "restart api", [step("restart", "api")] * (MOST_STEPS + 1)])
def test_it_is_a_list_of_some_steps(proposed: Any) -> None:
    with pytest.raises(Misfit):
        taken(proposed, UNITS)


@pytest.mark.parametrize("tool", [*READING, *ORDERS, "stop", "rollback", "run_gui_procedure"])
def test_unasked_it_may_only_propose_what_changes_a_service(tool: str) -> None:
    with pytest.raises(Misfit, match="is no tool"):
        taken([step(tool, "api")], UNITS, unattended=True)


def test_unasked_it_is_told_that_one_step_can_be_tried() -> None:
    with pytest.raises(Misfit, match="one action on one unit"):
        taken([step("restart", "api"), step("restart", "worker")], UNITS, unattended=True)
    with pytest.raises(Misfit, match="one unit"):
        taken([step("restart", "all")], UNITS, unattended=True)


def test_unasked_it_may_set_no_time_and_no_condition() -> None:
    with pytest.raises(Misfit, match="takes no 'at'"):
        taken([step("restart", "api", at="03:00")], UNITS, unattended=True)


def test_risk_is_what_the_guard_says_and_not_what_the_model_says() -> None:
    (found,) = taken([{**step("stop", "api"), "risk": "read"}], UNITS)
    assert found.risk is Risk.DISRUPTIVE


def test_a_secret_that_it_repeats_is_masked() -> None:
    (found,) = taken([step("teach", None, text="the password is password=hunter2secret")], UNITS)
    assert "hunter2secret" not in str(found.args["text"])


def test_every_argument_of_every_tool_is_told_and_read() -> None:
    assert set(ARGS) <= set(SPOKEN)
    assert set(UNASKED) == {"start", "restart", "reload", "scale"}
    told = prompts.propose_tool("command")["schema"]["properties"]["steps"]["items"]["properties"]
    assert set(told["args"]["properties"]) == {arg for tool in SPOKEN for arg in args_of(tool)}
    assert set(told["tool"]["enum"]) == set(SPOKEN)
    assert set(
        prompts.propose_tool("incident")["schema"]["properties"]["steps"]["items"]["properties"]["tool"]["enum"]
    ) == set(UNASKED)


def test_no_reading_tool_of_the_model_changes_anything() -> None:
    assert {tool["name"] for tool in prompts.reading_tools()} == set(READING)
