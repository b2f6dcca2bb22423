"""How bad a line is whose header states no level: by what runtimes print. Standard library only."""

from __future__ import annotations

from opsagent_tools.logs.header import LEVELS
from opsagent_tools.logs.levels import is_error, level_of


def level_by_shape(text: str) -> str:
    """Return the level of a line whose header states none."""
    if (
        "rror" in text or "xception" in text or "anic" in text or "atal" in text or "RROR" in text or "FATAL" in text
        or "CRIT" in text or "egmentation" in text or "nhandled" in text or "ncaught" in text or "nterrupt:" in text
        or "Failure:" in text
    ):  # fmt: skip
        # Without one of these it is no error. Not in a loop, nor as one pattern: both cost more than all of them.
        stated = level_of(text)
        if stated is not None:
            return LEVELS.get(stated, "")
        if is_error(text):
            return "error"
    return "warn" if "Warning: " in text else ""
