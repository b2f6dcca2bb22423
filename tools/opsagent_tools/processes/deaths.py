"""Tells of the death of any process, whoever supervises it: pidfd_open(2) and the event loop, polling elsewhere.

A pidfd stands for one process for good, and the start time is compared after it was opened, so a reused pid is
never mistaken for the process that had it before.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.processes.proc import HAS_PROC, exists, is_alive, is_same, read_stat
from opsagent_tools.units import ProcessKey

_log = logging.getLogger(__name__)

_POLL_S = 0.2
_PIDFD_GET_INFO = 0xC040FF0B
"""_IOWR(0xFF, 11, struct pidfd_info of 64 bytes), linux/pidfd.h; Linux 6.13, exit codes since 6.15."""
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("=QQ11Ii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One process has ended."""

    key: ProcessKey
    exit_code: int | None
    """Its exit code, -N for signal N; None where only its parent knows."""


Tell = Callable[[Death], None]


class DeathWatch:
    """Watches processes and calls back once, in the event loop, when one has ended."""

    def __init__(self, *, poll_s: float = _POLL_S, use_pidfd: bool = hasattr(os, "pidfd_open")) -> None:
        self._poll_s = poll_s
        self._use_pidfd = use_pidfd
        self._fds: dict[ProcessKey, int] = {}
        self._polled: dict[ProcessKey, Tell] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def watched(self) -> frozenset[ProcessKey]:
        """The processes that are watched now."""
        return frozenset(self._fds) | frozenset(self._polled)

    def watch(self, key: ProcessKey, tell: Tell) -> bool:
        """Call `tell` when `key` has ended. False: there is no such process, and `tell` is never called.

        Watching it again changes nothing. A zombie is told at once.
        """
        if key in self._fds or key in self._polled:
            return True
        fd = self._open(key)
        if fd is not None and fd < 0:
            return False
        if fd is None:
            return self._poll(key, tell)
        self._fds[key] = fd
        asyncio.get_running_loop().add_reader(fd, self._ended, key, tell)
        return True

    def forget(self, key: ProcessKey) -> None:
        """Watch `key` no longer."""
        self._polled.pop(key, None)
        fd = self._fds.pop(key, None)
        if fd is not None:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)

    def close(self) -> None:
        """Watch nothing any longer. Must run in the event loop."""
        for key in list(self._fds):
            self.forget(key)
        self._polled.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _open(self, key: ProcessKey) -> int | None:
        """Return a pidfd of exactly `key`; -1 if it is gone; None where it must be polled."""
        if not self._use_pidfd:
            return None
        try:
            fd = os.pidfd_open(key.pid)
        except ProcessLookupError:
            return -1
        except OSError as error:  # no descriptors left, a kernel before 5.3, a sandbox
            _log.info("pidfd_open(%d) failed (%s): polling", key.pid, error)
            return None
        stat = read_stat(key.pid)
        if stat is None or not is_same(stat, key):
            os.close(fd)
            return -1
        return fd

    def _ended(self, key: ProcessKey, tell: Tell) -> None:
        fd = self._fds[key]
        code = exit_code(key, fd)
        self.forget(key)
        tell(Death(key=key, exit_code=code))

    def _poll(self, key: ProcessKey, tell: Tell) -> bool:
        if not exists(key):
            return False
        self._polled[key] = tell
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._poll_s, self._poll_all)
        return True

    def _poll_all(self) -> None:
        self._timer = None
        for key, tell in list(self._polled.items()):
            if not is_alive(key) and self._polled.pop(key, None) is not None:
                tell(Death(key=key, exit_code=exit_code(key)))
        if self._polled and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._poll_s, self._poll_all)


def exit_code(key: ProcessKey, pidfd: int | None = None) -> int | None:
    """Return how a dead process ended (-N: signal N), as far as the kernel tells anybody but its parent."""
    if not HAS_PROC:
        return None
    status = _zombie_status(key)
    if status is None and pidfd is not None:
        status = _pidfd_status(pidfd)
    return os.waitstatus_to_exitcode(status) if status is not None else None


def _zombie_status(key: ProcessKey) -> int | None:
    stat = read_stat(key.pid)
    if stat is None or not stat.dead or not is_same(stat, key):
        return None
    if stat.wait_status == 0 and not _is_ours(key.pid):
        return None  # 0 is also what the kernel shows to those who may not know
    return stat.wait_status


def _is_ours(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
    except OSError:
        return False


def _pidfd_status(pidfd: int) -> int | None:
    import fcntl

    request = _PIDFD_INFO.pack(_PIDFD_INFO_EXIT, 0, *([0] * 11), 0)
    try:
        answer = fcntl.ioctl(pidfd, _PIDFD_GET_INFO, request)
    except OSError:
        return None
    mask, *_, code = _PIDFD_INFO.unpack(answer)
    return int(code) if mask & _PIDFD_INFO_EXIT else None
