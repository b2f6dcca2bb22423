"""How near a process is to the limits that the kernel holds it to (getrlimit(2), cgroup v2). Reads /proc only. Linux."""

# Plain os calls: /proc is no file system that paths make easier.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

_CGROUPS = "/sys/fs/cgroup"
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of one process, and how much of it is used."""

    resource: str
    """`descriptors`, `address_space`, `data`, `processes`, `cgroup_memory` or `cgroup_processes`."""
    used: int
    """Bytes, or how many."""
    most: int
    pid: int

    @property
    def share(self) -> float:
        """0..1, or more where the limit was lowered meanwhile."""
        return self.used / self.most if self.most else 1.0


def limits_of(pid: int) -> Iterator[Limit]:
    """Yield the limits that a process has and how much of each it uses; what cannot be read is left out."""
    soft = soft_limits(pid)
    for resource, name, used in (
        ("descriptors", "Max open files", _open_files(pid)),
        ("address_space", "Max address space", _memory(pid, 0)),
        ("data", "Max data size", _memory(pid, 5)),
    ):
        most = soft.get(name)
        if most is not None and used is not None:
            yield Limit(resource=resource, used=used, most=most, pid=pid)
    yield from _of_cgroup(pid)


def soft_limits(pid: int) -> dict[str, int]:
    """Return the soft limits by the kernel's names; those that are unlimited are left out."""
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            lines = file.read().splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in lines:
        name, soft = line[:26].strip(), line[26:47].strip()
        if soft.isdigit():
            found[name] = int(soft)
    return found


def _open_files(pid: int) -> int | None:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def _memory(pid: int, column: int) -> int | None:
    """Return a column of /proc/PID/statm in bytes: 0 is the address space, 5 data and stack."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[column]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def _of_cgroup(pid: int) -> Iterator[Limit]:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            path = next((line.strip()[3:] for line in file if line.startswith("0::")), None)
    except OSError:
        return
    if path is None or ".." in path.split("/"):
        return
    folder = f"{_CGROUPS}{path.rstrip('/')}"
    for resource, used, most in (
        ("cgroup_memory", "memory.current", "memory.max"),
        ("cgroup_processes", "pids.current", "pids.max"),
    ):
        now, limit = _number(f"{folder}/{used}"), _number(f"{folder}/{most}")
        if now is not None and limit is not None:
            yield Limit(resource=resource, used=now, most=limit, pid=pid)


def _number(path: str) -> int | None:
    """Return the number in a file; None where there is none (`max` is no limit)."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
