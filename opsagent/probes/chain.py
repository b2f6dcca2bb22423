"""Whom a unit waits for, and whom that one waits for, to the end: the one that owes all the others an answer.

By the kernel's sockets alone; nothing is connected to. The one at the end, which waits for nobody, is watched for a
moment: whether it hangs, spins, gets no processor, or answers late.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.kernel import mood_of
from opsagent.probes.room import Found, Room
from opsagent.probes.sight import Ask, Sight, families, look
from opsagent_tools.processes.activity import observe
from opsagent_tools.units import UnitId

_UNANSWERED_S = 0.3
"""A question that is open for less is just being answered."""
_LEAST_LOOKS, _LOOKS, _PAUSE_S = 4, 10, 0.2
"""Who gives up early and asks again is not met waiting at every look."""
_WATCHED_S = 0.6


@dataclass(frozen=True, slots=True)
class Link:
    """One wait: whom for, at which address, for how long, and whether it was accepted there."""

    whom: UnitId | None
    remote: str
    waited_s: float
    unaccepted: bool


async def wait_chain(room: Room, unit_id: UnitId) -> Found:
    """Follow what is not answered from one unit to the next."""
    owners = await asyncio.to_thread(families, room)
    looks: list[Sight] = []
    while len(looks) < _LOOKS:
        seen = await look(room, owners)
        if seen is None:
            said = "the kernel does not tell who waits for whom"
            return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
        looks.append(seen)
        if len(looks) >= _LEAST_LOOKS and walk(unit_id, looks)[1] is not None:
            break
        await asyncio.sleep(_PAUSE_S)
    path, last = walk(unit_id, looks)
    facts: dict[str, Scalar] = {"waiting": last is not None, "hops": len(path) - 1, "end": "", "outside": ""}
    if last is None:
        return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": f"{unit_id.name} waits for nobody"})
    facts |= {"waiting_s": round(last.waited_s, 2), "unaccepted": last.unaccepted}
    names = " waits for ".join(unit.name for unit in path)
    if last.whom is None:
        said = f"{names} waits for {last.remote}, which is no unit of this machine"
        return Found(kind=EvidenceKind.KERNEL, facts={**facts, "outside": last.remote, "said": said})
    end = path[-1]
    facts |= {"end": str(end), "end_name": end.name, "flows": _flows(end, looks)}
    facts |= await _mood(owners, end)
    said = f"{names}, for {last.waited_s:.1f} s now; {end.name} {facts['mood']}"
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": said})


async def _mood(owners: dict[int, UnitId], end: UnitId) -> dict[str, Scalar]:
    pids = [pid for pid, unit in owners.items() if unit == end]
    seen = await asyncio.to_thread(observe, pids, _WATCHED_S) if pids else None
    if seen is None:
        return {"mood": "has no process", "idle": False}
    mood = mood_of(seen)
    told = {
        "is stopped by a signal": bool(seen.stopped),
        "waits for a disk": bool(seen.uninterruptible),
        "is being debugged": bool(seen.debugged),
        "gets no processor": mood["starved"],
        "spins in one computation": mood["spinning"],
        "has too much to do": mood["busy"],
    }
    word = next((word for word, holds in told.items() if holds), "does nothing")
    return {"mood": word, "idle": word == "does nothing", "spinning": bool(mood["spinning"])}


def walk(unit: UnitId, looks: list[Sight]) -> tuple[list[UnitId], Link | None]:
    """Return the way from `unit` to the end, and the last wait on it."""
    path, last = [unit], None
    while True:
        link = _longest(path[-1], looks)
        if link is None or (link.whom is not None and link.whom in path):
            return path, last
        last = link
        if link.whom is None:
            return path, last
        path.append(link.whom)


def _longest(unit: UnitId, looks: list[Sight]) -> Link | None:
    """Return whom `unit` has waited for longest, in any of the looks: who gives up early does not always wait."""
    found = [
        Link(ask.server, ask.near.remote, ask.near.unanswered_s, not ask.accepted)
        for seen in looks
        for ask in seen.by(unit)
        if ask.near.unanswered_s >= _UNANSWERED_S
    ]
    return max(found, key=lambda link: link.waited_s, default=None)


def _flows(end: UnitId, looks: list[Sight]) -> bool:
    """Tell whether somebody got an answer of `end` meanwhile."""
    said: dict[tuple[int, int], int] = {}
    for seen in looks:
        now = {_key(ask): ask.near.received for ask in seen.of(end)}
        if any(received > said.get(key, received) for key, received in now.items()):
            return True
        said = {**said, **now}
    return False


def _key(ask: Ask) -> tuple[int, int]:
    return ask.near.local_port, ask.near.remote_port
