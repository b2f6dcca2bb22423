"""Writes lines, and under them one that moves while something takes long; nothing moves where nothing can."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from opsagent.chat.drawing import moving
from opsagent.views.terminal import Screen

_EVERY_S = 0.12
_CLEAR = "\r\x1b[K"


class Printer:
    """One terminal. Lines must be escaped already."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.moves = screen.terminal and os.environ.get("TERM", "") not in {"", "dumb"}
        self._text = ""
        self._since = 0.0
        self._frame = 0
        self._drawn = False

    def lines(self, lines: list[str]) -> None:
        """Write lines that stay."""
        if not lines:
            return
        self._clear()
        self._write("\n".join(lines) + "\n")
        self._draw()

    def move(self, text: str) -> None:
        """Say what is going on now; empty: nothing is."""
        if not self._text:
            self._since = time.monotonic()
        self._text = text
        self._clear()
        self._draw()

    async def keep_moving(self) -> None:
        """Draw the moving line again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                self._frame += 1
                self._draw()
        finally:
            self._text = ""
            self._clear()

    def _draw(self) -> None:
        if self._text and self.moves:
            line = moving(self._text, self._frame, time.monotonic() - self._since, self.screen.width or 80)
            self._write(f"{_CLEAR}{self.screen.paint(line, 'dim')}")
            self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            self._write(_CLEAR)
            self._drawn = False

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except (OSError, ValueError):  # the terminal is gone; what is under way is ended by whoever notices that
            return
