"""pyautogui and its connection to the display, in the process of the hands. The only module that imports them."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from opsagent_tools.gui.hands.layout import Layout, Stroke
from opsagent_tools.gui.port import NotUsable, Refused, ScreenError, SurfaceGone

_SHIFT, _LOCK, _CONTROL, _ALT, _SUPER, _ALTGR = 1, 2, 4, 8, 64, 128
_HELD = _SHIFT | _CONTROL | _ALT | _SUPER | _ALTGR
_BUTTONS = 0x1F00
_POINTER_ROOT = 1
_BUTTON_RELEASE = 5
"""X.ButtonRelease"""
_STEPS = 8
"""On the way of something that is dragged."""
_HOVER_S = 0.015
_PRESSED_S = 0.03
_BETWEEN_CLICKS_S = 0.06
_LET_GO_WITHIN_S = 1.0
_CAPS = 0xFFE5


class Server:
    """One display: what stands where, and the presses themselves."""

    def __init__(self) -> None:
        self._gui = _pyautogui()
        self._gui.PAUSE = 0
        self.display: Any = self._gui.platformModule._display  # noqa: SLF001  # one connection: a grab holds for all of it
        self.root: Any = self.display.screen().root
        self._keys: dict[int, None] = {}
        self._buttons: dict[str, None] = {}
        for code in range(8, 256):  # keys by number: pyautogui's own table guesses which of them need Shift
            self._gui.platformModule.keyboardMapping[_key(code)] = code

    # what there is

    def position(self) -> tuple[int, int]:
        at = self.root.query_pointer()
        return int(at.root_x), int(at.root_y)

    def chain_at(self, x: int, y: int) -> list[int]:
        """Return the windows under a point: the one below the root first, the innermost last."""
        found: list[int] = []
        at = self.root
        while True:
            child = at.translate_coords(self.root, x, y).child
            if not child or int(child.id) in found:
                return found
            found.append(int(child.id))
            at = child

    def chain_of_focus(self) -> list[int]:
        """Return the window that gets the keys, and those around it, the innermost last."""
        focus = self.display.get_input_focus().focus
        if not focus:
            return []
        if int(getattr(focus, "id", focus)) == _POINTER_ROOT:
            return self.chain_at(*self.position())
        found: list[int] = []
        while focus and int(focus.id) != int(self.root.id):
            found.insert(0, int(focus.id))
            focus = focus.query_tree().parent
        return found

    def layout(self) -> Layout:
        """Return the keys as they are now, for keys that we press."""
        first, last = int(self.display.display.info.min_keycode), int(self.display.display.info.max_keycode)
        rows = self.display.get_keyboard_mapping(first, last - first + 1)
        unused = Layout(first, rows).unused
        if (
            unused
        ):  # the server keeps a mapping per keyboard, and tells that of the one that was used last: make it ours
            with self._whatever_happens():
                self._gui.keyDown(_key(unused))
                self._gui.keyUp(_key(unused))
            rows = self.display.get_keyboard_mapping(first, last - first + 1)
        return Layout(first, rows, group=int(self.root.query_pointer().mask) >> 13 & 3)

    # what is done

    def move(self, x: int, y: int) -> None:
        with self._answered():
            self._gui.moveTo(x, y)
        if self.position() != (x, y):
            raise Refused(f"the pointer does not reach ({x}, {y}): beyond the screen, or a person moves it")

    def click(self, x: int, y: int, *, button: str, times: int, meant: Callable[[], None]) -> None:
        """Go there, and press and let go `times`, each time only while `meant` holds."""

        def still_meant() -> None:
            self._stands(x, y)
            meant()

        self.move(x, y)
        time.sleep(_HOVER_S)
        for turn in range(times):
            if turn:
                time.sleep(_BETWEEN_CLICKS_S)
            with self.let_go_in_the_end():
                self.button(button, down=True, meant=still_meant)
                time.sleep(_PRESSED_S)

    def drag(self, start: tuple[int, int], end: tuple[int, int], *, meant: Callable[[int, int], None]) -> None:
        meant(*end)
        self.move(*start)
        time.sleep(_HOVER_S)
        with self.let_go_in_the_end():
            self.button("left", down=True, meant=lambda: meant(*start))
            time.sleep(_PRESSED_S)
            for x, y in _way(start, end):
                self.move(x, y)
                time.sleep(_HOVER_S)
            time.sleep(_PRESSED_S)
            try:
                meant(*end)
            except ScreenError:
                for x, y in _way(end, start):
                    self.move(x, y)
                raise

    def scroll(self, x: int, y: int, notches: int, *, meant: Callable[[], None]) -> None:
        self.move(x, y)
        time.sleep(_HOVER_S)
        for _ in range(abs(notches)):
            with self._grabbed(), self._answered():
                self._stands(x, y)
                meant()
                self._gui.scroll(-1 if notches > 0 else 1)
            time.sleep(_HOVER_S)

    def button(self, name: str, *, down: bool, meant: Callable[[], None] | None = None) -> None:
        """Press or let go of a button. `meant` is asked while the server serves nobody else."""
        with self._grabbed(), self._answered():
            if meant is not None:
                meant()
            if down:
                self._buttons[name] = None
                self._gui.mouseDown(button=name)
            else:
                self._buttons.pop(name, None)
                self._release(name)

    def _release(self, name: str) -> None:
        """Let go where the pointer is: `mouseUp` moves it first, and a menu that opened under it takes that as a choice."""
        platform = self._gui.platformModule
        platform.fake_input(self.display, _BUTTON_RELEASE, platform.BUTTON_NAME_MAPPING[name])
        self.display.sync()

    def strike(self, strokes: list[Stroke], *, meant: Callable[[], None]) -> None:
        """Press keys one after the other, then let go of them in reverse; only while `meant` holds."""
        codes = list(dict.fromkeys([code for stroke in strokes for code in (*stroke.held, stroke.keycode)]))
        with self._grabbed(), self._answered(), self.let_go_in_the_end():
            if int(self.root.query_pointer().mask) & (_HELD | _BUTTONS):  # ours are let go of after each stroke
                raise Refused("somebody holds a key or a button of the pointer")
            meant()
            for code in codes:
                self._keys[code] = None
                self._gui.keyDown(_key(code))

    def wait_for_free_keys(self, *, private: bool) -> None:
        """Wait until nobody holds a modifier or a button, as it would change what our keys mean. Caps Lock is turned off."""
        until = time.monotonic() + (0.0 if private else _LET_GO_WITHIN_S)
        while (mask := int(self.root.query_pointer().mask)) & (_HELD | _BUTTONS):
            if time.monotonic() < until:
                time.sleep(0.05)
            elif private:
                self.free_all_keys()
                until = time.monotonic() + _LET_GO_WITHIN_S
                private = False  # once
            else:
                raise Refused("somebody holds a key or a button of the pointer")
        if mask & _LOCK:
            code = self.layout().keycode_of(_CAPS)
            if code:
                self.strike([Stroke(code)], meant=lambda: None)
            if int(self.root.query_pointer().mask) & _LOCK:
                raise Refused("Caps Lock is on and cannot be turned off")

    def free_all_keys(self) -> None:
        """Let go of every key and button of the display: what a process that was ended may have left down."""
        held = self.display.query_keymap()
        with self._whatever_happens():
            for code in range(8, 256):
                if held[code // 8] >> code % 8 & 1:
                    self._gui.keyUp(_key(code))
            for number, name in enumerate(("left", "middle", "right")):
                if int(self.root.query_pointer().mask) >> 8 + number & 1:
                    self._release(name)

    @contextlib.contextmanager
    def let_go_in_the_end(self) -> Iterator[None]:
        """Let go of what we pressed, also where a person's hand stopped us."""
        try:
            yield
        finally:
            self.let_go()

    def let_go(self) -> None:
        with self._whatever_happens():
            for code in reversed(list(self._keys)):
                self._gui.keyUp(_key(code))
            for name in list(self._buttons):
                self._release(name)
        self._keys.clear()
        self._buttons.clear()

    def _stands(self, x: int, y: int) -> None:
        if self.position() != (x, y):
            raise Refused("somebody moves the pointer")

    @contextlib.contextmanager
    def _grabbed(self) -> Iterator[None]:
        """Have the server serve nobody else meanwhile, so that nothing can come between a look and a press."""
        self.display.grab_server()
        try:
            yield
        finally:
            self.display.ungrab_server()
            self.display.sync()

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except self._gui.FailSafeException:
            raise Refused("the pointer is in a corner of the screen: a person stopped us") from None

    @contextlib.contextmanager
    def _whatever_happens(self) -> Iterator[None]:
        before, self._gui.FAILSAFE = self._gui.FAILSAFE, False
        try:
            yield
        finally:
            self._gui.FAILSAFE = before


