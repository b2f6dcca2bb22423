"""What will be used up: file systems, inodes, memory and file handles of the machine, descriptors of each process.

Near and sure is an incident; what is far is a notice; what stands high and still, or comes down by itself again and
again, is nothing. A file system that one service fills is that service's trouble, not the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from opsagent.detectors import saturation
from opsagent.detectors.metric_settings import MetricSettings
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import Fault, Scalar, Signal
from opsagent.notice import Notice, NoticeKind
from opsagent.world import World
from opsagent_tools.metrics.forecast import Filling, FillingSettings, Prospect
from opsagent_tools.units import ProcessKey, UnitId

_OF_A_PROCESS = FillingSettings(widths=(2.0, 30.0, 600.0))
_OF_THE_MACHINE = FillingSettings(widths=(10.0, 60.0, 600.0))
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


@dataclass(slots=True)
class _Watched:
    """One thing that can be used up."""

    filling: Filling
    least: float
    """The lowest share that was seen."""
    since: datetime
    """When it was seen first."""
    near: int = 0
    full: int = 0
    noticed: float | None = None
    """The share at which a notice was made of it; None: none was, or it came down since."""
    suspected: float | None = None
    """The same of an incident."""
    prospect: Prospect | None = None

    def came_down(self, share: float, by: float) -> None:
        """What was told far above is told again when it comes back."""
        if self.noticed is not None and share < self.noticed - by:
            self.noticed = None
        if self.suspected is not None and share < self.suspected - by:
            self.suspected = None


@dataclass(slots=True)
class SaturationDetector:
    """Follows everything that has a limit."""

    settings: MetricSettings
    of_processes: FillingSettings = _OF_A_PROCESS
    of_machine: FillingSettings = _OF_THE_MACHINE
    _watched: dict[tuple[str, str], _Watched] = field(default_factory=dict)
    _processes: dict[ProcessKey, tuple[UnitId, _Watched]] = field(default_factory=dict)

    def of_a_process(self, sample: Signal) -> Sequence[Suspicion | Notice]:
        """Take one SAMPLE."""
        share, key = saturation.share_of(sample, saturation.OWN), sample.process
        if share is None or key is None or sample.unit is None:
            return ()
        known = self._processes.get(key)
        if known is None:
            if share < self.settings.fds_share:
                return ()
            known = self._processes[key] = (sample.unit, _begin(self.of_processes, share, sample.at))
        limit = float(sample.data["fds_limit"])
        return tuple(self._judge(known[1], sample, saturation.OWN, share, limit))

    def of_the_machine(self, sample: Signal) -> Sequence[Suspicion | Notice]:
        """Take one HOST_SAMPLE."""
        mount = str(sample.data.get("mount", ""))
        found: list[Suspicion | Notice] = []
        for resource, limit in (("disk", "size"), ("inodes", "inodes")) if mount else _MACHINES:
            share, size = saturation.share_of(sample, resource), sample.data.get(limit)
            if share is None or not isinstance(size, int | float):
                continue
            watched = self._watched.get((resource, mount))
            if watched is None:
                watched = self._watched[resource, mount] = _begin(self.of_machine, share, sample.at)
            found += self._judge(watched, sample, resource, share, float(size))
        return found

    def forget(self, process: ProcessKey) -> None:
        """The process is gone."""
        self._processes.pop(process, None)

    def tidy(self, world: World) -> None:
        """Let go of what is not there any more."""
        running = {process.key for unit in world.units.values() for process in unit.processes}
        for gone in self._processes.keys() - running:
            del self._processes[gone]
        for gone_mount in [key for key in self._watched if key[1] and key[1] not in world.host.mounts]:
            del self._watched[gone_mount]

    def forecast(self, resource: str) -> Mapping[str, Scalar] | None:
        """Return when it is used up (`disk:/var`, `inodes:/var`, `memory`, `files`, `fds:UNIT`), if that can be told."""
        kind, _, name = resource.partition(":")
        if kind == saturation.OWN:
            found = [one.prospect for unit, one in self._processes.values() if str(unit) == name]
        else:
            watched = self._watched.get((kind, name))
            found = [watched.prospect] if watched is not None else []
        prospects = [prospect for prospect in found if prospect is not None]
        soonest = min(prospects, key=lambda one: one.full_in_s, default=None)
        return {"resource": kind, **_times(soonest)} if soonest is not None else None

    def _judge(
        self, watched: _Watched, sample: Signal, resource: str, share: float, limit: float
    ) -> Iterator[Suspicion | Notice]:
        settings = self.settings
        prospect = watched.prospect = watched.filling.add(sample.at.timestamp(), share * limit, limit)
        watched.least = min(watched.least, share)
        near = prospect is not None and (
            share >= settings.nearly_all or (share >= settings.near_share and prospect.full_in_s <= settings.near_s)
        )
        watched.near = watched.near + 1 if near else 0
        full = share >= settings.full and share - watched.least >= settings.full_grown
        watched.full = watched.full + 1 if full else 0
        watched.came_down(share, settings.again_below)
        told = watched.suspected is not None and share < watched.suspected + settings.again_above
        far = prospect is not None and share >= settings.ahead_share and prospect.full_in_s <= settings.ahead_s
        if max(watched.near, watched.full) >= settings.sure and not told:
            symptom = _symptom(sample, resource, share, prospect, settings)
            watched.suspected = watched.noticed = share
            watched.filling.told = True
            if symptom.unit is not None and not _only_notice(symptom):
                began = sample.at - timedelta(seconds=prospect.seen_s) if prospect is not None else watched.since
                yield Suspicion(fault=Fault.SATURATION, unit=symptom.unit, began_at=began, symptoms=(symptom,))
                return
            yield _notice(symptom)
        elif far and watched.noticed is None:
            watched.noticed = share
            yield _notice(_symptom(sample, resource, share, prospect, settings))


_MACHINES = (("memory", "memory_total"), ("files", "files_max"))


def _begin(settings: FillingSettings, share: float, at: datetime) -> _Watched:
    return _Watched(filling=Filling(settings), least=share, since=at)


def _only_notice(symptom: Signal) -> bool:
    """Memory that is used as a disk is nobody's emergency, unless a service fills it, or was given a place there."""
    known = "writer" in symptom.data or "users" in symptom.data
    return symptom.data.get("filesystem") in _IN_MEMORY and not known


