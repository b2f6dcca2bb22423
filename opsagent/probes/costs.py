"""What asking a probe costs: the cheapest are asked first, and the dear ones not at all where the answer is clear.

A leaf: decide reads it, and decide knows no probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REMEMBERED = 0
"""It reads what the agent has in its memory."""
QUICK = 1
"""A millisecond or so of /proc or of files."""
ASKS = 2
"""It asks a configured probe, or a supervisor."""
SLOW = 3
"""It waits, watches for a while, or reads much."""

PROBE_COSTS: Mapping[str, int] = MappingProxyType(
    {
        "unit_state": ASKS,
        "supervisor_state": ASKS,
        "dependencies": ASKS,
        "dependency_probe": ASKS,
        "who_is_at_work": QUICK,
        "limits": QUICK,
        "clock": QUICK,
        "health_now": ASKS,
        "recent_errors": REMEMBERED,
        "last_log": QUICK,
        "process_state": SLOW,
        "connections": SLOW,
        "memory": QUICK,
        "room_left": QUICK,
        "port_holder": QUICK,
        "config_changed": QUICK,
        "callers": QUICK,
        "changes": ASKS,
        "environment_changed": QUICK,
        "certificates": ASKS,
        "resolver": SLOW,
        "release_changed": SLOW,
        "disk": QUICK,
        "own_logs": QUICK,
        "deleted_open": QUICK,
        "modes_changed": QUICK,
        "poison_item": SLOW,
        "executable": QUICK,
        "stale_lock": QUICK,
        "answers": REMEMBERED,
        "wait_chain": SLOW,
        "clients": SLOW,
        "held_open": QUICK,
        "workers": SLOW,
        "cpu_hogs": SLOW,
        "threads": QUICK,
    }
)
"""Of every probe by name."""


def cost_of(probe: str) -> int:
    """Return what a probe costs; one that nobody priced is asked last."""
    return PROBE_COSTS.get(probe, SLOW)