@contextlib.contextmanager
def x_errors() -> Iterator[None]:
    """Turn the errors of the X protocol into ours."""
    error: Any = importlib.import_module("Xlib.error")
    try:
        yield
    except (error.BadWindow, error.BadDrawable):
        raise SurfaceGone("the window is no more") from None
    except (error.ConnectionClosedError, error.DisplayError) as gone:
        raise ScreenError(f"the X server is gone ({type(gone).__name__})") from None


def _pyautogui() -> Any:
    """Import pyautogui for the DISPLAY of this process, without what hands have no use for (it would need Tk)."""
    for name in ("mouseinfo", "pyscreeze", "pymsgbox", "pytweening"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # "cannot be imported", says the language
    try:
        import pyautogui
    except ImportError as missing:
        raise NotUsable(f"hands need {missing.name}: pip install 'opsagent[gui]'") from None
    except Exception as error:
        errors: Any = importlib.import_module("Xlib.error")
        if isinstance(error, (errors.DisplayError, errors.XauthError, OSError)):
            raise NotUsable("no X server answers on this display, or its cookie is not ours") from None
        raise
    return pyautogui


def _key(code: int) -> str:
    return f"key {code}"


def _way(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    return [
        (start[0] + (end[0] - start[0]) * step // _STEPS, start[1] + (end[1] - start[1]) * step // _STEPS)
        for step in range(1, _STEPS + 1)
    ]
