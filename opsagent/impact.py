"""What an incident cost, as far as it was measured: probes that failed, seconds without service, deaths, error lines.

Fed with every signal; it keeps what went wrong, and when that was over, of the last hours, bounded. Nothing here is
estimated: what was not measured is not in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsagent.model import Signal, SignalKind
from opsagent_tools.units import UnitId

_KEPT = 4000
"""Of each unit. A probe every 2 s fails so often in two hours."""
_COUNTED = {
    SignalKind.PROBE_FAILED: "failed_probes",
    SignalKind.DEATH: "deaths",
    SignalKind.SPAWNED: "starts",
    SignalKind.LOG_ERROR: "error_lines",
}


@dataclass(slots=True)
class _Past:
    counted: deque[tuple[datetime, str, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """When, what, how many."""
    outages: deque[tuple[datetime, datetime | None]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """When its probe began to fail, and when it succeeded again; None: not yet. Of a unit without one: its processes."""
    probed: bool = False


class Toll:
    """Counts what users and services suffered."""

    def __init__(self) -> None:
        self._past: dict[UnitId, _Past] = {}

    def observe(self, signal: Signal) -> None:
        """Take one signal."""
        if signal.unit is None:
            return
        probe = signal.kind in {SignalKind.PROBE_OK, SignalKind.PROBE_FAILED}
        if not probe and signal.kind not in _COUNTED:
            return
        past = self._past.setdefault(signal.unit, _Past())
        if probe and not past.probed:
            past.probed = True
            past.outages.clear()
        if signal.kind in _COUNTED:
            count = signal.data.get("count", 1) if signal.kind is SignalKind.LOG_ERROR else 1
            past.counted.append((signal.at, _COUNTED[signal.kind], int(count)))
        if probe or not past.probed:
            _note(past.outages, signal.at, well=signal.kind in {SignalKind.PROBE_OK, SignalKind.SPAWNED}, signal=signal)

    def of(self, root: UnitId, units: Iterable[UnitId], since: datetime, until: datetime) -> Mapping[str, Any]:
        """Return what was suffered between these times. `down_s` is of the unit that was away for the longest."""
        concerned = {root, *units}
        pasts = {unit: self._past[unit] for unit in concerned if unit in self._past}
        figures: dict[str, Any] = {"units": len(concerned)}
        for past in pasts.values():
            for at, what, count in past.counted:
                if since <= at <= until:
                    figures[what] = figures.get(what, 0) + count
        away = [_away_s(past.outages, since, until) for past in pasts.values()]
        if any(away):
            figures["down_s"] = round(max(away), 1)
        return figures


def _note(outages: deque[tuple[datetime, datetime | None]], at: datetime, *, well: bool, signal: Signal) -> None:
    if signal.kind is SignalKind.LOG_ERROR:
        return
    under_way = bool(outages) and outages[-1][1] is None
    if well and under_way:
        outages[-1] = (outages[-1][0], at)
    elif not well and not under_way:
        outages.append((at, None))


def _away_s(outages: Iterable[tuple[datetime, datetime | None]], since: datetime, until: datetime) -> float:
    total = 0.0
    for began, ended in outages:
        total += max(0.0, (min(ended or until, until) - max(began, since)).total_seconds())
    return total
