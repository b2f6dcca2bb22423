"""How much is left of what a unit, or the machine, uses up, and who uses it: descriptors, file systems, memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from opsagent.model import EvidenceKind, Scalar, Signal
from opsagent.naming import is_host
from opsagent.probes.room import Found, Room
from opsagent.world import World
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.rarely import fd_limit
from opsagent_tools.processes.sample import open_fds
from opsagent_tools.units import UnitId

_FULLEST_SHOWN = 0.7
"""Of a unit: a file system that it fills counts from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    resource: str
    share: float
    said: str
    pid: int = 0
    by: str = ""


async def room_left(room: Room, unit_id: UnitId) -> Found:
    """Tell what is nearest to being used up."""
    world = room.world
    if is_host(unit_id):
        found = [*_memory(world), *_mounts(world)]
    else:
        direct = [process.pid for process in (await room.unit(unit_id)).processes]
        found = await asyncio.to_thread(lambda: list(_descriptors(direct)))
        found += [one for one in _mounts(world) if one.by == str(unit_id) and one.share >= _FULLEST_SHOWN]
    if not found:
        said = "nothing is known of what is left"
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
    worst = max(found, key=lambda one: one.share)
    facts: dict[str, Scalar] = {
        "resource": worst.resource,
        "share": round(worst.share, 4),
        "worst_pid": worst.pid,
        "by": worst.by,
        "said": worst.said,
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _descriptors(direct: list[int]) -> Iterator[_Left]:
    tree = parents()
    for top in direct:
        for pid in with_descendants([top], tree):
            used, limit = open_fds(pid), fd_limit(pid)
            if used is not None and limit:
                said = f"{used} of {limit} descriptors in use ({used / limit:.0%})"
                yield _Left(resource="fds", share=used / limit, said=said, pid=top)


def _memory(world: World) -> Iterator[_Left]:
    total, available = world.host.number("memory_total"), world.host.number("memory_available")
    if total and available is not None:
        said = f"{available / 1e6:.0f} MB of {total / 1e6:.0f} MB of memory are available"
        yield _Left(resource="memory", share=1 - available / total, said=said)


def _mounts(world: World) -> Iterator[_Left]:
    for path, samples in world.host.mounts.items():
        last = samples[-1]
        size, used, inodes = (float(last.data.get(name, 0)) for name in ("size", "used", "inodes"))
        by = _writer(samples[-1])
        who = f", {last.data.get('writer_name')} writes most" if by else ""
        if size:
            said = f"the file system {path} is {used / size:.0%} full ({last.data.get('free', 0):,} bytes left){who}"
            yield _Left(resource="disk", share=used / size, said=said, by=by)
        if inodes:
            share = float(last.data.get("inodes_used", 0)) / inodes
            yield _Left(
                resource="inodes", share=share, said=f"{share:.0%} of the inodes of {path} are used{who}", by=by
            )


def _writer(sample: Signal) -> str:
    return str(sample.data.get("writer", ""))
