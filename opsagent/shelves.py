"""Where lines of a log go that its own disk has no room for: a private shelf in the home, on another file system.

Bounded: all shelves together never take more than a quarter of what is free there, nor more than a gigabyte.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.units import UnitId

SHELVES = "log_archives"
"""Folder of the home."""
_QUOTA = 1 << 30
_SHARE = 0.25
_UNSAFE = re.compile(r"[^\w.-]+")


def shelf_of(home: Path, unit: UnitId, log: Path) -> Path:
    """Return the path that the archives of a log are named after. Pure: nothing is looked at."""
    own = hashlib.sha256(f"{unit}\0{log}".encode()).hexdigest()[:10]
    name = _UNSAFE.sub("_", unit.name)[:40]
    return home / SHELVES / f"{name}-{own}" / log.name


def named(home: Path, shelf: Path) -> str:
    """Return how a plan names a shelf: by its place in the home, which no plan can leave."""
    return str(shelf.relative_to(home))


def room_for(home: Path, device: int) -> int:
    """Return how many bytes may go to the shelves; 0 where they are on the very file system that is full (`device`)."""
    try:
        if home.stat().st_dev == device:
            return 0
        told = os.statvfs(home)
    except OSError:
        return 0
    used = _size_of(home / SHELVES)
    free = told.f_bavail * told.f_frsize
    return max(0, min(_QUOTA, int((free + used) * _SHARE)) - used)


@contextmanager
def opened(shelf: Path) -> Iterator[Place]:
    """Open a shelf, made where it is missing (0700). Raises UnsafeFile, OSError."""
    for folder in (shelf.parent.parent, shelf.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    with Place.open(shelf, frozenset({os.geteuid()})) as place:
        yield place


def _size_of(folder: Path) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total
