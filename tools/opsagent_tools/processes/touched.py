"""Which files below some folders are opened, read, written or moved, as it happens: inotify(7), for some seconds.

The kernel does not say by whom. Linux only: elsewhere nothing is seen.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

_MODIFY, _CLOSE_WRITE, _OPEN = 0x2, 0x8, 0x20
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_IS_FOLDER = 0x4000_0000
_WATCHED = _MODIFY | _CLOSE_WRITE | _OPEN | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_ONLY_FOLDERS, _NO_LINKS = 0x0100_0000, 0x0200_0000
_HEAD = struct.Struct("iIII")
_BUFFER = 64 * 1024
_MOST = 256


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that happened to a file."""

    at: float
    """Seconds since the epoch, when it was read from the kernel."""
    path: str
    opened: bool
    written: bool
    """Written to, or made there; what is moved there was written elsewhere."""
    gone: bool
    """Removed, or moved away."""


class Touches:
    """Watches folders (not what is below them, unless named) until it is closed."""

    def __init__(self, descriptor: int, folders: dict[int, str]) -> None:
        self.descriptor = descriptor
        self._folders = folders

    @classmethod
    def of(cls, folders: Iterable[str]) -> Self | None:
        """Begin to watch; None where the kernel has no inotify, or lets us watch none of them."""
        libc = _libc()
        if libc is None or not hasattr(libc, "inotify_init1"):
            return None
        descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if descriptor < 0:
            return None
        watched: dict[int, str] = {}
        for folder, _ in zip(folders, range(_MOST), strict=False):
            number = libc.inotify_add_watch(descriptor, os.fsencode(folder), _WATCHED | _ONLY_FOLDERS | _NO_LINKS)
            if number >= 0:
                watched[number] = folder
        if not watched:
            os.close(descriptor)
            return None
        return cls(descriptor, watched)

    def take(self) -> list[Touch]:
        """Return what happened since the last time. Never waits."""
        found: list[Touch] = []
        while True:
            try:
                raw = os.read(self.descriptor, _BUFFER)
            except (BlockingIOError, InterruptedError):
                return found
            now, at = time.time(), 0
            while at < len(raw):
                number, mask, _, length = _HEAD.unpack_from(raw, at)
                name = raw[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
                at += _HEAD.size + length
                if name and not mask & _IS_FOLDER and number in self._folders:
                    found.append(
                        Touch(
                            at=now,
                            path=f"{self._folders[number]}/{os.fsdecode(name)}",
                            opened=bool(mask & _OPEN),
                            written=bool(mask & (_MODIFY | _CLOSE_WRITE | _CREATE)),
                            gone=bool(mask & (_DELETE | _MOVED_FROM)),
                        )
                    )

    def close(self) -> None:
        """Watch no longer."""
        os.close(self.descriptor)


@lru_cache(maxsize=1)
def _libc() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None
