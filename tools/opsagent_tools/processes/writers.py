"""Which files processes have open for writing, and how large those are: who fills a file system, by the kernel's word.

A file that was deleted and is still open takes room until it is closed; it is told with ` (deleted)` behind its name,
as the kernel does.
"""

# Plain os calls: some thousand descriptors may be looked at.
# ruff: noqa: PTH115, PTH116, PTH123

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from stat import S_ISREG

_WRITABLE = os.O_WRONLY | os.O_RDWR
_MOST = 512
"""Descriptors of one process that are looked at."""


def open_for_writing(pids: Iterable[int], below: str) -> Mapping[tuple[int, str], int]:
    """Return the bytes on disk of each regular file under `below` that a process has open for writing, by (pid, path).

    What may not be looked at is left out. Blocks for the time of as many looks as there are descriptors.
    """
    prefix = below.rstrip("/") + "/"
    found: dict[tuple[int, str], int] = {}
    for pid in pids:
        for name in _descriptors(pid):
            size = _size(pid, name, prefix)
            if size is not None:
                found[pid, size[0]] = size[1]
    return found


def _descriptors(pid: int) -> Iterator[str]:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST:
                    return
                yield entry.name
    except OSError:
        return


def _size(pid: int, descriptor: str, prefix: str) -> tuple[str, int] | None:
    link = f"/proc/{pid}/fd/{descriptor}"
    try:
        path = os.readlink(link)
        if not path.startswith(prefix):
            return None
        found = os.stat(link)
        if not S_ISREG(found.st_mode) or not _is_writable(pid, descriptor):
            return None
    except OSError:
        return None
    return path, found.st_blocks * 512


def _is_writable(pid: int, descriptor: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{descriptor}", "rb") as file:
        for line in file:
            if line.startswith(b"flags:"):
                return bool(int(line.split()[1], 8) & _WRITABLE)
    return False
