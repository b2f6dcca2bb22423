"""Which unit fills a file system: by the files that its processes have open for writing there, and how those grow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from opsagent.model import Scalar
from opsagent.own_files import largest_file
from opsagent_tools.host.mounts import MountUse
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.openers import who_writes
from opsagent_tools.processes.writers import open_for_writing
from opsagent_tools.units import UnitId

_FROM_SHARE, _SMALL = 0.6, 1 << 30
"""Below this share only logs are looked at, but for small file systems, which may be full at the next look."""
_EXPLAINED = 0.5
"""What grew by so much in known files needs no other explanation."""
_GREW, _CAUGHT_S = 0.02, 0.5
"""What grew by this share of the whole since the last look is looked into, for so many seconds at most."""
_FADES = 0.85
"""What was written earlier counts so much less at each look."""


@dataclass(slots=True)
class _Filled:
    used: int
    sizes: Mapping[str, tuple[int, UnitId]]
    full: bool = False
    """So full that all files that are open were looked at."""
    grown: float = 0.0
    by: dict[UnitId, float] = field(default_factory=dict)
    largest: dict[UnitId, str] = field(default_factory=dict)


class Fillers:
    """Remembers, of each file system that is rather full, who wrote what there."""

    def __init__(self) -> None:
        self._known: dict[str, _Filled] = {}

    def look(self, use: MountUse, pids: Mapping[int, UnitId], logs: Mapping[str, UnitId]) -> dict[str, Scalar]:
        """Return writer, writer_name, writer_share and writer_path, as far as known. Blocks.

        `pids`: processes of units; `logs`: log files of units there, which their supervisor may write for them.
        """
        path = use.mount.path
        if use.hangs or use.mount.remote:
            self._known.pop(path, None)
            return {}
        full = use.used >= _FROM_SHARE * use.size or use.size < _SMALL
        tree = parents() if full else {}
        owner = {below: unit for pid, unit in pids.items() for below in with_descendants([pid], tree)}
        opened = open_for_writing(owner, path) if full else {}
        sizes = {file: (size, owner[pid]) for (pid, file), size in opened.items()}
        sizes |= {file: (size, unit) for file, unit in logs.items() if (size := _size(file)) is not None}
        before = self._known.get(path)
        if before is None:
            self._known[path] = _Filled(used=use.used, sizes=sizes)
            return {}
        before.grown = _FADES * before.grown + max(0, use.used - before.used)
        before.by = {unit: _FADES * grown for unit, grown in before.by.items()}
        for file, (size, unit) in sizes.items():
            # what was not looked at before may have been there for long
            grown = size - before.sizes[file][0] if file in before.sizes else size if before.full == full else 0
            if grown > 0:
                before.by[unit] = before.by.get(unit, 0.0) + grown
                before.largest[unit] = file
        if use.size < _SMALL and use.used - before.used >= _GREW * use.size:
            self._catch(before, use, owner)
        if full and not before.full and sum(before.by.values()) < _EXPLAINED * before.grown:
            before.by, before.grown = {}, 0.0  # nobody looked at what is open until now
        before.used, before.sizes, before.full = use.used, sizes, full
        return _told(before) if full else {}

    @staticmethod
    def _catch(before: _Filled, use: MountUse, owner: Mapping[int, UnitId]) -> None:
        """Nobody holds open what makes it grow: see who writes to its largest file, which may be opened for each line."""
        if sum(before.by.values()) >= _EXPLAINED * before.grown:
            return
        largest = largest_file(use.mount.path)
        if largest is None:
            return
        units = {owner.get(pid) for pid in who_writes(Path(largest[0]), _CAUGHT_S)}
        if len(units) == 1 and (unit := units.pop()) is not None:
            before.by[unit] = before.by.get(unit, 0.0) + use.used - before.used
            before.largest[unit] = largest[0]


def _size(file: str) -> int | None:
    try:
        found = os.lstat(file)
    except OSError:
        return None
    return found.st_blocks * 512 if S_ISREG(found.st_mode) else None


def _told(filled: _Filled) -> dict[str, Scalar]:
    unit = max(filled.by, key=lambda one: filled.by[one], default=None)
    if unit is None or filled.grown <= 0 or filled.by[unit] <= 0:
        return {}
    return {
        "writer": str(unit),
        "writer_name": unit.name,
        "writer_share": round(min(1.0, filled.by[unit] / filled.grown), 3),
        "writer_path": filled.largest.get(unit, ""),
    }
