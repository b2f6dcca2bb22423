"""Whose log fills a file system, by the kernel's word: how much of it is logs of which unit, and whether they can go elsewhere.

Asked of a unit that is in trouble, it looks at the fullest file system that this unit writes to, and at the logs of all
units there: the disk may be full by another's log than that of the one that complains.
"""

# ruff: noqa: PTH123

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsagent import kept_modes
from opsagent.model import EvidenceKind, Scalar
from opsagent.naming import is_host
from opsagent.own_files import OwnLog, caught_log, largest_file, open_files, own_folders, own_logs
from opsagent.probes.files import FULL_BYTES, mount_of, places
from opsagent.probes.room import Found, Room
from opsagent.shelves import named, room_for, shelf_of
from opsagent.world import World
from opsagent_tools.logs.rotate_archives import newest
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.handling import handling
from opsagent_tools.processes.openers import who_writes
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

_CROWDED = 0.8
"""From this share on it is asked who fills a file system."""
_FILLS = 0.4
"""Whose logs are this share of what is used there fills it."""
_WATCHED_S = 0.3
CAUGHT_S = 1.5
"""So long it is waited for somebody to write to what fills the disk."""
_LIVES_AGAIN_S, _POLL_S = 2.5, 0.02
_LEAST_ROOM = 1 << 20
_CLEARLY = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """A file system that is full, or nearly."""

    device: int
    mount: Path
    size: int
    used: int
    left: int
    inodes: bool = False
    """It is inodes that run out, and not room."""

    @property
    def full(self) -> bool:
        """Tell whether nothing useful can be written there any more."""
        return self.left < FULL_BYTES or self.inodes

    @property
    def said(self) -> str:
        """Say how full it is."""
        return f"{self.mount} is {self.used / self.size:.0%} full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is looked at of one unit."""

    unit: Unit
    spec: ServiceSpec | None
    pids: tuple[int, ...]


async def probe(room: Room, unit_id: UnitId) -> Found:
    """Tell whose logs fill the fullest file system that the unit writes to."""
    unit = None if is_host(unit_id) else await room.unit(unit_id)
    home = room.last_good_dir.parent if room.last_good_dir is not None else None
    facts = await asyncio.to_thread(_look, room.world, unit, home)
    if unit is not None and facts["full"] and not facts["fills"]:
        facts = await _while_it_lives(room.world, unit, home) or facts
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


async def _while_it_lives(world: World, unit: Unit, home: Path | None) -> dict[str, Scalar] | None:
    """Look once more while a process of a unit is there that dies again and again: only then it holds its log open."""
    loop = asyncio.get_running_loop()
    known, until = {process.key for process in unit.processes}, loop.time() + _LIVES_AGAIN_S
    while loop.time() < until:
        now = world.units.get(unit.id)
        if now is not None and any(process.key not in known for process in now.processes):
            known = {process.key for process in now.processes}
            facts = await asyncio.to_thread(_look, world, now, home)
            if facts["fills"]:
                return facts
        elif now is not None and now.processes and not world.past(unit.id).deaths:
            return None  # it has lived all the time
        await asyncio.sleep(_POLL_S)
    return None


def _look(world: World, unit: Unit | None, home: Path | None) -> dict[str, Scalar]:
    crowded = fullest(world, unit, home)
    if crowded is None:
        return {"full": False, "fills": False, "rate": 0.0, "said": "no file system that it writes to is full"}
    facts: dict[str, Scalar] = {
        "full": crowded.full,
        "fills": False,
        "mount": str(crowded.mount),
        "fs_share": round(crowded.used / crowded.size, 4),
        "left": crowded.left,
    }
    found = [
        (one, log)
        for one in seen(world)
        for log in logs_of(one, home)
        if log.device == crowded.device and not _is_the_agents(log.path, home)
    ]
    if sum(log.size for _, log in found) < _FILLS * crowded.used:
        caught = _caught(world, crowded, home)
        found += [caught] if caught is not None else []
    if not found:
        return {
            **facts,
            "share": 0.0,
            "rate": 0.0,
            "said": f"{crowded.said}, and no log of a service is there{_who(world, crowded)}",
        }
    by: dict[UnitId, int] = {}
    for one, log in found:
        by[one.unit.id] = by.get(one.unit.id, 0) + log.size
    whose, log = max(found, key=lambda pair: (by[pair[0].unit.id], pair[1].size))
    sharing = [one for one, other in found if other.path == log.path]
    whose = _who_writes(sharing, unit, log.path) if len(sharing) > 1 else whose
    return {**facts, **_of_log(world, crowded, home, (whose, log, by[whose.unit.id]))}


