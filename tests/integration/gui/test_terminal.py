"""Programs of terminals as they are: newt and dialog, a shell that asks, curses; and what a wrong screen does: nothing."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from opsagent_tools.gui.desk import Allowed, Asked
from opsagent_tools.gui.model import Element, Fingerprint, Gesture, Located, Look, Verb
from opsagent_tools.gui.port import Refused, ScreenError, SurfaceGone
from opsagent_tools.gui.procedure import EffectCheck, RunReport, ScreenOutcome, ScreenProcedure, ScreenStep
from opsagent_tools.gui.replay import replay
from opsagent_tools.gui.terminal.program import PtyProgram
from opsagent_tools.gui.terminal.recording import TerminalRecorder
from opsagent_tools.gui.terminal.screens import TerminalScreens
from opsagent_tools.gui.terminal.surface import TerminalSurface
from opsagent_tools.gui.terminal.tmux import TmuxPane

_SECRET = "s3cr:t!"
_CLICK = Gesture(verb=Verb.CLICK)
_MENU = """
printf '1) %s\\n2) %s\\n3) Quit\\n' "$1" "$2"
read -p "Choose [1-3]: " choice
echo "$choice" > "$3"
read -p "New name: " name
echo "$name" >> "$3"
read -s -p "Password: " secret
[ "$secret" = 's3cr:t!' ] && exit 7
exit 1
"""
_CURSES = """
import curses, sys, time
def main(screen):
    items, at = sys.argv[2:], 0
    while True:
        screen.erase()
        for row, item in enumerate(items):
            screen.addstr(2 + row, 4, item, curses.A_REVERSE if row == at else 0)
        screen.refresh()
        key = screen.getch()
        time.sleep(float(sys.argv[1]))
        if key in (curses.KEY_DOWN, curses.KEY_UP):
            at = (at + (1 if key == curses.KEY_DOWN else -1)) % len(items)
        elif key in (10, 13):
            sys.exit(100 + at)
curses.wrapper(main)
"""


class _Safe:
    def fetch(self, name: str) -> str:
        return {"password": _SECRET}[name]


class _Person:
    """Uses a program as a step of a procedure does."""

    def __init__(self, surface: TerminalSurface) -> None:
        self.surface = surface

    @property
    def program(self) -> PtyProgram:
        assert isinstance(self.surface.terminal, PtyProgram)
        return self.surface.terminal

    async def look(self) -> Look:
        return await self.surface.settle()

    async def at(self, role: str, name: str) -> Located:
        found = await self.surface.locate(
            Fingerprint(role=role, name=name, label=name if "field" in role else ""), await self.look()
        )
        assert isinstance(found, Located), found
        return found

    async def click(self, role: str, name: str) -> None:
        await self.surface.perform(_CLICK, await self.at(role, name))

    async def type(self, label: str, text: str) -> None:
        await self.surface.perform(Gesture(verb=Verb.TYPE, text=text), await self.at("text field", label))

    async def press(self, *keys: str) -> None:
        await self.surface.perform(Gesture(verb=Verb.HOTKEY, keys=keys))


@asynccontextmanager
async def _using(
    argv: Sequence[str], term: str = "xterm-256color", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[_Person]:
    async with await PtyProgram.start(argv, term=term, size=size) as program:
        yield _Person(TerminalSurface(program, secrets=_Safe()))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the programs here write what was chosen."""
    return tmp_path / "chosen"


def _to(out: Path, *argv: str) -> list[str]:
    """Return the command whose standard error, where dialogs say what was chosen, goes to `out`."""
    return ["sh", "-c", 'out=$1; shift; exec "$@" 2> "$out"', "sh", str(out), *argv]


@pytest.mark.parametrize("term", ["xterm-256color", "vt100"])
async def test_a_list_and_a_button(term: str, out: Path, require: Callable[[str], Path]) -> None:
    menu = ["--title", "서비스", "--menu", "Pick one", "15", "60", "4", "a", "Start", "b", "Stop", "c", "다시 시작"]
    async with _using(_to(out, str(require("whiptail")), *menu), term) as person:
        await person.click("list item", "다시 시작")
        await person.click("button", "Ok")
        assert await person.program.wait(5) == 0
    assert out.read_text() == "c"


async def test_boxes_are_ticked_and_no_others(out: Path, require: Callable[[str], Path]) -> None:
    rows = ["a", "Alpha", "on", "b", "Beta", "off", "c", "Gamma", "off"]
    async with _using(
        _to(out, str(require("dialog")), "--checklist", "Which", "12", "50", "4", *rows), "vt100", (132, 43)
    ) as person:
        await person.click("check box", "Gamma")
        await person.click("check box", "Alpha")
        await person.click("button", "OK")
        assert await person.program.wait(5) == 0
    assert out.read_text() == "c"


