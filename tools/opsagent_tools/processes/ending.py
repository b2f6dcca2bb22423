"""Ends one very process, never a later one that got its pid."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from opsagent_tools.processes.proc import is_alive
from opsagent_tools.units import ProcessKey

_POLL_S = 0.02
_KILL_WAIT_S = 5.0


async def end_process(key: ProcessKey, *, grace_s: float, signum: int = signal.SIGTERM) -> bool:
    """Ask the process to end, kill it after `grace_s`; return whether it is gone.

    The signal goes through a pidfd that was opened before the start time was compared, so that it cannot reach a
    stranger that got the pid meanwhile. Raises PermissionError where the process belongs to another user.
    """
    send, close = _signaller(key)
    try:
        if not is_alive(key):
            return True
        send(signum)
        if await _gone_within(key, grace_s):
            return True
        send(signal.SIGKILL)
        return await _gone_within(key, _KILL_WAIT_S)
    except ProcessLookupError:
        return True
    finally:
        close()


def send_to(key: ProcessKey, signum: int) -> bool:
    """Send one signal to exactly this process; return whether it was there. Raises PermissionError."""
    send, close = _signaller(key)
    try:
        if not is_alive(key):
            return False
        send(signum)
    except ProcessLookupError:
        return False
    finally:
        close()
    return True


def _signaller(key: ProcessKey) -> tuple[Callable[[int], None], Callable[[], None]]:
    if hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal"):
        try:
            descriptor = os.pidfd_open(key.pid)
        except ProcessLookupError:
            return lambda signum: None, lambda: None
        return lambda signum: signal.pidfd_send_signal(descriptor, signum), lambda: os.close(descriptor)
    return lambda signum: os.kill(key.pid, signum), lambda: None


async def _gone_within(key: ProcessKey, seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while is_alive(key):
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
