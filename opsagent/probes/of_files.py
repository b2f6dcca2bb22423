"""The probes that look at files, by name, and how long those may take that watch for a while."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from opsagent.probes import deleted_open, modes, own_logs, poison
from opsagent.probes.room import Probe

OF_FILES: Mapping[str, Probe] = MappingProxyType(
    {
        "own_logs": own_logs.probe,
        "deleted_open": deleted_open.probe,
        "modes_changed": modes.modes_changed,
        "poison_item": poison.poison_item,
    }
)
WATCH_S: Mapping[str, float] = MappingProxyType({"poison_item": poison.WATCHED_S + 2.0})
"""Seconds, where it is more than any probe may take."""