async def test_a_form_is_filled_and_read_back(out: Path, require: Callable[[str], Path]) -> None:
    rows = ["Name:", "1", "1", "joe", "1", "12", "20", "0", "Port:", "2", "1", "", "2", "12", "20", "0"]
    async with _using(_to(out, str(require("dialog")), "--form", "Fill in", "14", "50", "4", *rows)) as person:
        await person.type("Port", "8080")
        await person.type("Name", "이 영희 & 'co'")
        name = await person.at("text field", "Name")
        assert await person.surface.read_back(name) == "이 영희 & 'co'"
        await person.click("button", "OK")
        assert await person.program.wait(5) == 0
    assert out.read_text() == "이 영희 & 'co'\n8080\n"


async def test_what_is_gone_or_behind_a_dialog_is_not_pressed(out: Path, require: Callable[[str], Path]) -> None:
    async with _using(_to(out, str(require("whiptail")), "--yesno", "Really delete?", "8", "40"), "vt100") as person:
        no = await person.at("button", "No")
        assert no.element is not None
        stranger = replace(no, element=replace(no.element, name="Never"))
        before = (await person.look()).digest
        with pytest.raises(ScreenError, match="not there"):
            await person.surface.perform(_CLICK, stranger)
        assert (await person.look()).digest == before
        assert person.program.exit_code is None


async def test_a_slow_program_gets_the_same_item() -> None:
    async with _using(
        [sys.executable, "-c", _CURSES, "0.12", "Status", "Stop all", "Report", "Stop one", "Quit"]
    ) as person:
        await person.click("menu item", "Stop one")
        assert await person.program.wait(5) == 103


async def test_keys_that_are_meant_for_an_item_go_to_that_item() -> None:
    async with _using([sys.executable, "-c", _CURSES, "0", "Status", "Report", "Quit"]) as person:
        await person.surface.perform(Gesture(verb=Verb.HOTKEY, keys=("enter",)), await person.at("menu item", "Report"))
        assert await person.program.wait(5) == 101


async def test_a_shell_that_asks(out: Path) -> None:
    async with _using(["bash", "-c", _MENU, "menu", "Show logs", "Delete all", str(out)]) as person:
        await person.click("menu item", "Delete all")
        await person.type("New name", "한글 name")
        await person.press("return")
        asked = await person.at("password field", "Password")
        with pytest.raises(Refused, match="asks for a secret"):
            await TerminalSurface(person.program).perform(Gesture(verb=Verb.TYPE, secret="password"), asked)
        await person.surface.perform(Gesture(verb=Verb.TYPE, secret="password"), asked)
        assert await person.surface.read_back(asked) is None
        await person.press("return")
        assert await person.program.wait(5) == 7
        with pytest.raises(SurfaceGone):
            await person.surface.look()
    assert out.read_text() == "2\n한글 name\n"


async def test_a_secret_goes_into_no_other_field(out: Path) -> None:
    async with _using(["bash", "-c", _MENU, "menu", "a", "b", str(out)]) as person:
        await person.click("menu item", "a")
        with pytest.raises(Refused):
            await person.surface.perform(
                Gesture(verb=Verb.TYPE, secret="password"), await person.at("text field", "New name")
            )
        assert _SECRET not in "\n".join((await person.program.cells()).lines)


async def test_where_lines_are_read_no_old_dialog_is_used(require: Callable[[str], Path]) -> None:
    script = f'{require("whiptail")} --yesno "First?" 8 40; read -p "Now what? " x'
    async with _using(["bash", "-c", script], "vt100") as person:
        await person.click("button", "No")
        usable = [one.name for one in (await person.look()).elements if "enabled" in one.states]
        assert usable == ["Now what"]


async def test_another_size_is_told_and_drawn(require: Callable[[str], Path]) -> None:
    async with _using([str(require("whiptail")), "--yesno", "Sure?", "8", "40"]) as person:
        await person.look()
        await person.program.resize(132, 43)
        assert (await person.look()).window.box.width == 132
        picture = await person.surface.picture()
        assert picture is not None
        assert picture.png.startswith(b"\x89PNG")
        part = await person.surface.picture((await person.at("button", "No")).box)
        assert part is not None
        assert len(part.png) < len(picture.png)


