"""A program that tells nothing of itself, seen as a picture and used for real; judged by what the program says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from opsagent_tools.gui.display import Display, Program
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import (
    Element,
    Fingerprint,
    Gesture,
    Located,
    Look,
    NotLocated,
    Rung,
    SurfaceKind,
    Verb,
    Window,
)
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.pixels.offering import offers
from opsagent_tools.gui.pixels.surface import Means, PixelSurface
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.x11.windows import Windows
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
_WITH_A_DEAD_FIELD = """
package require Tk
wm geometry . 420x120+100+100
label .l1 -text Host:; entry .e1; label .l2 -text Port:
entry .e2 -state disabled -disabledbackground white
grid .l1 .e1; grid .l2 .e2
"""
_CONSOLE = Path(__file__).parents[2] / "support" / "console.tcl"
_CLICK = Gesture(verb=Verb.CLICK)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hands(screen: Display) -> AsyncIterator[Hands]:
    found = Hands(screen.name, screen.env, private=True)
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eyes(screen: Display) -> AsyncIterator[Eyes]:
    found = Eyes(screen.env)
    yield found
    await found.close()


class Console:
    """The program, and what it said was done to it."""

    def __init__(self, screen: Display, eyes: Eyes, hands: Hands, said: Path, wish: str) -> None:
        self._screen, self._eyes, self._hands, self._said, self._wish = screen, eyes, hands, said, wish
        self.desktop = Windows(screen.connection)
        self.program: Program | None = None

    async def opened(self, scale: str = "1", colours: str = "") -> PixelSurface:
        self.program = await self._screen.run([self._wish, str(_CONSOLE), str(self._said), scale, colours])
        window = await self._screen.window(pid=self.program.pid)
        surface = await offers(window, self.desktop, self._eyes, Means(hands=self._hands))
        assert surface is not None
        return surface

    async def said(self, *words: str) -> None:
        """Wait until the program said so last."""

        async def so() -> bool:
            return self._said.exists() and self._said.read_text().splitlines()[-1].split("\t") == list(words)

        await until(so, 5.0, f"{words} was not done")

    @property
    def heard(self) -> list[str]:
        return self._said.read_text().splitlines() if self._said.exists() else []


@pytest_asyncio.fixture(loop_scope="module")
async def console(
    screen: Display, eyes: Eyes, hands: Hands, tmp_path: Path, require: Callable[[str], Path]
) -> AsyncIterator[Console]:
    made = Console(screen, eyes, hands, tmp_path / "said", str(require("wish")))
    yield made
    if made.program is not None:
        await made.program.end()


def named(look: Look, name: str) -> Element:
    """Return the one element of that name or label."""
    found = [one for one in look.elements if name in {one.name, one.label} and (one.role != "text" or not one.label)]
    controls = [one for one in found if one.role != "text"] or found
    assert len(controls) == 1, (name, found)
    return controls[0]


async def place(surface: PixelSurface, look: Look, fingerprint: Fingerprint) -> Located:
    found = await surface.locate(fingerprint, look)
    assert isinstance(found, Located), found
    return found


async def test_a_form_is_filled_in_by_its_labels_and_only_what_changed_is_read_again(
    console: Console, eyes: Eyes
) -> None:
    surface = await console.opened()
    look = await surface.settle(quiet_s=0.1)
    area = look.window.box.width * look.window.box.height
    searched, read = eyes.pixels_searched, eyes.lines_read
    assert (await surface.look()).digest == look.digest
    assert (eyes.pixels_searched, eyes.lines_read) == (searched, read), "the same picture was read twice"
    for label, text in (("Host", "db-7.example.org"), ("Port", "5433"), ("Owner", "ops & co")):
        at = await place(surface, look, Fingerprint(role="text field", label=label))
        await surface.perform(Gesture(verb=Verb.TYPE, text=text), at)
        look = await surface.settle(quiet_s=0.1)
        assert await surface.read_back(at) == text
    assert eyes.pixels_searched - searched < 2 * area, "more than what changed was searched"
    await surface.perform(_CLICK, await place(surface, look, Fingerprint(role="button", name="Apply now")))
    await console.said("apply", "db-7.example.org", "5433", "ops & co")


@pytest.mark.parametrize(("scale", "colours"), [("1.4", "dark")])
async def test_larger_and_dark_it_is_the_same_form(console: Console, scale: str, colours: str) -> None:
    surface = await console.opened(scale, colours)
    look = await surface.settle(quiet_s=0.1)
    roles = {name: named(look, name).role for name in ("Host", "Port", "Use TLS", "Keep alive", "Apply now", "Cancel")}
    assert roles == {
        "Host": "text field", "Port": "text field", "Use TLS": "check box", "Keep alive": "check box",
        "Apply now": "button", "Cancel": "button",
    }  # fmt: skip
    assert named(look, "Owner").value == "nobody"
    password = named(look, "Password")
    assert (password.role, password.value, "secret" in password.states) == ("password field", None, True)
    await surface.perform(_CLICK, await place(surface, look, Fingerprint(role="check box", name="Use TLS")))
    await console.said("tls", "1")


async def test_marks_tell_their_state_and_menus_are_a_part_of_the_window(console: Console, eyes: Eyes) -> None:
    surface = await console.opened()
    look = await surface.settle(quiet_s=0.1)
    assert (named(look, "Keep alive").value, named(look, "Use TLS").value) == ("on", "off")
    await surface.perform(_CLICK, await place(surface, look, Fingerprint(role="menu", name="File")))
    opened = await surface.settle(quiet_s=0.1)
    assert named(opened, "Save as").role == "menu item"
    await surface.perform(_CLICK, await place(surface, opened, Fingerprint(role="menu item", name="Save as")))
    await console.said("menu", "Save as")
    closed = await surface.settle(quiet_s=0.1)
    assert isinstance(await surface.locate(Fingerprint(role="menu item", name="Save as"), closed), NotLocated)
    assert {one.name for one in look.elements} == {one.name for one in closed.elements}


async def test_nothing_is_pressed_where_a_menu_was_closed_meanwhile_or_opened_over_it(
    console: Console, hands: Hands
) -> None:
    surface = await console.opened()
    look = await surface.settle(quiet_s=0.1)
    await surface.perform(_CLICK, await place(surface, look, Fingerprint(role="menu", name="File")))
    opened = await surface.settle(quiet_s=0.1)
    entry = await place(surface, opened, Fingerprint(role="menu item", name="Save as"))
    below = [one for one in look.elements if one.box.holds(entry.point) and one.source is SurfaceKind.PIXEL]
    await hands.hotkey(("escape",), on=opened.window)
    await _popups(surface, 0)
    with pytest.raises(ScreenError, match="closed"):
        await surface.perform(_CLICK, entry)
    await surface.perform(
        _CLICK, await place(surface, await surface.settle(quiet_s=0.1), Fingerprint(role="menu", name="File"))
    )
    await _popups(surface, 1)
    for one in below:
        covered = Located(point=entry.point, box=one.box, rung=Rung.TEXT, element=one, score=1.0, margin=1.0)
        with pytest.raises(ScreenError, match="lies over"):
            await surface.perform(_CLICK, covered)
    assert console.heard == []


async def test_what_looks_otherwise_by_now_or_is_covered_is_not_used(
    console: Console, eyes: Eyes, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsagent_tools.gui.pixels.gestures._BLINK_S", 0.1)
    surface = await console.opened()
    look = await surface.settle(quiet_s=0.1)
    at = await place(surface, look, Fingerprint(role="text field", label="Owner"))
    await hands.click(at.point, on=look.window)
    await hands.type_text("x", on=look.window)

    async def drawn() -> bool:
        return not await eyes.same(look.window.id, at.box)

    await until(drawn, 5.0, "what was typed was not drawn")
    with pytest.raises(ScreenError, match="does not look as it did"):
        await surface.perform(_CLICK, at)
    label = await place(surface, look, Fingerprint(role="text", name="Owner"))
    with pytest.raises(ScreenError, match="does not look like a field"):
        await surface.perform(Gesture(verb=Verb.TYPE, text="y"), label)
    assert console.heard == []
    cover = Window(id="x11:0x1", pid=1, exe="", program="cover", uid=0, box=at.box.grown(9))
    surface._desktop = _Covered(console.desktop, cover)
    covered = await surface.look()
    assert isinstance(await surface.locate(Fingerprint(role="text field", label="Owner"), covered), NotLocated)


async def test_nothing_is_typed_where_a_field_does_not_take_the_keys(
    screen: Display, eyes: Eyes, hands: Hands, tmp_path: Path, require: Callable[[str], Path]
) -> None:
    form = tmp_path / "form.tcl"
    form.write_text(_WITH_A_DEAD_FIELD)
    program = await screen.run([str(require("wish")), str(form)])
    window = await screen.window(pid=program.pid)
    surface = await offers(window, Windows(screen.connection), eyes, Means(hands=hands))
    assert surface is not None
    look = await surface.settle(quiet_s=0.1)
    host, port = [await place(surface, look, Fingerprint(role="text field", label=one)) for one in ("Host", "Port")]
    await surface.perform(Gesture(verb=Verb.TYPE, text="db1.example.org"), host)
    await surface.settle(quiet_s=0.1)
    with pytest.raises(ScreenError, match="nothing was typed"):
        await surface.perform(Gesture(verb=Verb.TYPE, text="5432"), port)
    assert await surface.read_back(host) == "db1.example.org"
    await program.end()


async def test_secrets_are_black_in_pictures(console: Console, eyes: Eyes, hands: Hands) -> None:
    surface = await console.opened()
    look = await surface.settle(quiet_s=0.1)
    at = await place(surface, look, Fingerprint(role="password field", label="Password"))
    assert await surface.read_back(at) is None
    picture = await surface.picture(at.box)
    assert picture is not None
    assert picture.masked
    assert picture.png == (await eyes.picture(at.box, [at.box])).png  # type: ignore[union-attr]
    assert picture.png != (await eyes.picture(at.box)).png  # type: ignore[union-attr]


async def _popups(surface: PixelSurface, count: int) -> None:
    """Wait until so many menus are open."""

    async def so() -> bool:
        return len(await surface._desktop.popups()) == count

    await until(so, 5.0, f"{count} menus are not open")


class _Covered:
    """The windows of a display, and one more that lies before all."""

    def __init__(self, desktop: Windows, cover: Window) -> None:
        self._desktop, self._cover = desktop, cover

    async def list(self) -> tuple[Window, ...]:
        return (*await self._desktop.list(), self._cover)

    async def popups(self, pid: int | None = None) -> tuple[Window, ...]:
        return await self._desktop.popups(pid)

    async def now(self, window: Window) -> Window:
        return await self._desktop.now(window)

    async def raise_(self, window: Window, timeout_s: float = 3.0) -> Window:
        return await self._desktop.raise_(window, timeout_s)
