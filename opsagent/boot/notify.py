"""Tell systemd that the daemon is ready and lives (sd_notify), and end where it takes too much memory.

Standard library only.

The protocol is `sd_notify(3)`: datagrams of `KEY=value` lines to the unix socket that NOTIFY_SOCKET names (a leading
`@` stands for the abstract namespace). Where nobody asked to be notified, nothing is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

MEMORY_MAX = "OPSAGENT_MEMORY_MAX_MB"
"""Environment variable: resident memory, in MiB, above which the daemon ends itself (systemd starts it anew)."""
_log = logging.getLogger(__name__)
_LOOK_S = 15.0
_OFTEN = 3
"""How often per watchdog period systemd is told, so that one late turn of the loop is forgiven."""


def notify(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send one notification; return whether it went out. Never raises."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as talk:
            talk.connect(target)
            talk.sendall(text.encode())
    except OSError:
        return False
    return True


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return within how many seconds systemd wants to hear again; None where it does not, or means another process."""
    try:
        period = int(environ["WATCHDOG_USEC"]) / 1e6
        meant = int(environ.get("WATCHDOG_PID", os.getpid()))
    except (KeyError, ValueError):
        return None
    return period if period > 0 and meant == os.getpid() else None


@asynccontextmanager
async def notifying(status: str) -> AsyncIterator[None]:
    """Be ready, and alive for as long as the event loop turns; at the end say that it stops."""
    notify(f"READY=1\nSTATUS={status}")
    task = asyncio.create_task(_live(), name="watchdog")
    try:
        yield
    finally:
        notify("STOPPING=1")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _live() -> None:
    period = watchdog_s()
    while True:
        notify("WATCHDOG=1")
        if _too_large():
            _log.error("ending: the agent takes more memory than %s MiB", os.environ[MEMORY_MAX])
            notify("STATUS=ending: it takes too much memory")
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(_LOOK_S if period is None else period / _OFTEN)


def _too_large() -> bool:
    try:
        limit = int(os.environ[MEMORY_MAX]) * 1024 * 1024
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") > limit
    except (KeyError, ValueError, OSError):
        return False
