"""What the output can do: colours and width, or plain text for a pipe. Standard library only."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal, TextIO

from opsagent_tools.text import escape_for_terminal

Style = Literal["", "good", "bad", "warn", "dim", "strong", "accent"]

_CODES: dict[str, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1", "accent": "36"}
_NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Screen:
    """The properties of one output stream."""

    terminal: bool = False
    colours: bool = False
    width: int | None = None
    """Columns of the terminal; None where nothing may be wrapped or cut."""

    def paint(self, text: str, style: Style) -> str:
        """Return the text in a colour, where there are colours."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and self.colours else text


def screen_of(stream: TextIO | None = None) -> Screen:
    """Look at a stream (default: standard output). NO_COLOR and TERM=dumb turn colours off (https://no-color.org)."""
    stream = stream or sys.stdout
    if not _is_terminal(stream):
        return Screen()
    import shutil  # 4 ms that a pipe can do without

    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    return Screen(True, colours, max(_NARROWEST, shutil.get_terminal_size().columns))


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (ValueError, AttributeError):  # closed
        return False


def one_line(text: object) -> str:
    """Return foreign text safe for a terminal, on one line."""
    return escape_for_terminal(" ".join(str(text).split()))
