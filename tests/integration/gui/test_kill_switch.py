"""A person stops us at the screen: with the pointer in the corner, with keys, and by an X server that is blind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psutil
import pytest

from opsagent_tools.gui.display import Display
from opsagent_tools.gui.kill_switch import Stopped, kill_switch
from opsagent_tools.gui.model import Box
from opsagent_tools.gui.port import NotUsable
from opsagent_tools.gui.x11.monitors import Monitor
from opsagent_tools.gui.x11.xlib import xlib
from tests.support.waiting import until

Press = Callable[..., None]


@pytest.fixture
def press(screen: Display) -> Iterator[Press]:
    """Keys that a person holds; let go of when the test is done."""
    held: list[int] = []

    def fake(server: Any, kind: str, code: int, x: int = 0, y: int = 0) -> None:
        xlib().ext.xtest.fake_input(server, getattr(xlib().X, kind), code, x=x, y=y)
        server.sync()

    def down(server: Any, names: tuple[str, ...]) -> None:
        for name in names:
            held.append(server.keysym_to_keycode(xlib().XK.string_to_keysym(name)))
            fake(server, "KeyPress", held[-1])

    yield lambda *names: screen.connection.ask_now(lambda server: down(server, names))
    for code in held:
        screen.connection.ask_now(partial(fake, kind="KeyRelease", code=code))


def _move(screen: Display, x: int, y: int) -> None:
    screen.connection.ask_now(lambda server: (server.screen().root.warp_pointer(x, y), server.sync()))


async def test_the_chord_stops_us_also_while_something_is_typed(screen: Display, press: Press) -> None:
    with kill_switch(screen) as switch:
        press("Shift_L", "a")  # what we type
        press("Control_R", "Alt_L")
        switch.check()
        press("Escape")
        assert "ctrl+alt+escape" in await asyncio.wait_for(switch.tripped(), 20)
        with pytest.raises(Stopped, match="stopped by a person"):
            switch.check()


async def test_the_pointer_in_the_corner_stops_us(screen: Display) -> None:
    try:
        with kill_switch(screen) as switch:
            for x, y in ((0, 400), (640, 0), (5, 5)):
                _move(screen, x, y)
            assert switch.why is None
            _move(screen, 1, 1)
            await until(lambda: switch.why)
            assert "corner" in str(switch.why)
            _move(screen, 600, 400)
            assert "corner" in str(switch.why)  # it stays so
    finally:
        _move(screen, 640, 400)


async def test_a_screen_that_cannot_be_watched_stops_us(screen: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsagent_tools.gui.kill_switch._ANSWER_S", 0.1)
    (server,) = (one for one in psutil.Process(screen.keeper_pid).children() if one.name() == "Xvfb")
    with kill_switch(screen) as switch:
        server.suspend()
        try:
            assert "cannot be watched" in await asyncio.wait_for(switch.tripped(), 20)
        finally:
            server.resume()


def test_a_chord_is_of_keys_that_are_known(screen: Display) -> None:
    with pytest.raises(ValueError, match="hyper"), kill_switch(screen, ("hyper",)):
        pass


async def test_where_a_person_would_not_be_seen_nothing_is_done(
    screen: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    wayland = (Monitor("XWAYLAND0", Box(0, 0, 1280, 800)),)  # as it calls them
    monkeypatch.setattr("opsagent_tools.gui.kill_switch.monitors", lambda server: wayland)
    with pytest.raises(NotUsable, match="Wayland desktop"), kill_switch(screen):
        pass
