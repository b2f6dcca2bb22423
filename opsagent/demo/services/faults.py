"""Ways to break the demo's services, for real. Stdlib only; nothing here is ever imported by the agent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

from opsagent.demo.services.gateway import LEAK_FILE

_WAIT_S = 5.0
_LOCKED_WORK = {"store": "/compact", "api": "/reindex"}


def kill(pid: int) -> None:
    """End a process at once (SIGKILL)."""
    os.kill(pid, signal.SIGKILL)


def hang(pid: int) -> None:
    """Let a process hang with its port open (SIGSTOP)."""
    os.kill(pid, signal.SIGSTOP)


def leak(state: Path, pids: Sequence[int], *, mb_per_s: float = 8.0, up_to_mb: float = 200.0) -> None:
    """Let these gateway workers leak. Those that replace them do not."""
    order = {"pids": list(pids), "mb_per_s": mb_per_s, "up_to_mb": up_to_mb}
    fresh = state / f"{LEAK_FILE}.new"
    fresh.write_text(json.dumps(order), encoding="utf-8")
    fresh.replace(state / LEAK_FILE)


def die_holding_lock(service: str, *, pid: int, port: int, state: Path) -> Path:
    """Kill `store` or `api` in the middle of its locked work; return the lock that it leaves behind.

    The lock is the service's own, with its own pid in it. Raises TimeoutError when the service does not take it.
    """
    lock = state / f"{service}.lock"
    connection = HTTPConnection("127.0.0.1", port, timeout=_WAIT_S)
    connection.request("POST", f"{_LOCKED_WORK[service]}?hold_s=60")
    deadline = time.monotonic() + _WAIT_S
    while not (lock.exists() and lock.read_text().strip() == str(pid)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} (pid {pid}) did not take {lock}")
        time.sleep(0.01)
    kill(pid)
    connection.close()
    return lock


def write_stale_lock(path: Path) -> int:
    """Write a lock file whose holder is dead, and return the dead holder's pid."""
    holder = subprocess.Popen([sys.executable, "-S", "-c", ""])
    holder.wait()
    path.write_text(f"{holder.pid}\n", encoding="ascii")
    return holder.pid


def free_ports(count: int) -> tuple[int, ...]:
    """Return TCP ports that are free now, all different."""
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(int(sock.getsockname()[1]) for sock in socks)
    for sock in socks:
        sock.close()
    return ports
