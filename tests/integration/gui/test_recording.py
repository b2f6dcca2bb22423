"""A person at a real program is heard and seen; what they did becomes a procedure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import psutil
import pytest

from opsagent_tools.gui.accessible.offering import offers
from opsagent_tools.gui.display import Display
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Point, Verb, Window
from opsagent_tools.gui.port import NotUsable, Surface
from opsagent_tools.gui.recording import Recorder, SurfaceEyes
from opsagent_tools.gui.recording.eyes import Sight
from opsagent_tools.gui.x11.windows import Windows
from tests.support.screens import screen, screen_size  # noqa: F401 (fixtures)
from tests.support.waiting import until


class Watched(SurfaceEyes):
    """Eyes that remember where they have looked."""

    def __init__(self, windows: Windows, surfaces: Callable[[Window], AsyncIterator[Surface]]) -> None:
        super().__init__(windows, surfaces)  # type: ignore[arg-type]
        self.looked: list[Point] = []
        self.begun = self.ended = 0

    async def sight(self, point: Point) -> Sight:
        self.begun += 1
        sight = await super().sight(point)
        self.ended += 1
        self.looked.append(point)
        return sight


async def test_a_form_that_is_filled_in(screen: Display, require: Callable[[str], Path]) -> None:  # noqa: F811
    program = await screen.run([
        str(require("zenity")), "--forms", "--title=Export", "--text=report", "--add-entry=Month", "--add-entry=User name",
        "--add-password=Password",
    ])  # fmt: skip
    window = await screen.window(program="zenity")
    windows = Windows(screen.connection)
    surface = await offers(window, windows, screen.env, wait_s=10)
    assert surface is not None

    async def surfaces(_: Window) -> Sequence[Surface]:
        return [surface]

    told: list[str] = []
    eyes = Watched(windows, surfaces)  # type: ignore[arg-type]
    recorder = Recorder(screen.name, screen.env, eyes, told=told.append)
    hands = Hands(screen.name, screen.env, private=True)
    look = await surface.settle()

    def place(label: str) -> Point:
        return next(one for one in look.elements if label in (one.label, one.name) and one.role != "label").box.center

    async def click(at: Point) -> None:
        await hands.move(at)
        await until(lambda: at in eyes.looked, why="they have looked before it is pressed")
        await hands.click(at, on=window)

    async def type_text(text: str) -> None:
        before = eyes.begun
        await hands.type_text(text[0], on=window)
        await until(lambda: eyes.begun > before and eyes.begun == eyes.ended, why="nobody types as fast as a program")
        await hands.type_text(text[1:], on=window)

    await recorder.start()
    try:
        await click(place("Month"))
        await type_text("March")
        await hands.hotkey(["tab"], on=window)
        await type_text("bobby")
        await hands.hotkey(["backspace"], on=window)
        await click(place("Password"))
        await type_text("hunter2")
        await click(place("OK"))
        await until(lambda: not psutil.pid_exists(program.pid))
        await hands.hotkey(["ctrl", "alt", "end"])
        await recorder.finished()
    finally:
        recording = await recorder.stop()
        await hands.close()
        await surface.close()
    recorded = recording.procedure("export")
    made = recorded.procedure
    assert [(one.gesture.verb, one.on.said if one.on else "") for one in made.steps] == [
        (Verb.TYPE, "text field “Month”"),
        (Verb.TYPE, "text field “User name”"),
        (Verb.TYPE, "password field “Password”"),
        (Verb.CLICK, "button “OK”"),
    ]
    assert [(one.name, one.example, one.secret) for one in made.parameters] == [
        ("month", "March", False),
        ("user_name", "bobb", False),
        ("password", "", True),
    ]
    assert "hunter2" not in repr((recording, recorded, told))
    assert made.steps[-1].after is not None
    assert made.steps[-1].after.closed
    assert made.window.program == "zenity"
    assert not recorded.notes


async def test_a_display_that_cannot_be_heard(tmp_path: Path) -> None:
    eyes = SurfaceEyes(None, None)  # type: ignore[arg-type]  # never asked
    with pytest.raises(NotUsable):
        await Recorder(":987", {"XAUTHORITY": str(tmp_path / "none")}, eyes).start()
