"""What the kernel says of one process. The only reader of /proc/PID/stat; psutil elsewhere than on Linux.

Start times follow psutil's `create_time()`: boot time + start ticks / ticks per second, so that keys made here,
by psutil and by a supervisor's adapter compare equal.
"""

# Plain os calls: these run every second for every process, and pathlib costs more than the read.
# ruff: noqa: PTH110, PTH123

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache

from opsagent_tools.units import ProcessKey

HAS_PROC = os.path.exists("/proc/self/stat")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PF_FORKNOEXEC = 0x40
"""include/linux/sched.h: forked, but didn't exec."""
_SAME_S = 0.005
"""Start times closer than this are the same: half a clock tick."""


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat (proc_pid_stat(5)) that somebody here needs."""

    state: str
    """R, S, D running or sleeping; T stopped by a signal; t by a debugger; Z, X dead."""
    parent: int
    """Its parent's pid."""
    cpu_s: float
    """User and system time used so far, seconds."""
    system_s: float
    """The part of it that went into system calls."""
    threads: int
    start_ticks: int
    rss: int
    """Resident memory, bytes; 0 for a zombie."""
    wait_status: int
    """As waitpid(2) gives it; 0 also where the kernel does not let us know."""
    flags: int
    """The kernel's PF_ flags."""

    @property
    def dead(self) -> bool:
        return self.state in "ZXx"

    @property
    def forked(self) -> bool:
        """Tell whether it runs its parent's program, whose memory it shares until one of them writes to it."""
        return bool(self.flags & _PF_FORKNOEXEC)


def parse_stat(raw: bytes) -> Stat:
    """Read the content of /proc/PID/stat. The command in parentheses may contain anything, also parentheses."""
    fields = raw[raw.rindex(b")") + 2 :].split()
    return Stat(
        state=fields[0].decode("ascii"),
        parent=int(fields[1]),
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
        system_s=int(fields[12]) / _TICKS,
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
        rss=int(fields[21]) * _PAGE,
        wait_status=int(fields[49]) if len(fields) > 49 else 0,
        flags=int(fields[6]),
    )


def read_stat(pid: int) -> Stat | None:
    """Return the stat of a process, None if there is none of that pid."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return parse_stat(file.read(4096))
    except (FileNotFoundError, ProcessLookupError):
        return None


@lru_cache(maxsize=1)
def _boot_time() -> float:
    with open("/proc/stat", "rb") as file:
        for line in file:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    raise OSError("no btime in /proc/stat")


def started(stat: Stat) -> float:
    """Return the start time, seconds since the epoch, by the boot time as it was last read."""
    return stat.start_ticks / _TICKS + _boot_time()


def key_of(pid: int) -> ProcessKey | None:
    """Return the key of the process that has this pid now, None if there is none (a zombie has one)."""
    if not HAS_PROC:
        return _portable_key(pid)
    _boot_time.cache_clear()  # it moves when somebody sets the clock
    stat = read_stat(pid)
    return ProcessKey(pid, started(stat)) if stat is not None else None


def is_same(stat: Stat, key: ProcessKey) -> bool:
    """Tell whether `stat` is of the process `key`, and not of a later one with its pid."""
    if abs(started(stat) - key.started) < _SAME_S:
        return True
    _boot_time.cache_clear()
    return abs(started(stat) - key.started) < _SAME_S


def is_alive(key: ProcessKey) -> bool:
    """Tell whether exactly this process exists and has not ended (a zombie has)."""
    if not HAS_PROC:
        return _portable_alive(key)
    stat = read_stat(key.pid)
    return stat is not None and not stat.dead and is_same(stat, key)


def age_s(pid: int) -> float | None:
    """Return for how many seconds a process has lived, to a hundredth; None if there is none, or it cannot be told.

    The start of a `ProcessKey` is up to a second off, because the time of the boot is known in whole seconds only.
    """
    stat = read_stat(pid) if HAS_PROC else None
    return None if stat is None else time.clock_gettime(time.CLOCK_BOOTTIME) - stat.start_ticks / _TICKS


def started_at(key: ProcessKey) -> float:
    """Return when a process was started, to a hundredth of a second since the epoch: fit to be compared with the time of a
    file. As its key says where it has ended.
    """
    age = age_s(key.pid) if is_alive(key) else None
    return key.started if age is None else time.time() - age


def exists(key: ProcessKey) -> bool:
    """Tell whether exactly this process exists, be it a zombie."""
    if not HAS_PROC:
        return _portable_key(key.pid) == key
    stat = read_stat(key.pid)
    return stat is not None and is_same(stat, key)


def _portable_key(pid: int) -> ProcessKey | None:
    import psutil

    try:
        return ProcessKey(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _portable_alive(key: ProcessKey) -> bool:
    import psutil

    try:
        process = psutil.Process(key.pid)
        return abs(process.create_time() - key.started) < _SAME_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
