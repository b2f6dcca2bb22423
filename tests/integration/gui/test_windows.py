"""Windows of a real program on a real display: known, found, raised, placed, closed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsagent_tools.gui.display import Display, Program
from opsagent_tools.gui.model import Box, Point, Window
from opsagent_tools.gui.port import Refused, ScreenError, SurfaceGone
from opsagent_tools.gui.rules import demand
from opsagent_tools.gui.x11.questions import ask_manager
from opsagent_tools.gui.x11.windows import Windows, number_of
from opsagent_tools.gui.x11.xlib import xlib
from tests.support.waiting import until

SCRIPT = """
wm title . "Main — 메인"
wm geometry . 300x200+40+40
toplevel .other -class Other
wm title .other "Second"
wm geometry .other 300x200+600+300
toplevel .tip
wm overrideredirect .tip 1
wm geometry .tip 80x20+900+20
wm protocol .other WM_DELETE_WINDOW {set asked 1}
"""


@pytest.fixture
async def console(screen: Display, require: Callable[[str], Path], tmp_path: Path) -> AsyncIterator[Program]:
    """A Tk program of two windows and a tip; the second one does not let itself be closed."""
    wish = require("wish")
    script = tmp_path / "console.tcl"
    script.write_text(SCRIPT)
    program = await screen.run([str(wish), str(script)])
    await screen.window(title="Second", pid=program.pid)
    await screen.window(title="Main", pid=program.pid)
    yield program
    await program.end()


async def test_a_window_is_whose_the_server_and_the_kernel_say_it_is(screen: Display, console: Program) -> None:
    window = await screen.window(title="Main")
    assert (window.pid, window.uid, window.program) == (console.pid, os.geteuid(), "console.tcl")
    assert Path(window.exe).name.startswith("wish")
    assert (window.title, window.box.width, window.box.height) == ("Main — 메인", 300, 200)
    assert (await screen.window(wm_class="Other")).title == "Second"
    demand(window, screen, ["console.tcl"])
    with pytest.raises(Refused, match="not among the programs"):
        demand(window, screen, ["galculator"])
    with pytest.raises(Refused, match="another program by now"):
        demand(replace(window, pid=os.getpid()), screen, ["console.tcl"])


async def test_what_is_at_a_point_is_the_topmost_there(screen: Display, console: Program) -> None:
    desk = screen.desktop
    main, second = await screen.window(title="Main"), await screen.window(title="Second")
    second = await desk.place(second, Box(main.box.left + 100, main.box.top + 50, 300, 200))
    await desk.raise_(second)
    shared = main.box.meets(second.box)
    await until(lambda: _is_at(desk, shared.center, second))
    assert await _is_at(desk, Point(main.box.left + 5, main.box.top + 5), main)
    on_frame = await desk.at(Point(second.box.center.x, second.box.top - 5))
    assert on_frame is not None
    assert (on_frame.id != second.id, on_frame.pid != console.pid) == (True, True)
    assert await desk.at(Point(1270, 790)) is None
    await desk.raise_(main)
    await until(lambda: _is_at(desk, shared.center, main))
    await until(lambda: _has_keys(desk, main))
    await desk.place(second, Box(600, 300, 300, 200))


async def _is_at(desk: Windows, point: Point, window: Window) -> bool:
    found = await desk.at(point)
    return found is not None and found.id == window.id


async def _has_keys(desk: Windows, window: Window) -> bool:
    found = await desk.focused()
    return found is not None and found.id == window.id


async def test_popups_are_told_apart_from_windows(screen: Display, console: Program) -> None:
    (tip,) = await screen.desktop.popups(console.pid)
    assert (tip.popup, tip.box) == (True, Box(900, 20, 80, 20))
    assert tip.id not in {window.id for window in await screen.windows()}
    assert await screen.desktop.at(tip.box.center) == tip


async def test_a_window_that_asks_back_is_not_gone_and_one_that_closes_is(screen: Display, console: Program) -> None:
    desk = screen.desktop
    second, main = await screen.window(title="Second"), await screen.window(title="Main")
    assert not await desk.close(second, timeout_s=0.1)
    assert await desk.close(main)
    with pytest.raises(SurfaceGone, match=r"“Main — 메인” of console.tcl is gone"):
        await desk.now(main)
    with pytest.raises(SurfaceGone):
        await desk.raise_(main)
    assert await console.wait(20) == 0  # Tk ends with its main window


async def test_a_window_that_its_program_takes_away_is_gone_though_it_is_not_destroyed(
    screen: Display, console: Program
) -> None:
    second = await screen.window(title="Second")
    await screen.connection.ask(lambda server: server.create_resource_object("window", number_of(second)).unmap())

    async def gone() -> bool:
        try:
            await screen.desktop.now(second)
        except SurfaceGone:
            return True
        return False

    await until(gone)
    assert console.exit_code is None


async def test_a_window_waits_for_its_dialog(screen: Display, console: Program) -> None:
    main, second = await screen.window(title="Main"), await screen.window(title="Second")
    assert not second.modal
    await screen.connection.ask(lambda server: _make_modal(server, number_of(second), number_of(main)))
    await until(lambda: _is_modal(screen, second))
    await screen.desktop.raise_(second)
    with pytest.raises(Refused, match=r"“Main — 메인” of console.tcl waits for its dialog “Second”"):
        await screen.desktop.raise_(main, timeout_s=0.1)


async def _is_modal(screen: Display, window: Window) -> bool:
    return (await screen.desktop.now(window)).modal


def _make_modal(server: Any, dialog: int, parent: int) -> None:
    handle = server.create_resource_object("window", dialog)
    handle.change_property(server.get_atom("WM_TRANSIENT_FOR"), xlib().Xatom.WINDOW, 32, [parent])
    add, modal = 1, server.get_atom("_NET_WM_STATE_MODAL")
    ask_manager(server, dialog, "_NET_WM_STATE", (add, modal, 0, 2))


async def test_a_window_that_does_not_come_is_waited_for_so_long(screen: Display) -> None:
    with pytest.raises(ScreenError, match=r"no window of nobody, “Another” came within 0.01 s"):
        await screen.window(program="nobody", title="Another", timeout_s=0.01)
