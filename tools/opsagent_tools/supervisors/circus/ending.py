"""End processes that are not our children: their signal, time to finish, then SIGKILL. Blocking: use a thread.

Signals go through pidfds where the kernel has them, so that a pid that was given to another process in the
meantime is never hit.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable

from opsagent_tools.supervisors.circus import procfs

_KILL_WAIT_S = 5.0


class Handle:
    """One process, held fast: a pidfd, or pid and birth where there are none."""

    def __init__(self, pid: int, birth: float) -> None:
        self.pid = pid
        self._birth = birth
        self._fd: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._fd = os.pidfd_open(pid)
        if not self._same():
            self.close()

    def _same(self) -> bool:
        stat = procfs.read_stat(self.pid)
        return stat is not None and stat.birth == self._birth

    def alive(self) -> bool:
        """Return whether the process still runs (a zombie does not)."""
        return self._same()

    def send(self, signum: int) -> None:
        """Send a signal, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            if self._fd is not None:
                signal.pidfd_send_signal(self._fd, signum)
            elif not hasattr(os, "pidfd_open") and self._same():
                os.kill(self.pid, signum)

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def wait(self, deadline: float) -> bool:
        """Return whether it was gone before `deadline` (time.monotonic)."""
        while self.alive():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._fd is not None:
                select.select([self._fd], [], [], min(left, 0.5))
            else:
                time.sleep(min(left, 0.05))
        return True


def end_processes(
    found: Iterable[tuple[int, float]], signum: int = signal.SIGTERM, timeout_s: float = 5.0
) -> tuple[int, ...]:
    """End these (pid, birth) and return the pids that could not be ended even by SIGKILL."""
    handles = [Handle(pid, birth) for pid, birth in found]
    try:
        for handle in handles:
            handle.send(signum)
            handle.send(signal.SIGCONT)  # a stopped process handles its signal only once it runs again
        deadline = time.monotonic() + timeout_s
        slow = [handle for handle in handles if not handle.wait(deadline)]
        for handle in slow:
            handle.send(signal.SIGKILL)
        deadline = time.monotonic() + _KILL_WAIT_S
        return tuple(handle.pid for handle in slow if not handle.wait(deadline))
    finally:
        for handle in handles:
            handle.close()
