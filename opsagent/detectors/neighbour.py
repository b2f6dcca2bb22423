"""One service takes what the others need: processor, disk, memory. The kernel says that somebody waits, and who takes.

A busy machine is no trouble: that others are kept waiting is. Whoever is on the machine alone disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsagent.detectors.metric_settings import MetricSettings
from opsagent.model import EvidenceKind, Scalar, Signal
from opsagent.naming import host_unit
from opsagent.notice import Notice, NoticeKind
from opsagent.world import World
from opsagent_tools.units import UnitId

_FRESH_S = 30.0
"""A sample older than this says nothing of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hog:
    what: str
    unit: UnitId
    text: str
    data: Mapping[str, Scalar]


@dataclass(slots=True)
class NeighbourDetector:
    """Looks at all units together, at the pace of its `tick`."""

    settings: MetricSettings
    _row: dict[tuple[str, UnitId], int] = field(default_factory=dict)
    _quiet_until: dict[tuple[str, UnitId], float] = field(default_factory=dict)

    def tick(self, world: World, now: datetime) -> Iterator[Notice]:
        """Call it once in `every_s`."""
        last = {unit: samples for unit in world.units if (samples := _last(unit, world, now))}
        found = [hog for look in (self._processor, self._disk, self._memory) if (hog := look(world, last)) is not None]
        row = {(hog.what, hog.unit): self._row.get((hog.what, hog.unit), 0) + 1 for hog in found}
        self._row = row
        for hog in found:
            key, at = (hog.what, hog.unit), now.timestamp()
            if row[key] >= self.settings.short and at >= self._quiet_until.get(key, 0.0):
                self._quiet_until = {one: until for one, until in self._quiet_until.items() if until > at}
                self._quiet_until[key] = at + self.settings.refractory_s
                kind, evidence = NoticeKind.NOISY_NEIGHBOUR, EvidenceKind.KERNEL
                yield Notice(kind=kind, unit=hog.unit, at=now, evidence=evidence, text=hog.text, data=hog.data)

    def _processor(self, world: World, last: Mapping[UnitId, list[Signal]]) -> _Hog | None:
        settings, host = self.settings, world.host
        cores, used, waiting = host.number("cores") or 1.0, host.number("cpu"), host.number("psi_cpu")
        if used is None or used < settings.busy:
            return None
        load = host.number("load1") or 0.0
        if waiting < settings.waiting if waiting is not None else load < 1.5 * cores:
            return None
        victims = {unit: wait for unit, rows in last.items() if (wait := _most("wait", rows)) >= settings.starved}
        unit, cpu = _first("cpu", last)
        name, pid = host.samples[-1].data.get("top_name"), host.samples[-1].data.get("top_pid")
        if unit is None or cpu < settings.hog * cores:
            stranger = host.number("top_cpu") or 0.0
            if stranger < settings.hog * cores or not victims:
                return None
            who, unit, cpu = f"process {pid} ({name}), which no supervisor runs,", host_unit(), stranger
        else:
            who = unit.name
        victims.pop(unit, None)
        if not victims:
            return None
        names = ", ".join(sorted(victim.name for victim in victims)[:5])
        text = f"{who} takes {cpu:.1f} of {cores:.0f} cores; {names} wait up to {max(victims.values()):.0%} of the time"
        return _Hog(what="cpu", unit=unit, text=text, data={"resource": "cpu", "cpu": round(cpu, 2), "victims": names})

    def _disk(self, world: World, last: Mapping[UnitId, list[Signal]]) -> _Hog | None:
        settings, host = self.settings, world.host
        total = (host.number("disk_read") or 0.0) + (host.number("disk_write") or 0.0)
        if (host.number("psi_io") or 0.0) < settings.io_waiting or total < settings.traffic or len(last) < 2:
            return None
        traffic = {unit: _sum("read_s", rows) + _sum("write_s", rows) for unit, rows in last.items()}
        unit = max(traffic, key=lambda one: traffic[one])
        if traffic[unit] < settings.hog * total:
            return None
        text = (
            f"{unit.name} reads and writes {traffic[unit] / 1e6:,.0f} MB/s of {total / 1e6:,.0f} MB/s, and "
            f"{host.number('psi_io') or 0.0:.0%} of the time somebody waits for a disk"
        )
        return _Hog(what="disk", unit=unit, text=text, data={"resource": "disk", "bytes_s": round(traffic[unit])})

    def _memory(self, world: World, last: Mapping[UnitId, list[Signal]]) -> _Hog | None:
        settings, host = self.settings, world.host
        total = host.number("memory_total")
        if (host.number("psi_memory") or 0.0) < settings.memory_waiting or not total or len(last) < 2:
            return None
        unit, rss = _first("rss", last)
        if unit is None or rss < settings.hog * total:
            return None
        text = (
            f"{unit.name} has {rss / 1e6:,.0f} MB of {total / 1e6:,.0f} MB of memory, and "
            f"{host.number('psi_memory') or 0.0:.0%} of the time somebody waits for memory"
        )
        return _Hog(what="memory", unit=unit, text=text, data={"resource": "memory", "rss": round(rss)})


def _last(unit: UnitId, world: World, now: datetime) -> list[Signal]:
    past, seen = world.history.get(unit), world.units[unit]
    rows = (
        [past.samples[one.key][-1] for one in seen.processes if past.samples.get(one.key)] if past is not None else []
    )
    return [row for row in rows if (now - row.at).total_seconds() <= _FRESH_S]


def _sum(name: str, rows: list[Signal]) -> float:
    return sum(float(value) for row in rows if isinstance(value := row.data.get(name), int | float))


def _most(name: str, rows: list[Signal]) -> float:
    return max((float(value) for row in rows if isinstance(value := row.data.get(name), int | float)), default=0.0)


def _first(name: str, last: Mapping[UnitId, list[Signal]]) -> tuple[UnitId | None, float]:
    """Return who has most of it."""
    sums = {unit: _sum(name, rows) for unit, rows in last.items()}
    unit = max(sums, key=lambda one: sums[one], default=None)
    return unit, sums[unit] if unit is not None else 0.0
