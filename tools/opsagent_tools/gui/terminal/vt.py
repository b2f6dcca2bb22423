"""Bytes that a program writes to its terminal → cells. The one module that knows pyte.

pyte keeps the cells; what reads the bytes is here, because pyte's own reader draws the bytes of what it does not know
(device control strings, `CSI ! p`), takes `CSI > 4 ; 2 m` (keyboard modes) for underline, ignores line drawing and
repeats while it reads UTF-8, and knows no second screen. Control sequences as in ECMA-48 and xterm's ctlseqs.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from opsagent_tools.gui.port import NotUsable

try:
    from pyte import charsets
    from pyte.screens import Char, Screen
    from wcwidth import wcwidth
except ModuleNotFoundError as error:
    raise NotUsable(f"programs of terminals need pyte, ptyprocess and wcwidth: pip install {error.name}") from error

from opsagent_tools.gui.terminal.cells import Cell, Cells, Style

_TOKEN = re.compile(
    r"\x1b\[(?P<mark>[<=>?]?)(?P<params>[0-9;:]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?:(?P<palette>R|P[0-9a-fA-F]{7})|(?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\))"
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|\x1b(?P<charset>[()*+])(?P<set>.)"
    r"|\x1b[ #%](?P<odd>.)"
    r"|\x1b(?P<escape>[0-Z\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<broken>\x1b(?=[\x00-\x1f\x7f-\U0010ffff]))",
    re.DOTALL,
)
_LONGEST_SEQUENCE = 4096

_CSI: dict[str, Callable[[_Screen, list[int]], object]] = {}
"""Final byte → what it does, given the screen and the parameters (0 where one is missing)."""


class _Screen(Screen):
    """pyte's cells, with the mends that real programs need."""

    def __init__(self, columns: int, lines: int) -> None:
        self.answers: list[str] = []
        super().__init__(columns, lines)

    def draw(self, data: str) -> None:
        """Draw text; joiners, variation selectors and other signs without width join the character before."""
        if data.isascii():
            super().draw(data)
            return
        for char in data:
            if wcwidth(char) > 0:
                if wcwidth(char) == 2 and self.cursor.x == self.columns - 1:
                    super().draw(" ")  # a wide character does not fit into the last column: it goes to the next row
                super().draw(char)
            elif char.isprintable() and self.cursor.x:
                line = self.buffer[self.cursor.y]
                at = self.cursor.x - 1 if line[self.cursor.x - 1].data else self.cursor.x - 2
                line[at] = line[at]._replace(data=line[at].data + char)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """Erase with the background of now, also where nothing was written before (pyte leaves those cells alone)."""
        rows = {0: range(self.cursor.y + 1, self.lines), 1: range(self.cursor.y)}.get(how, range(self.lines))
        for row in rows:
            line = self.buffer[row]
            for column in range(self.columns):
                line[column] = self._empty()
        if how in {0, 1}:
            self.erase_in_line(how)

    def _empty(self) -> Char:
        return self.default_char._replace(bg=self.cursor.attrs.bg)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        row = self.buffer[self.cursor.y]
        for column in {0: range(self.cursor.x, self.columns), 1: range(min(self.cursor.x + 1, self.columns))}.get(
            how, range(self.columns)
        ):
            row[column] = self._empty()

    def erase_characters(self, count: int | None = None) -> None:
        row = self.buffer[self.cursor.y]
        for column in range(self.cursor.x, min(self.cursor.x + (count or 1), self.columns)):
            row[column] = self._empty()

    def write_process_input(self, data: str) -> None:
        self.answers.append(data)


