"""Files of chat cases: how they are read, and when a plan counts as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.commands.reading import Ask, CommandStep, Reading
from opsagent.model import Risk
from opsagent_evals.chat.cases import Call, Case, CasesError, read_calls, read_cases
from opsagent_evals.chat.match import equal, fits, judge
from opsagent_evals.chat.report import Read, control, missed, totals

SERVICES = ("api", "worker", "redis")


def step(tool: str, target: str | None = None, **args: str | int | bool) -> CommandStep:
    return CommandStep(tool=tool, target=target, args=args, risk=Risk.READ)


def case(alternatives: str, text: str = "do something") -> Case:
    return Case("some.txt", 1, text, tuple(read_calls(part) for part in alternatives.split("||")), SERVICES)


def planned(*steps: CommandStep) -> Reading:
    return Reading(steps=steps)


def asked(*offers: tuple[CommandStep, ...]) -> Reading:
    return Reading(ask=Ask(kind="unclear", question="What?", offers=offers))


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("restart(api)", Call(tool="restart", target="api")),
        ("restart(all)", Call(tool="restart")),
        ("host_metrics()", Call(tool="host_metrics")),
        ("tail_logs(nginx, 50)", Call(tool="tail_logs", target="nginx", args={"lines": "50"})),
        ("scale(web, 4)", Call(tool="scale", target="web", args={"replicas": "4"})),
        ("scale(web, instances=4)", Call(tool="scale", target="web", args={"replicas": "4"})),
        (
            "search_logs(api, ~timeout, 20)",
            Call(tool="search_logs", target="api", args={"query": "~timeout", "lines": "20"}),
        ),
        ('search_logs(api, query="a, b; c")', Call(tool="search_logs", target="api", args={"query": "a, b; c"})),
        ("approve(12)", Call(tool="approve", args={"id": "12"})),
        ("teach(~never restart)", Call(tool="teach", args={"text": "~never restart"})),
        ("hold(api, 2h)", Call(tool="hold", target="api", args={"for": "2h"})),
        ("reload(api, at=~3, if=*)", Call(tool="reload", target="api", args={"at": "~3", "if": "*"})),
        (
            "run_gui_procedure(export report, params=~march)",
            Call(tool="run_gui_procedure", args={"procedure": "export report", "params": "~march"}),
        ),
    ],
)
def test_a_call_is_read(text: str, call: Call) -> None:
    assert read_calls(text) == (call,)


@pytest.mark.parametrize("text", ["", "restart", "explode(api)", "ask(); restart(api)", "restart(api, worker)"])
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"call|tool|alone|place"):
        read_calls(text)


def test_a_file_has_services_comments_and_commands_with_bars_in_them(tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text(
        "# services: api, worker\n# procedures: export report\n# a comment\n\n"
        "ps | grep api | describe_process(api) || ask()\n# services: web\nstop it | ask()\n"
    )

    first, second = read_cases(file)

    assert (first.text, len(first.alternatives), first.abstain) == ("ps | grep api", 2, False)
    assert (first.services, first.procedures) == (("api", "worker"), ("export report",))
    assert (second.services, second.abstain, second.number) == (("web",), True, "some.txt:7")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text("# services: api\nrestart api | explode(api)\n")
    with pytest.raises(CasesError, match=r"some\.txt:2: there is no tool 'explode'"):
        read_cases(file)


@pytest.mark.parametrize(
    ("got", "wanted", "is_fit"),
    [
        ("2h", "2h", True),
        ("03:00", "~3", True),
        (None, "*", True),
        (None, "~3", False),
        ("Connection Reset", "~reset", True),
        ("50", "5", False),
        (None, "false", True),
        ("true", "true", True),
    ],
)
def test_a_value_fits_a_pattern(got: str | None, wanted: str, is_fit: bool) -> None:
    assert fits(got, wanted) is is_fit


def test_all_is_everybody_and_nobody_named() -> None:
    everybody = tuple(step("restart", name) for name in SERVICES)
    for steps in (everybody, (step("restart", "all"),), (step("restart"),)):
        assert equal(steps, read_calls("restart(all)"), SERVICES)
        assert equal(steps, read_calls("restart(worker); restart(redis); restart(api)"), SERVICES)
    assert not equal(everybody[:2], read_calls("restart(all)"), SERVICES)


def test_unnamed_arguments_are_ignored_and_named_ones_are_not() -> None:
    assert equal((step("reload", "api", safely=True),), read_calls("reload(api)"), SERVICES)
    assert equal((step("reload", "api", safely=True),), read_calls("reload(api, safely=true)"), SERVICES)
    assert not equal((step("reload", "api"),), read_calls("reload(api, safely=true)"), SERVICES)
    assert not equal((step("tail_logs", "api", lines=20),), read_calls("tail_logs(api, 50)"), SERVICES)


@pytest.mark.parametrize(
    ("at", "wanted", "is_same"),
    [
        ("today 23:00", "~11", True),
        ("every day 15:30", "~3:30", True),
        ("tomorrow 00:00", "~12", True),
        ("today 23:00", "~today 11pm", True),
        ("11:00", "~11", True),
        ("today 23:00", "~10", False),
        ("03:00", "~15", False),
    ],
)
def test_a_time_is_expected_by_either_clock(at: str, wanted: str, is_same: bool) -> None:
    assert equal((step("restart", "api", at=at),), read_calls(f"restart(api, at={wanted})"), SERVICES) is is_same


@pytest.mark.parametrize(
    ("alternatives", "reading", "verdict"),
    [
        ("restart(api)", planned(step("restart", "api")), "exact"),
        ("restart(api)", planned(step("restart", "worker")), "wrong_change"),
        ("restart(api)", planned(step("describe_process", "api")), "wrong_reading"),
        ("restart(api)", asked((step("restart", "api"),)), "offered"),
        ("restart(api)", asked((step("stop", "api"),), (step("restart", "api"),)), "asked"),
        ("restart(api) || ask()", asked(), "exact"),
        ("restart(api); tail_logs(api)", planned(step("restart", "api"), step("tail_logs", "api")), "exact"),
        ("restart(api); tail_logs(api)", planned(step("tail_logs", "api"), step("restart", "api")), "wrong_reading"),
        ("restart(api); stop(worker)", planned(step("stop", "worker"), step("restart", "api")), "wrong_change"),
        ("tail_logs(api)", planned(step("pause")), "wrong_change"),
        ("ask()", asked((step("restart", "api"),)), "exact"),
        ("ask()", planned(step("restart", "api")), "wrong_change"),
        ("ask()", planned(step("describe_process", "api")), "wrong_reading"),
    ],
)
def test_a_reading_is_judged(alternatives: str, reading: Reading, verdict: str) -> None:
    assert judge(case(alternatives), reading) == verdict


def test_the_totals_count_what_they_say_and_the_control_changes_nothing() -> None:
    rows = [
        Read(case=case("restart(api)"), reading=planned(step("restart", "api")), ms=1),
        Read(case=case("stop(api)"), reading=asked((step("stop", "api"),)), ms=9),
        Read(case=case("ask()"), reading=planned(step("stop", "api")), ms=1),
        Read(case=case("ask()"), reading=asked(), ms=1),
    ]

    found = totals(rows)

    assert (found["cases"], found["actionable"], found["exact"], found["offered"]) == (4, 2, 1, 1)
    assert (found["wrong_changes"], found["abstain"], found["abstained_right"]) == (1, 2, 1)
    assert any("1 wrong changes" in line for line in missed(rows))
    asks_back = totals(control(rows))
    assert (asks_back["exact"], asks_back["offered"], asks_back["wrong_changes"]) == (0, 0, 0)
    assert asks_back["abstained_right"] == 2
