"""`opsagent gui`: taken in, looked at, accepted, carried elsewhere, told what is wrong."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.cli.errors import Unclear
from opsagent.cli.gui_carry import demand_free_name, store
from opsagent.cli.gui_record import elsewhere
from opsagent.cli.main import main
from opsagent.cli.output import Out
from opsagent.demo.console import PROCEDURE
from opsagent.naming import screen_unit
from opsagent.screens import files
from opsagent.screens.asking import Run
from opsagent.screens.learning import _with_crops, healed_version
from opsagent.screens.report import as_html
from opsagent.screens.shelf import Shelf
from opsagent_tools.gui.fake import _PNG
from opsagent_tools.gui.model import Rung
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, StepReport
from tests.unit.screens.conftest import Console


@pytest.fixture
def gui(console: Console, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command of `opsagent gui`; return its exit code, its JSON (or text), and what stood beside."""

    def run(*words: str, as_json: bool = True) -> tuple[int, Any, str]:
        Out.wrote_json = False  # each command is a process of its own
        code = main(["gui", *words, *(["--json"] if as_json else [])])
        out, err = capsys.readouterr()
        return code, json.loads(out) if as_json else out, err

    return run


def test_it_lists_what_there_is_and_how_it_went(gui: Any) -> None:
    code, found, _ = gui("list")
    assert code == 0
    assert [(one["name"], one["status"], one["worked"]) for one in found["procedures"]] == [
        ("export report", "accepted", 0),
        ("two clicks", "accepted", 0),
        ("wipe archive", "accepted", 0),
    ]
    assert "export report" in gui("list", as_json=False)[1]


def test_one_is_shown_with_its_steps_and_what_is_asked_before_them(gui: Any) -> None:
    _, found, _ = gui("show", "Wipe Archive")
    assert found["steps"][0]["said"] == "click button “Delete archive”"
    assert "delete" in found["steps"][0]["risk"]
    text = gui("show", "wipe archive", as_json=False)[1]
    assert "needs a yes" in text


def test_what_is_imported_runs_once_a_person_accepted_it(gui: Any, console: Console, tmp_path: Path) -> None:
    (tmp_path / "crop.png").write_bytes(_PNG)
    text = (
        "name: close month\nwindow: {program: ledger}\nsteps:\n  - click: {role: button, name: Close, crop: crop.png}\n"
    )
    (tmp_path / "close.yaml").write_text(text)
    code, said, _ = gui("import", str(tmp_path / "close.yaml"))
    assert (code, said["status"]) == (0, "proposed")
    code, refused, _ = gui("run", "close month", "--yes")
    assert (code, refused["rule"]) == (4, "not accepted")
    code, asked, _ = gui("approve", "close month")
    assert (code, asked["result"]) == (3, "asked")
    assert stat.S_IMODE(Path(asked["page"]).stat().st_mode) == 0o600
    assert gui("approve", "close month", "--yes")[1]["result"] == "accepted"
    assert Shelf(console.home.database).to_run("close month").by
    kept = files.version_folder(console.home.path, "close month", 1) / "crop.png"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_bytes(_PNG + b"changed")
    assert "is not as it was accepted" in gui("run", "close month", "--yes")[1]["detail"]


def test_what_looks_like_a_secret_is_not_taken_in(gui: Any, tmp_path: Path) -> None:
    text = "name: login\nwindow: {program: ledger}\nsteps:\n  - type: 'password=hunter2hunter2'\n    on: {label: Password}\n"
    (tmp_path / "login.yaml").write_text(text)
    code, said, _ = gui("import", str(tmp_path / "login.yaml"), "--yes")
    assert code == 2
    assert "line 4 holds what looks like a secret" in said["error"]["message"]
    assert "hunter2" not in said["error"]["message"]


def test_a_procedure_in_a_program_that_is_never_used_is_not_taken_in(gui: Any, tmp_path: Path) -> None:
    text = 'name: add entry\nwindow: {program: keepassxc}\nstart: [keepassxc]\nsteps:\n  - click: button "New Entry"\n'
    (tmp_path / "add.yaml").write_text(text)
    code, said, _ = gui("import", str(tmp_path / "add.yaml"), "--yes")
    assert code == 1
    assert "asks for or keeps passwords, or locks the screen: it is never used" in said["error"]["message"]
    assert gui("show", "add entry")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("run", "exprt report"), 2, "did you mean 'export report'?"),
        (("run", "export report", "--param", "month"), 2, "NAME=VALUE"),
        (("run", "export report", "-p", "mnth=march"), 2, "did you mean month?"),
        (("run", "export report", "-p", "month=march", "--display", "remote:0"), 2, '":0"'),
        (("import", "/nowhere.yaml"), 2, "cannot be read"),
        (("approve", "export report"), 2, "nothing is proposed"),
        (("display", "--size", "big"), 2, "1280x800"),
        (("record", "close month", "--display", "remote:0"), 2, "write it as :0"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_mend(gui: Any, words: tuple[str, ...], code: int, why: str) -> None:
    found, said, _ = gui(*words)
    assert found == code
    assert why in said["error"]["message"]


def test_what_is_no_text_is_not_taken_in_and_nobody_waits_for_a_pipe(gui: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"name: \xff\xfe")
    for name, why in (("pipe", "is no file"), ("bytes", "no text in UTF-8"), (".", "cannot be read")):
        code, said, _ = gui("import", str(tmp_path / name))
        assert (code, why in said["error"]["message"]) == (2, True), said


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="No space left") as told:
        files.write(tmp_path / "new" / "procedure.yaml", b"x")
    assert told.value.filename == str(tmp_path / "new" / "procedure.yaml")