async def test_fields_of_secrets_are_black_in_pictures(require: Callable[[str], Path]) -> None:
    box = [str(require("whiptail")), "--passwordbox", "Password:", "8", "40"]
    async with _using(box) as person, _using(box) as other:
        await person.surface.perform(
            Gesture(verb=Verb.TYPE, secret="password"), await person.at("password field", "Password")
        )
        field = (await other.at("password field", "Password")).box
        seen, empty = await person.surface.picture(field), await other.surface.picture(field)
        assert seen is not None
        assert empty is not None
        assert seen.masked
        assert seen.png == empty.png


async def test_nothing_is_left_when_it_is_closed() -> None:
    program = await PtyProgram.start(["bash", "-c", "trap '' HUP; sleep 60 & wait; read x"])
    surface = TerminalSurface(program)
    await program.rest(quiet_s=0.1, timeout_s=2)
    left = psutil.Process(program.child).children()
    window = await surface.window()
    assert (window.program, window.uid) == ("bash", os.geteuid())
    await asyncio.wait_for(program.close(), 20)
    assert program.exit_code is not None
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in left)


async def _allowed(step: ScreenStep, at: Located | None, asked: Asked) -> Allowed:
    return Allowed()


async def _played(
    procedure: ScreenProcedure, argv: Sequence[str], values: dict[str, str], term: str = "xterm-256color"
) -> RunReport:
    async with TerminalScreens(term=term, secrets=_Safe()) as screens:
        return await replay(replace(procedure, start=tuple(argv)), screens, values, guard=_allowed, secrets=_Safe())


async def test_recorded_by_doing_and_played_on_another_order(out: Path) -> None:
    script = out.parent / "console.sh"
    script.write_text(_MENU)
    async with _using(["bash", str(script), "Show logs", "Delete all", str(out)]) as person:
        recorder = TerminalRecorder(person.surface)
        for typed in (b"1\r", b"jo\x7foe\r", b"hunter2\r"):
            await recorder.press(typed)
        await person.program.wait(5)
        recorded = (await recorder.finish()).procedure("logs")
    assert "hunter2" not in repr(recorded)
    assert [(one.name, one.example, one.secret) for one in recorded.procedure.parameters] == [
        ("new_name", "joe", False), ("password", "", True),
    ]  # fmt: skip
    procedure = replace(recorded.procedure, effects=(EffectCheck(exit_code=7),))
    report = await _played(
        procedure, ["bash", str(script), "Delete all", "Show logs", str(out)], {"new_name": "kim"}, "vt100"
    )
    assert (report.outcome, report.why) == (ScreenOutcome.VERIFIED, report.why)
    assert out.read_text() == "2\nkim\n"
    assert report.strip


def _elements(look: Look, role: str) -> list[Element]:
    return [one for one in look.elements if one.role == role]


async def test_what_is_highlighted_first_can_be_recorded(out: Path, require: Callable[[str], Path]) -> None:
    menu = _to(out, str(require("dialog")), "--menu", "Pick", "12", "40", "3", "a", "Alpha", "b", "Beta")
    async with _using(menu) as person:
        assert len(_elements(await person.look(), "list item")) == 2
        recorder = TerminalRecorder(person.surface)
        await recorder.press(b"\r")
        await person.program.wait(5)
        steps = (await recorder.finish()).procedure("pick").procedure.steps
    assert [(one.on.role, one.on.name) for one in steps if one.on] == [("list item", "Alpha"), ("button", "OK")]


async def _run(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(*argv)
    assert await process.wait() == 0


async def test_a_pane_of_a_persons_tmux(out: Path, require: Callable[[str], Path]) -> None:
    tmux = [str(require("tmux")), "-S", str(out.parent / "tmux.sock"), "-f", os.devnull]
    script = out.parent / "console.sh"
    script.write_text(_MENU)
    command = shlex.join(["bash", str(script), "Show logs", "다시 시작", str(out)])
    await _run(*tmux, "new-session", "-d", "-x", "90", "-y", "30", command)
    try:
        pane = TmuxPane("0:0.0", socket=str(out.parent / "tmux.sock"))
        await pane.open()
        surface = TerminalSurface(pane, secrets=_Safe())
        person = _Person(surface)
        await person.click("menu item", "다시 시작")
        await person.type("New name", "김 kim")
        await person.press("return")
        with pytest.raises(Refused, match="shared"):
            await surface.perform(
                Gesture(verb=Verb.TYPE, secret="password"), await person.at("password field", "Password")
            )
        assert (await surface.window()).program == "console.sh"
    finally:
        await _run(*tmux, "kill-server")
    assert out.read_text() == "2\n김 kim\n"
