"""What the kernel knows of the processes and the device of a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

_MOST_PROCESSES = 64


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    """Open a terminal to look at it; it does not become ours. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


def pts_name(fd: int) -> str:
    """Return the path of the program's side of a pty, given our side."""
    number = struct.unpack("I", fcntl.ioctl(fd, 0x80045430, b"\0" * 4))[0]  # TIOCGPTN; os.ptsname is new in 3.13
    return f"/dev/pts/{number}"


def group_of(root: int, group: int) -> list[int]:
    """Return the processes below `root` (itself included) that belong to process group `group`."""
    found: list[int] = []
    todo = [root]
    while todo and len(found) < _MOST_PROCESSES:
        pid = todo.pop()
        if _pgid(pid) == group:
            found.append(pid)
        with contextlib.suppress(OSError):
            todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return found


def _pgid(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def busy(pid: int) -> bool:
    """Tell whether a process runs, or waits for the disk."""
    return _stat(pid)[:1] in (["R"], ["D"])


def foreground_of(pid: int) -> int:
    """Return the process group in the foreground of the terminal of a process; 0: there is none."""
    stat = _stat(pid)
    return max(0, int(stat[5])) if len(stat) > 5 else 0


def _stat(pid: int) -> list[str]:
    """Return what /proc/PID/stat says after the name, proc(5): state, ppid, pgrp, session, tty_nr, tpgid, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def unread(path: str) -> int:
    """Return how many bytes wait to be read by the program of a terminal; 0 where that cannot be told."""
    try:
        with opened(path) as fd:
            return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])
    except OSError:
        return 0


def local_flags(fd: int) -> int:
    """Return the local modes of a terminal (termios' c_lflag); 0 where it is gone."""
    try:
        return int(termios.tcgetattr(fd)[3])
    except (OSError, termios.error):
        return 0
