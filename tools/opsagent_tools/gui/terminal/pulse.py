"""What moves on a screen by itself: clocks, meters, tables that are sorted anew. It is no answer to a key."""

from __future__ import annotations

import time

from opsagent_tools.gui.terminal.cells import Cells

_REMEMBERED_S = 15.0
"""How long a row that moved by itself is taken for one that does."""
_OWN_S = 0.25
"""So long after a key, what changes may still be its doing."""


class Pulse:
    """Watches which rows of a screen change while nobody presses a key."""

    def __init__(self) -> None:
        self._last: Cells | None = None
        self._texts: dict[int, float] = {}
        """Row → when its text last changed by itself."""
        self._looks: dict[int, float] = {}
        """The same for colours."""

    def watch(self, cells: Cells, since_key_s: float) -> None:
        """Take note of what is shown, and of how long ago the last key was pressed."""
        before, self._last = self._last, cells
        if before is None or before is cells or since_key_s < _OWN_S or before.box != cells.box:
            return
        now = time.monotonic()
        for row in range(cells.height):
            if before.lines[row] != cells.lines[row]:
                self._texts[row] = now
            if _styles(before, row) != _styles(cells, row):
                self._looks[row] = now

    def keyed(self, cells: Cells) -> None:
        """Forget what was shown before a key: what changes next is its doing, or may be."""
        self._last = cells

    def answered(self, before: Cells, now: Cells) -> bool:
        """Tell whether something changed that does not change by itself."""
        if before.digest == now.digest:
            return False
        if before.box != now.box or before.title != now.title or _cursor(before) != _cursor(now):
            return True
        old = time.monotonic() - _REMEMBERED_S
        return any(
            (before.lines[row] != now.lines[row] and self._texts.get(row, 0.0) < old)
            or (
                before.rows[row] != now.rows[row]
                and self._looks.get(row, 0.0) < old
                and _styles(before, row) != _styles(now, row)
            )
            for row in range(now.height)
        )


def _styles(cells: Cells, row: int) -> list[tuple[str, str]]:
    return [cell.style.shown for cell in cells.rows[row]]


def _cursor(cells: Cells) -> tuple[int, int] | None:
    return cells.cursor if cells.cursor_shown else None
