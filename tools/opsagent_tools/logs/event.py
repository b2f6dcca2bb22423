"""What the reading of a log gives: events, one or many lines each, with their signature. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent_tools.logs.repeats import Repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A stack trace that was joined into one event."""

    language: str
    """`node`, `python`, `java` or `go`."""
    exception: str
    """Its type as the runtime names it: `TypeError`, `java.lang.NullPointerException`, `panic`."""
    message: str = ""
    cause: str = ""
    """Type and message of the innermost cause, where the runtime names one."""
    frame: str = ""
    """The top frame of the user's own code (`src/app.js:12 handler`), empty where there is none."""


@dataclass(slots=True)
class Signature:
    """What stays the same when the same thing is logged again, elsewhere, later: the key into memory."""

    key: str
    """Durable: depends neither on the order of lines nor on the host."""
    template: str
    """The message with its parameters typed: `user <n> of <addr> not found`. Redacted."""


@dataclass(slots=True)
class LogEvent:
    """One thing that was logged."""

    at: float | None
    """When, seconds since the epoch, as the line itself says; None: it does not."""
    level: str
    """`trace`, `debug`, `info`, `warn`, `error` or `fatal`; empty: it states none and is none by its shape."""
    message: str
    """Without header, level and colours. Not redacted: it must not leave the process as it is."""
    signature: Signature | None = None
    """None: not mined (yet)."""
    lines: int = 1
    trace: Trace | None = None
    repeat: Repeat | None = field(default=None, compare=False, repr=False)
    """What was known of lines like it, and leads to its signature."""
