"""A probe that answers, and takes far longer for it than it usually does. Only noticed; but it may explain trouble below."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import quoted
from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.units import UnitId

_LEARNING, _LEARNING_AGAIN = 0.05, 0.005
"""Weight of the newest answer in what is usual; while it is slow, the new pace is believed slowly."""
_LEAST_S = 0.001


@dataclass(slots=True)
class _Pace:
    usual: float = 0.0
    """Mean logarithm of the seconds that an answer takes."""
    answers: int = 0
    slow: int = 0
    """Slow answers in a row."""


class SlowDetector:
    """Learns how quickly each unit's probe answers."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._paces: dict[UnitId, _Pace] = {}
        self._slow: dict[UnitId, Notice] = {}

    @property
    def slow(self) -> Mapping[UnitId, Notice]:
        """The units that are slow now, with what was noticed when they became so."""
        return self._slow

    def may_be(self, unit: UnitId) -> bool:
        """Tell whether its last answer was slow, or several were."""
        pace = self._paces.get(unit)
        return pace is not None and pace.slow > 0

    def know(self, units: list[UnitId]) -> None:
        """Forget units that are gone."""
        for gone in self._paces.keys() - set(units):
            self.forget(gone)

    def forget(self, unit: UnitId) -> None:
        """It was stopped, or is gone."""
        self._paces.pop(unit, None)
        self._slow.pop(unit, None)

    def observe(self, answer: Signal) -> Notice | None:
        """Take one answer of a probe; return a notice when its unit becomes slow."""
        unit = answer.unit
        if unit is None:
            return None
        if answer.kind is not SignalKind.PROBE_OK:
            self._slow.pop(unit, None)  # it fails: that says more
            return None
        pace = self._paces.setdefault(unit, _Pace())
        took = max(_LEAST_S, float(answer.data.get("latency_s", 0.0)))
        limit = max(self._config.slow_least_s, self._config.slow_times * math.exp(pace.usual))
        known = pace.answers >= self._config.slow_answers
        pace.slow = pace.slow + 1 if known and took > limit else 0
        weight = max(1 / (pace.answers + 1), _LEARNING) if not pace.slow else _LEARNING_AGAIN
        pace.usual += weight * (math.log(took) - pace.usual)
        pace.answers += 1
        if not pace.slow:
            self._slow.pop(unit, None)
        if pace.slow < self._config.slow_row or unit in self._slow:
            return None
        self._slow[unit] = notice = _notice(unit, took, math.exp(pace.usual), answer.at)
        return notice


def _notice(unit: UnitId, took: float, usual: float, at: datetime) -> Notice:
    text = f"{quoted(unit.name)} answers its probe in {took:.2f} s, {usual:.2f} s is usual"
    data: dict[str, Scalar] = {"metric": "latency", "latency_s": round(took, 4), "usual_s": round(usual, 4)}
    kind, evidence = NoticeKind.LEVEL_SHIFT, EvidenceKind.PROBE
    return Notice(kind=kind, unit=unit, at=at, evidence=evidence, text=text, data=data)
