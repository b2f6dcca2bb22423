"""`opsagent eval metrics`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from opsagent_evals.metrics import corpus, leaks, nab, report
from opsagent_evals.metrics.report import Results

_PLAIN_WIDTH = 120
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
        _say(f"opsagent: {error}")
        return 2
    if as_json:
        sys.stdout.write(json.dumps(report.document(results), indent=2, ensure_ascii=False) + "\n")
    else:
        _show(results, data, only)
    below = report.missed(results)
    for line in below:
        _say(f"below the bar: {line}")
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
    _say(f"leaks … {', '.join(leaks.GENERATORS)}")
    return Results(
        rows=found.rows,
        us_per_point=found.us_per_point,
        findings=found.findings,
        wrongly_scored=found.wrongly_scored,
        leaks=leaks.put_to_it(LEAKING),
    )


def _on_nab(data: Path) -> Results:
    _say("NAB … reading, and scoring published results as a check of the scoring")
    series = corpus.read(data)
    wrong = nab.wrongly_scored(data, series)
    detections = nab.detect(series)
    rows = [nab.row(nab.OURS, series, detections.scores)]
    for detector in nab.BESIDE:
        _say(f"NAB … {detector}")
        rows.append(nab.row(detector, series, corpus.published(data, detector, series)))
    return Results(
        rows=rows,
        us_per_point=detections.us_per_point,
        findings=sum(detections.found.values()),
        wrongly_scored=wrong,
    )


def _show(results: Results, data: Path | None, only: str | None) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    for table in report.tables(results):
        console.print(table)
    figures = ", ".join(f"{name} {'-' if value is None else value}" for name, value in report.totals(results).items())
    console.print(figures, markup=False)
    words = ["opsagent eval metrics"]
    words += [f"--data {data}"] if data is not None else []
    words += [f"--only {only}"] if only is not None else []
    console.print(f"again: {' '.join(words)}", markup=False)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
