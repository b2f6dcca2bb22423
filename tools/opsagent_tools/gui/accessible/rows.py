"""Rows of tables: made where a toolkit tells cells only, and called by what tells them apart. Pure.

A row is called by one of its cells: of the column whose texts are all different and say no number, so a name before a
state that rows share, and before a figure that is another one at the next look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsagent_tools.gui.model import Box, Element, SurfaceKind

_TABLES = frozenset({"table", "tree", "list"})
_CELLS = frozenset({"table cell", "label", "check box"})
_SHARED = frozenset({"enabled", "visible", "selected"})


def in_rows(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """Return the elements with rows around the cells of each line of a table, and all rows named."""
    return _named(_with_rows(elements))


def _with_rows(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    tables = {one.id for one in elements if one.role in _TABLES}
    lines: dict[tuple[str, int], list[Element]] = {}
    for one in elements:
        if one.parent in tables and one.role in _CELLS and one.parent is not None:
            lines.setdefault((one.parent, one.box.top), []).append(one)
    several = {place: cells for place, cells in lines.items() if len(cells) > 1}
    rows = {cells[0].id: _row(table, top, cells) for (table, top), cells in several.items()}
    moved = {cell.id: rows[cells[0].id].id for cells in several.values() for cell in cells}
    result: list[Element] = []
    for one in elements:
        if one.id in rows:
            result.append(rows[one.id])
        role = "table cell" if one.id in moved and one.role == "label" else one.role
        result.append(replace(one, parent=moved[one.id], role=role) if one.id in moved else one)
    return tuple(result)


def _row(table: str, top: int, cells: Sequence[Element]) -> Element:
    left, right = min(cell.box.left for cell in cells), max(cell.box.right for cell in cells)
    bottom = max(cell.box.bottom for cell in cells)
    return Element(
        id=f"{table}#{top}",
        role="row",
        name="",
        box=Box(left, top, right - left, bottom - top),
        states=_SHARED.intersection(*(cell.states for cell in cells)),
        parent=table,
        source=SurfaceKind.ACCESSIBLE,
    )


def _named(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    cells: dict[str, list[Element]] = {}
    for one in elements:
        if one.role == "table cell" and one.parent is not None:
            cells.setdefault(one.parent, []).append(one)
    of_table: dict[str | None, list[str]] = {}
    for one in elements:
        if one.role == "row" and one.id in cells:
            of_table.setdefault(one.parent, []).append(one.id)
    names = {row: name for rows in of_table.values() for row, name in _names(rows, cells).items()}
    return tuple(
        replace(one, name=names[one.id]) if one.role == "row" and not one.name and one.id in names else one
        for one in elements
    )


def _names(rows: Sequence[str], cells: Mapping[str, Sequence[Element]]) -> dict[str, str]:
    lines = {row: [cell.name for cell in sorted(cells[row], key=lambda cell: cell.box.left)] for row in rows}
    width = max(len(line) for line in lines.values())
    columns = [{row: line[at] for row, line in lines.items() if at < len(line)} for at in range(width)]
    told = [column for column in columns if all(column.values()) and len(set(column.values())) == len(rows)]
    wordy = [column for column in told if not any(letter.isdigit() for text in column.values() for letter in text)]
    best = next(iter((*wordy, *told)), None)
    return best if best is not None else {row: next(filter(None, line), "") for row, line in lines.items()}
