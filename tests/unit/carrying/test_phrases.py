"""An offer that a person takes is remembered for them, where the text will mean the same another time."""

from __future__ import annotations

import pytest

from opsagent.carrying.context import context_of
from opsagent.carrying.phrases import all_of, forget, learn, may_learn, meant, used
from opsagent.commands.reading import CommandStep
from opsagent.model import Risk
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import UnitState
from tests.unit.carrying.conftest import Room, running_of, unit

RESTART = (CommandStep(tool="restart", target="api", risk=Risk.DISRUPTIVE),)
STOP = (CommandStep(tool="stop", target="api", risk=Risk.DISRUPTIVE),)


def test_it_is_remembered_for_that_person_and_used(room: Room) -> None:
    assert learn(room.home, "kim", "Kick api, please", "en", RESTART).kept
    assert meant(room.home, room.running, "kim", "kick api") == RESTART
    assert meant(room.home, room.running, "lee", "kick api") == ()
    used(room.home, "kim", "kick api")
    (row,) = all_of(room.home, "kim")
    assert (row.text, row.uses) == ("Kick api, please", 1)


def test_the_last_meaning_wins_and_the_one_before_is_told(room: Room) -> None:
    assert learn(room.home, "kim", "kick api", "en", RESTART).before == ()
    assert learn(room.home, "kim", "kick api", "en", RESTART).before == ()
    assert learn(room.home, "kim", "kick api", "en", STOP).before == RESTART
    assert meant(room.home, room.running, "kim", "kick api") == STOP


def test_it_can_be_dropped(room: Room) -> None:
    learn(room.home, "kim", "kick api", "en", RESTART)
    assert forget(room.home, "lee", "kick api") is None
    assert forget(room.home, "kim", "KICK api") is not None
    assert meant(room.home, room.running, "kim", "kick api") == ()


def test_what_it_names_has_to_be_there_still_and_the_risk_is_that_of_now(room: Room) -> None:
    learn(room.home, "kim", "bring api back", "en", (CommandStep(tool="start", target="api", risk=Risk.DISRUPTIVE),))
    (step,) = meant(room.home, room.running, "kim", "bring api back")
    assert step.risk is Risk.SAFE
    assert meant(room.home, running_of(unit("web")), "kim", "bring api back") == ()


@pytest.mark.parametrize("text", ["restart it", "and worker too, same again", "그거 재시작해줘", "똑같이 해줘"])
def test_what_leans_on_what_was_said_before_is_not_learnt(room: Room, text: str) -> None:
    assert not may_learn(text, RESTART)
    assert not learn(room.home, "kim", text, "en", RESTART).kept


@pytest.mark.parametrize("step", [
    CommandStep(tool="restart", target="api", args={"at": "2026-12-01 03:00"}),
    CommandStep(tool="tail_logs", target="api", args={"since": "45m"}),
    CommandStep(tool="approve"),
    CommandStep(tool="hold", target="api", args={"why": "password=hunter2-the-secret"}),
])  # fmt: skip
def test_nor_what_is_so_at_that_moment_only_nor_an_answer_nor_a_secret(room: Room, step: CommandStep) -> None:
    assert not learn(room.home, "kim", "do the thing with api", "en", (step,)).kept


def test_other_names_and_groups(room: Room) -> None:
    room.home.config_file.write_text('[groups]\nbackend = ["api", "store"]\n')
    room.home.config_file.chmod(0o600)
    specs = [
        ServiceSpec(name=name, command=("x",), cwd=room.home.path, aliases=aliases)
        for name, aliases in (("api", ("gateway", "front")), ("store", ("front", "api")))
    ]
    running = running_of(unit("api"), unit("store", UnitState.STOPPED), specs=specs)
    context = context_of(room.home, running, "kim")
    assert context.aliases == {"gateway": "api"}  # `front` means two, `api` is a service
    assert context.groups == {"backend": ("api", "store")}
    assert context.now is not None
    assert context.now.tzinfo is not None
