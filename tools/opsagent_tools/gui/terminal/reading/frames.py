"""Boxes that are drawn with lines: dialogs, groups, panels, menus. Only those whose border nothing else covers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.cells import Cells, read

_TOP_LEFT, _TOP_RIGHT = "┌╔╭┏╒╓+", "┐╗╮┓╕╖+"
_BOTTOM_LEFT, _BOTTOM_RIGHT = "└╚╰┗╘╙+", "┘╝╯┛╛╜+"
HORIZONTAL = "─═━╌┄┈-"
VERTICAL = "│║┃╎┆┊|"
_TEES_LEFT, _TEES_RIGHT = "├╠┣╞╟┝┠+", "┤╣┫╡╢┥┨+"
_SCROLL_BARS = "▲▼█░▒▓■▮↑↓#^v*◆▴▾"
LINES = frozenset(
    HORIZONTAL + VERTICAL + _TOP_LEFT + _TOP_RIGHT + _BOTTOM_LEFT + _BOTTOM_RIGHT + _TEES_LEFT + _TEES_RIGHT
)
_TITLE_SPLIT = re.compile(r"[─═━╌┄┈]+|-{2,}|^-|-$")

_ORNAMENTS = " <>[]┤├┫┣╡╞|^"


@dataclass(frozen=True, slots=True)
class Frame:
    """A box, its border included."""

    box: Box
    title: str = ""

    @property
    def inner(self) -> Box:
        return Box(self.box.left + 1, self.box.top + 1, self.box.width - 2, self.box.height - 2)


def frames_of(cells: Cells) -> tuple[Frame, ...]:
    """Return all frames, the largest first."""
    found = [
        frame
        for row, line in enumerate(cells.lines)
        for left, char in enumerate(line)
        if char in _TOP_LEFT and (frame := _frame_at(cells, row, left))
    ]
    whole = [one for one in found if not any(_is_part(one.box, other.box) for other in found)]
    return tuple(sorted(whole, key=lambda one: -one.box.width * one.box.height))


def _is_part(one: Box, other: Box) -> bool:
    """`one` is what a line across the frame `other` parts off."""
    return (
        one != other and (one.left, one.width) == (other.left, other.width)
        and other.top <= one.top and one.bottom <= other.bottom
    )  # fmt: skip


def _frame_at(cells: Cells, top: int, left: int) -> Frame | None:
    right = _right_corner(cells.lines[top], left)
    if right is None or right - left < 3:
        return None
    bottom = _bottom_row(cells, top, left, right)
    if bottom is None or bottom - top < 2:
        return None
    return Frame(Box(left, top, right - left + 1, bottom - top + 1), _title(cells.lines[top][left + 1 : right]))


def _right_corner(line: str, left: int) -> int | None:
    """Return the column of the corner that ends the edge which begins at `left`."""
    drawn = 0
    for column in range(left + 1, len(line)):
        char = line[column]
        if char in _TOP_RIGHT:
            # Lines of their own signs are a frame also where a title or ornaments leave little of them; dashes may be dashes.
            if "+" not in {char, line[left]}:
                return column if drawn else None
            enough = drawn >= max(1, (column - left) // 8)
            return column if enough and line[left + 1] in HORIZONTAL + "┤<[ " + "".join(_TOP_RIGHT) else None
        if char in "┌╔╭┏╒╓│║┃└╚╰┗" or (char == "|" and drawn == 0):
            return None
        drawn += char in HORIZONTAL
        if column == left + 2 and not drawn and line[left] == "+":
            return None
    return None


def _bottom_row(cells: Cells, top: int, left: int, right: int) -> int | None:
    """Return the last row of the frame; also where the screen ends before the frame does."""
    for row in range(top + 1, cells.height):
        line = cells.lines[row]
        if line[left] in _BOTTOM_LEFT and line[right] in _BOTTOM_RIGHT:
            edge = line[left + 1 : right]
            if line[left] != "+":
                return row
            if sum(char in HORIZONTAL for char in edge) > len(edge) // 3 and not _goes_on(cells, row + 1, left, right):
                return row
        if line[left] not in VERTICAL + _TEES_LEFT or line[right] not in VERTICAL + _TEES_RIGHT + _SCROLL_BARS:
            return None
    return cells.height if cells.height - top > 3 else None


def _goes_on(cells: Cells, row: int, left: int, right: int) -> bool:
    """A row of `+---+` is a line across the frame, and not its end: the frame goes on below."""
    below = cells.lines[row] if row < cells.height else ""
    return bool(below) and below[left] in VERTICAL and below[right] in VERTICAL


def _title(edge: str) -> str:
    """Return what is written into an upper edge, without ornaments."""
    pieces = [read(piece).strip(_ORNAMENTS).rstrip(f"{_ORNAMENTS}.") for piece in _TITLE_SPLIT.split(edge)]
    pieces = [piece if piece.startswith("...") else piece.lstrip(f"{_ORNAMENTS}.") for piece in pieces]
    return max((piece for piece in pieces if any(char.isalnum() for char in piece)), key=len, default="")
