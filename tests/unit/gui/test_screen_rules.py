"""Which windows may be used: judged by what server and kernel know, never by what a window says of itself."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opsagent_tools.gui.model import Box, Window
from opsagent_tools.gui.port import Refused
from opsagent_tools.gui.programs import ProgramName, program_of
from opsagent_tools.gui.rules import Standing, demand, refusal
from tests.support.waiting import eventually

UID = 1000
PROGRAM = ProgramName("/usr/bin/galculator", "galculator", UID)
WINDOW = Window(
    id="x11:0x400003", pid=77, exe=PROGRAM.exe, program=PROGRAM.name, uid=UID, title="Bank", box=Box(0, 0, 9, 9)
)
OURS = Standing(PROGRAM, started_here=True, own_display=True)
SHARED = Standing(PROGRAM, started_here=False, own_display=False)


def test_a_named_program_of_our_own_user_may_be_used() -> None:
    assert refusal(WINDOW, OURS, ["galculator"], UID) is None
    assert refusal(WINDOW, SHARED, ["galculator"], UID) is None
    assert refusal(WINDOW, OURS, ["/usr/bin/galculator"], UID) is None


@pytest.mark.parametrize("allow", [[], [""], ["Bank"], ["Galculator"], ["/tmp/galculator"], ["galc"]])
def test_a_program_that_was_not_named_may_not_be_used_whatever_its_title(allow: list[str]) -> None:
    assert "not among the programs" in (refusal(WINDOW, OURS, allow, UID) or "")


def test_a_script_is_named_by_its_name_or_its_path_and_its_interpreter_does_not_do() -> None:
    program = ProgramName("/usr/bin/wish8.6", "tkdiff", UID, "/usr/bin/tkdiff")
    window, standing = replace(WINDOW, exe=program.exe, program="tkdiff"), replace(OURS, program=program)
    assert refusal(window, standing, ["tkdiff"], UID) is None
    assert refusal(window, standing, ["/usr/bin/tkdiff"], UID) is None
    assert refusal(window, standing, ["wish8.6"], UID) is not None


@pytest.mark.parametrize(
    ("window", "standing", "why"),
    [
        (replace(WINDOW, pid=0), OURS, "does not know whose"),
        (WINDOW, replace(OURS, program=replace(PROGRAM, exe="/usr/bin/xterm", name="xterm")), "another program by now"),
        (replace(WINDOW, uid=0), replace(OURS, program=replace(PROGRAM, uid=0)), "runs as user 0"),
        (replace(WINDOW, exe="", program=""), replace(OURS, program=ProgramName("", "", UID)), "cannot be seen"),
        (WINDOW, replace(OURS, changeable="/opt/galculator"), "can be changed by other users"),
        (WINDOW, replace(OURS, started_here=False), "was not started on this display"),
    ],
)
def test_a_window_whose_owner_is_not_sure_is_never_used(window: Window, standing: Standing, why: str) -> None:
    assert why in (refusal(window, standing, ["galculator"], UID) or "")


@pytest.mark.parametrize("name", ["pinentry-gtk-2", "keepassxc", "polkit-gnome-authentication-agent-1", "i3lock"])
def test_what_asks_for_passwords_is_never_used_even_if_it_is_named(name: str) -> None:
    program = ProgramName(f"/usr/bin/{name}", name, UID)
    window = replace(WINDOW, exe=program.exe, program=name)
    assert "never used" in (refusal(window, replace(OURS, program=program), [name], UID) or "")


class Desktop:
    """A desktop that people share, as far as it is asked here."""

    own = False

    def holds(self, pid: int) -> bool:
        return False


def test_a_program_that_others_may_change_is_never_used(tmp_path: Path, require: Callable[[str], Path]) -> None:
    program = tmp_path / "console"
    shutil.copy(require("sleep"), program)
    with subprocess.Popen([program, "1000"]) as process:
        try:
            found = eventually(lambda: _found(process.pid, program))
            window = replace(WINDOW, pid=process.pid, exe=found.exe, program=found.name, uid=found.uid)
            demand(window, Desktop(), ["console"])
            program.chmod(0o757)
            with pytest.raises(Refused, match="can be changed by other users"):
                demand(window, Desktop(), ["console"])
            program.chmod(0o755)
            with pytest.raises(Refused, match="not among the programs"):
                demand(window, Desktop(), ["sleep"])
        finally:
            process.kill()
    with pytest.raises(Refused, match="another program by now"):
        demand(window, Desktop(), ["console"])


def _found(pid: int, program: Path) -> ProgramName | None:
    found = program_of(pid)
    return found if found.exe == str(program) else None
