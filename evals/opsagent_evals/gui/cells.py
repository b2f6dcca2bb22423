"""A judge of terminals: an emulator of its own, fed with every byte that the program writes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import pyte

from opsagent_evals.gui.model import Drift, Judge, Place, Running, varied
from opsagent_tools.gui.model import Box

Pattern = str | tuple[str, int]
"""Regular expression of one row, whose group `at`, if any, is the place; with a number: so many rows below it."""

_SIZE, _LARGE = (90, 28), (120, 40)


class CellJudge:
    """Finds targets by what is written in the cells."""

    def __init__(self, size: tuple[int, int], patterns: Mapping[str, Pattern]) -> None:
        """Take columns and rows, and target → how it is written."""
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        both = {name: one if isinstance(one, tuple) else (one, 0) for name, one in patterns.items()}
        self._patterns = {name: (re.compile(pattern), below) for name, (pattern, below) in both.items()}

    def heard(self, data: bytes) -> None:
        """Take what the program wrote."""
        self._stream.feed(data)

    async def boxes(self, target: str) -> list[Box]:
        """Return the cells of `target`."""
        pattern, below = self._patterns[target]
        found = []
        for row, line in enumerate(self._screen.display):
            for match in pattern.finditer(line):
                left, right = match.span("at" if "at" in match.groupdict() else 0)
                found.append(Box(left, row + below, right - left, 1))
        return found

    def text(self) -> str:
        """Return what is shown."""
        return "\n".join(self._screen.display)

    async def close(self) -> None:
        """Let go of nothing."""


def size_on(place: Place) -> tuple[int, int]:
    """Return the columns and rows of the terminal of a run."""
    return _LARGE if Drift.RESIZED in place.drifts else _SIZE


def by_cells(
    patterns: Mapping[str, Pattern], changed: Mapping[Drift, Mapping[str, Pattern]] | None = None
) -> Callable[[Running], Awaitable[Judge]]:
    """Return who makes the judge of a run. `changed`: what is written otherwise under a drift."""

    async def judge(running: Running) -> Judge:
        return CellJudge(size_on(running.place), varied(patterns, changed, running.place))

    return judge
