"""Keeps what was noticed: the latest in memory, all of it in the journal for a while, and beside the incidents it belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from opsagent.model import Incident
from opsagent.notice import Notice
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_RING = 500
_WAITING = 1000
"""Notices that wait for a journal that cannot be written; the oldest are given up."""
_PRUNE_EVERY = 200
_BESIDE, _MEANWHILE = 20, 100
"""Notices of before, and of while it is open, that one incident gets at most: it may be open for weeks."""


class Notices:
    """The notices of one agent."""

    def __init__(
        self,
        journal: Journal,
        timeline: Timeline,
        *,
        incidents: Callable[[], Iterable[Incident]],
        related: Callable[[Incident], Iterable[UnitId]],
        before_s: float,
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._incidents = incidents
        self._related = related
        """The units whose notices belong to an incident: its own, those that suffer, what it depends on."""
        self._before = timedelta(seconds=before_s)
        self._ring: deque[Notice] = deque(maxlen=_RING)
        self._unwritten: deque[tuple[Notice, str | None]] = deque(maxlen=_WAITING)
        self._writing: asyncio.Task[None] | None = None
        self._written = 0
        self._meanwhile: dict[str, int] = {}
        """How many notices each open incident got."""

    def take(self, notice: Notice) -> None:
        """Take one notice: to the timeline, into the journal, and to the open incidents of its unit."""
        self._ring.append(notice)
        self._timeline.say("notice", notice.text, unit=notice.unit, notice=notice.kind.value)
        self._unwritten.append((notice, None))
        before, self._meanwhile = self._meanwhile, {}
        for incident in self._incidents():
            got = before.get(incident.id, 0)
            if notice.unit in {incident.unit, *incident.affected} and got < _MEANWHILE:
                self._unwritten.append((notice, incident.id))
                got += 1
            self._meanwhile[incident.id] = got
        self._write_soon()

    def opened(self, incident: Incident) -> None:
        """Write what was noticed shortly before of the units concerned beside an incident that was opened."""
        units, since = set(self._related(incident)), incident.began_at - self._before
        beside = [one for one in self._ring if one.unit in units and since <= one.at <= incident.opened_at]
        self._unwritten.extend((one, incident.id) for one in beside[-_BESIDE:])
        if beside:
            self._write_soon()

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest notices, the newest first, as JSON-like data."""
        return [plain(one) for one in list(self._ring)[::-1][: max(0, limit)]]

    async def flush(self) -> None:
        """Wait until what was noticed is written, as far as it can be."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._unwritten:
            batch = list(self._unwritten)
            self._unwritten.clear()
            try:
                await asyncio.to_thread(self._journal.note_notices, batch)
                self._written += len(batch)
                if self._written >= _PRUNE_EVERY:
                    self._written = 0
                    await asyncio.to_thread(self._journal.prune_notices)
            except StoreError as error:
                _LOG.warning("what was noticed is not written down: %s", error)
                self._unwritten = deque([*batch, *self._unwritten], maxlen=self._unwritten.maxlen)
                return


def plain(notice: Notice) -> dict[str, Any]:
    """Return a notice as JSON-like data: kind, unit, name, at, evidence, text, data."""
    return {
        "kind": notice.kind.value,
        "unit": str(notice.unit),
        "name": notice.unit.name,
        "at": notice.at.isoformat(),
        "evidence": notice.evidence.value,
        "text": redact(notice.text),
        "data": dict(notice.data),
    }
