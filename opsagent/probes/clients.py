"""Who is connected to a unit, and what for: who holds connections and does nothing with them, who asks again and again.

By the kernel's sockets alone. A dependency that has no connection left to give, and one that is flooded, look alike from
further down: nobody is answered. Here is told which client it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.chain import walk
from opsagent.probes.room import Found, Room
from opsagent.probes.sight import Ask, Sight, families, look
from opsagent_tools.processes.proc import read_stat
from opsagent_tools.processes.sample import open_fds
from opsagent_tools.units import UnitId

_LOOKS, _PAUSE_S = 12, 0.08
_MOST_S = 2.8
"""So long it is looked whether a server that is flooded gets on at all."""
_WORKS = 0.1
"""Whoever uses this share of a processor works."""
_HOARD, _FIRST = 3, 5
_IDLE_S = 3.0
"""A connection on which nothing is said for so long is held, not used."""


@dataclass(slots=True)
class _Client:
    held: int = 0
    """Connections that are idle."""
    idle_s: float = 0.0
    """How long the one used last of these has been idle."""
    waiting: int = 0
    """Connections with a question that has no answer."""
    opened: set[tuple[int, int]] = field(default_factory=set)
    """Connections that were opened while we looked."""


async def clients(room: Room, unit_id: UnitId) -> Found:
    """Look some times within a second, and tell who holds and who floods the connections of the one that matters.

    That is whoever the unit waits for in the end; else what it depends on, where somebody holds connections to that;
    else the unit itself.
    """
    owners = await asyncio.to_thread(families, room)
    looks: list[Sight] = []
    loop = asyncio.get_running_loop()
    began, used = loop.time(), _processor_time(owners)
    while len(looks) < _LOOKS or (_may_be_jammed(unit_id, room, looks) and loop.time() - began < _MOST_S):
        seen = await look(room, owners)
        if seen is None:
            said = "the kernel does not tell who is connected"
            return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
        looks.append(seen)
        await asyncio.sleep(_PAUSE_S)
    passed = loop.time() - began
    server = _that_matters(room, unit_id, looks)
    found = _counted(server, looks)
    facts: dict[str, Scalar] = {"server": str(server), "server_name": server.name}
    facts |= _queue(server, looks) | _holding(room, found) | _flooding(found, passed)
    works = (_processor_time(owners).get(server, 0.0) - used.get(server, 0.0)) / passed
    facts["jammed"] = works < _WORKS and _may_be_jammed(unit_id, room, looks)
    said = _said(server, facts)
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": said})


def _may_be_jammed(unit: UnitId, room: Room, looks: list[Sight]) -> bool:
    """Tell whether clients have given up questions of which the server has got rid of none since we look.

    Only the server ends such a connection. Who is flooded works off one after the other; who is stuck, none.
    """
    server = _that_matters(room, unit, looks)
    waiting = [seen.given_up.get(server, frozenset()) for seen in looks]
    return bool(waiting[-1]) and all(before <= after for before, after in pairwise(waiting))


def _processor_time(owners: Mapping[int, UnitId]) -> dict[UnitId, float]:
    """Return how many seconds of processor time the processes of each unit have used."""
    used: dict[UnitId, float] = {}
    for pid, unit in owners.items():
        stat = read_stat(pid)
        used[unit] = used.get(unit, 0.0) + (stat.cpu_s if stat is not None else 0.0)
    return used


def _that_matters(room: Room, unit: UnitId, looks: list[Sight]) -> UnitId:
    path, link = walk(unit, looks)
    if link is not None and link.whom is not None:
        return path[-1]
    held = {up: sum(client.held for client in _counted(up, looks).values()) for up in room.world.all_upstream(unit)}
    most = max(held, key=lambda up: held[up], default=None)
    return most if most is not None and held[most] >= _HOARD else unit


def _counted(unit: UnitId, looks: list[Sight]) -> dict[UnitId, _Client]:
    found: dict[UnitId, _Client] = {}
    known = {_key(ask) for ask in looks[0].of(unit)}
    for seen in looks:
        for ask in seen.of(unit):
            if _key(ask) not in known:
                found.setdefault(ask.client, _Client()).opened.add(_key(ask))
    for ask in looks[-1].of(unit):
        client = found.setdefault(ask.client, _Client())
        if ask.idle_s >= _IDLE_S and ask.accepted:
            client.idle_s = min(client.idle_s or ask.idle_s, ask.idle_s)
            client.held += 1
        elif ask.near.unanswered_s or not ask.accepted:
            client.waiting += 1
    return found


def _queue(unit: UnitId, looks: Iterable[Sight]) -> dict[str, Scalar]:
    """Return how many connections wait to be accepted, and how many may."""
    doors = [door for seen in looks for door in seen.listening.get(unit, ())]
    worst = max(doors, key=lambda door: door.unread / (door.room + 1), default=None)
    full = worst is not None and worst.unread >= max(worst.room, 1)
    return {
        "given_up": max((len(seen.given_up.get(unit, ())) for seen in looks), default=0),
        "queue": worst.unread if worst is not None else 0,
        "queue_room": worst.room if worst is not None else 0,
        "queue_full": full,
    }


def _holding(room: Room, found: dict[UnitId, _Client]) -> dict[str, Scalar]:
    holders = {unit: client for unit, client in found.items() if client.held}
    most = max(holders, key=lambda unit: holders[unit].held, default=None)
    facts: dict[str, Scalar] = {
        "clients": len(found),
        "held": sum(client.held for client in found.values()),
        "holder": str(most) if most is not None else "",
        "holder_name": most.name if most is not None else "",
        "others_wait": sum(client.waiting for unit, client in found.items() if unit != most),
        "others_hold": sum(client.held for unit, client in found.items() if unit != most),
    }
    if most is not None:
        client = holders[most]
        facts |= {"holder_held": client.held, "holder_idle_s": round(client.idle_s, 1), "holder_waits": client.waiting}
        facts["holder_grown"] = _grown(room, most)
    return facts


def _grown(room: Room, unit: UnitId) -> int:
    """Return how many descriptors more its processes have than they had at first, as far as it was watched."""
    past, seen = room.world.history.get(unit), room.world.units.get(unit)
    total = 0
    for process in seen.processes if seen is not None else ():
        told = [
            int(one.data["fds"]) for one in (past.samples.get(process.key, ()) if past else ()) if "fds" in one.data
        ]
        now = open_fds(process.pid)
        if told and now is not None:
            total += max(0, now - min(told[:_FIRST]))
    return total


def _flooding(found: dict[UnitId, _Client], passed: float) -> dict[str, Scalar]:
    opened = Counter({unit: len(client.opened) for unit, client in found.items() if client.opened})
    total = sum(opened.values())
    if not total:
        return {"opened_s": 0.0, "flooder": "", "flooder_name": "", "flooder_s": 0.0, "flooder_share": 0.0}
    unit, count = opened.most_common(1)[0]
    return {
        "opened_s": round(total / passed, 1),
        "flooder": str(unit),
        "flooder_name": unit.name,
        "flooder_s": round(count / passed, 1),
        "flooder_share": round(count / total, 3),
    }


def _said(unit: UnitId, facts: dict[str, Scalar]) -> str:
    said = [f"{facts['clients']} units are connected to {unit.name}"]
    if facts["holder"]:
        idle = f"idle for {facts['holder_idle_s']} s or longer"
        said.append(f"{facts['holder_name']} holds {facts['holder_held']} connections ({idle})")
    if facts["flooder"]:
        said.append(f"{facts['flooder_name']} opens {facts['flooder_s']} connections a second")
    if facts["given_up"]:
        jammed = ", and it gets on with none of them" if facts["jammed"] else ""
        said.append(f"{facts['given_up']} questions are open whose client has gone{jammed}")
    if facts["queue"]:
        said.append(f"{facts['queue']} wait to be accepted, {facts['queue_room']} may")
    return "; ".join(said)


def _key(ask: Ask) -> tuple[int, int]:
    return ask.near.local_port, ask.near.remote_port


async def held_open(room: Room, unit_id: UnitId) -> Found:
    """Tell whether the unit itself holds connections to one other unit and says nothing on any of them."""
    owners = await asyncio.to_thread(families, room)
    seen = await look(room, owners)
    if seen is None:
        said = "the kernel does not tell who is connected"
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
    by_server: dict[UnitId, list[Ask]] = {}
    for ask in seen.by(unit_id):
        if ask.server is not None:
            by_server.setdefault(ask.server, []).append(ask)
    idle = {unit: asks for unit, asks in by_server.items() if all(ask.idle_s >= _IDLE_S for ask in asks)}
    whom = max(idle, key=lambda unit: len(idle[unit]), default=None)
    if whom is None:
        return Found(kind=EvidenceKind.KERNEL, facts={"count": 0, "said": f"{unit_id.name} uses what it holds"})
    idle_s = min(ask.idle_s for ask in idle[whom])
    asked = sum(1 for ask in seen.of(unit_id) if ask.near.unanswered_s)
    said = f"{unit_id.name} holds {len(idle[whom])} connections to {whom.name}, all idle for {idle_s:.0f} s or longer"
    facts: dict[str, Scalar] = {
        "count": len(idle[whom]),
        "whom": str(whom),
        "idle_s": round(idle_s, 1),
        "asked": asked,
        "said": said,
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)