def _of_log(world: World, crowded: Crowded, home: Path | None, found: tuple[Seen, OwnLog, int]) -> dict[str, Scalar]:
    whose, log, total = found
    share = total / max(1, crowded.used)
    fills = share >= _FILLS and not crowded.inodes
    shelf = shelf_of(home, whose.unit.id, log.path) if home is not None else None
    room = room_for(home, crowded.device) if home is not None else 0
    name = whose.unit.name
    said = f"{crowded.said}, {share:.0%} of that is logs of {name} ({log.path}: {log.size / 1e6:.1f} MB)"
    if not fills:
        said += _who(world, crowded)
    return {
        "fills": fills,
        "share": round(share, 4),
        "writer": str(whose.unit.id),
        "writer_name": name,
        "path": str(log.path),
        "bytes": log.size,
        "declared": log.declared,
        "rate": round(_rate(log.path), 1),
        "room": room >= _LEAST_ROOM,
        "shelf": str(shelf or ""),
        "shelf_name": named(home, shelf) if home is not None and shelf is not None else "",
        "after": newest(shelf) if shelf is not None else "",
        **_how_quickly(world, crowded),
        **_told_by_signal(whose),
        "said": said,
    }


def _how_quickly(world: World, crowded: Crowded) -> dict[str, Scalar]:
    """Return in how many seconds the second half of what is used was filled, as far as anybody looked."""
    samples = list(world.host.mounts.get(str(crowded.mount), ()))
    half = [sample for sample in samples if float(sample.data.get("used", 0)) <= crowded.used / 2]
    if not half:
        return {}
    return {"filled_in_s": round(time.time() - half[-1].at.timestamp(), 1)}


def _told_by_signal(whose: Seen) -> dict[str, Scalar]:
    """Return by which signal its process is told to log less, where a person says so and the process catches it."""
    name = whose.spec.log_level_signal.removeprefix("SIG") if whose.spec is not None else ""
    for pid in whose.pids if name else ():
        caught, key = handling(pid), key_of(pid)
        if caught is not None and key is not None and int(getattr(signal, f"SIG{name}")) in caught.caught:
            return {"level_signal": name, "level_pid": pid, "level_started": key.started}
    return {}


def fullest(world: World, unit: Unit | None, home: Path | None) -> Crowded | None:
    """Return the fullest of the file systems that a unit writes to (None: the machine's), if it is crowded."""
    where = (
        [Path(path) for path in world.host.mounts]
        if unit is None
        else [*places(unit, world.spec(unit.id)), *_once_written(unit, home)]
    )
    found: dict[int, Crowded] = {}
    for place in where:
        try:
            device = place.stat().st_dev
            if device in found:
                continue
            told = os.statvfs(place)
        except OSError:
            continue
        size = (told.f_blocks - told.f_bfree + told.f_bavail) * told.f_frsize
        if not size or told.f_flag & os.ST_RDONLY:
            continue
        used, left = (told.f_blocks - told.f_bfree) * told.f_frsize, told.f_bavail * told.f_frsize
        inodes = told.f_files > 0 and told.f_favail == 0
        if used / size >= _CROWDED or left < FULL_BYTES or inodes:
            found[device] = Crowded(
                device=device, mount=mount_of(place), size=size, used=used, left=left, inodes=inodes
            )
    return max(found.values(), key=lambda one: (one.full, one.used / one.size), default=None)


