"""What an incident cost, measured: probes, errors, memory, deaths and starts of its units, over its time and shortly before.

Bounded: of each unit the latest `_KEPT` answers and samples in plain arrays. Pure but for what it keeps; times are seconds
since the epoch inside, aware outside.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opsagent.model import Incident, Signal, SignalKind
from opsagent_tools.units import UnitId

BEFORE_S = 120.0
"""So much of the time before an incident began is shown."""
AFTER_S = 10.0
_KEPT = 400
_POINTS = 160
"""Of one series, at most, in the journal."""
_SAMPLE_S = 5.0
_FAILED = -1.0


class Ring:
    """Pairs of time and value, the latest `_KEPT` of them."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs = array("d")

    def add(self, at: float, value: float) -> None:
        """Add one, at a time that is not before the last."""
        self._pairs.append(at)
        self._pairs.append(value)
        if len(self._pairs) > 4 * _KEPT:
            del self._pairs[: 2 * _KEPT]

    @property
    def last_at(self) -> float:
        """Return the time of the latest; 0 where there is none."""
        return self._pairs[-2] if self._pairs else 0.0

    def between(self, begins: float, ends: float) -> Iterator[tuple[float, float]]:
        """Yield what is within that time."""
        for at in range(0, len(self._pairs), 2):
            if begins <= self._pairs[at] <= ends:
                yield self._pairs[at], self._pairs[at + 1]


@dataclass(slots=True)
class _Track:
    """Of one unit."""

    probes: Ring = field(default_factory=Ring)
    """Latency in seconds; `_FAILED` where it failed."""
    errors: Ring = field(default_factory=Ring)
    rss: Ring = field(default_factory=Ring)
    deaths: Ring = field(default_factory=Ring)
    starts: Ring = field(default_factory=Ring)
    by_process: dict[Any, float] = field(default_factory=dict)


class Recorder:
    """Hears all signals."""

    def __init__(self) -> None:
        self._tracks: dict[UnitId, _Track] = {}

    def observe(self, signal: Signal) -> None:
        """Take one observation."""
        if signal.unit is None or signal.kind not in _HEARD:
            return
        track = self._tracks.get(signal.unit)
        if track is None:
            track = self._tracks[signal.unit] = _Track()
        at = signal.at.timestamp()
        match signal.kind:
            case SignalKind.PROBE_OK:
                track.probes.add(at, _number(signal.data.get("latency_s")))
            case SignalKind.PROBE_FAILED:
                track.probes.add(at, _FAILED)
            case SignalKind.LOG_ERROR:
                track.errors.add(at, max(1.0, _number(signal.data.get("count"))))
            case SignalKind.DEATH | SignalKind.STOPPED:
                track.by_process.pop(signal.process, None)
                if signal.kind is SignalKind.DEATH:
                    track.deaths.add(at, 1.0)
            case SignalKind.SPAWNED:
                track.starts.add(at, 1.0)
            case _:
                track.by_process[signal.process] = _number(signal.data.get("rss"))
                if at - track.rss.last_at >= _SAMPLE_S:
                    track.rss.add(at, sum(track.by_process.values()))

    def impact(self, incident: Incident, now: datetime, *, over: bool) -> dict[str, Any] | None:
        """Return what the incident cost so far, with what was measured of its unit; None where nothing was.

        Counts: `down_s` (seconds between a failed probe and the next that was answered), `probes`, `failed_probes`,
        `errors` (lines), `restarts` (starts of processes), `deaths`. `series`: name → [[seconds after `from`, value]].
        """
        track = self._tracks.get(incident.unit)
        if track is None:
            return None
        began = incident.began_at.timestamp()
        begins, ends = began - BEFORE_S, now.timestamp()
        probes = list(track.probes.between(begins, ends))
        during = [one for one in probes if one[0] >= began - 1e-3]
        restarts = sum(1 for _ in track.starts.between(began, ends))
        series = {
            "health": _health(probes, [at for at, _ in track.deaths.between(begins, ends)]),
            "latency": [(at, value * 1000) for at, value in probes if value != _FAILED],
            "errors": _summed(track.errors.between(begins, ends), begins, ends),
            "rss": list(track.rss.between(begins, ends)),
            "restarts": _summed(
                sorted([*track.deaths.between(begins, ends), *track.starts.between(begins, ends)]), begins, ends
            ),
        }
        return {
            "from": datetime.fromtimestamp(begins, UTC).isoformat(),
            "to": datetime.fromtimestamp(ends, UTC).isoformat(),
            "probes": len(during),
            "failed_probes": sum(value == _FAILED for _, value in during),
            "down_s": round(_down(during, ends, over=over), 2),
            "errors": round(sum(value for _, value in track.errors.between(began, ends))),
            "deaths": sum(1 for _ in track.deaths.between(began - 1.0, ends)),
            "restarts": restarts,
            "series": {
                name: [[round(at - begins, 2), round(value, 2)] for at, value in _thinned(points)]
                for name, points in series.items()
            },
        }


