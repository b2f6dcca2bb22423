"""Aligned columns: coloured and fitted on a terminal, whole and stable in a pipe. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from opsagent.views.terminal import Screen, Style, one_line

_GAP = "  "
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Where a terminal is too narrow, the column of the highest `drop` goes first; 0 never goes."""

    title: str
    drop: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Foreign or own text in a style; it is escaped when it is drawn."""

    text: str
    style: Style = ""


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes (wide characters take two)."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, width: int) -> str:
    """Return the text cut to `width` columns, with an ellipsis where something is missing."""
    if cells(text) <= width:
        return text
    kept = ""
    for char in text:
        if cells(kept) + cells(char) > width - 1:
            break
        kept += char
    return kept + "…"


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """Return the lines of a table, heading first. Empty cells are drawn as `-` so that fields can be counted."""
    texts = [[one_line(cell.text) or "-" for cell in row] for row in rows]
    kept = list(range(len(columns)))
    widths = [max([cells(column.title), *(cells(row[at]) for row in texts)]) for at, column in enumerate(columns)]
    if screen.width is not None:
        kept = _fitting(columns, widths, screen.width)
        _shrink(widths, kept, screen.width)
    heading = [Cell(column.title, "dim") for column in columns]
    drawn = [
        heading,
        *([Cell(text, cell.style) for text, cell in zip(*pair, strict=True)] for pair in zip(texts, rows, strict=True)),
    ]
    return [_GAP.join(_drawn(row[at], widths[at], columns[at], screen) for at in kept).rstrip() for row in drawn]


def _fitting(columns: Sequence[Column], widths: list[int], room: int) -> list[int]:
    kept = list(range(len(columns)))
    while _needed(widths, kept) > room:
        droppable = [at for at in kept if columns[at].drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda at: columns[at].drop))
    return kept


def _shrink(widths: list[int], kept: list[int], room: int) -> None:
    while kept and _needed(widths, kept) > room:
        widest = max(kept, key=lambda at: widths[at])
        if widths[widest] <= _SHORTEST:
            return
        widths[widest] -= 1


def _needed(widths: list[int], kept: list[int]) -> int:
    return sum(widths[at] for at in kept) + len(_GAP) * (len(kept) - 1)


def _drawn(cell: Cell, width: int, column: Column, screen: Screen) -> str:
    shown = fit(cell.text, width)
    pad = " " * (width - cells(shown))
    painted = screen.paint(shown, cell.style)
    return pad + painted if column.right else painted + pad
