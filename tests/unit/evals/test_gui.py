"""The eval of screens: what counts as wrong, what the figures say, and the judge of terminals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent_evals.gui import report, suite
from opsagent_evals.gui.baselines import COORDINATES
from opsagent_evals.gui.cells import CellJudge
from opsagent_evals.gui.model import CaseScore, Drift, StepScore
from opsagent_evals.gui.playing import AGENT
from opsagent_evals.gui.programs import PROGRAMS
from opsagent_evals.gui.report import Lost, Results
from opsagent_tools.gui.model import Box, SurfaceKind


def score(*done: bool, wrong: int | None = None, outcome: str = "verified", result: str = "") -> CaseScore:
    steps = [
        StepScore(number=number, on="x", done=yes and wrong != number, seconds=0.2)
        if wrong != number
        else StepScore(number=number, on="x", done=False, wrong="pressed at 3,4, which is not x")
        for number, yes in enumerate(done, 1)
    ]
    return CaseScore(
        program="yad",
        drift=Drift.MOVED,
        kind=SurfaceKind.ACCESSIBLE,
        player=AGENT,
        steps=tuple(steps),
        outcome=outcome,
        result=result,
    )


def test_a_step_on_something_else_is_wrong_though_the_end_is_right() -> None:
    assert score(True, True, wrong=1).wrong == 1
    assert report.totals(Results(cases=(score(True, True, wrong=1),)))["wrong_actions"] == 1


def test_all_reported_done_with_another_result_is_one_wrong_action() -> None:
    assert score(True, True, result="it printed nothing").wrong == 1
    assert score(True, False, outcome="halted", result="").wrong == 0


def test_rates_are_of_steps_by_kind_of_surface() -> None:
    pixels = replace(score(True, False, False, False, outcome="halted"), kind=SurfaceKind.PIXEL)
    summed = report.totals(Results(cases=(score(True, True), pixels)))
    assert (summed["done_rate_structural"], summed["done_rate_pixels"]) == (1.0, 0.25)
    assert (summed["steps"], summed["done"], summed["halted"], summed["wrong_actions"]) == (6, 3, 3, 0)


def test_baselines_stand_beside_and_do_not_count_as_ours() -> None:
    theirs = replace(score(True, True, wrong=2), player=COORDINATES, kind=SurfaceKind.PIXEL)
    told = report.document(Results(cases=(score(True, True), theirs)))
    assert told["totals"]["wrong_actions"] == 0
    assert told["beside"][COORDINATES]["wrong_actions"] == 1


@pytest.mark.parametrize(
    ("results", "below"),
    [
        (Results(cases=(score(True, True),)), []),
        (Results(cases=(score(True, True, wrong=1),)), ["wrong_actions", "done_rate_structural"]),
        (Results(cases=(replace(score(True, True), disturbed="pressed"),)), ["disturbed"]),
        (Results(cases=(score(True, True),), lost=(Lost(name="yad", player=AGENT, why="it did not come"),)), ["lost"]),
    ],
)
def test_bars(results: Results, below: list[str]) -> None:
    assert [line.split()[0] for line in report.missed(results)] == below


def test_parts_are_chosen_by_program_surface_drift_or_half() -> None:
    cases = suite.chosen("yad/accessible/moved,whiptail")
    assert {case.name for case in cases if case.program.name == "yad"} == {"yad/accessible/moved"}
    assert len({case.drift for case in cases if case.program.name == "whiptail"}) > 5
    assert {case.program.held_out for case in suite.chosen("held-out")} == {True}
    with pytest.raises(ValueError, match="no case nothing"):
        suite.chosen("nothing")


def test_every_program_has_five_steps_and_a_drift_of_its_own() -> None:
    assert len(PROGRAMS) >= 10
    for program in PROGRAMS:
        assert len(program.acts) >= 5, program.name
        assert {Drift.PLAIN, Drift.RESIZED, Drift.DARK, Drift.ALL} <= set(program.drifts), program.name
    toolkits = {program.toolkit.split()[0] for program in PROGRAMS}
    assert {"GTK", "Qt", "wxWidgets", "Swing", "Motif", "Xaw", "Tk", "terminal", "web"} <= toolkits
    assert {program.held_out for program in PROGRAMS} == {True, False}


async def test_the_judge_of_terminals_finds_cells_by_what_is_written() -> None:
    judge = CellJudge((30, 4), {"ok": r"<\s*Ok\s*>", "field": (r"(?P<at>Name:\s+)\|", 1)})
    judge.heard(b"\x1b[1;3H< Ok >\x1b[2;1HName:     |")
    assert await judge.boxes("ok") == [Box(2, 0, 6, 1)]
    assert await judge.boxes("field") == [Box(0, 2, 10, 1)]
