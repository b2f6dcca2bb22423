"""`all`: in the order of what depends on what, without what people protect or hold; said before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.carrying import heeding
from opsagent.carrying.expanding import expand, in_order
from opsagent.commands.reading import CommandStep
from opsagent.naming import daemon_unit
from opsagent.store.journal import Journal
from opsagent.taught.rule import TaughtRule, Verdict
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.unit.carrying.conftest import Room, running_of, unit

HERE = Path("/")


def _spec(name: str, *needs: str, protected: bool = False) -> ServiceSpec:
    return ServiceSpec(name=name, command=(name,), cwd=HERE, depends_on=needs, protected=protected)


SPECS = [_spec("api", "store"), _spec("store"), _spec("web", "api"), _spec("billing", protected=True)]
UNITS = [unit("api"), unit("billing"), unit("store"), unit("web")]


def _expanded(tool: str, units: list[Unit] = UNITS, held: dict[UnitId, str] | None = None):  # type: ignore[no-untyped-def]
    running = running_of(*units, specs=SPECS)
    found = expand(CommandStep(tool=tool, target="all"), units, running.spec, held or {}, "en")
    return [step.target for step in found.steps], dict(found.left)


def test_what_others_need_is_stopped_last_and_started_first() -> None:
    assert _expanded("stop") == (["web", "api", "store"], {"billing": "protected"})
    assert _expanded("restart")[0] == ["store", "api", "web"]


def test_what_is_held_stopped_or_running_already_is_left_alone_and_named() -> None:
    units = [unit("api"), unit("store", UnitState.STOPPED), unit("web")]
    held = {UNITS[3].id: "migration"}
    assert _expanded("restart", units, held) == (["api"], {"store": "does not run", "web": "on hold: migration"})
    assert _expanded("start", units) == (["store"], {"api": "runs already", "web": "runs already"})


def test_a_supervisors_daemon_is_not_meant_and_a_circle_is_cut() -> None:
    daemon = Unit(id=daemon_unit("pm2"), state=UnitState.RUNNING)
    assert "daemon of pm2" not in _expanded("stop", [*UNITS, daemon])[0]
    circle = [_spec("a", "b"), _spec("b", "a")]
    running = running_of(unit("a"), unit("b"), specs=circle)
    assert {one.name for one in in_order([unit("a"), unit("b")], running.spec)} == {"a", "b"}


async def test_it_is_told_what_everything_means_and_one_no_ends_it(room: Room) -> None:
    with Journal.open(room.home) as journal:
        journal.hold(UnitId.local("circus", "store"), None, "migration", "lee")
    events = await room.carry(CommandStep(tool="stop", target="all"), says=False)
    assert [event.kind for event in events] == ["shown", "declined"]
    assert events[0].lines == (
        "that means: api", "left alone: billing (protected)", "left alone: store (on hold: migration)",
    )  # fmt: skip
    ((question, lines),) = room.asked
    assert (question, lines) == ("go on?", ("this interrupts stop api",))
    assert set(events[0].lines) <= set(room.seen)


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_where_nothing_is_left_nothing_is_asked(room: Room, language) -> None:  # type: ignore[no-untyped-def]
    room.running = running_of(unit("api", UnitState.STOPPED))
    events = await room.carry(CommandStep(tool="stop", target="all"), says=True, language=language)
    assert [event.kind for event in events] == ["shown", "done"]
    assert room.asked == []


@pytest.mark.parametrize("verdict", ["never", "ask"])
async def test_what_people_forbade_is_left_alone_with_the_rule_that_says_so(
    room: Room, monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    rule = TaughtRule(verdict=verdict, actions=frozenset({"stop"}), units=("store",))
    monkeypatch.setattr(heeding, "_read", lambda _home: (rule,))
    events = await room.carry(CommandStep(tool="stop", target="all"), says=False)
    left = f"left alone: store (a person taught: {rule.says()})"
    assert (left in events[0].lines) is (verdict == "never")
    ((_question, lines),) = room.asked
    assert ("store" in lines[0]) is (verdict == "ask")
