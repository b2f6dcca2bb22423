"""Two repairs never work side by side in one group; who belongs to it may be learnt while one works."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from opsagent.locks import GroupLocks
from opsagent.topology import Link, Node
from tests.support.histories import History, service, uid


async def test_what_is_learnt_while_a_group_is_held_counts_from_the_next_time_on() -> None:
    history = History(service("api"), service("store"))
    locks = GroupLocks(history.world)
    async with locks.of(uid("api")) as held:
        link = Link(Node.of(uid("api")), Node.of(uid("store")), port=9)
        for number in range(9):
            history.world.topology.take([link], list(history.world.units), history.now + timedelta(seconds=number), 1.0)
        assert held == {uid("api")}
        assert locks.group(uid("api")) == {uid("api"), uid("store")}
    async with locks.of(uid("store")) as held:
        assert held == {uid("api"), uid("store")}
        waiting = asyncio.create_task(locks.of(uid("api")).__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_unit_outside_the_group_is_had_by_one_repair_at_a_time_and_nobody_waits_for_it() -> None:
    history = History(service("api"), service("web"), service("job"))
    locks = GroupLocks(history.world)
    async with locks.of(uid("api")) as first, locks.of(uid("web")) as second:
        async with locks.also(uid("job"), first) as mine, locks.also(uid("job"), second) as its:
            assert (mine, its) == (True, False)
        async with locks.also(uid("job"), second) as its, locks.also(uid("web"), second) as own:
            assert (its, own) == (True, True)
