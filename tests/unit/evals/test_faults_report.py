"""The figures that a run of the suite prints."""

from __future__ import annotations

import json
from dataclasses import replace

from rich.console import Console

from opsagent_evals.faults import report
from opsagent_evals.faults.score import Outcome, Score

GOOD = Score(
    scenario="01_store",
    title="store is gone",
    run=1,
    healthy=False,
    outcome=Outcome.REPAIRED,
    right_outcome=True,
    right_unit=True,
    cause="crash:store",
    actions=("start:store",),
    wrong=(),
    remedy_source="runbook",
    attempts=1,
    probes=4,
    ttd_s=0.2,
    ttm_s=1.5,
)
AGAIN = replace(GOOD, run=2, remedy_source="memory", probes=2, ttd_s=0.4)
QUIET = replace(
    GOOD, scenario="02_blip", healthy=True, outcome=Outcome.LEFT_ALONE, cause="", actions=(), remedy_source=None,
    attempts=0, probes=0, ttd_s=None, ttm_s=None,
)  # fmt: skip
HARM = replace(QUIET, outcome=Outcome.HARMED, right_outcome=False, actions=("stop:x",), wrong=("stop:x",))

TOTALS = (
    "scenarios repaired escalated left_alone failed harmed right_unit right_outcome wrong_actions healthy from_memory "
    "ttd_p95_s ttm_median_s attempts_mean probes_mean"
).split()


def test_totals_have_exactly_the_agreed_names() -> None:
    assert list(report.totals([GOOD])) == TOTALS


def test_totals_count_and_leave_healthy_cases_out_of_the_times() -> None:
    figures = report.totals([GOOD, AGAIN, QUIET, HARM])
    assert figures["scenarios"] == 4
    assert (figures["repaired"], figures["left_alone"], figures["harmed"], figures["healthy"]) == (2, 1, 1, 2)
    assert (figures["right_outcome"], figures["wrong_actions"], figures["from_memory"]) == (3, 1, 1)
    assert (figures["ttd_p95_s"], figures["ttm_median_s"]) == (0.4, 1.5)
    assert (figures["attempts_mean"], figures["probes_mean"]) == (1, 3)


def test_the_document_has_totals_for_each_run() -> None:
    document = json.loads(json.dumps(report.document([GOOD, QUIET, AGAIN])))
    assert list(document) == ["suite", "totals", "cases", "runs"]
    assert document["suite"] == "faults"
    assert [(one["run"], one["scenarios"], one["from_memory"]) for one in document["runs"]] == [(1, 2, 0), (2, 1, 1)]
    assert document["cases"][0]["cause"] == "crash:store"
    assert document["cases"][0]["actions"] == ["start:store"]


def test_passed_needs_every_outcome_right_and_nothing_wrong() -> None:
    assert report.passed([GOOD, QUIET])
    assert not report.passed([GOOD, HARM])
    assert not report.passed([])


def test_what_a_scenario_says_cannot_write_on_the_terminal() -> None:
    nasty = replace(GOOD, scenario="01_\x1b[2J[link=x]", error="two\nlines")
    assert "\x1b" not in report.line(nasty)
    assert "\n" not in report.line(nasty)
    console = Console(width=200, record=True, quiet=True)
    console.print(report.table([nasty]))
    assert "[link=x]" in "".join(segment.text for segment in console.render(report.table([nasty])))
