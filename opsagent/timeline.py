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
        self._writing: asyncio.Lock = asyncio.Lock()

    async def tell(
        self, kind: str, text: str, *, incident: Incident | None = None, unit: UnitId | None = None, **data: Scalar
    ) -> None:
        """Say what happened. It is journalled where it belongs to an incident."""
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
        if incident is not None:
            async with self._writing:
                await asyncio.to_thread(self._journal.add_event, incident.id, kind, text, dict(data), at)

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
