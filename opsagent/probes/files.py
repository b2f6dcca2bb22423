"""What the file system says: full disks, a command that is not there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.host.mounts import below
from opsagent_tools.services.runnable import why_not_runnable
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

FULL_BYTES = 256 * 1024
"""With less than this left nothing useful can be written."""
_WRITABLE = os.O_WRONLY | os.O_RDWR


async def disk(room: Room, unit_id: UnitId) -> Found:
    """Look for a full file system among those that the unit writes to."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    full = await asyncio.to_thread(lambda: next(_full(places(unit, spec)), None))
    if full is None:
        return Found(kind=EvidenceKind.KERNEL, facts={"full": False, "said": "its file systems have room"})
    mount, used = full
    facts: dict[str, Scalar] = {
        "full": True,
        "mount": str(mount),
        "said": f"the file system {mount} is full ({used / 1e6:.0f} MB used)",
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def state_folders(spec: ServiceSpec | None) -> Iterator[Path]:
    """Yield the folders that a service was given: where it starts, and those its environment and command name."""
    if spec is None:
        return
    yield spec.cwd
    for word in (*spec.env.values(), *spec.command[1:]):
        value = word.rpartition("=")[2]
        if value.startswith("/") and len(value) < os.pathconf("/", "PC_PATH_MAX"):
            path = Path(value)
            if path.is_dir():
                yield path


def places(unit: Unit, spec: ServiceSpec | None) -> Iterator[Path]:
    """Yield the folders that a unit writes to: those that it was given, its logs', and of what it has open."""
    for folder in state_folders(spec):
        yield folder
        yield from map(Path, below(folder.resolve()))
    for path in (*unit.logs, *(spec.logs if spec is not None else ())):
        yield path.parent
    for process in unit.processes:
        yield from _written_by(process.pid)


def _written_by(pid: int) -> Iterator[Path]:
    """Yield the folders of regular files that a process has open for writing."""
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = entry.readlink()
            if target.is_absolute() and target.is_file() and _opened_for_writing(pid, entry.name):
                yield target.parent
    except OSError:
        return


def _opened_for_writing(pid: int, descriptor: str) -> bool:
    lines = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines()
    flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    return bool(int(flags, 8) & _WRITABLE)


def _full(places: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    seen: set[int] = set()
    for place in places:
        try:
            device = place.stat().st_dev
            if device in seen:
                continue
            seen.add(device)
            status = os.statvfs(place)
        except OSError:
            continue
        read_only = bool(status.f_flag & os.ST_RDONLY)
        no_room = status.f_blocks > 0 and status.f_bavail * status.f_frsize < FULL_BYTES
        no_inodes = status.f_files > 0 and status.f_favail == 0
        if (no_room or no_inodes) and not read_only:
            yield mount_of(place), (status.f_blocks - status.f_bfree) * status.f_frsize


def mount_of(place: Path) -> Path:
    """Return where the file system is mounted that a place is on."""
    place = place.resolve()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return place


async def executable(room: Room, unit_id: UnitId) -> Found:
    """Tell whether the unit's command is there and may be run."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    why = await asyncio.to_thread(why_not_runnable, spec) if spec is not None and spec.command else ""
    said = f"{unit.name} cannot be started: {why}" if why else "its command is there"
    return Found(kind=EvidenceKind.KERNEL, facts={"ok": not why, "said": said})
