"""Who asks whom at this moment: the kernel's TCP sockets, joined end to end, with the unit that holds each end.

A connection of this machine has both of its ends in the kernel's list, so that the unit at the other end is known by
its socket and not by a configured port. What nobody has accepted yet belongs to whoever listens there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsagent.probes.room import Room
from opsagent_tools.processes.connections import CLOSE_WAIT, ESTABLISHED, LISTEN, SYN_SENT, Connection, held
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.units import UnitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One connection, seen from who opened it."""

    client: UnitId
    server: UnitId | None
    """None: no unit of this machine."""
    near: Connection
    """The client's end."""
    far: Connection | None
    """The server's end, where it is on this machine and accepted."""

    @property
    def accepted(self) -> bool:
        return self.far is not None and bool(self.far.inode)

    @property
    def idle_s(self) -> float:
        """For how many seconds nothing was said on it, where neither side owes anything; 0 where one does."""
        if self.near.state != ESTABLISHED or self.near.unanswered_s:
            return 0.0
        return min(self.near.sent_ago_s, self.near.received_ago_s) if self.near.received else self.near.sent_ago_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All of it at one moment."""

    asks: tuple[Ask, ...]
    listening: Mapping[UnitId, tuple[Connection, ...]]
    given_up: Mapping[UnitId, frozenset[tuple[int, int]]]
    """Questions to each unit (by their ports) that it has not answered, and whose client has gone."""

    def by(self, unit: UnitId) -> Iterator[Ask]:
        """Yield what `unit` asks of others."""
        return (ask for ask in self.asks if ask.client == unit and ask.server != unit)

    def of(self, unit: UnitId) -> Iterator[Ask]:
        """Yield what others ask of `unit`."""
        return (ask for ask in self.asks if ask.server == unit and ask.client != unit)


def families(room: Room) -> dict[int, UnitId]:
    """Return the unit of each process of every unit, with all that it started. Blocks."""
    tree = parents()
    direct = {process.pid: unit.id for unit in room.world.units.values() for process in unit.processes}
    found: dict[int, UnitId] = {}
    for unit in room.world.units.values():
        own = [process.pid for process in unit.processes]
        for pid in with_descendants(own, tree):
            found.setdefault(pid, unit.id)
    return {**found, **direct}


async def look(room: Room, owners: Mapping[int, UnitId]) -> Sight | None:
    """Look once; None where the kernel does not tell."""
    return await asyncio.to_thread(_look, room, owners)


def _look(room: Room, owners: Mapping[int, UnitId]) -> Sight | None:
    sockets = held(owners)
    if sockets is None:
        return None
    units = {
        inode: next((owners[pid] for pid in sorted(pids) if pid in owners), None)
        for inode, pids in sockets.holders.items()
    }
    listening: dict[UnitId, list[Connection]] = {}
    ports = _configured(room)
    for one in sockets.every:
        if one.state == LISTEN:
            unit = ports.get(one.local_port) or units.get(one.inode)
            if unit is not None:
                ports.setdefault(one.local_port, unit)
                listening.setdefault(unit, []).append(one)
    served = {one.local_port for one in sockets.every if one.state == LISTEN}
    ends = {(one.local_port, one.remote_port): one for one in sockets.every if one.state == ESTABLISHED}
    asks = []
    for one in sockets.every:
        client = units.get(one.inode) if one.inode else None
        if one.state not in (ESTABLISHED, SYN_SENT) or client is None or one.local_port in served:
            continue
        far = ends.get((one.remote_port, one.local_port))
        server = (units.get(far.inode) if far is not None and far.inode else None) or _at(one, ports)
        asks.append(Ask(client=client, server=server, near=one, far=far))
    gone: dict[UnitId, set[tuple[int, int]]] = {}
    for one in sockets.every:
        if one.state == CLOSE_WAIT and one.local_port in served & ports.keys():
            gone.setdefault(ports[one.local_port], set()).add((one.local_port, one.remote_port))
    return Sight(
        asks=tuple(asks),
        listening={unit: tuple(found) for unit, found in listening.items()},
        given_up={unit: frozenset(found) for unit, found in gone.items()},
    )


def _configured(room: Room) -> dict[int, UnitId]:
    found: dict[int, UnitId] = {}
    for unit in room.world.units.values():
        for port in unit.ports:
            found.setdefault(port, unit.id)
    for listed, also in room.world.found_ports.items():
        for port in also:
            found.setdefault(port, listed)
    return found


def _at(one: Connection, ports: Mapping[int, UnitId]) -> UnitId | None:
    local = one.remote.startswith(("127.", "[::1]"))
    return ports.get(one.remote_port) if local else None
