"""Pointer and keys on a real display, judged by what real programs say arrived."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from opsagent_tools.gui.display import Display
from opsagent_tools.gui.hands import Hands, How, Unfinished
from opsagent_tools.gui.model import Point, Window
from opsagent_tools.gui.port import Refused, ScreenError, SurfaceGone
from opsagent_tools.gui.x11.windows import Windows
from opsagent_tools.gui.x11.xlib import xlib
from tests.support import tk_form
from tests.support.screens import screen, screen_size  # noqa: F401 (fixtures)
from tests.support.typed_texts import ASCII, TEXTS
from tests.support.waiting import eventually, until

pytest.importorskip("tkinter", reason="needs tkinter: apt-get install python3-tk")


class Form:
    """The program that says what is done to it: since the test began."""

    def __init__(self, file: Path, window: Window, display: Display) -> None:
        self._file, self.window, self.display = file, window, display
        self._before = 0
        self.places = {name: Point(*at) for name, at in eventually(lambda: self.said("places", ever=True))[0].items()}
        self._before = len(self._lines())

    def said(self, what: str, *, ever: bool = False) -> list[Any]:
        lines = self._lines()
        return [value for name, value in (lines if ever else lines[self._before :]) if name == what]

    def _lines(self) -> list[tuple[str, Any]]:
        whole, _, _ = (self._file.read_text("utf-8") if self._file.exists() else "").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]


@pytest.fixture
async def hands(screen: Display) -> AsyncIterator[Hands]:  # noqa: F811
    found = Hands(screen.name, screen.env, private=True)
    yield found
    await found.close()


@pytest.fixture(scope="module")
def running(screen: Display, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:  # noqa: F811
    said = tmp_path_factory.mktemp("form") / "said"
    program = screen.run_now([sys.executable, tk_form.__file__, str(said)])
    yield program.pid, said
    program.end_now()


@pytest.fixture
async def form(screen: Display, hands: Hands, running: tuple[int, Path]) -> Form:  # noqa: F811
    pid, said = running
    window = await screen.window(pid=pid, title="form")
    windows = Windows(screen.connection)

    async def has_the_keys() -> bool:
        focused = await windows.focused()
        return focused is not None and focused.pid == pid

    await until(has_the_keys)
    form = Form(said, window, screen)
    await hands.hotkey(["f12"])
    await until(lambda: form.said("afresh"))
    await until_focused(screen, window)
    return Form(said, window, screen)


def use_layout(display: Display, layout: str) -> None:
    subprocess.run(["setxkbmap", layout], env=display.env, check=True)


async def test_texts_arrive_exactly_in_a_field(hands: Hands, form: Form) -> None:
    use_layout(form.display, "us")
    how = []
    for text in TEXTS:
        how.append(await hands.type_text(text, on=form.window))
        await hands.hotkey(["return"], on=form.window)
    assert await until(lambda: len(said := form.said("field")) == len(TEXTS) and said) == list(TEXTS)
    assert how[0] is How.TYPED, "all signs of ASCII are on this keyboard"
    assert how[10] is How.PASTED


async def test_keys_of_another_layout_are_found(hands: Hands, form: Form) -> None:
    use_layout(form.display, "de")
    texts = [TEXTS[6], "y/z <|>@{[]}\\~ + # ' * €", TEXTS[10], ASCII]
    how = []
    for text in texts:
        how.append(await hands.type_text(text, on=form.window))
        await hands.hotkey(["return"], on=form.window)
    assert await until(lambda: len(said := form.said("field")) == len(texts) and said) == texts
    assert how == [How.TYPED, How.TYPED, How.PASTED, How.PASTED], "^ and ` are dead keys there"
    use_layout(form.display, "us")


async def test_a_terminal_gets_what_is_pasted_its_own_way(
    screen: Display,  # noqa: F811
    hands: Hands,
    tmp_path: Path,
    require: Callable[[str], Path],
) -> None:
    got = tmp_path / "got"
    program = await screen.run(
        [str(require("xterm")), "-u8", "-e", "sh", "-c", f"stty raw -echo; exec cat > {got}"], env={"LC_ALL": "C.UTF-8"}
    )
    window = await screen.window(wm_class="XTerm")
    await until(got.exists)
    for text in (ASCII, TEXTS[5], TEXTS[11], TEXTS[15]):
        await hands.type_text(text, on=window)
    expected = "".join((ASCII, TEXTS[5], TEXTS[11], TEXTS[15]))
    assert (
        await until(lambda: len(got.read_bytes()) >= len(expected.encode()) and got.read_bytes()) == expected.encode()
    )
    await program.end()


async def test_pointer(hands: Hands, form: Form) -> None:
    at, on = form.places["sheet"], form.window
    beside = Point(at.x + 60, at.y + 20)
    await hands.click(at, on=on)
    assert await until(lambda: form.said("click")) == [[at.x, at.y]]
    await hands.double(beside, on=on)
    assert await until(lambda: form.said("double")) == [[beside.x, beside.y]]
    await hands.right(at, on=on)
    assert await until(lambda: form.said("right")) == [[at.x, at.y]]
    await hands.drag(at, beside, on=on)
    assert await until(lambda: form.said("released")[-1:] == [[beside.x, beside.y]])
    await hands.scroll(at, 3, on=on)
    await hands.scroll(at, -1, on=on)
    assert await until(lambda: len(form.said("down")) == 3 and form.said("up"))
    await hands.hotkey(["ctrl", "s"], on=on)
    await hands.hotkey(["f5"], on=on)
    await until(lambda: form.said("ctrl+s") and form.said("f5"))


async def test_nothing_is_done_to_a_window_that_is_not_meant(hands: Hands, form: Form) -> None:
    at, on = form.places["sheet"], form.window
    await hands.click(form.places["open"], on=on)
    dialog = await form.display.window(title="dialog")
    await until_focused(form.display, dialog)
    before = form.said("click")
    with pytest.raises(Refused, match="another window"):
        await hands.click(at, on=on)
    with pytest.raises(Refused, match="focus"):
        await hands.type_text("x", on=on)
    with pytest.raises(Refused, match="focus"):
        await hands.type_text("한", on=on)
    with pytest.raises(Refused):
        await hands.drag(at, Point(at.x + 30, at.y), on=on)
    assert form.said("click") == before
    await hands.click(at, on=dialog)
    gone = Window(**{**_fields(on), "id": "x11:0x7ffffff"})
    with pytest.raises(SurfaceGone):
        await hands.click(at, on=gone)
    with pytest.raises(Refused, match="screen"):
        await hands.click(Point(9000, 10))
    with pytest.raises(Refused, match="no key"):
        await hands.hotkey(["ctrl", "hyperspace"])


async def test_a_person_who_takes_the_keyboard_stops_a_text(screen: Display, hands: Hands, form: Form) -> None:  # noqa: F811
    typing = asyncio.create_task(hands.type_text("a" * 800, on=form.window))
    await until(lambda: form.said("key"))
    await screen.connection.ask(partial(_press, name="Control_L", kind="KeyPress"))
    try:
        with pytest.raises(Unfinished, match="of 800 characters: somebody holds a key"):
            await typing
    finally:
        await screen.connection.ask(partial(_press, name="Control_L", kind="KeyRelease"))


def _press(server: Any, name: str, kind: str) -> None:
    code = server.keysym_to_keycode(xlib().XK.string_to_keysym(name))
    xlib().ext.xtest.fake_input(server, getattr(xlib().X, kind), code)
    server.sync()


async def test_the_clipboard_is_as_it_was(hands: Hands, form: Form) -> None:
    other = Hands(form.display.name, form.display.env, private=True)
    try:
        await hands.paste("first", on=form.window)
        assert await hands.clipboard() is None, "nothing was there, and nothing is left"
        await other.type_text("안녕", on=form.window)
        assert await hands.clipboard() is None
    finally:
        await other.close()
    await hands.type_text("it", on=form.window, replace=True)
    await hands.select_all(on=form.window)
    await hands.hotkey(["ctrl", "c"], on=form.window)
    assert await until_text(hands, "it")
    await hands.type_text("둘째", on=form.window, replace=True)
    assert await hands.clipboard() == "it"
    await hands.hotkey(["return"], on=form.window)
    assert await until(lambda: form.said("field")) == ["둘째"]
    await hands.clear_clipboard()
    assert await hands.clipboard() is None


async def test_people_keep_what_they_had_copied(hands: Hands, form: Form) -> None:
    await hands.type_text("theirs", on=form.window)
    await hands.select_all(on=form.window)
    await hands.hotkey(["ctrl", "c"], on=form.window)
    assert await until_text(hands, "theirs")
    ours = Hands(form.display.name, form.display.env)
    await ours.paste("ours", on=form.window)
    await ours.close()
    assert await hands.clipboard() == "theirs"
    await hands.clear_clipboard()
    assert await hands.clipboard() is None


async def test_secrets_go_into_a_verified_field_of_a_private_display_only(hands: Hands, form: Form) -> None:
    async def yes() -> bool:
        return form.said("focus")[-1:] == ["password"]

    async def no() -> bool:
        return False

    secret = "pä$$ 비밀 <1>"
    shared = Hands(form.display.name, form.display.env)
    with pytest.raises(Refused, match="shared"):
        await shared.enter_secret(secret, on=form.window, field_is_meant=yes)
    await shared.close()
    with pytest.raises(Refused, match="focus"):
        await hands.enter_secret(secret, on=form.window, field_is_meant=no)
    await hands.click(form.places["password"], on=form.window)
    await until(yes)
    assert await hands.enter_secret(secret, on=form.window, field_is_meant=yes) is How.PASTED
    assert await hands.clipboard() is None
    await hands.hotkey(["return"], on=form.window)
    assert await until(lambda: form.said("password")) == [secret]
    assert await hands.enter_secret("typed", on=form.window, field_is_meant=yes, replace=True) is How.TYPED
    assert not form.said("field")


async def test_a_server_that_hangs_hangs_nobody(screen: Display) -> None:  # noqa: F811
    hands = Hands(screen.name, screen.env, private=True, patience_s=0.3)
    await hands.position()
    server = server_of(screen)
    server.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(Unfinished, match="does not answer"):
            await hands.click(Point(5, 5))
    finally:
        server.send_signal(signal.SIGCONT)
    await hands.click(Point(7, 7))
    assert await hands.position() == Point(7, 7)
    await hands.close()


async def test_nothing_is_typed_for_somebody_who_is_gone(hands: Hands, form: Form) -> None:
    doomed = Hands(form.display.name, form.display.env, private=True)
    typing = asyncio.create_task(doomed.type_text("a" * 2000, on=form.window))
    await until(lambda: form.said("key"))
    worker = doomed._worker._process
    assert worker is not None
    assert worker.stdin is not None
    worker.stdin.close()  # as the kernel does when whoever started it dies
    with pytest.raises(Unfinished):
        await typing
    await hands.hotkey(["return"], on=form.window)
    (text,) = await until(lambda: form.said("field"))
    assert 0 < len(text) < 2000
    await doomed.close()


async def test_no_display(tmp_path: Path) -> None:
    with pytest.raises(ScreenError):
        await Hands(":987", {**os.environ, "XAUTHORITY": str(tmp_path / "none")}).click(Point(1, 1))


async def until_focused(display: Display, window: Window) -> None:
    windows = Windows(display.connection)

    async def there() -> bool:
        found = await windows.focused()
        return found is not None and found.id == window.id

    await until(there)


async def until_text(hands: Hands, text: str) -> bool:
    async def there() -> bool:
        return await hands.clipboard() == text

    return bool(await until(there))


def server_of(display: Display) -> psutil.Process:
    mine = psutil.Process().children(recursive=True)
    found = [one for one in mine if one.name() == "Xvfb"]
    assert len(found) == 1, f"the server of {display.name} is a child of ours"
    return found[0]


def _fields(window: Window) -> dict[str, Any]:
    return {name: getattr(window, name) for name in window.__slots__}
