"""What is unusual in what a unit, or the machine, uses: another level, a spike, a leak of memory that has no limit.

Each is a notice and wakes nobody. Every series is first taken for one that hardly moves, which costs a few numbers; one
that turns out to be alive gets the better detector, as long as there are not too many of those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opsagent.detectors.metric_settings import MetricSettings
from opsagent.model import EvidenceKind, Scalar, Signal
from opsagent.naming import host_unit
from opsagent.notice import Notice, NoticeKind
from opsagent.world import World
from opsagent_tools.metrics.leak import Leak, LeakFound
from opsagent_tools.metrics.series import QUIET, Finding, FindingKind, SeriesDetector
from opsagent_tools.metrics.still import Shift, Still
from opsagent_tools.units import ProcessKey, Unit, UnitId

_MB = 1_000_000
_ALIVE_MOST = 600
"""Series with the better detector: each takes some 12 kB, and some 12 µs a value."""


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    words: str
    least: float
    """A smaller difference is none, whatever is usual …"""
    share: float
    """… and so is one of less than this share of it."""

    def shown(self, value: float) -> str:
        """Return the value for a person."""
        if self.name in {"rss", "memory_used"}:
            return f"{value / _MB:,.0f} MB"
        if self.name == "disk_write":
            return f"{value / _MB:,.1f} MB/s"
        if self.name == "cpu":
            return f"{value:.0%}"
        return f"{value:,.0f} ms" if self.name == "lag_ms" else f"{value:,.0f}"


_OF_UNITS = (
    _Metric("cpu", "processor", 0.25, 0.5),
    _Metric("rss", "memory", 32 * _MB, 0.25),
    _Metric("threads", "threads", 16, 0.5),
    _Metric("fds", "descriptors", 64, 0.5),
    _Metric("lag_ms", "event loop lag", 50, 1.0),
)
_OF_THE_MACHINE = (
    _Metric("cpu", "processor", 0.3, 0.5),
    _Metric("disk_write", "writing to disk", 20 * _MB, 1.0),
)


class _Series:
    """One metric of one unit."""

    __slots__ = ("_alive", "_quiet_until", "_still")

    def __init__(self, metric: _Metric, settings: MetricSettings) -> None:
        self._still = Still(metric.least, warmup=settings.warmup)
        self._alive: SeriesDetector | None = None
        self._quiet_until = float("-inf")

    @property
    def alive(self) -> bool:
        return self._alive is not None

    def add(
        self, at: float, value: float, metric: _Metric, settings: MetricSettings, room: bool
    ) -> Finding | Shift | None:
        """Return what is unusual, if anything is. `room`: there may be one more of the better detectors."""
        if self._alive is None and self._still.learnt and self._still.spread >= metric.least and room:
            self._alive = SeriesDetector(QUIET)
        found: Finding | Shift | None
        if self._alive is not None:
            found = self._alive.add(at, value)
            if found is not None and found.kind is FindingKind.CONTEXT:
                found = None
        else:
            found = self._still.add(at, value)
        if found is None or at < self._quiet_until:
            return None
        off = max(value - found.high, found.low - value)
        if off < max(metric.least, metric.share * max(abs(found.high), abs(found.low))):
            return None
        self._quiet_until = at + settings.refractory_s
        return found


class UnusualDetector:
    """Follows every unit and the machine, at the pace of its `tick`."""

    def __init__(self, settings: MetricSettings) -> None:
        self._settings = settings
        self._series: dict[tuple[UnitId, str], _Series] = {}
        self._leaks: dict[ProcessKey, Leak] = {}
        self._lives: dict[UnitId, tuple[ProcessKey, ...]] = {}
        self._alive = 0

    def unit(self, unit: Unit, world: World, now: datetime) -> Iterator[Notice]:
        """Look at one unit; call it once in `every_s`."""
        past = world.history.get(unit.id)
        last = [past.samples[one.key][-1] for one in unit.processes if past.samples.get(one.key)] if past else []
        lives = tuple(process.key for process in unit.processes)
        if self._lives.get(unit.id) != lives:  # a start is no shift
            self._lives[unit.id] = lives
            self._forget_series(unit.id)
        if not last:
            return
        for metric in _OF_UNITS:
            values = [value for one in last if isinstance(value := one.data.get(metric.name), int | float)]
            if values:
                total = max(values) if metric.name == "lag_ms" else sum(values)
                yield from self._add(unit.id, metric, total, now)
        spec = world.spec(unit.id)
        if spec is None or spec.max_memory is None:
            for sample in last:
                yield from self._leak(sample, now)

    def machine(self, world: World, now: datetime) -> Iterator[Notice]:
        """Look at the machine; call it once in `every_s`."""
        for metric in _OF_THE_MACHINE:
            value = world.host.number(metric.name)
            if value is not None:
                yield from self._add(host_unit(), metric, value, now)

    def forget(self, process: ProcessKey) -> None:
        """The process is gone."""
        self._leaks.pop(process, None)

    def tidy(self, world: World) -> None:
        """Let go of what is not there any more."""
        running = {process.key for unit in world.units.values() for process in unit.processes}
        for gone in self._leaks.keys() - running:
            del self._leaks[gone]
        for unit in self._lives.keys() - world.units.keys():
            del self._lives[unit]
            self._forget_series(unit)

    def _add(self, unit: UnitId, metric: _Metric, value: float, now: datetime) -> Iterator[Notice]:
        series = self._series.get((unit, metric.name))
        if series is None:
            series = self._series[unit, metric.name] = _Series(metric, self._settings)
        before = series.alive
        found = series.add(now.timestamp(), value, metric, self._settings, self._alive < _ALIVE_MOST)
        self._alive += series.alive and not before
        if found is not None:
            yield _notice(unit, metric, found, now)

    def _leak(self, sample: Signal, now: datetime) -> Iterator[Notice]:
        rss = sample.data.get("rss")
        if sample.process is None or not isinstance(rss, int | float):
            return
        leak = self._leaks.get(sample.process)
        if leak is None:
            leak = self._leaks[sample.process] = Leak()
        found = leak.add(now.timestamp(), float(rss))
        if found is not None and _is_its_own(sample, found):
            yield _leaking(sample, found, now)

    def _forget_series(self, unit: UnitId) -> None:
        for metric in _OF_UNITS:
            gone = self._series.pop((unit, metric.name), None)
            self._alive -= gone is not None and gone.alive


def _is_its_own(sample: Signal, found: LeakFound) -> bool:
    """Tell whether the process's own pages are as many as it grew by: files that it maps come and go."""
    uss = sample.data.get("uss")
    return not isinstance(uss, int | float) or uss >= found.grown


