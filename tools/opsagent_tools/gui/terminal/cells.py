"""What a terminal shows at one moment: cells with their look, and the cursor. Values only.

A wide character (Korean, Chinese, Japanese, emoji) takes two cells; the second one has an empty `char`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from opsagent_tools.gui.model import Box

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks."""

    fg: str = DEFAULT
    """A colour's name (black, red, …, brightblack, …), six hex digits, or `default`."""
    bg: str = DEFAULT
    bold: bool = False
    underline: bool = False
    reverse: bool = False
    blink: bool = False

    @property
    def shown(self) -> tuple[str, str]:
        """Foreground and background as they are drawn: reversed where it is reversed."""
        fg = "white" if self.fg == DEFAULT and self.reverse else self.fg
        bg = "black" if self.bg == DEFAULT and self.reverse else self.bg
        return (bg, fg) if self.reverse else (fg, bg)


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    char: str = " "
    """One character (with what combines with it); empty: the second half of a wide one."""
    style: Style = PLAIN


@dataclass(frozen=True)
class Run:
    """Neighbouring cells of one row that look the same."""

    row: int
    left: int
    right: int
    """The first column beyond it."""
    text: str
    style: Style

    @property
    def box(self) -> Box:
        return Box(self.left, self.row, self.right - self.left, 1)


@dataclass(frozen=True)
class Cells:
    """The whole screen of a terminal."""

    rows: tuple[tuple[Cell, ...], ...]
    cursor: tuple[int, int] = (0, 0)
    """Column and row."""
    cursor_shown: bool = True
    title: str = ""
    alternate: bool = False
    """A program has the whole screen for itself."""

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @property
    def height(self) -> int:
        return len(self.rows)

    @property
    def box(self) -> Box:
        return Box(0, 0, self.width, self.height)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Each row with one character per column: the second half of a wide one is U+200B, so that columns are indices."""
        return tuple("".join(cell.char[:1] or HALF for cell in row) for row in self.rows)

    def text(self, row: int, left: int = 0, right: int | None = None) -> str:
        """Return what is written from column `left` up to `right`, as a person reads it."""
        return "".join(cell.char for cell in self.rows[row][left:right])

    def runs(self, row: int, left: int = 0, right: int | None = None) -> tuple[Run, ...]:
        """Return the row from `left` up to `right` as runs of equal style."""
        end = self.width if right is None else min(right, self.width)
        found: list[Run] = []
        start = left
        for column in range(left, end + 1):
            if column < end and self.rows[row][column].style == self.rows[row][start].style:
                continue
            if column > start:
                found.append(Run(row, start, column, self.text(row, start, column), self.rows[row][start].style))
            start = column
        return tuple(found)

    @cached_property
    def blank(self) -> bool:
        """Nothing is drawn on it yet."""
        return all(not cell.char.strip() for row in self.rows for cell in row)

    @cached_property
    def digest(self) -> str:
        """Changes when what is seen changes: characters, looks, the cursor; not when the cursor blinks."""
        seen = hashlib.blake2b(digest_size=12)
        for row in self.rows:
            seen.update("\0".join(cell.char for cell in row).encode("utf-8", "replace"))
            seen.update(repr([hash(cell.style) for cell in row]).encode())
        seen.update(repr((self.cursor if self.cursor_shown else None, self.title)).encode())
        return seen.hexdigest()


HALF = "\u200b"
"""Stands in `Cells.lines` for the second half of a wide character."""


def read(text: str) -> str:
    """Return a piece of `Cells.lines` as a person reads it."""
    return text.replace(HALF, "")
