"""Every process of the machine in one pass over /proc: who it is and who started it. Light: standard library only."""

# Plain os calls: some hundred processes are read, and pathlib costs more than the read.
# ruff: noqa: PTH116, PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_READ = 1024
_MOST = 256 * 1024
"""Bytes of a command line or an environment that are looked at."""


class Seen(NamedTuple):
    """One process as /proc/PID/stat shows it."""

    pid: int
    parent: int
    name: str
    """Its name for the kernel (`comm`, at most 15 bytes). The process chooses it: no evidence of anything."""
    state: str
    start_ticks: int
    kernel: bool
    """True: a thread of the kernel."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """All processes at one moment, and ways to look closer at one of them."""

    processes: Mapping[int, Seen]
    proc: str = "/proc"
    _uids: dict[int, int | None] = field(default_factory=dict)

    @property
    def booted_at(self) -> float:
        """When the machine was started, seconds since the epoch; 0 where it does not tell."""
        try:
            with open(f"{self.proc}/stat", encoding="ascii") as file:
                return next((float(line.split()[1]) for line in file if line.startswith("btime ")), 0.0)
        except (OSError, ValueError):
            return 0.0

    def uid(self, pid: int) -> int | None:
        """Return the user that a process runs as; None where it is gone."""
        if pid not in self._uids:
            try:
                self._uids[pid] = os.stat(f"{self.proc}/{pid}").st_uid
            except OSError:
                self._uids[pid] = None
        return self._uids[pid]

    def command(self, pid: int) -> tuple[str, ...]:
        """Return its command line; empty where it has none. The process may write what it likes there."""
        return tuple(part.decode("utf-8", "replace") for part in self._file(pid, "cmdline").split(b"\0") if part)

    def variable(self, pid: int, name: str) -> str:
        """Return one variable of the environment that it was started with; empty where we may not know.

        Only what was asked for is kept: environments carry secrets.
        """
        wanted = name.encode() + b"="
        for item in self._file(pid, "environ").split(b"\0"):
            if item.startswith(wanted):
                return item[len(wanted) :].decode("utf-8", "surrogateescape")
        return ""

    def cgroup(self, pid: int) -> str:
        """Return the path of its control group (the unified hierarchy's, else the one that systemd keeps)."""
        best = ""
        for line in self._file(pid, "cgroup").decode("utf-8", "replace").splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if number == "0" and path != "/":
                return path
            if controllers == "name=systemd" or (not best and path not in {"", "/"}):
                best = path
        return best

    def chain(self, pid: int) -> tuple[int, ...]:
        """Return a process and what is above it, nearest first."""
        found: list[int] = []
        while pid in self.processes and pid not in found:
            found.append(pid)
            pid = self.processes[pid].parent
        return tuple(found)

    def _file(self, pid: int, name: str) -> bytes:
        try:
            with open(f"{self.proc}/{pid}/{name}", "rb", buffering=0) as file:
                return file.read(_MOST) or b""
        except OSError:
            return b""


_PF_KTHREAD = 0x00200000
"""include/linux/sched.h; field 9 of /proc/PID/stat."""


def sweep(proc: str = "/proc") -> Sweep:
    """Look at every process once. Where there is no /proc, nothing is seen."""
    found: dict[int, Seen] = {}
    try:
        names = os.listdir(proc)
    except OSError:
        return Sweep({}, proc)
    for name in names:
        if name.isdecimal():
            seen = _read(proc, name)
            if seen is not None:
                found[seen.pid] = seen
    return Sweep(found, proc)


def _read(proc: str, name: str) -> Seen | None:
    try:
        descriptor = os.open(f"{proc}/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # gone again, or hidden
        return None
    try:
        raw = os.read(descriptor, _READ)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return parse(int(name), raw)


def parse(pid: int, raw: bytes) -> Seen | None:
    """Read the content of /proc/PID/stat (proc_pid_stat(5)); None where it is none."""
    begin, end = raw.find(b"("), raw.rfind(b")")
    fields = raw[end + 2 :].split(b" ", 20)
    if begin < 0 or end < begin or len(fields) < 20:
        return None
    return Seen(
        pid=pid,
        parent=int(fields[1]),
        name=raw[begin + 1 : end].decode("utf-8", "replace"),
        state=fields[0].decode("ascii", "replace"),
        start_ticks=int(fields[19]),
        kernel=bool(int(fields[6]) & _PF_KTHREAD),
    )
