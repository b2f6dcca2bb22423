"""Every button and key that reaches a display, as the X server records it (RECORD): what was really done, and where."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsagent_evals.gui.stage import StageError
from opsagent_evals.gui.xwindows import connected, part
from opsagent_tools.gui.model import Point

_LONGEST_S = 3600.0
_READY_S = 10.0
WHEEL = frozenset({4, 5, 6, 7})


@dataclass(frozen=True, slots=True)
class Done:
    """A button or a key that was pressed."""

    at: float
    """As time.monotonic() counts."""
    point: Point
    button: int
    """0: it was a key."""
    keycode: int = 0


class Watcher:
    """Records what is pressed on one display, from `open` to `close`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._events = connected(env)
        self._orders = connected(env)
        self._context = 0
        self._began = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self.done: list[Done] = []

    async def open(self) -> Watcher:
        """Begin to record. Raises StageError."""
        self._context = await self._orders.ask(_context)
        self._task = asyncio.create_task(self._events.ask(self._record, _LONGEST_S))
        if not await asyncio.to_thread(self._began.wait, _READY_S):
            raise StageError("the X server does not record what is pressed: nobody could judge it")
        return self

    def since(self, number: int) -> list[Done]:
        """Return what was pressed after the first `number`. Raises StageError where it is recorded no more."""
        if self._task is None or self._task.done():
            raise StageError("the X server ceased to record what is pressed: nobody can judge it")
        return self.done[number:]

    async def close(self) -> None:
        if self._task is not None:
            context = self._context
            await self._orders.ask(lambda display: _finish(display, context))
            await asyncio.wait([self._task], timeout=2.0)
        await asyncio.to_thread(self._events.close)
        await asyncio.to_thread(self._orders.close)

    def _record(self, display: Any) -> None:  # python-xlib has no types
        record, x = part("ext.record"), part("X")
        fields = part("protocol.rq").EventField(None)

        def heard(reply: Any) -> None:
            if reply.category == record.StartOfData:
                self._began.set()
            if reply.category != record.FromServer or reply.client_swapped:
                return
            data = reply.data
            while len(data):
                event, data = fields.parse_binary_value(data, display.display, None, None)
                point = Point(event.root_x, event.root_y)
                if event.type == x.ButtonPress and event.detail not in WHEEL:
                    self.done.append(Done(time.monotonic(), point, event.detail))
                elif event.type == x.KeyPress:
                    self.done.append(Done(time.monotonic(), point, 0, event.detail))

        display.record_enable_context(self._context, heard)


def _context(display: Any) -> int:
    record, x, none = part("ext.record"), part("X"), (0, 0)
    ranges = {
        "core_requests": none,
        "core_replies": none,
        "ext_requests": (0, 0, 0, 0),
        "ext_replies": (0, 0, 0, 0),
        "delivered_events": none,
        "device_events": (x.KeyPress, x.ButtonRelease),
        "errors": none,
        "client_started": False,
        "client_died": False,
    }
    context = display.record_create_context(0, [record.AllClients], [ranges])
    display.sync()
    return int(context)


def _finish(display: Any, context: int) -> None:
    display.record_disable_context(context)
    display.sync()
