"""People's own runbooks: which files are read, what becomes of those that are not, and when they are read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent.model import Fault
from opsagent.runbooks import library
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.library.making import remedies_of
from opsagent.runbooks.own import OwnRunbooks, read_folder
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.actions import Effect
from tests.support.cases import case_of
from tests.unit.runbooks.test_reading import COMMAND, HEAD, REMEDY, WHOLE

PYTHON = """
from opsagent.runbooks.writing import Against, Fit, fits

RUNBOOK = {
    "title": "t", "cause": "unknown", "answers": ("hang",), "looks_for": "l", "never": "n",
    "remedy": [{"name": "renew", "does": "it", "expects": "x", "undo": "x", "step": [{"action": "restart"}]}],
}

@fits("renew")
def judge(findings, target):
    if target.unit.name == "api":
        return Fit(target=target, why="because it is api")
    return Against("another")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "runbooks"
    found.mkdir(mode=0o700)
    return found


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def test_toml_and_python_are_read_and_go_before_the_others(folder: Path) -> None:
    put(folder, "socket.toml", WHOLE)
    put(folder, "code.py", PYTHON)
    put(folder, "notes.md", "nothing")
    put(folder, ".hidden.toml", "nothing")
    shelf = read_folder(folder)
    assert [card.name for card in shelf.cards] == ["code", "socket"]
    assert not shelf.broken
    names = [remedy.name for remedy in library.remedies_for(Fault.HANG, shelf.cards)]
    assert names[:2] == ["own.code/renew", "own.socket/renew"]


def test_no_folder_is_no_runbooks(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none").broken == ()


def test_a_condition_in_python_is_asked(folder: Path) -> None:
    put(folder, "code.py", PYTHON)
    (remedy,) = remedies_of(read_folder(folder).cards[0])
    from opsagent.runbooks.library.making import fits

    said = read_folder(folder).cards[0].remedies[0]
    root = Findings(case_of(Fault.HANG)).root
    assert said.judge is not None
    assert root is not None
    found = said.judge(Findings(case_of(Fault.HANG)), root)
    assert isinstance(found, Fit)
    assert found.why == "because it is api"
    assert remedy.name == "own.code/renew"
    assert callable(fits)


def test_what_a_condition_in_python_prints_or_raises_harms_nobody(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(
        folder,
        "code.py",
        PYTHON + '\nprint("read")\nimport sys\n@fits("renew")\ndef more(findings, target): sys.exit(3)\n',
    )
    judge, findings = read_folder(folder).cards[0].remedies[0].judge, Findings(case_of(Fault.HANG))
    assert judge is not None
    assert findings.root is not None
    assert judge(findings, findings.root) == Against("own.code/renew broke: SystemExit")
    assert capsys.readouterr() == ("", "read\n")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('x')", "line 1: ValueError"),
        ("import sys\nsys.exit(3)", "line 2: SystemExit"),
        ("def (", "line 1: SyntaxError"),
        ("x = 1", "has no RUNBOOK"),
        ("RUNBOOK = {'title': object()}", "RUNBOOK"),
        ("RUNBOOK = {'title': 't'}", "is missing"),
        (PYTHON.replace('@fits("renew")', '@fits("other")'), "is missing: it would fit everywhere"),
        (PYTHON + '\n@fits("other")\ndef more(findings, target): ...\n', "there is no such remedy"),
        ("from . import x", "ImportError"),
        ("raise ValueError('one\\ntwo password=hunter2abc')", "ValueError: one two password=«"),
    ],
)
def test_a_python_file_that_cannot_be_used_is_told_and_the_others_hold(folder: Path, body: str, told: str) -> None:
    put(folder, "bad.py", body)
    put(folder, "socket.toml", WHOLE)
    shelf = read_folder(folder)
    assert [card.name for card in shelf.cards] == ["socket"]
    assert told in shelf.broken[0]
    assert "bad.py" in shelf.broken[0]


def test_code_that_breaks_when_it_is_asked_speaks_against_its_remedy(folder: Path) -> None:
    put(folder, "code.py", PYTHON.replace('return Against("another")', "pass").replace('"api":', '"store":'))
    put(folder, "worse.py", PYTHON.replace("if target", "1 / 0\n    if target"))
    root = Findings(case_of(Fault.HANG)).root
    assert root is not None
    for card, told in zip(read_folder(folder).cards, ("says neither", "ZeroDivisionError"), strict=True):
        judge = card.remedies[0].judge
        assert judge is not None
        found = judge(Findings(case_of(Fault.HANG)), root)
        assert isinstance(found, Against)
        assert told in found.why


