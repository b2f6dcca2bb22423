"""Long work on the memory ends when whoever asked for it leaves, whatever the moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from opsagent.memory_methods import GivenUp, MemoryMethods
from opsagent.recall import MemoryDesk

TRIES = 150


class Endless:
    """A memory whose import goes on until it is told that nobody waits for it."""

    def __init__(self) -> None:
        self.given_up = 0

    def import_(self, _path: str, *, mask: Any, progress: Callable[[int], None]) -> None:
        try:
            for done in range(200_000):
                progress(done)
                time.sleep(0)
        except GivenUp:
            self.given_up += 1
            raise


class Desk:
    def __init__(self, memory: Endless) -> None:
        self._memory = memory

    async def use(self, work: Callable[[Any], Any]) -> Any:
        return work(self._memory)


async def test_who_leaves_just_when_an_item_comes_ends_it_too() -> None:
    memory = Endless()
    methods = MemoryMethods(cast(MemoryDesk, Desk(memory)))

    async def follow(begun: asyncio.Event) -> None:
        async for _ in methods.memory_import("export.jsonl"):
            begun.set()

    for turn in range(TRIES):
        begun = asyncio.Event()
        follower = asyncio.create_task(follow(begun))
        await begun.wait()
        for _ in range(turn % 7):
            await asyncio.sleep(0)
        follower.cancel()
        await asyncio.wait([follower])
        assert follower.cancelled()
    assert memory.given_up == TRIES
