"""Which process that nobody supervises uses most of the processor: asked only while somebody waits for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from opsagent_tools.processes.proc import read_stat
from opsagent_tools.processes.sweep import sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """One process."""

    pid: int
    name: str
    """As it calls itself: no evidence of anything."""
    cpu: float
    """Cores used since the look before."""


class Busiest:
    """Looks at all processes, again and again while it matters."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[tuple[int, int], float] = {}
        self._at = 0.0

    def take(self, apart: Container[int]) -> Busy | None:
        """Return the busiest one that is neither in `apart` nor below one of those; None at the first look."""
        seen, now = sweep(), self._clock()
        used: dict[tuple[int, int], float] = {}
        for pid, one in seen.processes.items():
            stat = read_stat(pid)
            if stat is not None and not one.kernel:
                used[pid, stat.start_ticks] = stat.cpu_s
        before, passed, self._before, self._at = self._before, now - self._at, used, now
        if not before or passed <= 0:
            return None
        rates = {key[0]: (cpu_s - before[key]) / passed for key, cpu_s in used.items() if key in before}
        for pid in sorted(rates, key=lambda one: -rates[one]):
            if not any(above in apart for above in seen.chain(pid)):
                return Busy(pid=pid, name=seen.processes[pid].name, cpu=rates[pid])
        return None

    def forget(self) -> None:
        """Nobody waits any more: the next look is the first one."""
        self._before = {}