def test_a_runbook_leaves_no_module_and_no_bytecode_behind(folder: Path) -> None:
    import sys

    put(folder, "code.py", PYTHON)
    before = set(sys.modules)
    read_folder(folder)
    assert not {name for name in set(sys.modules) - before if "code" in name}
    assert [path.name for path in folder.iterdir()] == ["code.py"]


def test_what_others_may_write_is_not_read(folder: Path) -> None:
    for name, mode in (("group", 0o660), ("world", 0o602)):
        put(folder, f"{name}.toml", WHOLE).chmod(mode)
        put(folder, f"{name}_code.py", PYTHON).chmod(mode)
    shelf = read_folder(folder)
    assert not shelf.cards
    assert len(shelf.broken) == 4
    assert all("chmod go-w" in line for line in shelf.broken)


def test_links_and_odd_files_are_not_read(folder: Path, tmp_path: Path) -> None:
    elsewhere = put(tmp_path, "elsewhere.toml", WHOLE)
    (folder / "link.toml").symlink_to(elsewhere)
    put(tmp_path, "hard.toml", WHOLE)
    os.link(tmp_path / "hard.toml", folder / "hard.toml")
    os.mkfifo(folder / "pipe.toml", 0o600)
    (folder / "folder.toml").mkdir()
    shelf = read_folder(folder)
    assert not shelf.cards
    assert len(shelf.broken) == 4


def test_a_folder_that_is_not_the_users_alone_is_not_read(folder: Path, tmp_path: Path) -> None:
    put(folder, "socket.toml", WHOLE)
    folder.chmod(0o770)
    assert "others may write" in read_folder(folder).broken[0]
    folder.chmod(0o700)
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    assert "a link" in read_folder(linked).broken[0]
    assert not read_folder(linked).cards


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_is_not_read(folder: Path) -> None:
    os.chown(put(folder, "socket.toml", WHOLE), 12345, -1)
    assert "12345" in read_folder(folder).broken[0]
    os.chown(folder, 12345, -1)
    assert "belongs to user 12345" in read_folder(folder).broken[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe", "no UTF-8"), (b"#" * 70_000, "longer than"), (b"a = " + b"[" * 5000, "nested"), (b"\0", "no TOML")],
)
def test_a_hostile_file_is_told_and_skipped(folder: Path, content: bytes, told: str) -> None:
    put(folder, "bad.toml", content)
    put(folder, "socket.toml", WHOLE)
    shelf = read_folder(folder)
    assert [card.name for card in shelf.cards] == ["socket"]
    assert told in shelf.broken[0]
    assert len(shelf.broken[0]) < 500


def test_two_of_one_name_are_told(folder: Path) -> None:
    put(folder, "code.py", PYTHON)
    put(folder, "code.toml", WHOLE)
    assert "rename" in read_folder(folder).broken[0]


def test_code_that_does_not_come_to_an_end_holds_nobody_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent.runbooks.own._PATIENCE_S", 0.2)
    put(folder, "socket.toml", WHOLE)
    own = OwnRunbooks(folder)
    assert [card.name for card in own.current().cards] == ["socket"]
    gate = folder / "gate"
    put(folder, "loop.py", f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n")
    held = own.current()
    assert [card.name for card in held.cards] == ["socket"], "what was known holds"
    assert "not read within" in held.broken[0]
    gate.touch()  # the thread ends


def test_it_is_read_again_when_a_file_changed_and_only_then(folder: Path) -> None:
    own = OwnRunbooks(folder)
    put(folder, "socket.toml", WHOLE)
    first = own.current()
    assert own.current() is first
    put(folder, "socket.toml", WHOLE.replace("full", "broken"))
    assert own.current().cards[0].title == "Its socket is broken"
    (folder / "socket.toml").unlink()
    assert own.current().cards == ()


def test_a_command_is_safe_only_where_the_policys_file_agrees(folder: Path) -> None:
    put(folder, "socket.toml", HEAD + REMEDY + 'effect = "safe"\n' + COMMAND)
    assert read_folder(folder).cards[0].remedies[0].effect is Effect.INTERRUPTS
    assert read_folder(folder, {"socket/renew"}).cards[0].remedies[0].effect is Effect.STARTS


def test_nothing_is_read_from_the_current_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here" / "runbooks"
    here.mkdir(parents=True, mode=0o700)
    put(here, "socket.toml", WHOLE)
    monkeypatch.chdir(here.parent)
    assert not read_folder(folder).cards
