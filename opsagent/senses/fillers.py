"""Which unit fills a file system: by the files that its processes have open for writing there, and how those grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsagent.model import Scalar
from opsagent_tools.host.mounts import MountUse
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.writers import open_for_writing
from opsagent_tools.units import UnitId

_FROM_SHARE = 0.6
"""Below this nobody is asked."""
_FADES = 0.85
"""What was written earlier counts so much less at each look."""


@dataclass(slots=True)
class _Filled:
    used: int
    sizes: Mapping[tuple[int, str], int]
    grown: float = 0.0
    by: dict[UnitId, float] = field(default_factory=dict)
    largest: dict[UnitId, str] = field(default_factory=dict)


class Fillers:
    """Remembers, of each file system that is rather full, who wrote what there."""

    def __init__(self) -> None:
        self._known: dict[str, _Filled] = {}

    def look(self, use: MountUse, pids: Mapping[int, UnitId]) -> dict[str, Scalar]:
        """Return writer, writer_name, writer_share and writer_path, as far as known. `pids`: processes of units. Blocks."""
        path = use.mount.path
        if use.hangs or use.used < _FROM_SHARE * use.size:
            self._known.pop(path, None)
            return {}
        tree = parents()
        owner = {below: unit for pid, unit in pids.items() for below in with_descendants([pid], tree)}
        sizes = open_for_writing(owner, path)
        before = self._known.get(path)
        if before is None:
            self._known[path] = _Filled(used=use.used, sizes=sizes)
            return {}
        before.grown = _FADES * before.grown + max(0, use.used - before.used)
        before.by = {unit: _FADES * grown for unit, grown in before.by.items()}
        for key, size in sizes.items():
            grown, unit = size - before.sizes.get(key, 0), owner[key[0]]
            if grown > 0:
                before.by[unit] = before.by.get(unit, 0.0) + grown
                before.largest[unit] = key[1]
        before.used, before.sizes = use.used, sizes
        return _told(before)


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
