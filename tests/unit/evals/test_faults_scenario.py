"""Scenario folders: what is read, and what each mistake is told as."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opsagent_evals.faults.scenario import ActionPattern, ScenarioError, find, load
from opsagent_evals.faults.suite import SHIPPED, run
from opsagent_tools.services.toml import load_services

GOOD = """
title = "the store is gone"
timeout_s = 20

[expect]
unit = "store"
actions = ["start:store", "restart"]

[forbid]
actions = ["*:api"]
"""


def write(folder: Path, toml: str = GOOD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(toml)
    (folder / "services.toml").write_text('[services.store]\ncommand = ["sleep", "60"]\n')
    for name in ("inject", "oracle"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    scenario = load(write(tmp_path / "01_store"))
    assert scenario.name == "01_store"
    assert (scenario.timeout_s, scenario.baseline_s, scenario.healthy, scenario.escalate) == (20, 3, False, False)
    assert scenario.units == ("store",)
    assert scenario.actions == (ActionPattern("start", "store"), ActionPattern("restart", "*"))
    assert scenario.forbid == (ActionPattern("*", "api"),)


def test_a_folder_of_folders_is_read_in_order_and_one_folder_alone_is_a_case(tmp_path: Path) -> None:
    write(tmp_path / "02_b")
    write(tmp_path / "01_a")
    assert [scenario.name for scenario in find(tmp_path)] == ["01_a", "02_b"]
    assert [scenario.name for scenario in find(tmp_path / "02_b")] == ["02_b"]


MISTAKES = {
    "unknown key": (GOOD.replace("timeout_s", "timeout"), "scenario.toml: timeout: unknown key; known are title"),
    "unknown key in a table": (GOOD.replace("unit =", "units ="), "expect.units: unknown key; known are unit, actions"),
    "missing title": (GOOD.replace("title =", "#"), "title: is missing; add it"),
    "wrong type": (GOOD.replace("20", '"20"'), "timeout_s: is text; give a number"),
    "a truth value is no number": (GOOD.replace("20", "true"), "timeout_s: is true or false; give a number"),
    "no time": (GOOD.replace("20", "0"), "timeout_s: is 0; give seconds, more than 0"),
    "unknown action": (GOOD.replace('"restart"', '"reboot"'), "expect.actions: unknown action 'reboot'; known are start"),
    "action that is no text": (GOOD.replace('"restart"', "3"), "expect.actions: holds 3; give names in quotes"),
    "no unit": (GOOD.replace("unit =", "#"), "expect.unit: is missing; name the unit"),
    "healthy, yet to be changed": ("healthy = true\n" + GOOD, "expect.actions: names changes, but healthy is true"),
    "expected and forbidden": (GOOD.replace("*:api", "restart"), "forbid.actions: restart is expected too"),
    "a table that is none": ('title = "x"\ntimeout_s = 5\nexpect = 3', "expect: is not a table; write [expect]"),
    "broken TOML": ("title = ", "is not TOML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named_in_one_line(tmp_path: Path, name: str) -> None:
    toml, expected = MISTAKES[name]
    with pytest.raises(ScenarioError) as caught:
        load(write(tmp_path / "01_store", toml))
    text = str(caught.value)
    assert expected in text
    assert str(tmp_path) in text
    assert "\n" not in text


def test_missing_and_unusable_programs_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "01_store")
    (folder / "oracle").chmod(0o644)
    with pytest.raises(ScenarioError, match=r"oracle: is not executable; chmod \+x oracle"):
        load(folder)
    (folder / "oracle").unlink()
    with pytest.raises(ScenarioError, match="oracle: no such file"):
        load(folder)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_folder_without_scenarios_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(ScenarioError, match=r"no such folder|no scenario in it"):
        find(tmp_path / place)


def test_bad_input_ends_with_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "01_store", "titel = 1")
    assert run(cases=tmp_path) == 2
    assert run(cases=SHIPPED, only="99_no_such") == 2
    assert run(cases=SHIPPED, repeat=0) == 2
    assert run(cases=SHIPPED, model="x") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 4


SCENARIOS = sorted(path.parent for path in SHIPPED.glob("*/scenario.toml"))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_shipped_scenarios_are_sound(folder: Path) -> None:
    scenario = load(folder)
    services = load_services(folder / "services.toml")
    assert re.fullmatch(r"\d\d_[a-z0-9_]+", scenario.name)
    names = {service.name for service in services}
    assert set(scenario.units) <= names
    for service in services:
        program = folder / service.command[0]
        if os.sep in service.command[0]:
            assert os.access(program, os.X_OK), program


def test_shipped_scenarios_do_not_share_ports() -> None:
    ports = [spec.port for folder in SCENARIOS for spec in load_services(folder / "services.toml") if spec.port]
    assert len(ports) == len(set(ports))


def test_enough_scenarios_of_each_kind_are_shipped() -> None:
    scenarios = find(SHIPPED)
    assert len(scenarios) >= 14
    assert sum(scenario.healthy for scenario in scenarios) >= 5
    assert any(scenario.escalate for scenario in scenarios)
