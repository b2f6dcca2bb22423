"""Who opens or writes to one file, as it happens: fanotify(7), which tells the process. For some moments, and for root only.

Many programs open their log for each line: nobody holds such a file open when it is looked for.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

_CLOEXEC, _NONBLOCK, _CLASS_NOTIF = 0x1, 0x2, 0x0
_ADD = 0x1
_MODIFY, _CLOSE_WRITE = 0x2, 0x8
_AT_FDCWD = -100
_EVENT = struct.Struct("=IBBHQii")
_BUFFER = 64 * 1024
_NO_DESCRIPTOR = -1


def who_writes(path: Path, seconds: float) -> frozenset[int]:
    """Return the processes that wrote to a file, or closed it after opening it for writing, within so many seconds.

    A write for which the disk had no room counts: the file was open for it. Empty where the kernel does not tell us.
    Blocks; ends as soon as anybody was seen.
    """
    libc = _libc()
    if libc is None or not hasattr(libc, "fanotify_init"):
        return frozenset()
    descriptor = libc.fanotify_init(_CLASS_NOTIF | _CLOEXEC | _NONBLOCK, os.O_RDONLY | os.O_CLOEXEC)
    if descriptor < 0:
        return frozenset()
    try:
        mask = ctypes.c_uint64(_MODIFY | _CLOSE_WRITE)
        if libc.fanotify_mark(descriptor, _ADD, mask, _AT_FDCWD, os.fsencode(path)) != 0:
            return frozenset()
        return _wait(descriptor, seconds)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, seconds: float) -> frozenset[int]:
    until, own = time.monotonic() + seconds, os.getpid()
    found: set[int] = set()
    while not found and (left_s := until - time.monotonic()) > 0:
        if select.select([descriptor], [], [], left_s)[0]:
            found |= {pid for pid in _take(descriptor) if pid not in {0, own}}
    return frozenset(found)


def _take(descriptor: int) -> list[int]:
    try:
        raw = os.read(descriptor, _BUFFER)
    except (BlockingIOError, InterruptedError):
        return []
    pids, at = [], 0
    while at + _EVENT.size <= len(raw):
        length, _, _, _, _, opened, pid = _EVENT.unpack_from(raw, at)
        if opened != _NO_DESCRIPTOR:
            os.close(opened)
        pids.append(pid)
        at += max(length, _EVENT.size)
    return pids


@lru_cache(maxsize=1)
def _libc() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None
