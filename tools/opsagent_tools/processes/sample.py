"""Resident memory, processor share, threads and descriptors of processes, cheap enough to ask every second.

On Linux /proc/PID/stat is kept open and read again (30 µs a process where psutil takes 50); the open file stands for
one process, so a reused pid gives an error and not another process's figures.
"""

# Plain os calls: these run every second for every process, and pathlib costs more than the read.
# ruff: noqa: PTH116, PTH208

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from opsagent_tools.processes.proc import HAS_PROC, Stat, is_same, parse_stat
from opsagent_tools.units import ProcessKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at one process."""

    key: ProcessKey
    rss: int
    """Resident memory, bytes. 0 for a zombie."""
    cpu: float
    """Share of one core since the look before (0 at the first)."""
    threads: int
    fds: int | None
    """Open descriptors; None where we may not know."""
    state: str
    """State letter of /proc/PID/stat; Z is a zombie, T stopped by a signal."""


class Sampler:
    """Looks at processes again and again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: dict[ProcessKey, int] = {}
        self._before: dict[ProcessKey, tuple[float, float]] = {}

    def take(self, key: ProcessKey) -> Sample | None:
        """Return a sample of `key`, None if that process is gone."""
        if not HAS_PROC:
            return self._take_portable(key)
        stat = self._read(key)
        if stat is None:
            self.forget(key)
            return None
        return Sample(
            key=key,
            rss=stat.rss,
            cpu=self._cpu(key, stat.cpu_s),
            threads=stat.threads,
            fds=open_fds(key.pid),
            state=stat.state,
        )

    def forget(self, key: ProcessKey) -> None:
        """Let go of what is kept for `key`."""
        self._before.pop(key, None)
        fd = self._files.pop(key, None)
        if fd is not None:
            os.close(fd)

    def close(self) -> None:
        """Let go of everything."""
        for key in list(self._files):
            self.forget(key)
        self._before.clear()

    def _read(self, key: ProcessKey) -> Stat | None:
        fd = self._files.get(key)
        try:
            if fd is not None:
                return parse_stat(os.pread(fd, 4096, 0))
            fd = os.open(f"/proc/{key.pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError):
            return None
        self._files[key] = fd
        try:
            stat = parse_stat(os.pread(fd, 4096, 0))
        except ProcessLookupError:
            return None
        return stat if is_same(stat, key) else None

    def _cpu(self, key: ProcessKey, used_s: float) -> float:
        now = self._clock()
        before = self._before.get(key)
        self._before[key] = (now, used_s)
        if before is None or now <= before[0]:
            return 0.0
        return max(0.0, (used_s - before[1]) / (now - before[0]))

    def _take_portable(self, key: ProcessKey) -> Sample | None:
        import psutil

        try:
            process = psutil.Process(key.pid)
            if abs(process.create_time() - key.started) > 0.005:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                return Sample(key=key, rss=0, cpu=0.0, threads=0, fds=None, state="Z")
            times = process.cpu_times()
            return Sample(
                key=key,
                rss=process.memory_info().rss,
                cpu=self._cpu(key, times.user + times.system),
                threads=process.num_threads(),
                fds=process.num_fds(),
                state="T" if process.status() == psutil.STATUS_STOPPED else "S",
            )
        except psutil.Error:
            return None


def open_fds(pid: int) -> int | None:
    """Return how many descriptors a process has open; None where we may not know."""
    path = f"/proc/{pid}/fd"
    try:
        count = os.stat(path).st_size  # since Linux 6.2; 0 before
        return count or len(os.listdir(path))
    except OSError:
        return None
