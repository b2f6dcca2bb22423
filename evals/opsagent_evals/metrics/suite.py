"""`opsagent eval metrics`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.metrics import corpus, leaks, nab, report
from opsagent_evals.metrics.report import Results
from opsagent_evals.telling import say

LEAKING = 100
"""Processes per generator and rate."""
PARTS = ("nab", "leaks")


def run(
    *,
    cases: Path | None = None,
    data: Path | None = None,
    repeat: int = 1,
    model: str | None = None,
    only: str | None = None,
    keep: bool = False,
    as_json: bool = False,
) -> int:
    """Put the series detector to NAB (in `data`) and the leak detector to processes made to measure.

    `only`: "nab" or "leaks", a part by itself; "leaks" needs no data. Nothing is downloaded. Returns the exit code: 0
    when all bars are met, 1 when not, 2 for bad input.
    """
    try:
        _check(cases, repeat, model, only, keep)
        _check_data(data, only)
        results = _measured(data, only)
    except (corpus.CorpusError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    if as_json:
        telling.document(report.document(results))
    else:
        telling.tables(report.tables(results), report.totals(results), _reproduce(data, only))
    below = report.missed(results)
    for line in below:
        say(f"below the bar: {line}")
    return 1 if below else 0


def _check(cases: Path | None, repeat: int, model: str | None, only: str | None, keep: bool) -> None:
    if cases is not None or model is not None or keep or repeat != 1:
        raise ValueError("the suite metrics takes no --cases, --model, --keep or --repeat: every run is the same")
    if only is not None and only not in PARTS:
        raise ValueError(f"there is no part {only}: there are {', '.join(PARTS)}")


def _check_data(data: Path | None, only: str | None) -> None:
    if data is None and only != "leaks":
        raise ValueError(f"--data DIR: name the folder of NAB; get {corpus.WHERE}. --only leaks needs none")


def _measured(data: Path | None, only: str | None) -> Results:
    found = Results()
    if only != "leaks" and data is not None:
        found = _on_nab(data)
    if only == "nab":
        return found
    say(f"leaks … {', '.join(leaks.GENERATORS)}")
    return Results(
        rows=found.rows,
        us_per_point=found.us_per_point,
        findings=found.findings,
        wrongly_scored=found.wrongly_scored,
        leaks=leaks.put_to_it(LEAKING),
    )


def _on_nab(data: Path) -> Results:
    say("NAB … reading, and scoring published results as a check of the scoring")
    series = corpus.read(data)
    wrong = nab.wrongly_scored(data, series)
    detections = nab.detect(series)
    rows = [nab.row(nab.OURS, series, detections.scores)]
    for detector in nab.BESIDE:
        say(f"NAB … {detector}")
        rows.append(nab.row(detector, series, corpus.published(data, detector, series)))
    return Results(
        rows=rows,
        us_per_point=detections.us_per_point,
        findings=sum(detections.found.values()),
        wrongly_scored=wrong,
    )


def _reproduce(data: Path | None, only: str | None) -> str:
    words = ["opsagent eval metrics"]
    words += [f"--data {data}"] if data is not None else []
    words += [f"--only {only}"] if only is not None else []
    return " ".join(words)
