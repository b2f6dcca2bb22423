"""`opsagent eval logs`: how grouping is counted, where data is looked for, what is printed."""

from __future__ import annotations

import csv
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsagent_evals.logs import loghub, measure, memory, report, suite, throughput
from opsagent_evals.logs.grouping import grouping, templates_right

TOTALS = ("ga_content", "ga_raw", "ga_content_heldout", "ga_raw_heldout", "lines_per_s", "mining_ratio_to_drain3")

APPLICATIONS = measure.Applications(
    logs=1, events=2, ga=1.0, whole=1.0, levels=1.0, traces=1, exceptions=1.0, causes=1.0, frames=1.0
)


def test_a_line_is_right_only_if_its_whole_group_is() -> None:
    found = grouping(["a", "a", "b", "c", "c"], ["x", "x", "y", "y", "z"])
    assert (found.ga, found.groups, found.labels) == (0.4, 3, 3)
    assert found.fga == pytest.approx(1 / 3)
    assert grouping(["a"] * 4, ["x"] * 4).ga == 1
    assert grouping([], []).ga == 0


def test_templates_are_compared_without_their_types() -> None:
    assert templates_right(["took <dur> at <addr>:<n>", "a <n>"], ["took <*> at <*>", "b <*>"]) == 0.5


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A checkout with small logs of all systems."""
    for name in loghub.SYSTEMS:
        folder = tmp_path / "data" / "loghub_2k_corrected" / name
        folder.mkdir(parents=True)
        rows = [(f"job {at} of {name} ended in {at * 3} ms", f"job <*> of {name} ended in <*> ms") for at in range(20)]
        rows += [(f"link of {name} is down", f"link of {name} is down")] * 5
        (folder / f"{name}_2k.log").write_text("".join(f"2024-01-01 10:00:00 INFO {content}\n" for content, _ in rows))
        with (folder / f"{name}_2k.log_structured_corrected.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["LineId", "Content", "EventId", "EventTemplate"])
            writer.writerows([at, content, "E1", template] for at, (content, template) in enumerate(rows, 1))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few lines as will do."""
    monkeypatch.setattr(memory, "LINES", 3000)
    monkeypatch.setattr(throughput, "_COPIES", 2)


@pytest.mark.usefixtures("quick")
def test_a_run_prints_the_agreed_totals(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = suite.run(data=data, as_json=True)
    out, err = capsys.readouterr()
    document: dict[str, Any] = json.loads(out)
    totals = document["totals"]
    assert document["suite"] == "logs"
    assert set(TOTALS) <= totals.keys()
    assert [totals[name] for name in TOTALS[:4]] == [1.0] * 4
    assert totals["lines_per_s"] > 0
    assert 0 < totals["memory_mb"] < report.MEMORY_BAR_MB
    assert totals["applications_ga"] >= 0.95
    assert [case["system"] for case in document["cases"]] == list(loghub.SYSTEMS)
    assert status == (1 if "is below" in err else 0)


@pytest.mark.usefixtures("quick")
def test_without_drain3_there_is_no_ratio_and_a_reason(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(suite, "applications", lambda: APPLICATIONS)
    monkeypatch.setattr(memory, "measured", lambda folder: 50.0)
    suite.run(data=data / "data", as_json=True)
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert totals["mining_ratio_to_drain3"] is None
    assert "not installed" in totals["drain3_missing"]


@pytest.mark.parametrize("place", [None, "nowhere", "."])
def test_without_data_it_says_where_to_get_it(
    place: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert suite.run(data=None if place is None else tmp_path / place) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "logpai/logparser" in err
    assert "cite" in err


def test_data_that_lacks_a_system_or_a_line_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data / "data" / "loghub_2k_corrected"
    with (folder / "Spark" / "Spark_2k.log").open("a") as file:
        file.write("one more\n")
    assert suite.run(data=folder) == 2
    assert "26 lines and 25 labels" in capsys.readouterr().err
    (folder / "Spark" / "Spark_2k.log").unlink()
    assert suite.run(data=folder) == 2


@pytest.mark.parametrize(
    ("option", "named"),
    [({"cases": Path("x")}, "--cases"), ({"model": "x"}, "--model"), ({"only": "x"}, "--only"), ({"repeat": 2}, "--repeat")],
)  # fmt: skip
def test_options_that_it_does_not_know_are_refused(
    option: dict[str, Any], named: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert suite.run(data=data, **option) == 2
    assert f"takes no {named}" in capsys.readouterr().err


def test_what_stays_below_its_bar_is_named(data: Path) -> None:
    system = loghub.read(loghub.find(data), "BGL")
    row = measure.row(system, drain3=False)
    good = report.Result(
        rows=(row,),
        applications=APPLICATIONS,
        mining=measure.Speeds(own=4e5, drain3_readme=1e5, drain3_default=2e5),
        lines_per_s=2e5,
        memory_mb=50.0,
        drain3="",
    )
    assert report.missed(good) == []
    assert report.missed(replace(good, lines_per_s=1.0, memory_mb=200.0)) == [
        "lines_per_s 1 is below 150000",
        "memory_mb 200.0 is above 100.0",
    ]
    bad = replace(row, content=grouping(["a", "b"], ["x", "x"]))
    assert report.missed(replace(good, rows=(bad,)))[0] == "ga_content_heldout 0.0 is below 0.9"
    assert report.missed(replace(good, mining=measure.Speeds(own=1e5, drain3_readme=1e5))) == [
        "mining_ratio_to_drain3 1.0 is below 3.0"
    ]
