"""`opsagent eval metrics`: what it takes, what it gives, what it returns."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from opsagent_evals.metrics import corpus, leaks, nab, report, suite
from opsagent_evals.metrics.leaks import LeakRow
from opsagent_evals.metrics.nab import OURS, RCF, Row
from opsagent_evals.metrics.report import Results
from opsagent_evals.metrics.scoring import LOW_FN, LOW_FP, STANDARD
from opsagent_evals.metrics.teeth import MIB, Course

GOOD_ROW = Row(
    detector=OURS,
    all={STANDARD.name: 60.0, LOW_FP.name: 50.0, LOW_FN.name: 70.0},
    development={STANDARD.name: 62.0, LOW_FP.name: 50.0, LOW_FN.name: 70.0},
    heldout={STANDARD.name: 58.0, LOW_FP.name: 50.0, LOW_FN.name: 70.0},
    heldout_best={STANDARD.name: 59.0, LOW_FP.name: 50.0, LOW_FN.name: 70.0},
)
RCF_ROW = replace(
    GOOD_ROW, detector=RCF, heldout={**GOOD_ROW.heldout, STANDARD.name: 51.0}, heldout_best={STANDARD.name: 52.0}
)
GOOD_LEAKS = (
    LeakRow(generator="teeth", per_hour=0.0, processes=200, told=4),
    LeakRow(generator="teeth", per_hour=5.0, processes=100, told=85),
)
GOOD = Results(rows=(GOOD_ROW, RCF_ROW), us_per_point=12.0, leaks=GOOD_LEAKS)


SMALL = 12


def small_nab(folder: Path, *, results: bool = True) -> Path:
    """Write what NAB's folder looks like, with fewer and shorter series; every second one jumps in its only window."""
    windows: dict[str, list[list[str]]] = {}
    for number in range(SMALL):
        name = f"folder{number % 3}/series_{number:02d}.csv"
        stamps = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * row) for row in range(240)]
        random = Random(number)
        values = [random.gauss(10, 1) + (40 if number % 2 and 180 <= row < 190 else 0) for row in range(240)]
        rows = [(f"{stamp:%Y-%m-%d %H:%M:%S}", value) for stamp, value in zip(stamps, values, strict=True)]
        windows[name] = [[f"{stamps[175]:%Y-%m-%d %H:%M:%S}.000000", f"{stamps[205]:%Y-%m-%d %H:%M:%S}.000000"]]
        windows[name] = windows[name] if number % 2 else []
        write(folder / "data" / name, ("timestamp", "value"), rows)
        place, _, file = name.partition("/")
        for detector in nab.BESIDE if results else ():
            given = [(stamp, value, float(value > 30)) for stamp, value in rows]
            head = ("timestamp", "value", "anomaly_score")
            write(folder / "results" / detector / place / f"{detector}_{file}", head, given)
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    return folder


def write(path: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def published(folder: Path, series: tuple[corpus.Series, ...], *, off: float = 0.0) -> None:
    """Write the scores and thresholds that such results would have been published with."""
    rows = {name: nab.row(name, series, corpus.published(folder, name, series)) for name in nab.PUBLISHED}
    final = {name: {profile: score + off for profile, score in row.all.items()} for name, row in rows.items()}
    thresholds = {name: {profile: {"threshold": 1.0} for profile in row.all} for name, row in rows.items()}
    (folder / "config").mkdir()
    (folder / "config" / "thresholds.json").write_text(json.dumps(thresholds))
    (folder / "results" / "final_results.json").write_text(json.dumps(final))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "SERIES", SMALL)


@pytest.fixture
def few_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "LEAKING", 2)


@pytest.mark.parametrize("options", [{}, {"only": "nab"}, {"repeat": 2, "only": "leaks"}, {"only": "other"}])
def test_wrong_use_is_one_line_and_2(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run(**options) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1


def test_without_data_it_is_told_where_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run() == 2
    assert "numenta/NAB" in capsys.readouterr().err


def test_a_folder_that_is_not_nab_is_2_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run(data=tmp_path) == 2
    assert "MIT" in capsys.readouterr().err


def test_nab_without_results_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run(data=small_nab(tmp_path, results=False), only="nab") == 2
    assert "numenta/NAB" in capsys.readouterr().err


def test_jumps_are_found_and_a_scoring_that_does_not_reproduce_what_is_known_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nab, "BESIDE", tuple(nab.PUBLISHED))
    folder = small_nab(tmp_path)
    published(folder, corpus.read(folder))
    assert suite.run(data=folder, only="nab", as_json=True) == 1  # no NAB: the scores are not the known ones
    out, err = capsys.readouterr()
    totals = json.loads(out)["totals"]
    assert totals["nab_standard"] > 40
    assert totals["nab_standard_heldout"] > 30
    assert "not NAB's scoring: numenta" in err


