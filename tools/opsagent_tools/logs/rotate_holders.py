"""Which processes hold a file open for writing, and how they write: told by the kernel (/proc/PID/fd, fdinfo)."""

# Plain os calls: every descriptor of every process is looked at.
# ruff: noqa: PTH123

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One process that has the file open for writing."""

    pid: int
    appends: bool
    """True: the kernel puts what it writes at the end, wherever that is by then (O_APPEND)."""


def writers(file: os.stat_result) -> tuple[Writer, ...]:
    """Return who writes to this file, but for ourselves; of processes that we may not look at, nothing is known."""
    wanted, own = (file.st_dev, file.st_ino), os.getpid()
    found: dict[int, bool] = {}
    for pid in _pids():
        if pid == own:
            continue
        for number in _holding(pid, wanted):
            appends = _appends(pid, number)
            if appends is not None:
                found[pid] = found.get(pid, True) and appends
    return tuple(Writer(pid=pid, appends=appends) for pid, appends in sorted(found.items()))


def _pids() -> Iterator[int]:
    try:
        with os.scandir("/proc") as entries:
            yield from [int(entry.name) for entry in entries if entry.name.isdecimal()]
    except OSError:
        return


def _holding(pid: int, wanted: tuple[int, int]) -> Iterator[str]:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                try:
                    status = entry.stat()
                except OSError:
                    continue
                if (status.st_dev, status.st_ino) == wanted:
                    yield entry.name
    except OSError:
        return


def _appends(pid: int, number: str) -> bool | None:
    """Return whether a descriptor appends; None: it does not write at all."""
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
            flags = next((int(line.split()[1], 8) for line in file if line.startswith("flags:")), os.O_RDONLY)
    except (OSError, ValueError):
        return None
    return bool(flags & os.O_APPEND) if flags & os.O_ACCMODE != os.O_RDONLY else None
