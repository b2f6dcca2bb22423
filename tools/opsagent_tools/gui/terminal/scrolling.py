"""A row that a list of a terminal does not show: the highlight is moved until it comes, and back where it does not."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from opsagent_tools.gui.model import Element
from opsagent_tools.gui.terminal.driving import is_on
from opsagent_tools.gui.terminal.reading.elements import Reading
from opsagent_tools.gui.terminal.roles import HIGHLIGHTED

_MOST = 150
"""So many rows are gone through."""
_SLID = frozenset("▮▒░▓█■↑↓▲▼")
_GOES_ON = re.compile(r"[↓↑v^]?\([+-]\)")
"""How lists of `dialog` say that there are more rows."""

Press = Callable[[Sequence[str]], Awaitable[Reading]]


def goes_on(reading: Reading) -> bool:
    """Tell whether the list that has the highlight shows by a scroll bar, or in words, that it has more rows.

    One that cannot be used has none: what lies before it, or whoever reads whole lines, would get the keys.
    """
    on = _on(reading)
    if on is None or "enabled" not in on.states:
        return False
    rows = [one for one in reading.elements if _of_its_list(one, on)]
    top, bottom = min(one.box.top for one in rows), max(one.box.bottom for one in rows)
    frame = next((one.box for one in reading.elements if one.id == on.parent), None)
    left, right = (frame.left, frame.right) if frame else (on.box.left, reading.cells.width)
    lines = [line[left:right] for line in reading.cells.lines[max(0, top - 1) : bottom + 1]]
    slid = [{at for at, sign in enumerate(line) if sign in _SLID} for line in lines[1:-1]]
    return any(_GOES_ON.search(line) for line in lines) or (len(slid) > 1 and bool(set.intersection(*slid)))


async def brought(press: Press, reading: Reading, there: Callable[[Reading], bool]) -> Reading | None:
    """Leaf through the list until `there`; return what is shown then. None: it never was, and the highlight is back.

    Only while the highlight stays in the same list of the same dialog.
    """
    start = _on(reading)
    for page, row in (("page_down", "down"), ("page_up", "up")):
        key, idle, shown, lit = page, 0, _rows(reading), {_called(_on(reading))}
        for _ in range(_MOST):
            before, reading = reading, await press((key,))
            on = _called(_on(reading))
            if not _same_list(before, reading) or idle > 1 or (key == row and on in lit):
                break  # the end of the list, or a list that begins anew after its last row
            if there(reading):
                return reading
            idle = 0 if key == row or _rows(reading) - shown else idle + 1
            if key == page and on == _called(_on(before)):
                key = row  # it knows no pages, or this was the last one
            shown, lit = shown | _rows(reading), lit | {on}
    if start is not None:
        await _back(press, reading, start)
    return None


async def _back(press: Press, reading: Reading, start: Element) -> None:
    """Bring the highlight back to the row where it was."""
    for _ in range(_MOST):
        on = _on(reading)
        rows = sorted((one for one in reading.elements if on and _of_its_list(one, on)), key=lambda one: one.box.top)
        meant = [at for at, one in enumerate(rows) if _called(one) == _called(start)]
        if on is None:
            return
        if len(meant) == 1:
            far = meant[0] - rows.index(on)
            if far:
                await press(("down" if far > 0 else "up",) * abs(far))
            return
        before, reading = reading, await press(("page_down",))
        if not _same_list(before, reading) or _called(_on(before)) == _called(_on(reading)):
            return


def _on(reading: Reading) -> Element | None:
    found = [one for one in reading.elements if one.role in HIGHLIGHTED and is_on(reading, one)]
    return found[0] if len(found) == 1 else None


def _rows(reading: Reading) -> frozenset[tuple[str, str]]:
    """Return the rows that the list with the highlight shows."""
    on = _on(reading)
    return frozenset(_called(one) for one in reading.elements if on is not None and _of_its_list(one, on))


def _of_its_list(one: Element, on: Element) -> bool:
    return one.role == on.role and one.parent == on.parent and one.box.left == on.box.left


def _called(one: Element | None) -> tuple[str, str]:
    return (one.name, one.label) if one is not None else ("", "")


def _same_list(before: Reading, after: Reading) -> bool:
    was, now = _on(before), _on(after)
    return was is not None and now is not None and before.title == after.title and _of_its_list(now, was)
