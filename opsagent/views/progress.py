"""One line that moves while something takes long; silent where nobody watches. Standard library only."""

from __future__ import annotations

import itertools
import sys
from types import TracebackType
from typing import Self

from opsagent.views.table import fit
from opsagent.views.terminal import Screen, one_line

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner:
    """Shows one changing line on standard error, on a terminal only, and takes it away at the end."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._frames = itertools.cycle(_FRAMES)
        self._drawn = False

    def show(self, text: str) -> None:
        """Draw the next frame with this text."""
        if self._screen.terminal and self._screen.width:
            shown = fit(f"{next(self._frames)} {one_line(text)}", self._screen.width - 1)
            self._write(f"\r\x1b[K{self._screen.paint(shown, 'dim')}")
            self._drawn = True

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