class Emulator:
    """A terminal without a window: feed it what the program writes, ask it what is shown."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = _Screen(columns, rows)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._last = ""
        self._title = ""
        self._main: dict[str, Any] | None = None
        self.application_cursor = False
        """The program wants its arrows as `ESC O A` (DECCKM)."""
        self.mouse = 0
        """The mouse mode that it asked for (1000, 1002, 1003), 0: none."""
        self.mouse_sgr = False
        self.bracketed_paste = False

    def feed(self, data: bytes) -> bytes:
        """Take what the program wrote; return what the terminal answers (cursor position, what it is)."""
        text = self._rest + self._decoder.decode(data)
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                if len(text) - at < _LONGEST_SEQUENCE:
                    break  # the rest of a sequence is still to come
                at += 1
                continue
            self._take(found)
            at = found.end()
        self._rest = text[at:]
        answers, self._screen.answers = "".join(self._screen.answers), []
        return answers.encode()

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)

    def cells(self) -> Cells:
        """Return what is shown now."""
        screen = self._screen
        rows = tuple(
            tuple(_cell(screen.buffer[row][column]) for column in range(screen.columns)) for row in range(screen.lines)
        )
        cursor = (min(screen.cursor.x, screen.columns - 1), screen.cursor.y)
        return Cells(rows, cursor, not screen.cursor.hidden, self._title, self._main is not None)

    def _take(self, found: re.Match[str]) -> None:
        screen = self._screen
        if text := found["text"]:
            screen.draw(text)
            self._last = text[-1]
        elif final := found["final"]:
            self._control(found["mark"], found["params"], found["between"], final)
        elif control := found["control"]:
            self._act_on(control)
        elif found["charset"] in {"(", ")"}:
            if (given := found["set"]) in charsets.MAPS:
                screen.define_charset(given, mode=found["charset"])
        elif escape := found["escape"]:
            for act in {"7": (screen.save_cursor,), "8": (screen.restore_cursor,), "D": (screen.index,), "c": (self._reset,),
                        "M": (screen.reverse_index,), "H": (screen.set_tab_stop,),
                        "E": (screen.carriage_return, screen.index)}.get(escape, ()):  # fmt: skip
                act()
        elif (told := found["osc"]) and told[:2] in {"0;", "2;"}:
            self._title = told[2:]

    def _act_on(self, control: str) -> None:
        screen = self._screen
        acts: dict[str, Callable[[], object]] = {
            "\b": screen.backspace, "\t": screen.tab, "\n": screen.linefeed, "\v": screen.linefeed,
            "\f": screen.linefeed, "\r": screen.carriage_return, "\x0e": screen.shift_out, "\x0f": screen.shift_in,
        }  # fmt: skip
        if act := acts.get(control):
            act()

    def _control(self, mark: str, params: str, between: str, final: str) -> None:
        screen = self._screen
        numbers = [int(one.split(":")[0] or 0) if one else 0 for one in params.split(";")] if params else []
        if between:
            if between == "!" and final == "p":
                screen.margins = None
                screen.select_graphic_rendition(0)
            return
        if mark == "?" and final in "hl":
            for mode in numbers:
                self._mode(mode, on=final == "h")
            return
        if mark == ">" and final == "c":
            screen.write_process_input("\x1b[>41;0;0c")
            return
        if mark:
            return
        if final == "m":
            screen.select_graphic_rendition(*(_colours(params) or numbers))
        elif final == "b":
            screen.draw(self._last * min(numbers[0] if numbers and numbers[0] else 1, screen.columns * screen.lines))
        elif final in _CSI:
            _CSI[final](screen, numbers)

    def _mode(self, mode: int, *, on: bool) -> None:
        screen = self._screen
        if mode == 1:
            self.application_cursor = on
        elif mode in {9, 1000, 1002, 1003}:
            self.mouse = mode if on else 0
        elif mode == 1006:
            self.mouse_sgr = on
        elif mode == 2004:
            self.bracketed_paste = on
        elif mode in {47, 1047, 1049}:
            self._alternate(on=on)
        elif mode in {5, 6, 7, 25}:
            (screen.set_mode if on else screen.reset_mode)(mode, private=True)

    def _alternate(self, *, on: bool) -> None:
        """Change to the second screen (what full-screen programs use), or back to what was there before."""
        screen = self._screen
        if on and self._main is None:
            self._main = {"buffer": screen.buffer, "cursor": (screen.cursor.x, screen.cursor.y)}
            blank = _Screen(screen.columns, screen.lines)
            screen.buffer = blank.buffer
        elif not on and self._main is not None:
            screen.buffer = self._main["buffer"]
            screen.cursor.x, screen.cursor.y = self._main["cursor"]
            screen.ensure_hbounds()
            screen.ensure_vbounds()
            self._main = None

    def _reset(self) -> None:
        self._main = None
        self._screen.reset()


def _colours(params: str) -> list[int]:
    """Return the parameters of SGR where sub-parameters are parted by colons (`38:2::r:g:b`, `4:3`), else nothing."""
    if ":" not in params:
        return []
    numbers: list[int] = []
    for one in params.split(";"):
        parts = one.split(":")
        if parts[0] in {"38", "48"} and len(parts) == 6:
            parts = [*parts[:2], *parts[3:]]  # the colour space, which is left empty
        elif parts[0] not in {"38", "48"}:
            parts = ["24" if parts == ["4", "0"] else parts[0]]
        numbers += [int(part or 0) for part in parts]
    return numbers


@lru_cache(maxsize=4096)
def _cell(char: Char) -> Cell:
    style = Style(char.fg, char.bg, char.bold, char.underscore, char.reverse, char.blink)
    return Cell(char.data, style)


def _first(numbers: list[int]) -> int:
    return numbers[0] if numbers and numbers[0] else 1


def _scroll(screen: _Screen, by: int, *, up: bool) -> None:
    """Scroll what lies between the margins, the cursor stays."""
    column, row = screen.cursor.x, screen.cursor.y
    top, bottom = screen.margins or (0, screen.lines - 1)
    for _ in range(min(by, screen.lines)):
        screen.cursor.y = bottom if up else top
        (screen.index if up else screen.reverse_index)()
    screen.cursor.x, screen.cursor.y = column, row


def _tab_on(screen: _Screen, count: int) -> None:
    for _ in range(count):
        screen.tab()


def _tab_back(screen: _Screen, count: int) -> None:
    for _ in range(count):
        screen.cursor.x = max((stop for stop in screen.tabstops if stop < screen.cursor.x), default=0)


_CSI |= {
    "@": lambda s, n: s.insert_characters(_first(n)),
    "A": lambda s, n: s.cursor_up(_first(n)),
    "B": lambda s, n: s.cursor_down(_first(n)),
    "C": lambda s, n: s.cursor_forward(_first(n)),
    "D": lambda s, n: s.cursor_back(_first(n)),
    "E": lambda s, n: s.cursor_down1(_first(n)),
    "F": lambda s, n: s.cursor_up1(_first(n)),
    "G": lambda s, n: s.cursor_to_column(_first(n)),
    "`": lambda s, n: s.cursor_to_column(_first(n)),
    "H": lambda s, n: s.cursor_position(*(n[:2] or [1])),
    "f": lambda s, n: s.cursor_position(*(n[:2] or [1])),
    "I": lambda s, n: _tab_on(s, _first(n)),
    "J": lambda s, n: s.erase_in_display(n[0] if n else 0),
    "K": lambda s, n: s.erase_in_line(n[0] if n else 0),
    "L": lambda s, n: s.insert_lines(_first(n)),
    "M": lambda s, n: s.delete_lines(_first(n)),
    "P": lambda s, n: s.delete_characters(_first(n)),
    "S": lambda s, n: _scroll(s, _first(n), up=True),
    "T": lambda s, n: _scroll(s, _first(n), up=False),
    "X": lambda s, n: s.erase_characters(_first(n)),
    "Z": lambda s, n: _tab_back(s, _first(n)),
    "a": lambda s, n: s.cursor_forward(_first(n)),
    "c": lambda s, n: s.report_device_attributes(n[0] if n else 0),
    "d": lambda s, n: s.cursor_to_line(_first(n)),
    "e": lambda s, n: s.cursor_down(_first(n)),
    "g": lambda s, n: s.clear_tab_stop(n[0] if n else 0),
    "h": lambda s, n: s.set_mode(*n),
    "l": lambda s, n: s.reset_mode(*n),
    "n": lambda s, n: s.report_device_status(n[0] if n else 0),
    "r": lambda s, n: s.set_margins(*([one or None for one in n[:2]] or [None])),
    "s": lambda s, n: s.save_cursor(),
    "u": lambda s, n: s.restore_cursor(),
}
