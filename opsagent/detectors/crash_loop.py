"""It dies again and again: by the rate of deaths, whatever its supervisor calls it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.model import Signal
from opsagent_tools.units import UnitId

_KEPT = 64
_SAME_TIME = timedelta(seconds=0.5)
"""A death may be noticed this much after its successor was started."""


@dataclass(frozen=True, slots=True)
class _Death:
    at: datetime
    started: datetime | None


class CrashLoopDetector:
    """Counts deaths."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._deaths: dict[UnitId, deque[_Death]] = {}
        self._given_up: set[UnitId] = set()

    def observe(self, death: Signal) -> bool:
        """Take one death; return whether the unit is in a crash loop."""
        assert death.unit is not None
        deaths = self._deaths.setdefault(death.unit, deque(maxlen=_KEPT))
        deaths.append(_Death(death.at, _started(death)))
        since = death.at - timedelta(seconds=self._config.loop_window_s)
        recent = [each for each in deaths if each.at >= since]
        # Several workers that end side by side do not die again and again: a loop is made of those that came after.
        # A process of unknown start (it came and went before anybody looked) is one.
        begun = recent[0].at - _SAME_TIME
        young = sum(each.started is None or each.started >= begun for each in recent[1:])
        return len(recent) >= self._config.loop_deaths and young >= self._config.loop_young

    def given_up(self, unit: UnitId) -> None:
        """A crash loop of this unit was closed without being mended (or nobody knows)."""
        self._given_up.add(unit)

    def mended(self, unit: UnitId) -> None:
        """A crash loop of this unit was mended: count from zero."""
        self._deaths.pop(unit, None)
        self._given_up.discard(unit)

    def goes_on(self, death: Signal) -> bool:
        """Tell whether this death, the newest, is one more of a loop that was given up on."""
        unit = death.unit
        if unit is None or unit not in self._given_up:
            return False
        deaths = self._deaths.get(unit, deque())
        gap = (death.at - deaths[-2].at).total_seconds() if len(deaths) > 1 else float("inf")
        started = _started(death)
        lived = (death.at - started).total_seconds() if started is not None else 0.0
        if gap <= self._config.loop_quiet_s and lived < self._config.loop_young_s:
            return True
        self._given_up.discard(unit)
        return False


def _started(death: Signal) -> datetime | None:
    return datetime.fromtimestamp(death.process.started, death.at.tzinfo) if death.process is not None else None
