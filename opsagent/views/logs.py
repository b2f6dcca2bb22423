"""Signatures of logs as rows of a table. Pure; takes the form of `opsagent logs --signatures --json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsagent.views.numbers import duration, size
from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Style

COLUMNS = (
    Column("COUNT", right=True),
    Column("LEVEL", drop=2),
    Column("FIRST", drop=4, right=True),
    Column("LAST", drop=1, right=True),
    Column("UNIT"),
    Column("NEW", drop=3),
    Column("SIGNATURE"),
)

SOURCE_COLUMNS = (
    Column("UNIT"),
    Column("SOURCE"),
    Column("SIZE", drop=2, right=True),
    Column("WRITTEN", drop=1, right=True),
    Column("STAMPS", drop=4),
    Column("OFFSET", drop=3),
)
_SAID_BY = {"line": "", "file": " (inferred)", "machine": " (this machine's; nothing tells)"}


def source_row(one: Mapping[str, Any], at: float) -> tuple[Cell, ...]:
    """Return one log as a row under SOURCE_COLUMNS."""
    written = one["written_at"]
    return (
        Cell(one["name"], "strong"),
        Cell(one["source"] if one["there"] else f"{one['source']} (not there yet)", "" if one["there"] else "dim"),
        Cell("" if one["size"] is None else size(one["size"])),
        Cell("" if written is None else f"{duration(at - written)} ago"),
        Cell(one["format"] or ""),
        Cell("" if one["offset"] is None else one["offset"] + _SAID_BY[one["offset_from"]]),
    )


def row(one: Mapping[str, Any], now: datetime | None = None) -> tuple[Cell, ...]:
    """Return one signature as a row under COLUMNS."""
    at = (now or datetime.now(UTC)).timestamp()
    style = style_of_level(one["level"])
    return (
        Cell(f"×{one['count']:,}", "accent"),
        Cell(one["level"], style),
        Cell(f"{duration(at - one['first'])} ago"),
        Cell(f"{duration(at - one['last'])} ago"),
        Cell(one["name"], "strong"),
        Cell("new" if one["new"] else "", "warn"),
        Cell(one["template"], style),
    )


def style_of_level(level: str) -> Style:
    """Return in which colour a level is shown."""
    return "bad" if level in {"error", "fatal"} else "warn" if level == "warn" else ""
