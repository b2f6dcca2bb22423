"""Children of a table, tree or list, of which there may be very many: only those that can be seen are asked for."""

from __future__ import annotations

from typing import Any

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Bus, Failed, Ref
from opsagent_tools.gui.model import Box

MANY = 120
"""So many children, and only those that can be seen are asked for: a toolkit makes an object for each that is named."""
_MOST = 2000
"""More cells than that are on no screen."""
_HEADERS = 24
"""The first children of a table are often the headers of its columns."""
_EDGE = 90
"""Pixels at the upper and lower edge in which the first and the last row are looked for: below headers, above what is empty."""
_EVERY = 9
"""Pixels between two looks for a row: less than the height of one."""


def refs_in(answer: Any) -> tuple[Ref, ...]:
    """Return the objects that an answer names, those that are none left out."""
    return tuple(Ref(*one) for one in answer if one[0] and one[1] != words.NULL_PATH)


async def children_of_table(bus: Bus, table: Ref, box: Box | None, count: int) -> tuple[Ref, ...]:
    """Return the children of a table; where there are many, those on the screen and the headers, in order."""
    if count <= MANY or box is None or box.empty:
        (answer,) = await bus.ask([Ask(table, words.ACCESSIBLE, "GetChildren")])
        return () if isinstance(answer, Failed) else refs_in(answer)
    indexes = await _indexes_on_screen(bus, table, box)
    wanted = sorted({*range(min(_HEADERS, count)), *range(*indexes)})
    answers = await bus.ask([Ask(table, words.ACCESSIBLE, "GetChildAtIndex", "i", (index,)) for index in wanted])
    return refs_in([answer for answer in answers if not isinstance(answer, Failed)])


async def _indexes_on_screen(bus: Bus, table: Ref, box: Box) -> tuple[int, int]:
    """Return the first and last-plus-one index of what lies under the left and right edges of the table."""
    columns = (box.left + 4, box.left + box.width // 2, box.right - 24)
    lines = {
        *range(box.top + 2, min(box.bottom, box.top + _EDGE), _EVERY),
        *range(max(box.top, box.bottom - _EDGE), box.bottom, _EVERY),
    }
    points = [(x, y) for y in sorted(lines) for x in columns]
    hits = await bus.ask(
        [Ask(table, words.COMPONENT, "GetAccessibleAtPoint", "iiu", (x, y, words.SCREEN)) for x, y in points]
    )
    found = [
        one for one in dict.fromkeys(refs_in([hit for hit in hits if not isinstance(hit, Failed)])) if one != table
    ]
    places = await bus.ask([Ask(one, words.ACCESSIBLE, "GetIndexInParent") for one in found])
    indexes = [place for place in places if isinstance(place, int) and place >= 0]
    return (min(indexes), min(max(indexes) + 1, min(indexes) + _MOST)) if indexes else (0, MANY)
