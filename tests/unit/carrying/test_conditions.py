"""Conditions are a closed list, looked at when it is time to act; what cannot be told is not taken for a yes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent.carrying.conditions import Condition, look, parse
from opsagent.carrying.events import Ending
from opsagent.commands.reading import CommandStep
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.units import UnitState
from tests.unit.carrying.conftest import Room, running_of, unit


def test_the_forms() -> None:
    assert parse("api is down") == Condition(name="api", state="down")
    assert parse("pm2:web/api is unhealthy") == Condition(name="pm2:web/api", state="unhealthy")
    assert parse("api memory > 500M") == Condition(name="api", what="memory", amount=500 * 1024**2)
    assert parse("api cpu < 80%") == Condition(name="api", what="cpu", above=False, amount=80.0)


@pytest.mark.parametrize("text", [
    "api is busy", "api", "", "api is down ", "api memory > 80%", "api cpu > 500M", "api memory >= 5M", "if api is down",
])  # fmt: skip
def test_anything_else_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"memory is said|no condition"):
        parse(text)


@pytest.mark.parametrize(("state", "holding"), [
    (UnitState.RUNNING, {"up"}),
    (UnitState.STOPPED, {"down", "stopped", "unhealthy"}),
    (UnitState.EXITED, {"down", "unhealthy"}),
])  # fmt: skip
async def test_states(state: UnitState, holding: set[str]) -> None:
    running = running_of(unit("api", state))
    found = {what: await look(f"api is {what}", running, "en") for what in ("up", "down", "stopped")}
    if state is not UnitState.RUNNING:
        found["unhealthy"] = await look("api is unhealthy", running, "en")
    assert {what for what, one in found.items() if one.holds} == holding
    assert None not in [one.holds for one in found.values()]


async def test_running_without_a_process_is_down() -> None:
    assert (await look("api is up", running_of(unit("api", pid=-1)), "en")).holds is False


async def test_health_is_what_the_probe_says_and_without_one_nobody_knows() -> None:
    assert (await look("api is healthy", running_of(unit("api")), "en")).holds is None
    dead = ServiceSpec(name="api", command=("x",), cwd=Path("/"), health=Health(tcp="127.0.0.1:1", timeout_s=0.5))
    running = running_of(unit("api"), specs=[dead])
    assert (await look("api is unhealthy", running, "en")).holds is True
    assert (await look("api is healthy", running, "en")).holds is False


async def test_what_is_measured_is_measured_now() -> None:
    running = running_of(unit("api", pid=os.getpid()))
    assert (await look("api memory > 1M", running, "en")).holds is True
    assert (await look("api memory > 900G", running, "en")).holds is False
    assert (await look("api memory > 1M", running_of(unit("api", UnitState.STOPPED)), "en")).holds is None


@pytest.mark.parametrize("text", ["nope is down", "api is busy"])
async def test_what_cannot_be_looked_at_is_not_told(text: str) -> None:
    found = await look(text, running_of(unit("api")), "en")
    assert found.holds is None
    assert (await look("api is up", running_of(unit("api", UnitState.UNKNOWN)), "ko")).holds is None


async def test_a_step_whose_condition_does_not_hold_is_not_done_and_the_next_one_is(room: Room, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("opsagent.running.look", lambda *_args, **_more: room.running)
    unmet = CommandStep(tool="hold", target="api", args={"if": "api is down"})
    events = await room.carry(unmet, CommandStep(tool="pause"))
    assert [(event.kind, event.code) for event in events] == [("not_done", Ending.DONE), ("done", Ending.DONE)]
    assert events[0].text == "api is up"
    assert events[0].data["condition"] == "api is down"
    unknown = CommandStep(tool="hold", target="api", args={"if": "api is healthy"})
    (end,) = await room.carry(unknown, CommandStep(tool="resume"))
    assert (end.kind, end.code) == ("not_done", Ending.FAILED)
    met = CommandStep(tool="hold", target="api", args={"if": "api is up"})
    (end,) = await room.carry(met)
    assert end.kind == "done"
