"""Samples of every process, from /proc."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.senses.desk import Desk
from opsagent_tools.processes.sample import Sampler
from opsagent_tools.units import ProcessKey, UnitId


class SampleSense:
    """Looks at all processes once in `sample_s`."""

    def __init__(self, desk: Desk, each_time: Callable[[], None]) -> None:
        self._desk = desk
        self._each_time = each_time
        self._sampler = Sampler()
        self._known: set[ProcessKey] = set()

    async def watch(self) -> None:
        """Sample all units, for ever."""
        while True:
            self._each_time()
            units = list(self._desk.world.units.values())
            running = {process.key for unit in units for process in unit.processes}
            for gone in self._known - running:
                self._sampler.forget(gone)
            self._known = running
            for unit in units:
                self.look_now(unit.id)
            await asyncio.sleep(self._desk.settings.sample_s)

    def look_now(self, unit: UnitId) -> None:
        """Sample the processes of one unit."""
        seen = self._desk.world.units.get(unit)
        for process in seen.processes if seen is not None else ():
            sample = self._sampler.take(process.key)
            if sample is None:
                continue
            data: dict[str, Scalar] = {
                "rss": sample.rss,
                "cpu": round(sample.cpu, 4),
                "threads": sample.threads,
                "state": sample.state,
            }
            if sample.fds is not None:
                data["fds"] = sample.fds
            self._desk.tell(SignalKind.SAMPLE, unit, EvidenceKind.KERNEL, process=process.key, data=data)

    def close(self) -> None:
        """Let go of what is open."""
        self._sampler.close()
