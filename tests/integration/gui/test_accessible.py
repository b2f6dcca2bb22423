"""Windows that tell what they show, with real programs of GTK; judged by what the programs say and do."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsagent_tools.gui.accessible.bus import Ask, Bus, Failed, Ref, Silent
from opsagent_tools.gui.accessible.offering import offers
from opsagent_tools.gui.accessible.surface import AccessibleSurface
from opsagent_tools.gui.display import Display, Program
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Element, Gesture, Located, Look, Rung, Verb, Window
from opsagent_tools.gui.port import ScreenError, SurfaceGone
from tests.support.screens import screen, screen_size  # noqa: F401 (fixtures)

FORM = (
    *("--forms", "--text=Person", "--add-entry=First name", "--add-entry=Surname", "--add-password=Password"),
    *("--add-combo=Town", "--combo-values=Rome|Oslo|Bern"),
)
SECRET = "s3cr3t<ü>"


class Secrets:
    def fetch(self, name: str) -> str:
        return {"database": SECRET}[name]


@pytest.fixture
async def hands(screen: Display) -> AsyncIterator[Hands]:  # noqa: F811
    found = Hands(screen.name, screen.env, private=True)
    yield found
    await found.close()


@asynccontextmanager
async def opened(
    display: Display, hands: Hands | None, argv: list[str], output: Path | None = None
) -> AsyncIterator[tuple[AccessibleSurface, Window, Program]]:
    program = await display.run(argv, output=output)
    surface = None
    try:
        window = await display.window(pid=program.pid)
        surface = await offers(window, display.desktop, display.env, hands=hands, secrets=Secrets(), wait_s=10.0)
        assert surface is not None
        yield surface, window, program
    finally:
        if surface is not None:
            await surface.close()
        program.end_now()


def the(look: Look, role: str, name: str = "", label: str = "") -> Element:
    (found,) = [
        one for one in look.elements if one.role == role and name in ("", one.name) and label in ("", one.label)
    ]
    return found


def at(element: Element) -> Located:
    return Located(
        point=element.box.center, box=element.box, rung=Rung.STRUCTURE, element=element, score=1.0, margin=1.0
    )


async def test_a_form_is_filled_in_and_says_exactly_that(
    screen: Display,  # noqa: F811
    hands: Hands,
    require: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    output = tmp_path / "said"
    async with opened(screen, hands, [str(require("zenity")), *FORM], output) as (surface, _, program):
        look = await surface.settle(quiet_s=0.1)
        fields = {(one.role, one.label) for one in look.elements if one.label}
        assert fields >= {("text field", "First name"), ("password field", "Password"), ("combo box", "Town")}
        first = the(look, "text field", label="First name")
        await surface.perform(Gesture(verb=Verb.TYPE, text="old"), at(first))
        await surface.perform(Gesture(verb=Verb.TYPE, text="Jörg <&> 안녕"), at(first))
        with pytest.raises(ScreenError, match="does not hide what is typed"):
            await surface.perform(Gesture(verb=Verb.TYPE, secret="database"), at(first))
        assert await surface.read_back(at(first)) == "Jörg <&> 안녕"
        secret = the(look, "password field")
        await surface.perform(Gesture(verb=Verb.TYPE, secret="database"), at(secret))
        assert await surface.read_back(at(secret)) is None
        assert SECRET not in repr(await surface.look())
        await surface.perform(Gesture(verb=Verb.CLICK), at(the(look, "combo box", label="Town")))
        look = await surface.settle(quiet_s=0.1)
        await surface.perform(Gesture(verb=Verb.CLICK), at(the(look, "menu item", "Oslo")))
        look = await surface.settle(quiet_s=0.1)
        assert the(look, "combo box", label="Town").value == "Oslo"
        await surface.perform(Gesture(verb=Verb.CLICK), at(the(look, "button", "OK")))
        assert await program.wait(10.0) == 0
        with pytest.raises(SurfaceGone):
            await surface.look()
    assert output.read_text().strip() == f"Jörg <&> 안녕||{SECRET}|Oslo"


async def test_nothing_is_pressed_that_changed_was_disabled_or_hangs(
    screen: Display,  # noqa: F811
    hands: Hands,
    require: Callable[[str], Path],
) -> None:
    async with opened(screen, hands, [str(require("galculator"))]) as (surface, _, program):
        look = await surface.settle(quiet_s=0.1)
        disabled, seven = the(look, "button", "MR"), the(look, "button", "7")
        assert "enabled" not in disabled.states
        with pytest.raises(ScreenError, match="is disabled"):
            await surface.perform(Gesture(verb=Verb.CLICK), at(disabled))
        with pytest.raises(ScreenError, match="cannot be written into"):
            await surface.perform(Gesture(verb=Verb.TYPE, text="8"), at(seven))
        os.kill(program.pid, signal.SIGSTOP)
        with pytest.raises(Silent):
            await asyncio.wait_for(surface.perform(Gesture(verb=Verb.CLICK), at(seven)), 4.0)
        os.kill(program.pid, signal.SIGCONT)
        look = await surface.settle(quiet_s=0.1)
        assert the(look, "text area").value == "0"
        await surface.perform(Gesture(verb=Verb.CLICK), at(seven))
        assert the(await surface.settle(quiet_s=0.1), "text area").value == "7"


async def test_a_big_table_is_read_where_it_is_seen_and_no_more(
    screen: Display,  # noqa: F811
    hands: Hands,
    require: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    rows = tmp_path / "rows"
    rows.write_text("".join(f"job{number}\nidle\n" for number in range(2000)))
    table = [str(require("zenity")), "--list", "--height=400", "--column=Job", "--column=State"]
    argv = ["sh", "-c", 'exec "$@" < "$0"', str(rows), *table]
    async with opened(screen, hands, argv) as (surface, _, _program):
        look = await surface.settle(quiet_s=0.1)
        seen = [one.name for one in look.elements if one.role == "row"]
        assert seen[:3] == ["job0", "job1", "job2"]
        assert len(seen) < 40
        third = the(look, "row", "job2")
        await surface.perform(Gesture(verb=Verb.CLICK), at(third))
        look = await surface.settle(quiet_s=0.1)
        assert [one.name for one in look.elements if one.role == "row" and "selected" in one.states] == ["job2"]
        await surface.perform(Gesture(verb=Verb.SCROLL, amount=10), at(third))
        look = await surface.settle(quiet_s=0.1)
        assert "job2" not in [one.name for one in look.elements if "visible" in one.states]


async def test_a_program_that_tells_nothing_has_no_surface(
    screen: Display,  # noqa: F811
    require: Callable[[str], Path],
) -> None:
    program = await screen.run([str(require("xterm"))])
    try:
        window = await screen.window(pid=program.pid)
        assert await offers(window, screen.desktop, screen.env) is None
    finally:
        program.end_now()


async def test_the_bus_answers_more_questions_than_its_socket_holds(screen: Display) -> None:  # noqa: F811
    """dbus-fast hangs up where the socket's buffer is full: so many may not be under way at once."""
    bus = await Bus.open(screen.env)
    registry = Ref("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
    asks = [Ask(registry, "org.a11y.atspi.Accessible", "GetRole"), Ask(registry, "no.such.Interface", "GetRole")]
    answers = await bus.ask(asks * 1000, within_s=10.0)
    await bus.close()
    assert len({str(answer) for answer in answers}) == 2
    assert sum(isinstance(answer, Failed) for answer in answers) == 1000
    with pytest.raises(ScreenError, match="gone"):
        await bus.ask(asks)
