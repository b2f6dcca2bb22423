"""Resident memory, processor share, threads and descriptors of processes, cheap enough to ask every second.

On Linux /proc/PID/stat is kept open and read again (30 µs a process where psutil takes 50; 7 where nothing moved); the
open file stands for one process, so a reused pid gives an error and not another process's figures.
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

_KEPT_SHARE = 4
"""The files of /proc that are kept open may take this part (one over it) of the descriptors that we may have."""


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


@dataclass(slots=True)
class _Known:
    """What is kept of one process."""

    file: int
    """-1: not kept open."""
    raw: bytes = b""
    stat: Stat | None = None
    cpu_at: float | None = None
    cpu_s: float = 0.0


class Sampler:
    """Looks at processes again and again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[ProcessKey, _Known] = {}
        self._open = 0
        self._most_open = _descriptors_allowed() // _KEPT_SHARE

    def take(self, key: ProcessKey) -> Sample | None:
        """Return a sample of `key`, None if that process is gone."""
        if not HAS_PROC:
            return self._take_portable(key)
        seen = self.glance(key)
        if seen is None:
            return None
        stat, _ = seen
        return Sample(
            key=key,
            rss=stat.rss,
            cpu=self._cpu(self._known[key], stat.cpu_s),
            threads=stat.threads,
            fds=open_fds(key.pid),
            state=stat.state,
        )

    def glance(self, key: ProcessKey) -> tuple[Stat, bool] | None:
        """Return what the kernel says of a process, and whether that moved since the glance before; None if it is gone.

        Linux only.
        """
        known = self._known.get(key)
        raw = self._read(key, known)
        if known is not None and known.stat is not None and raw == known.raw:
            return known.stat, False
        if raw is None:
            self.forget(key)
            return None
        stat = parse_stat(raw)
        known = self._known.setdefault(key, _Known(file=-1))
        if (known.stat is None or known.file < 0) and not is_same(stat, key):
            self.forget(key)
            return None
        known.raw, known.stat = raw, stat
        return stat, True

    def forget(self, key: ProcessKey) -> None:
        """Let go of what is kept for `key`."""
        known = self._known.pop(key, None)
        if known is not None and known.file >= 0:
            self._open -= 1
            os.close(known.file)

    def close(self) -> None:
        """Let go of everything."""
        for key in list(self._known):
            self.forget(key)

    def _read(self, key: ProcessKey, known: _Known | None) -> bytes | None:
        try:
            if known is not None and known.file >= 0:
                return os.pread(known.file, 1024, 0)
            file = os.open(f"/proc/{key.pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError):
            return None
        try:
            raw = os.pread(file, 1024, 0)
        except ProcessLookupError:
            os.close(file)
            return None
        if known is None and self._open < self._most_open:
            self._known[key] = _Known(file=file)
            self._open += 1
        else:
            os.close(file)
        return raw

    def _cpu(self, known: _Known, used_s: float) -> float:
        now = self._clock()
        at, before = known.cpu_at, known.cpu_s
        known.cpu_at, known.cpu_s = now, used_s
        if at is None or now <= at:
            return 0.0
        return max(0.0, (used_s - before) / (now - at))

    def _take_portable(self, key: ProcessKey) -> Sample | None:
        import psutil

        try:
            process = psutil.Process(key.pid)
            if abs(process.create_time() - key.started) > 0.005:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                return Sample(key=key, rss=0, cpu=0.0, threads=0, fds=None, state="Z")
            times = process.cpu_times()
            known = self._known.setdefault(key, _Known(file=-1))
            return Sample(
                key=key,
                rss=process.memory_info().rss,
                cpu=self._cpu(known, times.user + times.system),
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


def _descriptors_allowed() -> int:
    try:
        import resource
    except ImportError:  # not on Windows
        return 256
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if 0 < soft < 2**31 else 1 << 16
