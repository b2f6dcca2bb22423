"""Samples of every process with all that it started, from /proc.

Each is looked at once in `sample_s`; it is told of when something about it is different, some looks longer, and else
every tenth time: a thousand idle services cost little, and one that is stopped by a signal is told at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.senses.desk import Desk
from opsagent.world import World
from opsagent_tools.processes.proc import HAS_PROC
from opsagent_tools.processes.sample import Sampler
from opsagent_tools.processes.tree import Trees
from opsagent_tools.processes.whole import Group, Whole
from opsagent_tools.units import ProcessKey, UnitId

_SETTLES = 6
"""So many looks are told after something moved, so that whoever counts samples in a row comes to an end."""
_SELDOM = 10.0
"""What does not move is told this many times `sample_s` after it was told last."""
_TREES = 5.0
"""Descendants are looked for this seldom (times `sample_s`)."""
_CLOSER_S, _UNWEIGHED_S = 60.0, 5.0
_PRESSURE = 0.1
"""Share of time in which somebody waits for a processor, from which on it is asked who."""
_CPU_MOVED = 0.02
_FDS_FOLLOWED = 0.1
_FDS_MOVED = 4
"""More than so many, and more than a hundredth of what it may have."""
_RSS_MOVED, _RSS_MOVED_SHARE = 64 * 1024, 0.005
_CLOSER_MOVED = 0.02
"""Memory of its own is asked for again once resident memory is another by this share."""

More = Callable[[UnitId], Mapping[str, Scalar]]
"""What a supervisor knows that the kernel does not: lag_ms, metric.NAME. Of a unit, not of each process."""


class SampleSense:
    """Looks at all processes once in `sample_s`."""

    def __init__(self, desk: Desk, each_time: Callable[[], None], more: More = lambda unit: {}) -> None:
        self._desk = desk
        self._each_time = each_time
        self._more = more
        self._sampler = Sampler()
        self._trees = Trees()
        self._trees_at = float("-inf")
        self._watched: dict[ProcessKey, _Watched] = {}

    async def watch(self) -> None:
        """Sample all units, for ever."""
        while True:
            self._each_time()
            world, now = self._desk.world, time.monotonic()
            units = list(world.units.values())
            running = {process.key: unit.id for unit in units for process in unit.processes}
            for gone in self._watched.keys() - running.keys():
                self._forget(gone)
            if now - self._trees_at >= _TREES * self._desk.settings.sample_s:
                self._trees_at = now
                await asyncio.to_thread(self._trees.look)
                self._families(running)
            busy = (world.host.number("psi_cpu") or 0.0) >= _PRESSURE
            for key, unit in running.items():
                self._look(key, unit, now, busy=busy)
            await asyncio.sleep(self._desk.settings.sample_s)

    def look_now(self, unit: UnitId) -> None:
        """Sample the processes of one unit, and tell whatever it is."""
        seen = self._desk.world.units.get(unit)
        for process in seen.processes if seen is not None else ():
            self._look(process.key, unit, time.monotonic(), always=True)

    def close(self) -> None:
        """Let go of what is open."""
        self._sampler.close()
        self._watched.clear()

    def _families(self, running: Mapping[ProcessKey, UnitId]) -> None:
        """Whose child is whose; a process of another unit is no descendant (PM2 itself may be a service of systemd)."""
        apart = {key.pid for key in running}
        for key, unit in running.items():
            below = self._trees.below(key.pid, apart)
            self._watching(key).group.has(below)
            if below:
                self._desk.world.seen_below(unit, below)

    def _look(self, key: ProcessKey, unit: UnitId, now: float, *, always: bool = False, busy: bool = False) -> None:
        if not HAS_PROC:
            self._look_portable(key, unit)
            return
        watched = self._watching(key)
        whole = watched.group.look()
        if whole is None:
            self._forget(key)
            return
        if whole.state in "ZXx":
            return  # its end is told by who watches for ends; a zombie has no figures
        watched.looks += 1
        seldom = now - watched.told_at >= _SELDOM * self._desk.settings.sample_s
        if not (always or seldom or watched.looks <= _SETTLES):
            look_closer = whole.moved or watched.may_run_out
            if not (look_closer and watched.differs(whole, now, exactly=_is_limited(unit, self._desk.world))):
                return
        data = watched.told_as(whole, now, busy=busy)
        data.update(self._more(unit))
        self._desk.tell(SignalKind.SAMPLE, unit, EvidenceKind.KERNEL, process=key, data=data)

    def _look_portable(self, key: ProcessKey, unit: UnitId) -> None:
        sample = self._sampler.take(key)
        if sample is None or sample.state == "Z":
            return
        cpu = round(sample.cpu, 4)
        data: dict[str, Scalar] = {"rss": sample.rss, "cpu": cpu, "threads": sample.threads, "state": sample.state}
        if sample.fds is not None:
            data["fds"] = sample.fds
        self._desk.tell(SignalKind.SAMPLE, unit, EvidenceKind.KERNEL, process=key, data=data)

    def _watching(self, key: ProcessKey) -> _Watched:
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = _Watched(Group(key, self._sampler))
        return watched

    def _forget(self, key: ProcessKey) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None:
            watched.group.forget()


class _Watched:
    """One process of a unit, and what was told of it last."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.told_at = float("-inf")
        self.looks = 0
        """Since something moved, or it was first seen."""
        self._told: dict[str, Scalar] = {}
        self._closer: dict[str, Scalar] = {}
        self._closer_at = float("-inf")
        self._closer_rss = 0
        self._traffic_at = float("-inf")

    @property
    def may_run_out(self) -> bool:
        """Tell whether it uses so many of its descriptors that they are counted at every look."""
        return float(self._told.get("fds_share", 0.0)) >= _FDS_FOLLOWED

    def differs(self, whole: Whole, now: float, *, exactly: bool) -> bool:
        """Tell whether it is different enough from what was told last to be told. `exactly`: any byte counts."""
        told = self._told
        if (whole.state in "Tt") != (told["state"] in ("T", "t")) or whole.threads != told["threads"]:
            moved = True
        else:
            rss = int(told["rss"])
            least = 1 if exactly else max(_RSS_MOVED, int(_RSS_MOVED_SHARE * rss))
            moved = abs(whole.rss - rss) >= least
        moved = moved or abs(self.group.cpu(now, keep=False) - float(told["cpu"])) >= _CPU_MOVED or self._opened(now)
        if moved:
            self.looks = 0
        return moved

    def _opened(self, now: float) -> bool:
        """Tell whether it has many descriptors more, or fewer, than it was told to have."""
        found = self.group.descriptors(now)
        return found is not None and abs(found[0] - int(self._told.get("fds", 0))) > max(
            _FDS_MOVED, (found[1] or 0) // 100
        )

    def told_as(self, whole: Whole, now: float, *, busy: bool) -> dict[str, Scalar]:
        """Return the data of a sample, and keep it as told."""
        group = self.group
        cpu = round(group.cpu(now), 4)
        data: dict[str, Scalar] = {"rss": whole.rss, "cpu": cpu, "threads": whole.threads, "state": whole.state}
        if whole.processes > 1:
            data["processes"] = whole.processes
        found = group.descriptors(now)
        if found is not None:
            data["fds"] = found[0]
            if found[1]:
                data |= {"fds_limit": found[1], "fds_share": round(found[0] / found[1], 4)}
        if now - self._traffic_at >= _SELDOM:
            self._traffic_at = now
            self._closer.update({name: round(rate, 1) for name, rate in group.rates(now).items()})
            waited = group.waiting(now) if busy else None
            self._closer.pop("wait", None)
            if waited is not None:
                self._closer["wait"] = round(waited, 4)
        moved = abs(whole.rss - self._closer_rss) > _CLOSER_MOVED * whole.rss
        if now - self._closer_at >= (_UNWEIGHED_S if group.unweighed else _CLOSER_S) and (moved or group.unweighed):
            self._closer_at, self._closer_rss = now, whole.rss
            self._closer.update(group.closer())
        data.update(self._closer)
        self._told, self.told_at = data, now
        return data


def _is_limited(unit: UnitId, world: World) -> bool:
    spec = world.spec(unit)
    return spec is not None and spec.max_memory is not None
