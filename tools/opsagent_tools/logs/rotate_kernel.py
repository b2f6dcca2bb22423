"""Two calls of Linux that Python has not: fallocate(2) with a mode, and renameat2(2) that replaces nothing."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import lru_cache
from typing import Any

_KEEP_SIZE, _PUNCH_HOLE, _COLLAPSE_RANGE = 0x01, 0x02, 0x08
"""linux/falloc.h."""
_NOREPLACE = 1
_UNABLE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})


class Unable(Exception):
    """This kernel, or this file system, has no such call."""


def collapse(descriptor: int, length: int) -> None:
    """Take the first `length` bytes out of a file: what follows moves to its start, and nothing that is appended
    meanwhile is lost. `length`: whole blocks of the file system, less than the file has. Raises Unable, OSError.
    """
    _fallocate(descriptor, _COLLAPSE_RANGE, 0, length)


def punch(descriptor: int, offset: int, length: int) -> None:
    """Give the room of a part of a file back; it reads as NULs then, and the file keeps its size. Raises Unable, OSError."""
    _fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, offset, length)


def rename_new(folder: int, name: str, to: str) -> None:
    """Rename within a folder; FileExistsError where the new name is taken. Raises OSError."""
    call = getattr(_libc(), "renameat2", None)
    if call is not None:
        arguments = (folder, os.fsencode(name), folder, os.fsencode(to), _NOREPLACE)
        if call(*arguments) == 0:
            return
        number = ctypes.get_errno()
        if number not in _UNABLE:
            raise OSError(number, os.strerror(number), to)
    # A hard link fails where the name is taken; a plain rename would silently replace it.
    os.link(name, to, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(name, dir_fd=folder)


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> None:
    call = getattr(_libc(), "fallocate", None)
    if call is None:
        raise Unable("no fallocate here")
    if call(descriptor, mode, ctypes.c_int64(offset), ctypes.c_int64(length)) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNABLE:
        raise Unable(os.strerror(number))
    raise OSError(number, os.strerror(number))


@lru_cache(maxsize=1)
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
