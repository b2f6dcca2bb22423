"""Samples of the machine itself: its figures every few seconds, how full its file systems are a little less often."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.naming import host_unit
from opsagent.own_files import own_folders
from opsagent.senses.desk import Desk
from opsagent.senses.fillers import Fillers
from opsagent_tools.host.figures import HostSample, HostSampler
from opsagent_tools.host.mounts import Mount, MountUse, MountWatch, below, mounts, of, real
from opsagent_tools.processes.busiest import Busiest
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.units import UnitId

_MOUNTS_EVERY = 2
"""Every second look is one at the file systems; at small ones, which fill quickly, every look is."""
_MOUNTS_ANEW = 3
"""And after so many of those it is asked anew which there are."""
_SMALL = 1 << 30
_GROWS = 0.01
"""A file system that grew by this share of itself since the last look is looked at closely for a while."""
_CLOSER_S, _CLOSE_FOR_S = 1.0, 8.0
_SHORT, _BUSY = 0.25, 0.85
"""Somebody waits for a processor this share of the time, and they are used so much: it is asked who uses them."""


class HostSense:
    """Looks at the machine once in `host_s`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._unit = host_unit()
        self._sampler = HostSampler()
        self._watch = MountWatch()
        self._mounts: tuple[Mount, ...] = ()
        self._real: dict[Path, str] = {}
        """Where logs lie in truth: /var/log/shop is often a link to another disk."""
        self._looks = 0
        self._fillers = Fillers()
        self._used: dict[str, float] = {}
        """Share of each file system that was used at the last look."""
        self._close_until = 0.0
        self._users: dict[str, frozenset[UnitId]] = {}
        """Services that were given a folder on a file system, or have a log there."""
        self._busiest = Busiest()

    async def watch(self) -> None:
        """Sample the machine, for ever."""
        while True:
            sample = self._sampler.take()
            if sample is None:  # no /proc: there is nothing to tell, now or later
                await asyncio.Event().wait()
                return
            data = _figures(sample)
            if (sample.psi_cpu or 0.0) >= _SHORT and (sample.cpu or 0.0) >= _BUSY:
                data |= await asyncio.to_thread(self._stranger, self._pids())
            else:
                self._busiest.forget()
            self._tell(data)
            await self._tell_of_mounts(small=self._looks % _MOUNTS_EVERY != 0)
            self._looks += 1
            await self._rest()

    async def _rest(self) -> None:
        """Wait for the next look; meanwhile a file system that fills is looked at closely."""
        until = time.monotonic() + self._desk.settings.host_s
        while (left_s := until - time.monotonic()) > 0:
            close = time.monotonic() < self._close_until
            await asyncio.sleep(min(left_s, _CLOSER_S) if close else left_s)
            if close and until - time.monotonic() > 0:
                await self._tell_of_mounts(close=True)

    async def _tell_of_mounts(self, *, small: bool = False, close: bool = False) -> None:
        told = await asyncio.to_thread(self._look_at_mounts, self._logs(), self._pids(), small=small, close=close)
        for each in told:
            self._tell(each)
            share = float(each.get("used", 0)) / max(1.0, float(each.get("size", 0)))
            before = self._used.get(str(each["mount"]), share)
            self._used[str(each["mount"])] = share
            if share - before >= _GROWS:
                self._close_until = time.monotonic() + _CLOSE_FOR_S

    def _tell(self, data: dict[str, Scalar]) -> None:
        self._desk.tell(SignalKind.HOST_SAMPLE, self._unit, EvidenceKind.KERNEL, data=data)

    def _look_at_mounts(
        self, logs: dict[Path, UnitId], pids: dict[int, UnitId], *, small: bool, close: bool
    ) -> list[dict[str, Scalar]]:
        anew = not small and not close and self._looks // _MOUNTS_EVERY % _MOUNTS_ANEW == 0
        known = {} if anew else self._real
        self._real = {log: known[log] if log in known else real(str(log)) for log in logs}
        if anew:
            given = self._given()
            self._mounts = mounts({*(Path(path).parent for path in self._real.values()), *map(Path, given)})
            self._users = self._who_uses([mount.path for mount in self._mounts], given)
        there: dict[str, dict[str, UnitId]] = {mount.path: {} for mount in self._mounts}
        for log, unit in logs.items():
            mount = of(self._real[log], there)
            if mount is not None:
                there[mount][self._real[log]] = unit
        uses = [use for use in self._watch.take(self._mounts) if not (small or close) or use.size < _SMALL]
        return [
            {
                **_use(use),
                **self._used_by(use.mount.path),
                **self._fillers.look(use, pids, there[use.mount.path]),
            }
            for use in uses
        ]

    def _given(self) -> dict[str, set[UnitId]]:
        """Return the folders that services were given, with the file systems that are mounted below them."""
        world = self._desk.world
        found: dict[str, set[UnitId]] = {}
        for unit in list(world.units.values()):
            for folder in own_folders(world.spec(unit.id)):
                for path in (str(folder), *below(folder)):
                    found.setdefault(path, set()).add(unit.id)
        return found

    def _who_uses(self, among: list[str], given: dict[str, set[UnitId]]) -> dict[str, frozenset[UnitId]]:
        users: dict[str, set[UnitId]] = {}
        logs = self._logs()
        known = [*given.items(), *((path, {logs[log]}) for log, path in self._real.items() if log in logs)]
        for path, units in known:
            mount = of(path, among)
            if mount is not None:
                users.setdefault(mount, set()).update(units)
        return {mount: frozenset(units) for mount, units in users.items()}

    def _used_by(self, mount: str) -> dict[str, Scalar]:
        users = self._users.get(mount, frozenset())
        told: dict[str, Scalar] = {"users": len(users)} if users else {}
        return {**told, "sole_user": str(next(iter(users)))} if len(users) == 1 else told

    def _stranger(self, pids: dict[int, UnitId]) -> dict[str, Scalar]:
        """Return which process that no supervisor runs uses most of the processor."""
        found = self._busiest.take(pids)
        if found is None:
            return {}
        return {"top_pid": found.pid, "top_name": escape_for_terminal(found.name), "top_cpu": round(found.cpu, 3)}

    def _pids(self) -> dict[int, UnitId]:
        return {process.pid: unit.id for unit in self._desk.world.units.values() for process in unit.processes}

    def _logs(self) -> dict[Path, UnitId]:
        """Return the logs of all services: the file systems that they are on count, be they memory."""
        world, found = self._desk.world, {}
        for unit in world.units.values():
            spec = world.spec(unit.id)
            for log in (*unit.logs, *(spec.logs if spec is not None else ())):
                found[log] = unit.id
        return found


def _figures(sample: HostSample) -> dict[str, Scalar]:
    known = {field.name: getattr(sample, field.name) for field in dataclasses.fields(sample)}
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in known.items()
        if value is not None
    }


def _use(use: MountUse) -> dict[str, Scalar]:
    data: dict[str, Scalar] = {"mount": use.mount.path, "filesystem": use.mount.kind}
    if use.hangs:
        return {**data, "hangs": True}
    sizes: dict[str, Scalar] = {"size": use.size, "used": use.used, "free": use.free}
    return {**data, **sizes, "inodes": use.inodes, "inodes_used": use.inodes_used}
