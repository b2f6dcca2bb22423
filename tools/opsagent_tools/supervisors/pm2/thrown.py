"""What an app throws while it starts. Only PM2's bus has it: the worker is ended before its own log is written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.exception import one_line
from opsagent_tools.supervisors.pm2.said import Said, listen
from opsagent_tools.supervisors.port import SupervisorError

_HEAR_S = 0.3
"""How long the bus may lag behind the answer to a call."""


class Thrown:
    """The first exception of each instance, one line each; masked."""

    def __init__(self) -> None:
        self.by_id: dict[int, str] = {}
        self.heard: dict[int, asyncio.Event] = {}

    async def of(self, pm_id: int) -> str:
        """Return what this instance threw, as ` (Error: …)`; nothing where nothing was heard."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEAR_S):
                await self.heard.setdefault(pm_id, asyncio.Event()).wait()
        return f" ({self.by_id[pm_id]})" if pm_id in self.by_id else ""

    def heard_of(self, pm_id: int) -> bool:
        """Tell whether this instance has thrown already."""
        return pm_id in self.by_id

    def hear(self, pm_id: int, words: str) -> None:
        """Take note of the first that an instance threw."""
        self.by_id.setdefault(pm_id, words)
        self.heard.setdefault(pm_id, asyncio.Event()).set()


@asynccontextmanager
async def hearing(core: Core) -> AsyncIterator[Thrown]:
    """Hear exceptions while the context lasts. A bus that is not there says nothing; the change goes on without it."""
    thrown, connected = Thrown(), asyncio.Event()

    async def hear() -> None:
        with contextlib.suppress(SupervisorError):
            async for said in listen(core, opened=connected.set):
                if said.kind is Said.EXCEPTION and said.pm_id is not None:
                    thrown.hear(said.pm_id, one_line(str(said.text)))
        connected.set()

    task = asyncio.create_task(hear(), name="exceptions on PM2's bus")
    try:
        await connected.wait()
        yield thrown
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
