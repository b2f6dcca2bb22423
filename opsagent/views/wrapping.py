"""Long text on a narrow terminal: broken between words, by the columns that it takes. Pure."""

from __future__ import annotations

from opsagent.views.table import cells, fit
from opsagent.views.terminal import Screen, one_line

_NARROWEST = 12


def wrapped(text: str, screen: Screen, *, indent: str = "", most: int | None = None) -> list[str]:
    """Return foreign text as escaped lines of at most the screen's width, each behind `indent`; whole in a pipe.

    `most`: so many lines; what is left over is shown as an ellipsis.
    """
    whole = one_line(text)
    if screen.width is None:
        return [indent + whole] if whole else []
    room = max(_NARROWEST, screen.width - cells(indent))
    lines = _broken(whole, room)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], fit(f"{lines[most - 1]} {lines[most]}", room)]
    return [indent + line for line in lines]


def _broken(text: str, room: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, room)
        lines += full
    return [*lines, line] if line else lines


def _pieces(word: str, room: int) -> list[str]:
    """Cut a word that is longer than a line."""
    pieces, piece, wide = [], "", 0
    for char in word:
        if wide + cells(char) > room:
            pieces.append(piece)
            piece, wide = "", 0
        piece, wide = piece + char, wide + cells(char)
    return [*pieces, piece]
