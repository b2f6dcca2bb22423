"""Words that several detectors use for a person."""

from __future__ import annotations

from datetime import datetime

from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_terminal

_QUOTED = 160
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def quoted(text: str) -> str:
    """Return foreign text as one short, redacted, harmless line."""
    line = " ".join(escape_for_terminal(redact(text)).split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def for_long(seconds: float) -> str:
    """Return a time like `3 min`."""
    for size, name in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago that was."""
    return f"{for_long(max(0.0, (now - then).total_seconds()))} ago"
