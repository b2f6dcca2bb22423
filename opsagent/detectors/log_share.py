"""The share of error lines is another one than usual: robust where few lines are logged, and where errors come in bursts.

Two windows, a short and a long one, must both say so, each with enough errors beside its worst ten seconds; their share must lie above the usual one
by far more than chance explains (bounds of the binomial share after Wilson). What is usual fades slowly.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import for_long, quoted
from opsagent.model import EvidenceKind, Signal
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.units import UnitId

_BUCKET_S = 10.0
_MOST_LINES = 100_000.0
"""Once what is usual rests on more lines than this, its past is halved."""
_SURE = 3.3
"""Standard deviations: one in two thousand, for each of the two windows."""


@dataclass(slots=True)
class _Bucket:
    at: datetime
    lines: int = 0
    errors: int = 0


@dataclass(slots=True)
class _Share:
    """The lines of one unit."""

    since: datetime
    recent: deque[_Bucket] = field(default_factory=deque)
    lines: float = 0.0
    errors: float = 0.0
    """Before the recent ones."""


class ShareDetector:
    """Learns what share of each unit's lines are errors."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._units: dict[UnitId, _Share] = {}

    def know(self, units: list[UnitId]) -> None:
        """Forget units that are gone."""
        for gone in self._units.keys() - set(units):
            del self._units[gone]

    def observe(self, volume: Signal, now: datetime) -> Notice | None:
        """Take LOG_VOLUME."""
        unit = volume.unit
        lines, errors = int(volume.data.get("lines", 0)), int(volume.data.get("errors", 0))
        if unit is None or lines <= 0:
            return None
        share = self._units.setdefault(unit, _Share(since=now))
        if not share.recent or (now - share.recent[-1].at).total_seconds() >= _BUCKET_S:
            share.recent.append(_Bucket(at=now))
        share.recent[-1].lines += lines
        share.recent[-1].errors += min(errors, lines)
        self._age(share, now)
        return self._judge(unit, share, now)

    def _age(self, share: _Share, now: datetime) -> None:
        limit = now - timedelta(seconds=self._config.share_long_s)
        while share.recent and share.recent[0].at <= limit:
            old = share.recent.popleft()
            share.lines += old.lines
            share.errors += old.errors
        if share.lines > _MOST_LINES:
            share.lines /= 2
            share.errors /= 2

    def _judge(self, unit: UnitId, share: _Share, now: datetime) -> Notice | None:
        config = self._config
        learnt = (now - share.since).total_seconds() >= config.share_learn_s and share.lines >= config.share_lines
        if not learnt:
            return None
        usual = share.errors / share.lines
        most = max(usual * config.share_times, usual + config.share_more, _upper(share.errors, share.lines))
        rates = []
        for seconds in (config.share_short_s, config.share_long_s):
            since = now - timedelta(seconds=seconds)
            recent = [bucket for bucket in share.recent if bucket.at > since]
            recent.remove(max(recent, key=lambda bucket: bucket.errors))  # one burst is no share: others see to it
            lines, errors = sum(each.lines for each in recent), sum(each.errors for each in recent)
            if len(recent) < _BUCKETS or errors < config.share_errors or _lower(errors, lines) <= most:
                return None
            rates.append(errors / lines)
        text = f"{quoted(unit.name)}: {rates[-1]:.0%} of its lines are errors for {for_long(config.share_short_s)} and more, {usual:.1%} is usual"
        data = {"share": round(rates[-1], 4), "usual": round(usual, 4)}
        return Notice(kind=NoticeKind.ERROR_SHARE, unit=unit, at=now, evidence=EvidenceKind.TEXT, text=text, data=data)


_BUCKETS = 3
"""A window with fewer times at which anything was logged says nothing."""


def _bounds(errors: float, lines: float) -> tuple[float, float]:
    share, square = errors / lines, _SURE * _SURE
    middle = (share + square / (2 * lines)) / (1 + square / lines)
    half = _SURE * math.sqrt(share * (1 - share) / lines + square / (4 * lines * lines)) / (1 + square / lines)
    return middle - half, middle + half


def _lower(errors: float, lines: float) -> float:
    return _bounds(errors, lines)[0]


def _upper(errors: float, lines: float) -> float:
    return _bounds(errors, lines)[1]
