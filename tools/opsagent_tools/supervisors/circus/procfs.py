"""What the engine needs to know of processes: when they started, whose they are, what marks they carry.

Linux reads /proc itself (a few microseconds a process); elsewhere psutil answers. A process is known by
(pid, birth): the birth never changes, whereas the time since the epoch moves with the system's clock.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

HAS_PROC = sys.platform == "linux"
_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of /proc/PID/stat that matters here."""

    pid: int
    state: str
    """One letter, `T` is stopped, `Z` a zombie."""
    parent: int
    session: int
    birth: float
    """Linux: clock ticks since boot; elsewhere: seconds since the epoch."""


def read_stat(pid: int) -> Stat | None:
    """Return what the kernel says of a process, None when it is gone (a zombie is gone)."""
    found = _proc_stat(pid) if HAS_PROC else _stat_by_psutil(pid)
    return None if found is None or found.state in "ZX" else found


def read_birth(pid: int) -> float:
    """Return the birth of a process that was not reaped yet; 0 when it was."""
    found = _proc_stat(pid) if HAS_PROC else _stat_by_psutil(pid)
    return found.birth if found else 0.0


def _proc_stat(pid: int) -> Stat | None:
    try:
        raw = (_PROC / str(pid) / "stat").read_bytes()
    except (OSError, ValueError):
        return None
    fields = raw[raw.rindex(b")") + 2 :].split()
    return Stat(pid, fields[0].decode(), int(fields[1]), int(fields[3]), float(fields[19]))


def owner(pid: int) -> int | None:
    """Return the real user id that a process runs as, None when it is gone."""
    try:
        if HAS_PROC:
            return (_PROC / str(pid)).stat().st_uid
        import psutil

        return int(psutil.Process(pid).uids().real)
    except Exception:  # noqa: BLE001  # gone, or not ours to look at: both mean "not known"
        return None


def epoch(birth: float, booted: float) -> float:
    """Return the start time in seconds since the epoch, as psutil computes its create_time()."""
    return birth / _TICKS + booted if HAS_PROC else birth


def boot_time() -> float:
    """Return when the machine booted, seconds since the epoch (`btime` of /proc/stat); 0 where births are epochs."""
    if HAS_PROC:
        with (_PROC / "stat").open("rb") as file:
            for line in file:
                if line.startswith(b"btime"):
                    return float(line.split()[1])
    return 0.0


def boot_id() -> str:
    """Return a name of this boot: births of another boot mean nothing."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def own_processes(others: Collection[int] = ()) -> Iterator[tuple[Stat, dict[str, str]]]:
    """Yield every living process of this user with its environment (empty where it cannot be read).

    `others`: users whose processes count too, because root's engine starts services as them.
    """
    uids = {os.getuid(), *others}
    for pid in _pids():
        if owner(pid) not in uids:
            continue
        found = read_stat(pid)
        if found is not None:
            yield found, environment(pid)


def environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with, empty where it cannot be read."""
    try:
        if HAS_PROC:
            raw = (_PROC / str(pid) / "environ").read_bytes().decode(errors="surrogateescape")
            return dict(entry.split("=", 1) for entry in raw.split("\0") if "=" in entry)
        import psutil

        return dict(psutil.Process(pid).environ())
    except Exception:  # noqa: BLE001  # gone, or not ours to look at
        return {}


def ancestors(pid: int) -> frozenset[int]:
    """Return `pid` and everything above it."""
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        stat = read_stat(pid)
        pid = stat.parent if stat else 0
    return frozenset(found)


def _pids() -> list[int]:
    if HAS_PROC:
        return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208
    import psutil

    return list(psutil.pids())


def _stat_by_psutil(pid: int) -> Stat | None:
    import psutil

    try:
        process = psutil.Process(pid)
        status = process.status()
        letter = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_DEAD: "X", psutil.STATUS_STOPPED: "T"}.get(status, "S")
        return Stat(pid, letter, process.ppid(), os.getsid(pid), process.create_time())
    except (psutil.Error, OSError):
        return None
