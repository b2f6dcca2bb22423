"""What a group of processes does right now: state letters, where its processor time goes, whether it gets any.

Two looks at every thread, a moment apart: a thread that uses a core and makes no system call spins; one that wants to
run and is not let (run delay of /proc/PID/task/TID/schedstat) is starved by others. Linux only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from opsagent_tools.processes.proc import HAS_PROC, parse_stat

# ruff: noqa: PTH115, PTH123, PTH208

_THREADS_LOOKED_AT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What the processes did between the two looks."""

    pids: tuple[int, ...]
    """Those that were there at both looks."""
    stopped: tuple[int, ...]
    """In state T: stopped by a signal."""
    debugged: tuple[int, ...]
    """Traced by a debugger."""
    uninterruptible: tuple[int, ...]
    """In state D at both looks, without having got on."""
    cpu: float
    """Cores used, all threads together."""
    busiest: float
    """Share of a core that the busiest thread used."""
    busiest_in_system: float
    """The part of `busiest` that went into system calls."""
    delayed: float
    """Share of the time that the most delayed thread waited for a processor."""
    descriptors_changed: bool
    """Something was opened, accepted or closed."""
    rss: int
    """Resident bytes, all together."""
    fds: int
    """Open descriptors of the process that is nearest to its limit."""
    fds_limit: int
    """Its limit; 0 where it is not known."""


@dataclass(slots=True)
class _Thread:
    cpu_s: float
    system_s: float
    delay_s: float
    state: str


@dataclass(slots=True)
class _Look:
    at: float
    threads: dict[tuple[int, int], _Thread] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    rss: int = 0
    descriptors: dict[int, frozenset[str]] = field(default_factory=dict)


def observe(pids: Iterable[int], seconds: float) -> Activity | None:
    """Watch these processes for so long (it blocks); None where there is no /proc or none of them is there."""
    wanted = tuple(pids)
    if not HAS_PROC:
        return None
    before = _look(wanted)
    time.sleep(seconds)
    after = _look(wanted)
    there = tuple(pid for pid in wanted if pid in before.states and pid in after.states)
    return _compare(there, before, after) if there else None


def _compare(pids: tuple[int, ...], before: _Look, after: _Look) -> Activity:
    passed = max(after.at - before.at, 1e-3)
    used = [
        (
            (now.cpu_s - then.cpu_s) / passed,
            (now.system_s - then.system_s) / passed,
            (now.delay_s - then.delay_s) / passed,
        )
        for key, now in after.threads.items()
        if (then := before.threads.get(key)) is not None
    ]
    busiest = max(used, default=(0.0, 0.0, 0.0))
    fds, limit = max((_descriptors(pid, after) for pid in pids), key=lambda one: one[0] / (one[1] or 1e9))
    return Activity(
        pids=pids,
        stopped=tuple(pid for pid in pids if after.states[pid] == "T"),
        debugged=tuple(pid for pid in pids if after.states[pid] == "t" or _tracer(pid)),
        uninterruptible=tuple(sorted({key[0] for key, now in after.threads.items() if _stays(before, key, now)})),
        cpu=sum(one[0] for one in used),
        busiest=busiest[0],
        busiest_in_system=busiest[1],
        delayed=max((one[2] for one in used), default=0.0),
        descriptors_changed=any(before.descriptors.get(pid) != after.descriptors.get(pid) for pid in pids),
        rss=after.rss,
        fds=fds,
        fds_limit=limit,
    )


def _stays(before: _Look, key: tuple[int, int], now: _Thread) -> bool:
    then = before.threads.get(key)
    return then is not None and then.state == now.state == "D" and then.cpu_s == now.cpu_s


def _look(pids: Iterable[int]) -> _Look:
    look = _Look(at=time.monotonic())
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                stat = parse_stat(file.read())
            look.states[pid] = stat.state
            look.rss += stat.rss
            look.descriptors[pid] = _links(pid)
            for name in os.listdir(f"/proc/{pid}/task")[:_THREADS_LOOKED_AT]:
                look.threads[pid, int(name)] = _thread(pid, name)
        except OSError:  # gone meanwhile
            continue
    return look


def _thread(pid: int, tid: str) -> _Thread:
    with open(f"/proc/{pid}/task/{tid}/stat", "rb") as file:
        stat = parse_stat(file.read())
    try:
        with open(f"/proc/{pid}/task/{tid}/schedstat", "rb") as file:
            delay_s = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):  # a kernel without scheduler statistics
        delay_s = 0.0
    return _Thread(cpu_s=stat.cpu_s, system_s=stat.system_s, delay_s=delay_s, state=stat.state)


def _links(pid: int) -> frozenset[str]:
    """Return what the descriptors are; sockets and pipes by their inode, so that a new one shows."""
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return frozenset(_link(entry.path) for entry in entries)
    except OSError:
        return frozenset()


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _tracer(pid: int) -> int:
    """Return the pid of the debugger that is attached, 0 for none."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"TracerPid:"):
                    return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0


def _descriptors(pid: int, look: _Look) -> tuple[int, int]:
    """Return how many descriptors `pid` has open, and how many it may (0: not known)."""
    try:
        count = len(os.listdir(f"/proc/{pid}/fd"))
        with open(f"/proc/{pid}/limits", "rb") as file:
            for line in file:
                if line.startswith(b"Max open files"):
                    soft = line.split()[3]
                    return count, int(soft) if soft.isdigit() else 0
    except OSError:
        pass
    return len(look.descriptors.get(pid, ())), 0