def test_scores_that_are_not_those_published_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_nab(tmp_path)
    series = corpus.read(folder)
    published(folder, series, off=0.01)
    monkeypatch.setattr(nab, "PUBLISHED", dict.fromkeys(nab.PUBLISHED, 0.0))
    assert len(nab.wrongly_scored(folder, series)) == 4 * 3 + 4


def test_halves_take_turns_within_each_folder(tmp_path: Path) -> None:
    series = corpus.read(small_nab(tmp_path, results=False))
    development, heldout = corpus.halves(series)
    assert [one.name for one in development][:2] == ["folder0/series_00.csv", "folder0/series_06.csv"]
    assert {one.name for one in development} | {one.name for one in heldout} == {one.name for one in series}
    assert abs(len(development) - len(heldout)) <= 3


def test_good_figures_meet_the_bars() -> None:
    assert report.missed(GOOD) == []
    assert (
        set("nab_standard nab_standard_heldout rcf_standard_heldout us_per_point".split()) < report.totals(GOOD).keys()
    )
    assert report.totals(GOOD)["leak_false_alarm_rate"] == 0.02
    assert report.totals(GOOD)["leak_found_rate"] == 0.85


@pytest.mark.parametrize(
    ("worse", "named"),
    [
        (replace(GOOD, us_per_point=20.5), "us_per_point"),
        (replace(GOOD, rows=(RCF_ROW, replace(GOOD_ROW, detector=OURS, heldout={STANDARD.name: 51.5}))), "heldout"),
        (replace(GOOD, leaks=(replace(GOOD_LEAKS[0], told=7), GOOD_LEAKS[1])), "false_alarm"),
        (replace(GOOD, leaks=(GOOD_LEAKS[0], replace(GOOD_LEAKS[1], told=79))), "found_rate"),
        (replace(GOOD, wrongly_scored=["numenta: 1, but 2"]), "numenta"),
    ],
)
def test_each_bar_can_be_missed(worse: Results, named: str) -> None:
    rows = worse.rows if any(row.detector == RCF for row in worse.rows) else (*worse.rows, RCF_ROW)
    below = report.missed(replace(worse, rows=rows))
    assert below
    assert named in below[0]


@pytest.mark.usefixtures("few_leaks")
def test_the_leaks_need_no_data_and_come_out_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    suite.run(only="leaks", as_json=True)
    first = capsys.readouterr().out
    suite.run(only="leaks", as_json=True)
    assert capsys.readouterr().out == first
    cases = json.loads(first)["cases"]
    assert {(case["leaks"], case["mib_per_hour"]) for case in cases} == {
        (name, rate) for name in ("teeth", "heaps") for rate in (0, 2, 5, 10)
    }


@pytest.mark.parametrize("name", leaks.GENERATORS)
def test_processes_made_to_measure_are_the_same_for_the_same_seed_and_leak_as_much_as_they_should(name: str) -> None:
    def samples(**course: float) -> list[tuple[float, float]]:
        found: Iterator[tuple[float, float]] = leaks.GENERATORS[name](Course(seed=11, hours=3, **course))
        return list(found)

    well, leaking = samples(), samples(per_hour=6.0, leaks_from=3600.0)
    assert well == samples()
    assert all(value > 0 for _, value in well)
    assert [at for at, _ in well] == sorted(at for at, _ in well)
    assert (leaking[-1][1] - well[-1][1]) / MIB == pytest.approx(12.0, abs=0.2)
    assert math.isclose(leaking[0][1], well[0][1])


def test_the_tables_have_a_row_for_each() -> None:
    assert [table.row_count for table in report.tables(GOOD)] == [2, 2]
    assert report.document(GOOD)["suite"] == "metrics"
