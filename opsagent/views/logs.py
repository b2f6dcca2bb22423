"""Signatures of logs as rows of a table. Pure; takes the form of `opsagent logs --signatures --json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsagent.views.numbers import duration
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
