"""Puts the memory in order while nothing is wrong, in small portions: an incident never waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from opsagent import known_facts
from opsagent.home import Home
from opsagent.recall import MemoryDesk
from opsagent.timeline import Timeline
from opsagent.world import World

if TYPE_CHECKING:
    from opsagent_memory import Fact
    from opsagent_memory.consolidation.words import Consolidated

_LOG = logging.getLogger(__name__)
KIND = "memory"
"""Of the events that tell what was put in order."""
_LOOK_S = 15.0
_QUIET_S = 300.0
"""No incident was open for so long."""
_EVERY_S = 4 * 3600.0
_PORTION_S, _PAUSE_S, _PORTIONS = 0.5, 2.0, 40
_TOLD = 10


class Idle:
    """Waits for quiet, and uses it."""

    def __init__(
        self,
        desk: MemoryDesk,
        home: Home,
        timeline: Timeline,
        world: World,
        *,
        busy: Callable[[], bool],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`busy`: whether any incident is open."""
        self._desk = desk
        self._home = home
        self._timeline = timeline
        self._world = world
        self._busy = busy
        self._clock = clock
        self._quiet_since: float | None = None
        self._last: float | None = None

    async def watch(self) -> None:
        """Look again and again whether it is quiet, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            if self.is_time():
                await self.put_in_order()

    def is_time(self) -> bool:
        """Tell whether it has been quiet for long, and it was not done of late."""
        now = self._clock()
        if self._busy() or not self._desk.settings.consolidate:
            self._quiet_since = None
            return False
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        due = self._last is None or now - self._last >= _EVERY_S
        return due and now - self._quiet_since >= _QUIET_S

    async def put_in_order(self) -> None:
        """Note what holds of the services, and consolidate, until it is done or there is something better to do."""
        self._last = self._clock()
        try:
            if not await asyncio.to_thread(self._has_memory):
                return
            await self._note_facts()
            for _ in range(_PORTIONS):
                if self._busy():
                    self._quiet_since = self._last = None  # it goes on where it was when it is quiet again
                    return
                done = await self._desk.use(lambda memory: memory.consolidate(budget_s=_PORTION_S))
                self._tell(done)
                if done.complete:
                    return
                await asyncio.sleep(_PAUSE_S)
        except Exception as error:  # noqa: BLE001  # an untidy memory is no reason to watch no longer
            _LOG.warning("the memory was not put in order: %s: %s", type(error).__name__, error)

    def _has_memory(self) -> bool:
        """Tell from SQL alone whether there is anything to put in order; where nothing ever happened nothing is opened."""
        from opsagent_memory import MemoryReader

        if not self._home.database.exists():
            return False
        with MemoryReader(self._home.database) as reader:
            return reader.count() > 0

    async def _note_facts(self) -> None:
        found = known_facts.seen(self._world)
        facts = await asyncio.to_thread(self._news, found)
        if facts and self._desk.settings.learn:
            await self._desk.use(lambda memory: known_facts.keep(memory, facts))
            self._say(f"noted: {'; '.join(fact.text for fact in facts[:_TOLD])}")

    def _news(self, found: tuple[known_facts.Seen, ...]) -> list[Fact]:
        from opsagent_memory import MemoryReader

        with MemoryReader(self._home.database) as reader:
            return known_facts.news(reader, found, datetime.now(UTC))

    def _tell(self, done: Consolidated) -> None:
        for line in done.told[:_TOLD]:
            self._say(line)
        if len(done.told) > _TOLD:
            self._say(f"and {len(done.told) - _TOLD} things more")

    def _say(self, text: str) -> None:
        _LOG.info("memory: %s", text)
        self._timeline.say(KIND, text)