@pytest.mark.parametrize("name", ["status", "restart", "stop api", "logs", "api 다시 시작"])
def test_a_name_that_is_a_command_already_is_none(name: str) -> None:
    with pytest.raises(Unclear, match="is a command already"):
        demand_free_name(name)


@pytest.mark.parametrize("name", ["export report", "월말 보고서", "close month", "order tea 2", PROCEDURE])
def test_other_names_are(name: str) -> None:
    assert demand_free_name(name) == name


def test_a_dry_run_says_what_it_would_do_and_opens_nothing(gui: Any, console: Console) -> None:
    code, said, _ = gui("run", "export report", "-p", "month=march", "--dry-run")
    assert (code, said["told"], said["display"]) == (0, {"month": "march"}, "own")
    assert console.opened == 0


def test_it_is_carried_elsewhere_and_back(gui: Any, tmp_path: Path) -> None:
    code, said, _ = gui("export", "export report", str(tmp_path / "out"))
    assert code == 0
    assert gui("export", "export report", str(tmp_path / "out"))[0] == 2, "it is there already"
    code, again, _ = gui("import", said["path"], "--name", "월말 보고서", "--yes")
    assert (code, again["procedure"], again["version"]) == (0, "월말 보고서", 1)


def test_what_a_run_found_otherwise_is_proposed_shown_and_accepted_only_by_a_person(gui: Any, console: Console) -> None:
    kept = Shelf(console.home.database).to_run("two clicks")
    on = kept.procedure.steps[1].on
    assert on is not None
    found = replace(on, name="Export …", neighbours=("Reports",))
    steps = (
        StepReport(number=1, said="click", done=True, rung=Rung.STRUCTURE, score=1.0, margin=1.0),
        StepReport(
            number=2, said="click", done=True, rung=Rung.TEXT, score=0.91, margin=0.4, before=_PNG, healed=found
        ),
    )
    report = RunReport(procedure="two clicks", outcome=ScreenOutcome.UNVERIFIED, steps=steps)
    proposed = healed_version(kept, report, "0" * 16)
    assert proposed is not None
    whole = _with_crops(console.home.path, kept, proposed, report)
    store(console.home, whole, dict.fromkeys(whole.crops, _PNG))
    assert Shelf(console.home.database).to_run("two clicks").version == 1, "nothing is run by it"
    _, asked, _ = gui("approve", "two clicks")
    (change,) = asked["changes"]
    assert (change["step"], change["found_by"], change["crop_now"]) == (2, "text", "healed-2.png")
    assert {"what": "name", "was": "Export", "now": "Export …"} in change["marks"]
    assert "as it was found" in Path(asked["page"]).read_text()
    text = gui("approve", "two clicks", as_json=False)[1]
    assert "- name: Export" in text
    assert "+ name: Export …" in text
    assert gui("approve", "two clicks", "--yes")[0] == 0
    now = Shelf(console.home.database).to_run("two clicks")
    assert (now.version, now.procedure.steps[1].on) == (2, found)


def test_what_is_proposed_can_be_forgotten(gui: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nwindow: {program: ledger}\nsteps: [{click: {name: A}}]\n")
    gui("import", str(tmp_path / "a.yaml"))
    assert gui("approve", "a", "--reject")[1]["result"] == "rejected"
    assert gui("show", "a")[0] == 2


def test_what_a_screen_says_does_not_get_into_the_page(console: Console) -> None:
    kept = Shelf(console.home.database).to_run("two clicks")
    step = StepReport(
        number=1,
        said="click <script>alert(1)</script>",
        done=False,
        why="token=ghp_0123456789012345678901234567890123ab",
    )
    report = RunReport(
        procedure="two clicks", outcome=ScreenOutcome.HALTED, halted_at=1, steps=(step,), why="<img src=x>"
    )
    page = as_html("r", Run(kept=kept, told={}, unit=screen_unit("two clicks")), report, datetime.now(UTC))
    assert "<script>" not in page
    assert "<img src=x>" not in page
    assert "ghp_0123" not in page


def test_a_run_that_starts_its_program_elsewhere_than_it_was_shown_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "march.csv").touch()
    monkeypatch.chdir(tmp_path)
    (said,) = elsewhere(["ledger", "--open", "march.csv", "/etc/hosts"])
    assert f"not in {tmp_path}" in said
    assert "(march.csv)" in said
    assert not elsewhere([])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not elsewhere(["ledger", "march.csv"])
