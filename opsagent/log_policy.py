"""When logs are rotated, and what is kept of them: `[logs]` in `config.toml` (docs/log-rotation.md). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

UPKEEP = "upkeep/"
"""How remedies begin that mend nothing: they are no repairs, and use up nobody's budget of those."""
ROTATE = f"{UPKEEP}rotate_log"
_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """What a person wants done with logs that nothing else rotates."""

    rotate: bool = True
    """False: never unasked. Whatever it says, the mode of the service decides whether it is done or only said."""
    max_size: int = 50 * _MB
    """Bytes beyond which a log is rotated."""
    daily: bool = False
    """True: also once a day (UTC), whatever its size."""
    keep: int = 10
    """Archives of one log."""
    total: int = 1024 * _MB
    """Bytes that the archives of one log may have together; the newest one stays in any case."""
    compress: bool = True


def readers() -> Mapping[str, Callable[[object], object]]:
    """Return what reads each key; each raises `fields.Wrong`."""
    from opsagent_tools.services import fields

    return {
        "rotate": fields.boolean,
        "max_size": fields.size,
        "daily": fields.boolean,
        "keep": lambda value: fields.integer(value, 1, 10_000, "10"),
        "total": fields.size,
        "compress": fields.boolean,
    }
