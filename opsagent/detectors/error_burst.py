"""Error lines at a rate far above the unit's own past."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion, errors_before
from opsagent.model import Fault, Signal
from opsagent.world import World
from opsagent_tools.units import UnitId

_LEARNING = 0.1
"""Weight of the newest window in what is usual."""
_OVER = 0.5
"""A burst that was told is over below this share of what makes one."""


@dataclass(slots=True)
class _Rate:
    """The error rate of one unit."""

    known_since: datetime
    window_from: datetime
    counted: deque[tuple[datetime, int]] = field(default_factory=deque)
    usual: float = 0.0
    """Lines per window, a moving average of windows without a burst."""
    told: bool = False
    """The burst that goes on had its incident."""


class ErrorBurstDetector:
    """Learns what is usual for each unit and tells what is not."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._rates: dict[UnitId, _Rate] = {}
        self._window = timedelta(seconds=config.burst_window_s)

    def know(self, units: list[UnitId], now: datetime) -> None:
        """Begin to learn; a unit that writes no errors has a past too. Forget units that are gone."""
        for unit in units:
            self._rates.setdefault(unit, _Rate(known_since=now, window_from=now))
        for gone in self._rates.keys() - set(units):
            del self._rates[gone]

    def observe(self, error: Signal, world: World) -> Suspicion | None:
        """Take one error line (`data.count` of them)."""
        unit, now = error.unit, error.at
        assert unit is not None
        rate = self._rates.setdefault(unit, _Rate(known_since=now, window_from=now))
        self._learn(rate, now)
        while rate.counted and rate.counted[0][0] <= now - self._window:
            rate.counted.popleft()
        rate.told = rate.told and self._is_burst(rate, over=_OVER)
        rate.counted.append((now, int(error.data.get("count", 1))))
        if now - rate.known_since < timedelta(seconds=self._config.burst_learn_s):
            return None
        if rate.told or not self._is_burst(rate):
            return None
        symptoms = errors_before(unit, world, now, self._config.burst_window_s)
        began = rate.counted[0][0]
        return Suspicion(
            fault=Fault.ERROR_BURST, unit=unit, began_at=began, symptoms=symptoms or (error,), may_be_upstream=True
        )

    def told(self, unit: UnitId) -> None:
        """An incident of its burst is over, and nothing was mended: as long as the burst goes on, it is the same one."""
        if unit in self._rates:
            self._rates[unit].told = True

    def _is_burst(self, rate: _Rate, over: float = 1.0) -> bool:
        lines = sum(count for _, count in rate.counted)
        return lines >= over * max(self._config.burst_lines, self._config.burst_times * rate.usual)

    def _learn(self, rate: _Rate, now: datetime) -> None:
        """Take whole windows that have passed into what is usual."""
        passed = int((now - rate.window_from) / self._window)
        if passed < 1:
            return
        lines = sum(count for at, count in rate.counted if at >= rate.window_from)
        learning = now - rate.known_since < timedelta(seconds=self._config.burst_learn_s)
        weight = 0.5 if learning else _LEARNING
        rate.usual += weight * (lines - rate.usual)
        rate.usual *= (1 - weight) ** min(passed - 1, 100)  # windows without a line
        rate.window_from += passed * self._window
