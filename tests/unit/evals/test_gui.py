"""The eval of screens: what counts as wrong, what the figures say, and the judge of terminals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from opsagent_evals.gui import report, suite
from opsagent_evals.gui.baselines import COORDINATES
from opsagent_evals.gui.cells import CellJudge
from opsagent_evals.gui.model import CaseScore, Drift, Place, Running, StepScore, lost
from opsagent_evals.gui.playing import AGENT, _Judged
from opsagent_evals.gui.programs import PROGRAMS
from opsagent_evals.gui.programs.acts import click, press
from opsagent_evals.gui.programs.dialogs import DIALOG
from opsagent_evals.gui.report import Results
from opsagent_evals.gui.stage import StageError
from opsagent_evals.gui.watching import Done, Watcher
from opsagent_tools.gui.model import Box, Point, SurfaceKind
from opsagent_tools.gui.procedure import ScreenOutcome, StepReport


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


LOST = lost(PROGRAMS[0], Drift.PLAIN, SurfaceKind.ACCESSIBLE, AGENT, "it did not come")


def test_a_lost_run_counts_with_no_step_done() -> None:
    summed = report.totals(Results(cases=(LOST,)))
    assert (summed["lost"], summed["done"], summed["steps"]) == (1, 0, len(PROGRAMS[0].acts))
    assert report.line(LOST).endswith("lost: it did not come")


@pytest.mark.parametrize(
    ("results", "below"),
    [
        (Results(cases=(score(True, True),)), []),
        (Results(cases=(score(True, True, wrong=1),)), ["wrong_actions", "done_rate_structural"]),
        (Results(cases=(replace(score(True, True), disturbed="pressed"),)), ["disturbed"]),
        (Results(cases=(score(True, True), LOST)), ["lost", "done_rate_structural"]),
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


@dataclass
class Heard:
    """A watcher of a display on which these were pressed."""

    done: list[Done] = field(default_factory=list)

    def since(self, number: int) -> list[Done]:
        return self.done[number:]

    def press(self, x: int, y: int) -> None:
        self.done.append(Done(at=0.0, point=Point(x, y), button=1))

    def key(self) -> None:
        self.done.append(Done(at=0.0, point=Point(0, 0), button=0, keycode=38))


def judged(heard: Heard) -> _Judged:
    stage = SimpleNamespace(program=SimpleNamespace(acts=(click("OK"), press("F2"))))
    return _Judged(cast(Any, stage), cast(Any, heard), boxes={1: [Box(10, 10, 40, 20)]})


async def test_a_press_on_something_else_is_wrong_also_where_only_keys_were_due() -> None:
    heard = Heard()
    judge = judged(heard)
    heard.press(20, 20)
    await judge.tell(StepReport(number=1, said="", done=True))
    heard.press(20, 20)
    await judge.tell(StepReport(number=2, said="", done=True))
    assert judge.wrong == {2: "pressed at 20,20, which is not F2"}


async def test_a_click_for_which_nothing_was_pressed_is_not_done() -> None:
    judge = judged(Heard())
    await judge.tell(StepReport(number=1, said="", done=True))
    assert judge.unpressed == {1}


async def test_a_run_that_halts_must_have_pressed_nothing_in_the_step_that_it_did_not_do() -> None:
    heard = Heard()
    judge = judged(heard)
    heard.press(20, 20)
    heard.key()
    await judge.tell(StepReport(number=1, said="", done=False))
    assert judge.disturbed(ScreenOutcome.HALTED) == "pressed at 20,20, a key, and halted"
    quiet = judged(Heard())
    await quiet.tell(StepReport(number=1, said="", done=False))
    assert quiet.disturbed(ScreenOutcome.HALTED) == ""


def test_a_judge_that_hears_nothing_any_more_says_so() -> None:
    with pytest.raises(StageError, match="ceased to record"):
        Watcher.since(cast(Any, SimpleNamespace(_task=None, done=[])), 0)


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        (["db7", "6543", "night shift", "south"], True),
        (["6543", "db7", "night shift", "south"], False),
        (["db7", "6543", "night shift"], False),
    ],
)
async def test_a_form_is_right_only_where_each_field_holds_its_own(
    tmp_path: Path, lines: list[str], right: bool
) -> None:
    (tmp_path / "answers").write_text("\n".join(lines) + "\n")
    place = Place(home=tmp_path, work=tmp_path, drifts=frozenset({Drift.PLAIN}))
    told = await DIALOG.outcome(Running(place=place, pid=0, env={}, exit_code=lambda: 0))
    assert (told == "") is right
