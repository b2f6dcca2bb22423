"""What a replay found, on a terminal: what comes again and again first, then what happened once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsagent.views.numbers import duration, moment
from opsagent.views.table import Cell, Column, fit, table
from opsagent.views.terminal import Screen, one_line

_WHY = "LIKELY WHY"
_AGAIN = (
    Column("TIMES", right=True),
    Column("LAST"),
    Column("EVERY"),
    Column("ALL LASTED", drop=3, right=True),
    Column("UNIT"),
    Column("WHAT"),
    Column(_WHY),
)
_ONCE = (
    Column("BEGAN"),
    Column("LASTED", drop=1, right=True),
    Column("UNIT"),
    Column("WHAT"),
    Column(_WHY),
    Column("EVIDENCE", drop=2),
)
_ERRORS = (Column("COUNT", right=True), Column("UNIT"), Column("ERROR"))
_UNPLACED = 10
_WIDE = 130
"""Columns of a terminal in which a row holds everything."""


def lines(document: Mapping[str, Any], screen: Screen, *, limit: int) -> list[str]:
    """Return the whole screen. `limit`: rows of each table."""
    again: Sequence[Mapping[str, Any]] = document["recurring"]
    once = [one for one in document["incidents"] if one["times"] == 1]
    drawn: list[str] = []
    if again:
        drawn += [
            screen.paint("Comes again:", "strong"),
            *_rows(_AGAIN, [_again(one) for one in again[:limit]], screen),
        ]
        drawn += _more(len(again) - limit, screen)
    if once:
        drawn += ([""] if drawn else []) + [screen.paint("Once:", "strong")]
        drawn += _rows(_ONCE, [_once(one) for one in once[:limit]], screen)
        drawn += _more(len(once) - limit, screen)
    unplaced = document["unplaced"]
    if unplaced:
        heading = "Errors in logs whose lines do not say when:"
        rows = [_error(one) for one in unplaced[:_UNPLACED]]
        drawn += ([""] if drawn else []) + [screen.paint(heading, "strong"), *table(_ERRORS, rows, screen)]
        drawn += _more(len(unplaced) - _UNPLACED, screen)
    return drawn


def summary(document: Mapping[str, Any]) -> list[str]:
    """Return in words what was read, with which offsets; and what was not."""
    read = document["read"]
    sources = [one for one in read["sources"] if one["lines"]]
    first = min((one["first"] for one in sources if one["first"]), default=None)
    last = max((one["last"] for one in sources if one["last"]), default=None)
    span = f", {_day(first)} to {_day(last)}" if first and last else ""
    counted = f"{read['lines']:,} lines of {_count(len(sources), 'log')} in {_count(read['files'], 'file')}"
    said = [f"read {counted}{span}, in {read['took_s']:.1f} s"] if sources else ["there was nothing to read"]
    offsets = sorted({(one["offset"], one["offset_from"]) for one in sources if one["offset"]})
    for offset, why in offsets:
        how = "as their files were written" if why == "file" else "this machine's zone; nothing else tells"
        said.append(f"times without an offset were read as {offset} ({how})")
    unsure = sum(one["times"] == "unsure" for one in sources)
    if unsure:
        said.append(
            f"{_count(unsure, 'log')} without any time: errors in them are placed by the deaths that they caused, or not"
            " at all (pm2 writes times with `pm2 start --time`)"
        )
    return said


def _rows(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """Draw a table; where the terminal is narrow, the likely reason has a line of its own."""
    if screen.width is None or screen.width >= _WIDE:
        return table(columns, rows, screen)
    at = next(number for number, column in enumerate(columns) if column.title == _WHY)
    kept = [number for number in range(len(columns)) if number != at]
    heading, *drawn = table(
        [columns[number] for number in kept], [[row[number] for number in kept] for row in rows], screen
    )
    lines = [heading]
    for line, row in zip(drawn, rows, strict=True):
        lines.append(line)
        if row[at].text:
            lines.append(screen.paint(fit(f"       {one_line(row[at].text)}", screen.width), "dim"))
    return lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def _again(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    every = f"~{duration(one['every_s'])}" if one["every_s"] else "no rhythm" if one["count"] > 3 else ""
    return (
        Cell(f"{one['count']:,}", "strong"),
        Cell(moment(datetime.fromisoformat(one["last_at"]))),
        Cell(every),
        Cell(_lasted(one["lasted_s"])),
        Cell(one["name"], "accent"),
        Cell(_what(one)),
        Cell(one["signature"]),
    )


def _once(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    lasted = _lasted(one["lasted_s"]) if one["lasted_s"] is not None else "not over"
    why = one["signatures"][0]["signature"] if one["signatures"] else ""
    return (
        Cell(moment(datetime.fromisoformat(one["began_at"]))),
        Cell(lasted, "bad" if one["lasted_s"] is None else ""),
        Cell(one["name"], "accent"),
        Cell(_what(one)),
        Cell(why),
        Cell(", ".join(one["evidence"])),
    )


def _lasted(seconds: float) -> str:
    """Many logs know whole seconds only."""
    return "<1s" if seconds < 1 else duration(seconds)


def _what(one: Mapping[str, Any]) -> str:
    """Return the summary without the name, which stands beside it."""
    text = str(one["summary"])
    return text.removeprefix(f"{one['name']} ")


def _error(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return Cell(f"{one['count']:,}"), Cell(one["name"], "accent"), Cell(one["signature"])


def _more(number: int, screen: Screen) -> list[str]:
    return [screen.paint(f"… and {number:,} more: --limit, or --json", "dim")] if number > 0 else []
