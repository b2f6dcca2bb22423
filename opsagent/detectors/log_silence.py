"""Nothing is logged for far longer than usual. Never an incident by itself; beside a hang it is a symptom.

Gaps are heavy-tailed: the longest one grows with every day. So how much longer than the longest known gap a silence must
be follows from how far that one lies above the common ones, and a whole day must be known first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import for_long, quoted
from opsagent.model import EvidenceKind, Signal
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.units import UnitId

_STEP = 1.25
_BINS = 64
"""Gaps are counted in bins that grow by a quarter: from half a second up to days."""
_LEAST_S = 0.5
_COMMON = 0.9
_TIMES = 3.0
_MOST = 20_000


@dataclass(slots=True)
class _Gaps:
    """The gaps between the lines of one unit."""

    since: datetime
    last: datetime
    counts: list[int] = field(default_factory=lambda: [0] * _BINS)
    total: int = 0
    told: bool = False
    """This silence was told already."""

    def add(self, seconds: float) -> None:
        self.counts[_bin(seconds)] += 1
        self.total += 1
        if self.total >= _MOST:  # the rare ones stay: they are what matters
            self.counts = [(count + 1) // 2 for count in self.counts]
            self.total = sum(self.counts)

    def longest_s(self) -> float:
        return _top(max((index for index, count in enumerate(self.counts) if count), default=0))

    def common_s(self) -> float:
        left = _COMMON * self.total
        for index, count in enumerate(self.counts):
            left -= count
            if left <= 0:
                return _top(index)
        return _top(_BINS - 1)


class SilenceDetector:
    """Learns how long the pauses of each unit are."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._units: dict[UnitId, _Gaps] = {}

    def know(self, units: list[UnitId]) -> None:
        """Forget units that are gone."""
        for gone in self._units.keys() - set(units):
            del self._units[gone]

    def observe(self, volume: Signal, now: datetime) -> None:
        """Take LOG_VOLUME: the unit logged something just now."""
        if volume.unit is None or int(volume.data.get("lines", 0)) <= 0:
            return
        gaps = self._units.get(volume.unit)
        if gaps is None:
            self._units[volume.unit] = _Gaps(since=now, last=now)
            return
        gaps.add((now - gaps.last).total_seconds())
        gaps.last, gaps.told = now, False

    def pause(self, unit: UnitId, now: datetime) -> None:
        """The unit does not run: that it logs nothing is no silence, nor a gap to learn from."""
        gaps = self._units.get(unit)
        if gaps is not None:
            gaps.last = now

    def tick(self, units: list[UnitId], now: datetime) -> list[Notice]:
        """Judge the units that run. Each silence is told once."""
        found = []
        for unit in units:
            gaps = self._units.get(unit)
            if gaps is None or gaps.told or (now - gaps.since).total_seconds() < self._config.silence_learn_s:
                continue
            longest, common = gaps.longest_s(), gaps.common_s()
            least = max(self._config.silence_least_s, longest * max(_TIMES, longest / common))
            if gaps.total >= self._config.silence_gaps and (now - gaps.last).total_seconds() > least:
                gaps.told = True
                found.append(_notice(unit, gaps, now))
        return found

    def beside_a_hang(self, unit: UnitId, now: datetime) -> Notice | None:
        """Return that the unit is silent for longer than ever, as a symptom of a hang that others saw."""
        gaps = self._units.get(unit)
        if gaps is None or gaps.total < self._config.silence_gaps:
            return None
        silent = (now - gaps.last).total_seconds()
        if silent <= max(self._config.silence_symptom_s, gaps.longest_s()):
            return None
        return _notice(unit, gaps, now)


def _notice(unit: UnitId, gaps: _Gaps, now: datetime) -> Notice:
    silent, usual = (now - gaps.last).total_seconds(), gaps.common_s()
    text = f"{quoted(unit.name)} logs nothing for {for_long(silent)}; its pauses are mostly below {for_long(max(usual, 1.0))}"
    data = {"silent_s": round(silent, 1), "usual_s": round(usual, 1), "longest_s": round(gaps.longest_s(), 1)}
    return Notice(kind=NoticeKind.SILENCE, unit=unit, at=now, evidence=EvidenceKind.TEXT, text=text, data=data)


def _bin(seconds: float) -> int:
    return min(_BINS - 1, max(0, math.ceil(math.log(max(seconds, _LEAST_S) / _LEAST_S, _STEP))))


def _top(index: int) -> float:
    return float(_LEAST_S * _STEP**index)