def _once_written(unit: Unit, home: Path | None) -> Iterable[Path]:
    return [path.parent for path in kept_modes.logs_of(home, unit.id)] if home is not None else ()


def seen(world: World) -> list[Seen]:
    """Return all units with the processes that they consist of now."""
    tree = parents()
    return [
        Seen(
            unit=unit,
            spec=world.spec(unit.id),
            pids=with_descendants([process.pid for process in unit.processes], tree),
        )
        for unit in list(world.units.values())
    ]


def logs_of(one: Seen, home: Path | None) -> tuple[OwnLog, ...]:
    """Return the logs of one unit, with those that it had when it was last well."""
    return own_logs(
        one.unit,
        one.spec,
        pids=one.pids,
        folders=own_folders(one.spec, home),
        remembered=kept_modes.logs_of(home, one.unit.id) if home is not None else (),
    )


def _caught(world: World, crowded: Crowded, home: Path | None) -> tuple[Seen, OwnLog] | None:
    """Return the log that fills it and that is opened for each line, with the unit that was seen to write there."""
    largest = largest_file(str(crowded.mount))
    if largest is None or largest[1] < _FILLS * crowded.used:
        return None
    path, everybody = Path(largest[0]), seen(world)
    if not any(caught_log(path, own_folders(one.spec, home)) for one in everybody):
        return None
    pids = who_writes(path, CAUGHT_S)
    for one in everybody:
        if pids and pids <= set(one.pids):
            log = caught_log(path, own_folders(one.spec, home))
            return (one, log) if log is not None else None
    return None


def _is_the_agents(path: Path, home: Path | None) -> bool:
    return home is not None and home in path.parents


def _who_writes(sharing: list[Seen], asked: Unit | None, path: Path) -> Seen:
    """Return which of several units that share a log writes most of it; of units that write alike, the one asked about."""
    before = {one.unit.id: _written(one.pids) for one in sharing}
    time.sleep(_WATCHED_S)
    after = {one.unit.id: _written(one.pids) for one in sharing}
    for measure in ("calls", "bytes"):
        rates = {
            one.unit.id: after[one.unit.id][measure] - (before[one.unit.id][measure] if measure == "calls" else 0)
            for one in sharing
        }
        order = sorted(sharing, key=lambda one: -rates[one.unit.id])
        if rates[order[0].unit.id] > _CLEARLY * max(1, rates[order[1].unit.id]):
            return order[0]
    holding = [one for one in sharing if any(file.path == str(path) for pid in one.pids for file in open_files(pid))]
    among = holding or sharing
    return next((one for one in among if asked is not None and one.unit.id == asked.id), among[0])


def _written(pids: Iterable[int]) -> Mapping[str, int]:
    """Return how often, and how many bytes, processes have written; a call on a full disk counts as a call only."""
    calls = size = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/io", "rb") as file:
                told = dict(line.split(b":", 1) for line in file)
            calls, size = calls + int(told[b"syscw"]), size + int(told[b"wchar"])
        except (OSError, ValueError, KeyError):
            continue
    return {"calls": calls, "bytes": size}


def _rate(path: Path) -> float:
    try:
        before = path.lstat().st_size
        time.sleep(_WATCHED_S)
        return max(0.0, (path.lstat().st_size - before) / _WATCHED_S)
    except OSError:
        return 0.0


def _who(world: World, crowded: Crowded) -> str:
    """Name whoever was seen to write most there, or what is largest in the folder that is mounted there."""
    samples = world.host.mounts.get(str(crowded.mount))
    name = str(samples[-1].data.get("writer_name", "")) if samples else ""
    if name:
        return f"; {name} writes most there ({samples[-1].data.get('writer_path', '')})" if samples else ""
    largest = largest_file(str(crowded.mount))
    return f"; largest there: {largest[0]} ({largest[1] / 1e6:.1f} MB)" if largest is not None else ""
