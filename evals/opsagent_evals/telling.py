"""What every suite tells: progress on standard error, on standard output one document or tables and how to do it again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

_PLAIN_WIDTH = 140


def say(text: str) -> None:
    """Tell how far it is, or what is wrong."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def document(value: Mapping[str, Any]) -> None:
    """Write the one JSON document of a suite."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def tables(drawn: Iterable[Any], totals: Mapping[str, Any], again: str) -> None:
    """Draw rich's tables, the figures below them, and the command that does it again."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    for table in drawn:
        console.print(table)
    figures = ", ".join(f"{name} {'-' if value is None else value}" for name, value in totals.items())
    console.print(figures, markup=False)
    console.print(f"again: {again}", markup=False)
