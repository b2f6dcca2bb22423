"""What a command leans on beside its own words: what was said before, other names, phrases that were accepted."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from opsagent.commands.reader import read
from opsagent.commands.reading import CommandStep, Context, Reading
from opsagent.commands.words import normal_form
from opsagent_tools.units import Unit, UnitId, UnitState

UNITS = tuple(
    Unit(id=UnitId("circus", name, "box"), state=UnitState.RUNNING, instances=2)
    for name in ("api", "worker", "redis", "order-service", "billing")
)
NOW = datetime(2026, 11, 29, 4, 0, tzinfo=ZoneInfo("Asia/Seoul"))


def said(reading: Reading) -> list[tuple[object, ...]]:
    return [(step.tool, step.target, *sorted(step.args.items())) for step in reading.steps]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("restart it", [("restart", "api")]),
        ("show its logs", [("tail_logs", "api")]),
        ("why did it crash?", [("recall_incidents", "api")]),
        ("restart worker and show its logs", [("restart", "worker"), ("tail_logs", "worker")]),
        ("restart it if it is down", [("restart", "api", ("if", "api is down"))]),
        ("logs", [("tail_logs", "api")]),
    ],
)
def test_it_is_who_was_spoken_of(text: str, steps: list[tuple[object, ...]]) -> None:
    assert said(read(text, UNITS, Context(spoken_of=("api",)))) == steps


@pytest.mark.parametrize("text", ["restart it", "stop that one", "scale it to 4", "hold it for 2h"])
@pytest.mark.parametrize("spoken_of", [(), ("api", "worker")])
def test_it_is_nobody_where_nobody_or_more_than_one_was_spoken_of(text: str, spoken_of: tuple[str, ...]) -> None:
    assert read(text, UNITS, Context(spoken_of=spoken_of)).steps == ()


def test_them_are_all_who_were_spoken_of() -> None:
    assert said(read("restart them", UNITS, Context(spoken_of=("api", "worker")))) == [
        ("restart", "api"),
        ("restart", "worker"),
    ]


def test_and_another_asks_the_same_of_it_and_never_changes_it_at_once() -> None:
    looked = Context(last=(CommandStep(tool="tail_logs", target="api", args={"lines": 50}),))
    assert said(read("and worker?", UNITS, looked)) == [("tail_logs", "worker", ("lines", 50))]
    changed = read("and worker?", UNITS, Context(last=(CommandStep(tool="restart", target="api"),)))
    assert changed.steps == ()
    assert changed.ask is not None
    assert changed.ask.offers[0][0].tool == "restart"
    assert changed.ask.offers[0][0].target == "worker"


def test_aliases_groups_and_other_spellings_name_units() -> None:
    context = Context(aliases={"the shop": "api", "orders": "order-service"}, groups={"backend": ("api", "worker")})
    assert said(read("restart orders", UNITS, context)) == [("restart", "order-service")]
    assert said(read("restart order service", UNITS, context)) == [("restart", "order-service")]
    assert said(read("restart API", UNITS, context)) == [("restart", "api")]
    assert said(read("restart backend", UNITS, context)) == [("restart", "api"), ("restart", "worker")]
    assert said(read("logs of the shop", UNITS, context)) == [("tail_logs", "api")]


def test_a_procedure_takes_what_follows_its_name() -> None:
    context = Context(procedures=("export report",))
    for text in ("run export report for march", "export the report for march please", 'run "export report" for march'):
        assert said(read(text, UNITS, context)) == [
            ("run_gui_procedure", None, ("params", "march"), ("procedure", "export report"))
        ]
    assert read("should I run export report", UNITS, context).steps == ()


def test_times_need_to_be_clear() -> None:
    context = Context(now=NOW)
    assert said(read("restart api tomorrow at 3am", UNITS, context)) == [("restart", "api", ("at", "tomorrow 03:00"))]
    asked = read("restart api at 3", UNITS, context)
    assert asked.steps == ()
    assert asked.ask is not None
    assert [offer[0].args["at"] for offer in asked.ask.offers] == ["03:00", "15:00"]
    assert read("restart api tomorrow", UNITS, context).steps == ()
    assert read("stop api and start worker at 3am", UNITS, context).steps == ()  # the one, or both?


def test_an_accepted_phrase_means_the_same_again_as_long_as_its_units_are_there() -> None:
    steps = (CommandStep(tool="restart", target="api"),)
    context = Context(phrases={normal_form("kick the can"): steps})
    assert said(read("Please kick the can!", UNITS, context)) == [("restart", "api")]
    assert read("kick the can?", UNITS, context).steps == ()
    assert read("don't kick the can", UNITS, context).steps == ()
    assert read("kick the can", UNITS[1:], context).steps == ()


def test_more_of_them_is_counted_from_what_runs_and_offered() -> None:
    asked = read("give api two more workers", UNITS)
    assert asked.steps == ()
    assert asked.ask is not None
    assert asked.ask.offers[0][0].args["replicas"] == 4
