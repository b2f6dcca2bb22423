"""What is happening, told once: to the journal, and to everyone who listens live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from opsagent.model import Incident, Scalar
from opsagent.store.journal import Journal
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_BACKLOG = 1000
"""Items that a slow listener may fall behind before it loses the oldest."""


class Timeline:
    """Events of incidents and of people's commands, in the order in which they happened."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._listeners: set[asyncio.Queue[Mapping[str, Any]]] = set()
        self._writing = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    async def tell(
        self, kind: str, text: str, *, incident: Incident | None = None, unit: UnitId | None = None, **data: Scalar
    ) -> None:
        """Say what happened; where it belongs to an incident it is in the journal when this returns."""
        written = self.say(kind, text, incident=incident, unit=unit, **data)
        if written is not None:
            await written

    def say(
        self, kind: str, text: str, *, incident: Incident | None = None, unit: UnitId | None = None, **data: Scalar
    ) -> asyncio.Task[None] | None:
        """Say what happened without waiting for the journal, which gets everything in the order in which it was said."""
        at = datetime.now(UTC)
        about = unit or (incident.unit if incident is not None else None)
        item: dict[str, Any] = {
            "at": at.isoformat(),
            "kind": kind,
            "incident": incident.id if incident is not None else None,
            "unit": str(about) if about is not None else None,
            "text": redact(text),
            **data,
        }
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(item)
        if incident is None:
            return None
        task = asyncio.create_task(self._write(incident.id, kind, text, dict(data), at))
        self._under_way.add(task)  # the event loop itself would let go of it
        task.add_done_callback(self._under_way.discard)
        return task

    async def _write(self, incident_id: str, kind: str, text: str, data: dict[str, Scalar], at: datetime) -> None:
        async with self._writing:
            await asyncio.to_thread(self._journal.add_event, incident_id, kind, text, data, at)

    async def flush(self) -> None:
        """Wait until everything that was said is written."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def listen(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield every event from now on."""
        with self._queue() as queue:
            while True:
                yield await queue.get()

    @contextmanager
    def _queue(self) -> Any:
        queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
