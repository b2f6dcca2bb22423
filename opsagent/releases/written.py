"""Which files below an application's folder its own processes write: data, whatever their names say."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from opsagent.kept_contents import write_private
from opsagent_tools.units import Unit, UnitId

_REMEMBERED = 2000
_WRITABLE = os.O_WRONLY | os.O_RDWR


def open_below(unit: Unit, root: Path) -> frozenset[str]:
    """Return the files below `root`, relative to it, that processes of the unit have open for writing."""
    return frozenset(found for process in unit.processes for found in _open_of(process.pid, root))


def remembered(folder: Path, unit: UnitId) -> frozenset[str]:
    """Return the files that were seen written while the unit ran."""
    try:
        found = json.loads(_path(folder, unit).read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return frozenset(path for path in found if isinstance(path, str)) if isinstance(found, list) else frozenset()


def remember(folder: Path, unit: UnitId, paths: Iterable[str]) -> None:
    """Write down, for good, that these files are the service's own to write."""
    known = remembered(folder, unit)
    wanted = sorted({*known, *paths})[:_REMEMBERED]
    if set(wanted) != known:
        write_private(_path(folder, unit), json.dumps(wanted).encode(), replace=True)


def _path(folder: Path, unit: UnitId) -> Path:
    return folder / f"written-{hashlib.sha256(str(unit).encode()).hexdigest()[:16]}.json"


def _open_of(pid: int, root: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError, ValueError):
                target = entry.readlink()
                if target.is_relative_to(root) and _for_writing(pid, entry.name):
                    yield str(target.relative_to(root))


def _for_writing(pid: int, descriptor: str) -> bool:
    lines = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines()
    flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    return bool(int(flags, 8) & _WRITABLE)