def _symptom(
    sample: Signal, resource: str, share: float, prospect: Prospect | None, settings: MetricSettings
) -> Signal:
    data: dict[str, Scalar] = {**sample.data, "resource": resource, "share": round(share, 4)}
    if prospect is not None:
        data |= _times(prospect)
    written = data.get("writer_share", 0.0)
    if not isinstance(written, int | float) or written < settings.writer_share:
        for name in ("writer", "writer_name", "writer_share", "writer_path"):
            data.pop(name, None)
    whose = data.get("writer", data.get("sole_user") if data.get("filesystem") in _IN_MEMORY else None)
    unit = UnitId.parse(str(whose)) if whose is not None else sample.unit
    return replace(sample, unit=unit, data=data)


def _times(prospect: Prospect) -> dict[str, Scalar]:
    return {
        "full_in_s": round(prospect.full_in_s, 1),
        "soonest_s": round(prospect.soonest_s, 1),
        "latest_s": round(prospect.latest_s, 1),
        "rate": round(prospect.rate, 3),
    }


def _notice(symptom: Signal) -> Notice:
    assert symptom.unit is not None
    return Notice(
        kind=NoticeKind.SATURATION,
        unit=symptom.unit,
        at=symptom.at,
        evidence=symptom.evidence,
        text=f"{symptom.unit.name} {saturation.words(symptom)}",
        data=symptom.data,
    )