def _notice(unit: UnitId, metric: _Metric, found: Finding | Shift, now: datetime) -> Notice:
    shift = not isinstance(found, Finding) or found.kind is FindingKind.LEVEL_SHIFT
    usual = f"{metric.shown(max(0.0, found.low))} to {metric.shown(found.high)}"
    since = datetime.fromtimestamp(found.since, UTC)
    what = "is on another level" if shift else "is out of the ordinary"
    data: Mapping[str, Scalar] = {
        "metric": metric.name,
        "value": round(found.value, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "since": since.isoformat(),
    }
    return Notice(
        kind=NoticeKind.LEVEL_SHIFT if shift else NoticeKind.SPIKE,
        unit=unit,
        at=now,
        evidence=EvidenceKind.KERNEL,
        text=f"{unit.name}: {metric.words} {what}: {metric.shown(found.value)} (usual: {usual})",
        data=data,
    )


def _leaking(sample: Signal, found: LeakFound, now: datetime) -> Notice:
    assert sample.unit is not None
    uss = sample.data.get("uss")
    own = f", {uss / _MB:,.0f} MB its own" if isinstance(uss, int | float) else ""
    data: dict[str, Scalar] = {"metric": "rss", "per_hour": round(found.per_hour), "floor": round(found.floor)}
    hours = max(1, round((found.at - found.since) / 3600))
    return Notice(
        kind=NoticeKind.LEAK,
        unit=sample.unit,
        at=now,
        evidence=EvidenceKind.KERNEL,
        text=(
            f"{sample.unit.name} keeps more and more memory: {found.per_hour / _MB:,.1f} MB an hour for {hours} h, "
            f"its floor is {found.floor / _MB:,.0f} MB now{own}; it has no limit"
        ),
        data={**data, "grown": round(found.grown)},
    )
