"""Something that is now so and now so: a probe that answers and fails in turn, a unit that is up and down.

One change is an event, many in a short time are a state of their own, which needs another answer than each of them. Only
the times of the last changes are kept.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingSettings:
    """How much is flapping."""

    window_s: float = 900.0
    """Changes are counted over this time."""
    least: int = 8
    """So many changes in the window are flapping, …"""
    least_s: float = 120.0
    """… if they take this long: all at once they are one event …"""
    lasts: int = 16
    """… and so many, …"""
    lasts_s: float = 600.0
    """… over this time, one that does not end by itself."""
    calm_s: float = 900.0
    """After so long without a change it is over, and can be told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap:
    """It flaps."""

    at: float
    since: float
    changes: int
    lasts: bool
    """True: for so long that it will not end by itself."""


class Flapping:
    """One thing with two states."""

    __slots__ = ("_changes", "_count", "_settings", "_since", "_state", "_told")

    def __init__(self, settings: FlappingSettings | None = None) -> None:
        self._settings = settings or FlappingSettings()
        self._changes: deque[float] = deque(maxlen=self._settings.lasts)
        self._state: bool | None = None
        self._told = self._count = 0
        self._since = 0.0

    def add(self, at: float, state: bool) -> Flap | None:  # it is the value
        """Take how it is now; return that it flaps, once, and once more when it lasts. Never raises."""
        if not math.isfinite(at) or state is self._state:
            return None
        first, self._state = self._state is None, state
        if first:
            return None
        if self._changes and (at < self._changes[-1] or at - self._changes[-1] >= self._settings.calm_s):
            self._changes.clear()
            self._told = 0
        self._changes.append(at)
        recent = [change for change in self._changes if at - change <= self._settings.window_s]
        self._count += 1
        if len(recent) < self._settings.least:
            self._since, self._count = recent[0], len(recent)
            return None
        settings, took_s = self._settings, at - self._since
        lasts = len(recent) >= settings.lasts and took_s >= settings.lasts_s
        level = 2 if lasts else 1 if took_s >= settings.least_s else 0
        if level <= self._told:
            return None
        self._told = level
        return Flap(at=at, since=self._since, changes=self._count, lasts=lasts)
