"""How processes of a unit end while it is being changed, as its supervisor tells: exit code and reason, by pid."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from opsagent_tools.supervisors.port import EventKind, Supervisor, SupervisorError, SupervisorEvent
from opsagent_tools.units import ProcessKey, UnitId

_KEPT = 200
_LAG_S = 0.6
"""Between the end of a process and the word of its supervisor."""
_CLOCK_S = 1.0
"""Start times are up to a second off (`ProcessKey`)."""


class Ends:
    """Follows one unit from `follow` to `close`."""

    def __init__(self, supervisor: Supervisor, unit: UnitId) -> None:
        self._supervisor = supervisor
        self._unit = unit
        self._told: deque[SupervisorEvent] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._heard = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def follow(self) -> None:
        """Begin; from its return on nothing is missed, where the supervisor can be heard at all."""
        self._task = asyncio.create_task(self._follow(), name=f"ends of {self._unit}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAG_S):
                await self._heard.wait()

    async def of(self, process: ProcessKey) -> SupervisorEvent | None:
        """Return how this process ended, or the last one of its age whose pid nobody knows; None: it was not told."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAG_S):
                while self._task is not None and self._find(process) is None:
                    self._news.clear()
                    await self._news.wait()
        return self._find(process)

    async def close(self) -> None:
        """End it. Harmless when called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        events = self._supervisor.events()
        try:
            async for event in events:
                self._heard.set()  # the first one says that it is connected
                if event.kind is EventKind.EXITED and event.unit == self._unit:
                    self._told.append(event)
                    self._news.set()
        except SupervisorError:
            self._heard.set()

    def _find(self, process: ProcessKey) -> SupervisorEvent | None:
        exact = [event for event in self._told if event.pid == process.pid]
        nameless = [event for event in self._told if event.pid is None and event.at >= process.started - _CLOCK_S]
        return next(reversed(exact or nameless), None)
