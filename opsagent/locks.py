"""Keeps two repairs away from each other: never two at once in one dependency-connected group of units."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from opsagent.world import World
from opsagent_tools.units import UnitId


class GroupLocks:
    """One lock per unit; a group is locked by locking all of its units, always in the same order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._locks: defaultdict[UnitId, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def of(self, unit: UnitId) -> AsyncIterator[frozenset[UnitId]]:
        """Hold the locks of `unit` and of everything above and below it, as far as that is known now: of these."""
        held = self.group(unit)
        async with AsyncExitStack() as stack:
            for member in sorted(held):
                await stack.enter_async_context(self._locks[member])
            yield held

    @asynccontextmanager
    async def also(self, unit: UnitId, held: frozenset[UnitId]) -> AsyncIterator[bool]:
        """Hold `unit` too, which has nothing to do with the group that is held; False where another repair has it.

        Never waits: two groups that waited for each other would do so for ever.
        """
        lock = self._locks[unit]
        if unit in held:
            yield True
        elif lock.locked():
            yield False
        else:
            async with lock:
                yield True

    def group(self, unit: UnitId) -> frozenset[UnitId]:
        """Return all units that are connected with `unit` by dependencies, in any direction."""
        found = {unit}
        frontier = [unit]
        while frontier:
            near = {n for u in frontier for n in (*self._world.upstream(u), *self._world.downstream(u))}
            frontier = sorted(near - found)
            found |= near
        return frozenset(found)
