"""Which cell belongs to which frame, the rows of each, and how each looks for the most part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from opsagent_tools.gui.model import Box
from opsagent_tools.gui.terminal.cells import Cells, Style
from opsagent_tools.gui.terminal.reading.frames import LINES, Frame, frames_of

_OUTSIDE, _BORDER = -1, -2


@dataclass(frozen=True, slots=True)
class Strip:
    """A piece of one row inside one frame (or outside of all): `left` to `right`, the borders apart."""

    owner: int
    """Index of the frame; -1: none."""
    row: int
    left: int
    right: int


class Layout:
    """The frames of a screen and what is in them."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.frames: tuple[Frame, ...] = frames_of(cells)
        self._owners = [[_OUTSIDE] * cells.width for _ in range(cells.height)]
        for index, frame in enumerate(self.frames):
            self._paint(index, frame)

    def _paint(self, index: int, frame: Frame) -> None:
        box, inner = frame.box, frame.inner
        for row in range(box.top, min(box.bottom, self.cells.height)):
            for column in range(box.left, box.right):
                inside = inner.left <= column < inner.right and inner.top <= row < inner.bottom
                self._owners[row][column] = index if inside else _BORDER

    def owner(self, column: int, row: int) -> int:
        """Return the index of the innermost frame around a cell; -1: outside of all, -2: on a border."""
        return self._owners[row][column]

    def parent(self, index: int) -> int:
        """Return the frame around frame `index`; -1: none."""
        box = self.frames[index].box
        around = [
            other
            for other, frame in enumerate(self.frames[:index])
            if frame.inner.left <= box.left and frame.inner.right >= box.right
            and frame.inner.top <= box.top and frame.inner.bottom >= box.bottom
        ]  # fmt: skip
        return around[-1] if around else _OUTSIDE

    def chain(self, index: int) -> tuple[int, ...]:
        """Return a frame and all that are around it, the innermost first."""
        found: list[int] = []
        while index >= 0:
            found.append(index)
            index = self.parent(index)
        return tuple(found)

    @cached_property
    def strips(self) -> tuple[Strip, ...]:
        """Every row of every frame, from top to bottom."""
        found = []
        for row, owners in enumerate(self._owners):
            start = 0
            for column in range(1, len(owners) + 1):
                if column == len(owners) or owners[column] != owners[start]:
                    if owners[start] != _BORDER:
                        found.append(Strip(owners[start], row, start, column))
                    start = column
        return tuple(found)

    @cached_property
    def _by_owner(self) -> dict[int, tuple[Strip, ...]]:
        found: dict[int, list[Strip]] = {}
        for strip in self.strips:
            found.setdefault(strip.owner, []).append(strip)
        return {owner: tuple(strips) for owner, strips in found.items()}

    def of(self, owner: int) -> tuple[Strip, ...]:
        """Return the rows of one frame, from top to bottom."""
        return self._by_owner.get(owner, ())

    @cached_property
    def _usual(self) -> dict[int, str]:
        counts: dict[int, Counter[str]] = {}
        for strip in self.strips:
            count = counts.setdefault(strip.owner, Counter())
            for cell in self.cells.rows[strip.row][strip.left : strip.right]:
                count[cell.style.shown[1]] += 1
        return {owner: count.most_common(1)[0][0] for owner, count in counts.items() if count}

    def ground(self, owner: int) -> str:
        """Return the background that most of a frame has."""
        return self._usual.get(owner, "default")

    def stands_out(self, style: Style, owner: int) -> bool:
        """The background is another than that of the frame around."""
        return style.shown[1] != self.ground(owner)

    def bright(self, strip: Strip, left: int, right: int) -> float:
        """Return which part of the written cells from `left` to `right` stands out; blank ones count where all are blank."""
        row = self.cells.rows[strip.row][left:right]
        written = [cell for cell in row if cell.char.strip() and cell.char not in LINES] or list(row)
        return sum(self.stands_out(cell.style, strip.owner) for cell in written) / max(1, len(written))

    def line(self, strip: Strip) -> str:
        """Return the text of a strip, a character per column."""
        return self.cells.lines[strip.row][strip.left : strip.right]

    def main_ground(self, row: int, left: int, right: int) -> str:
        """Return the background that most of the written cells of a piece of a row have."""
        cells = self.cells.rows[row][left:right]
        shown = [cell.style.shown[1] for cell in cells if cell.char.strip()] or [cell.style.shown[1] for cell in cells]
        return Counter(shown).most_common(1)[0][0] if shown else "default"


def box_of(row: int, left: int, right: int) -> Box:
    """Return the box of a piece of one row."""
    return Box(left, row, right - left, 1)