_HEARD = frozenset(
    {
        SignalKind.PROBE_OK,
        SignalKind.PROBE_FAILED,
        SignalKind.LOG_ERROR,
        SignalKind.DEATH,
        SignalKind.STOPPED,
        SignalKind.SPAWNED,
        SignalKind.SAMPLE,
    }
)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _health(probes: Sequence[tuple[float, float]], deaths: Sequence[float]) -> list[tuple[float, float]]:
    """Return well (1) and not well (0) over time; while nobody is there to be asked, from a death on, it is not well."""
    gaps = sorted(after[0] - before[0] for before, after in itertools.pairwise(probes))
    usual = gaps[len(gaps) // 2] if gaps else 0.0
    found = [(at, 0.0 if value == _FAILED else 1.0) for at, value in probes]
    for before, after in itertools.pairwise(probes):
        died = next((at for at in deaths if before[0] <= at < after[0]), None)
        if died is not None and after[0] - died > _MISSED * usual:
            found.append((died, 0.0))
    return sorted(found)


_MISSED = 3
"""So many usual pauses between two probes are too long for a unit that is there."""


def _down(probes: Sequence[tuple[float, float]], ends: float, *, over: bool) -> float:
    """Return the seconds from each first failure to the next answer; the last one lasts still, unless it is over."""
    total, since = 0.0, None
    for at, value in probes:
        if value == _FAILED:
            since = at if since is None else since
        elif since is not None:
            total, since = total + at - since, None
    return total + (ends - since if since is not None and not over else 0.0)


def _summed(points: Any, begins: float, ends: float) -> list[tuple[float, float]]:
    """Add up what falls into each of 60 equal spans; spans with nothing are left out."""
    span = max(1.0, (ends - begins) / 60)
    found: dict[int, float] = {}
    for at, value in points:
        found[int((at - begins) / span)] = found.get(int((at - begins) / span), 0.0) + value
    return [(begins + number * span, value) for number, value in sorted(found.items())]


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return at most `_POINTS` of them, first and last among them; what stands out between two is kept."""
    if len(points) <= _POINTS:
        return points
    step = len(points) / _POINTS
    groups = [points[int(at * step) : max(int(at * step) + 1, int((at + 1) * step))] for at in range(_POINTS)]
    middle = sorted(value for _, value in points)[len(points) // 2]
    return [max(group, key=lambda one: abs(one[1] - middle)) for group in groups if group]


def merged(mine: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is kept of the cost: what others counted stays, beside what was measured here (`measured`)."""
    return {**(known or {}), "measured": dict(mine)}


def cost_in(impact: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what was kept as one: what was counted when the incident ended goes before what was measured meanwhile."""
    if impact is None:
        return None
    counted = {_SAME.get(key, key): value for key, value in impact.items() if value is not None and key != "measured"}
    return {**(impact.get("measured") or {}), **counted}


_SAME = {"starts": "restarts", "error_lines": "errors"}
"""What others call the same (`opsagent.impact`)."""
