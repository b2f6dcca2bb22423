"""An exception as PM2's bus tells it (`process:exception`), as one line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsagent_tools.logs.since import reason

_LONGEST = 8 * 1024


def words_of(data: Mapping[str, Any]) -> str:
    """Return the stack, or the message where there is none; as it came."""
    inner = data.get("data")
    if not isinstance(inner, Mapping):
        return ""
    stack = inner.get("stack")
    return str(stack if isinstance(stack, str) and stack else inner.get("message", ""))[:_LONGEST]


def one_line(words: str) -> str:
    """Return the line that says what was thrown, masked."""
    return reason([line.encode() for line in words.splitlines() if line.strip()])
