"""Who listens on a TCP port, read from /proc and never by connecting. On demand only: it scans descriptors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.processes.proc import HAS_PROC, key_of
from opsagent_tools.units import ProcessKey

_LISTEN = "0A"
"""TCP_LISTEN of net/tcp_states.h as /proc/net/tcp prints it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that listens on a port, and one process that holds it."""

    port: int
    uid: int
    """User that opened the socket."""
    process: ProcessKey | None
    """None where the holder belongs to a user whose descriptors we may not read."""


def listeners(port: int) -> tuple[Listener, ...]:
    """Return who listens on TCP `port` in our network namespace, in order of pid; empty if nobody does."""
    if not HAS_PROC:
        return _portable(port)
    sockets = dict(_listening(port))
    if not sockets:
        return ()
    holders: dict[int, list[int]] = {inode: [] for inode in sockets}
    for pid, inode in _held_sockets():
        if inode in holders:
            holders[inode].append(pid)
    found = []
    for inode, pids in holders.items():
        keys: list[ProcessKey | None] = [key for pid in sorted(set(pids)) if (key := key_of(pid)) is not None]
        found += [Listener(port=port, uid=sockets[inode], process=key) for key in keys or [None]]
    return tuple(sorted(found, key=lambda listener: listener.process.pid if listener.process else 0))


def is_listened_on(port: int) -> bool:
    """Tell whether anybody listens on TCP `port` in our network namespace; much cheaper than asking who."""
    return any(True for _ in _listening(port)) if HAS_PROC else bool(_portable(port))


def _listening(port: int) -> Iterator[tuple[int, int]]:
    """Yield (inode, uid) of every socket that listens on `port`, IPv4 and IPv6."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with Path(table).open(encoding="ascii") as file:
                next(file, None)
                for line in file:
                    fields = line.split()
                    if fields[3] == _LISTEN and fields[1].endswith(wanted):
                        yield int(fields[9]), int(fields[7])
        except FileNotFoundError:
            continue


def _held_sockets() -> Iterator[tuple[int, int]]:
    """Yield (pid, socket inode) of every socket descriptor that we may see."""
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            with os.scandir(f"/proc/{name}/fd") as entries:
                for entry in entries:
                    target = os.readlink(entry.path)  # noqa: PTH115
                    if target.startswith("socket:["):
                        yield int(name), int(target[8:-1])
        except OSError:  # gone meanwhile, or not ours to see
            continue


def _portable(port: int) -> tuple[Listener, ...]:
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            connections = process.net_connections("tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                key = ProcessKey(process.pid, process.create_time())
                found.append(Listener(port=port, uid=process.uids().real, process=key))
        except psutil.Error:
            continue
    return tuple(found)
