"""Who descends from whom, in one sweep of the process table."""

# ruff: noqa: PTH208

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from opsagent_tools.processes.proc import HAS_PROC, read_stat


def parents() -> dict[int, int]:
    """Return the parent's pid of every process."""
    if not HAS_PROC:
        import psutil

        return {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid"])}
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := read_stat(int(name))) is not None:
            found[int(name)] = stat.parent
    return found


def with_descendants(pids: Iterable[int], parents: Mapping[int, int]) -> tuple[int, ...]:
    """Return `pids` that exist and everything below them, in order of pid."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid in pids if pid in parents]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return tuple(sorted(found))


def ancestors(pid: int, parents: Mapping[int, int]) -> tuple[int, ...]:
    """Return what is above `pid`, nearest first."""
    found: list[int] = []
    above = parents.get(pid, 0)
    while above and above not in found:
        found.append(above)
        above = parents.get(above, 0)
    return tuple(found)
