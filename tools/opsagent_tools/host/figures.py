"""Figures of the whole machine from /proc: processor, load, memory, swap, pressure, disk traffic, open files.

What a kernel does not tell (pressure before 4.20, say) is None and never 0: nothing is made up.
"""

# Plain os calls: read every few seconds for as long as the agent lives.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opsagent_tools.processes.proc import HAS_PROC

_SECTOR = 512
"""Bytes; /proc/diskstats counts in these whatever the disk's own sectors are."""
_MOST = 256 * 1024
_WHOLE_DISK = re.compile(r"(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)")
"""Partitions, loops and mapped devices would count the same bytes twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSample:
    """The machine at one moment. Rates and shares are those since the look before; None at the first look."""

    cores: int
    cpu: float | None = None
    """Share of all cores in use, 0..1; waiting for disks and what a hypervisor took are not in it."""
    io_wait: float | None = None
    stolen: float | None = None
    """Share that a hypervisor gave to others."""
    load1: float | None = None
    running: int | None = None
    """Threads that run or want to."""
    blocked: int | None = None
    """Threads that wait for a disk."""
    memory_total: int | None = None
    """Bytes, as all sizes."""
    memory_available: int | None = None
    """What can still be used without swapping."""
    swap_total: int | None = None
    swap_used: int | None = None
    psi_cpu: float | None = None
    """Share of the last 10 s in which somebody waited for a processor, 0..1 (pressure stall information, `some`)."""
    psi_memory: float | None = None
    psi_memory_full: float | None = None
    """The same for memory, where nothing at all got on."""
    psi_io: float | None = None
    disk_read: float | None = None
    """Bytes per second, all disks together."""
    disk_write: float | None = None
    files: int | None = None
    """Open files of the whole machine."""
    files_max: int | None = None


@dataclass(frozen=True, slots=True)
class _Counters:
    at: float
    busy: int
    waiting: int
    stolen: int
    total: int
    read: int
    written: int


class HostSampler:
    """Looks at the machine again and again."""

    def __init__(self, proc: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._clock = clock
        self._before: _Counters | None = None

    def take(self) -> HostSample | None:
        """Return how the machine is now; None where there is no /proc."""
        if not HAS_PROC:
            return None
        stat = self._lines("stat")
        counters = self._counters(stat)
        before, self._before = self._before, counters
        memory = self._meminfo()
        files = self._text("sys/fs/file-nr").split()
        return HostSample(
            cores=sum(line.startswith("cpu") for line in stat) - 1 or os.cpu_count() or 1,
            load1=_float(self._text("loadavg").partition(" ")[0]),
            running=_named(stat, "procs_running"),
            blocked=_named(stat, "procs_blocked"),
            memory_total=memory.get("MemTotal"),
            memory_available=memory.get("MemAvailable"),
            swap_total=memory.get("SwapTotal"),
            swap_used=_used(memory.get("SwapTotal"), memory.get("SwapFree")),
            psi_cpu=self._pressure("cpu", "some"),
            psi_memory=self._pressure("memory", "some"),
            psi_memory_full=self._pressure("memory", "full"),
            psi_io=self._pressure("io", "some"),
            files=int(files[0]) if len(files) == 3 else None,
            files_max=int(files[2]) if len(files) == 3 else None,
            **_rates(before, counters),
        )

    def _counters(self, stat: list[str]) -> _Counters:
        # user nice system idle iowait irq softirq steal (guest is part of user)
        ticks = [int(word) for word in stat[0].split()[1:9]] if stat else []
        ticks += [0] * (8 - len(ticks))
        user, nice, system, idle, waiting, irq, softirq, stolen = ticks
        busy = user + nice + system + irq + softirq
        read, written = self._disks()
        return _Counters(self._clock(), busy, waiting, stolen, busy + idle + waiting + stolen, read, written)

    def _disks(self) -> tuple[int, int]:
        read = written = 0
        for line in self._lines("diskstats"):
            fields = line.split()
            if len(fields) > 9 and _WHOLE_DISK.fullmatch(fields[2]):
                read += int(fields[5]) * _SECTOR
                written += int(fields[9]) * _SECTOR
        return read, written

    def _meminfo(self) -> dict[str, int]:
        pairs = (line.partition(":") for line in self._lines("meminfo"))
        return {name: int(value.split()[0]) * 1024 for name, _, value in pairs if value.strip()[:1].isdigit()}

    def _pressure(self, what: str, kind: str) -> float | None:
        for line in self._lines(f"pressure/{what}"):
            words = line.split()
            if words and words[0] == kind and words[1].startswith("avg10="):
                percent = _float(words[1].removeprefix("avg10="))
                return None if percent is None else percent / 100
        return None

    def _lines(self, name: str) -> list[str]:
        return self._text(name).splitlines()

    def _text(self, name: str) -> str:
        try:
            with open(f"{self._proc}/{name}", "rb", buffering=0) as file:
                return (file.read(_MOST) or b"").decode("ascii", "replace")
        except OSError:
            return ""


def _rates(before: _Counters | None, now: _Counters) -> dict[str, float]:
    if before is None or now.at <= before.at:
        return {}
    passed = now.at - before.at
    found = dict(_per_second(before, now, passed))
    ticks = now.total - before.total
    if ticks > 0:
        found["cpu"] = _share(now.busy - before.busy, ticks)
        found["io_wait"] = _share(now.waiting - before.waiting, ticks)
        found["stolen"] = _share(now.stolen - before.stolen, ticks)
    return found


def _per_second(before: _Counters, now: _Counters, passed: float) -> Iterator[tuple[str, float]]:
    yield "disk_read", max(0, now.read - before.read) / passed
    yield "disk_write", max(0, now.written - before.written) / passed


def _share(part: int, whole: int) -> float:
    return min(1.0, max(0.0, part / whole))


def _named(lines: list[str], name: str) -> int | None:
    found = next((line for line in lines if line.startswith(f"{name} ")), "")
    return int(found.split()[1]) if found else None


def _used(total: int | None, free: int | None) -> int | None:
    return None if total is None or free is None else total - free


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
