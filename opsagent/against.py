"""What a plan is against: the key by which the breaker counts failures, and whether outsiders can bring it about. Pure."""

from __future__ import annotations

from opsagent.model import Cause, Fault

INDUCED: frozenset[str] = frozenset(
    {
        Fault.HANG,
        Fault.ERROR_BURST,
        Fault.FLAPPING,
        Fault.DEGRADED,
        Cause.SPINNING,
        Cause.DEADLOCK,
        Cause.BAD_WORKER,
        Cause.DEPENDENCY_SLOW,
        Cause.LOG_FLOOD,
        Cause.POISON_ITEM,
        Cause.POOL_EXHAUSTED,
        Cause.RETRY_STORM,
        Cause.DESCRIPTOR_LEAK,
        Cause.FLAPPING,
        Cause.HOSTILE_TEXT,
    }
)
"""Trouble that whoever can send requests can bring about: by a flood of them, by input on which a service hangs, by
errors or lines of log without end, by an item that nothing can digest, by connections that are never closed."""


def key_of(remedy: str, cause: str | None) -> str:
    """Return what a plan is against: its cause where that is known, else the fault that its remedy is for."""
    return cause if cause and cause != Cause.UNKNOWN else remedy.partition("/")[0]


def is_induced(key: str) -> bool:
    """Tell whether an outsider may have brought it about: such repairs have a budget of their own."""
    return key in INDUCED
