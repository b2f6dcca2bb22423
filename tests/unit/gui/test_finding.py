"""Where a step is done is looked for without waiting twice, and what was waited for the program is told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from opsagent_tools.gui import finding
from opsagent_tools.gui.fake import Control, FakeProgram, FakeScreens, FakeSurface, FakeWindow
from opsagent_tools.gui.finding import Finder, Found
from opsagent_tools.gui.model import Box, Fingerprint, Gesture, Look, Verb, Window
from opsagent_tools.gui.procedure import ScreenStep, WindowRule

RULE = WindowRule(program="form")
SAVE = ScreenStep(gesture=Gesture(verb=Verb.CLICK), on=Fingerprint(role="button", name="Save"))
SETTLES_S, READS_S = 0.05, 0.02


class Slow(FakeSurface):
    """Settles in some time, the last part of which it reads."""

    settled = 0

    async def settle(self, *, timeout_s: float = 5.0, quiet_s: float = 0.3) -> Look:
        self.settled += 1
        await asyncio.sleep(SETTLES_S)
        look = await super().settle(timeout_s=timeout_s, quiet_s=quiet_s)
        return replace(look, at=look.at - timedelta(seconds=READS_S))


class Screens(FakeScreens):
    """One window, seen in one way."""

    def __init__(self, program: FakeProgram) -> None:
        super().__init__(program)
        self.surface = Slow(program)

    async def surfaces(self, window: Window) -> Sequence[Slow]:
        return [self.surface]


@pytest.fixture
def screens() -> Screens:
    told = Control("told", "label", "A form", box=Box(10, 20, 80, 20))
    save = Control("save", "button", "Save", box=Box(10, 200, 80, 28))
    return Screens(FakeProgram([FakeWindow("Form", [told, save])]))


async def test_what_looks_as_when_it_was_still_is_not_waited_for_again(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "_FRESH_S", 0.0)
    finder = Finder(screens)
    assert isinstance(await finder.find(SAVE, RULE), Found)
    assert isinstance(await finder.find(SAVE, RULE), Found)
    assert screens.surface.settled == 1
    screens.programs[0].control("save").box = Box(10, 240, 80, 28)
    moved = await finder.find(SAVE, RULE)
    assert isinstance(moved, Found)
    assert moved.at is not None
    assert moved.at.point.y == 254
    assert screens.surface.settled == 2


async def test_waiting_for_the_program_is_told_apart_from_reading_it(screens: Screens) -> None:
    finder = Finder(screens)
    await finder.find(SAVE, RULE)
    assert finder.waited() >= SETTLES_S - READS_S - 0.001
    assert finder.waited() == 0.0, "it is told once"


async def test_the_time_until_a_target_comes_is_waiting(screens: Screens) -> None:
    save = screens.programs[0].windows[0].controls.pop()
    screens.programs[0].later(6, lambda now: now.windows[0].controls.append(save))
    finder = Finder(screens)
    assert isinstance(await finder.find(SAVE, RULE), Found)
    assert finder.waited() >= SETTLES_S + finding._AGAIN_S
