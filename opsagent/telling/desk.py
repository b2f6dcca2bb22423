"""What the agent keeps and does for telling people: measures what incidents cost, and brings messages out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from opsagent.config_notify import Notify
from opsagent.model import Incident, Signal
from opsagent.quiet import QuietHours
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.telling.courier import Courier
from opsagent.telling.recorder import AFTER_S, Recorder, merged

_LOOK_S = 2.0
_WRITE_S = 15.0
"""Between two times that what an open incident cost is written down."""


class TellingDesk:
    """Beside the repairs, never in their way."""

    def __init__(
        self,
        journal: Journal,
        notify: Notify,
        *,
        folder: Path,
        quiet: Callable[[], QuietHours | None],
        incidents: Callable[[], Iterable[Incident]],
    ) -> None:
        self._journal = journal
        self._incidents = incidents
        self._recorder = Recorder()
        self._followed: dict[str, tuple[Incident, datetime]] = {}
        """Open incidents with the time of the last writing."""
        self._ended: dict[str, tuple[Incident, datetime]] = {}
        """Those that are over, with when: shortly afterwards is measured too."""
        self._courier = Courier(journal, notify, folder=folder, quiet=quiet) if notify.channels else None

    def observe(self, signal: Signal) -> None:
        """Take one observation. Quick."""
        self._recorder.observe(signal)

    async def run(self) -> None:
        """Measure and tell until cancelled."""
        courier = asyncio.create_task(self._courier.run()) if self._courier is not None else None
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                await self._measure(datetime.now(UTC))
        finally:
            if courier is not None:
                courier.cancel()
                await asyncio.gather(courier, return_exceptions=True)

    async def close(self) -> None:
        """Write down what was measured of incidents so far."""
        now = datetime.now(UTC)
        for incident, _ in self._followed.values():
            await self._write(incident, now, over=False)
        for incident, ended in self._ended.values():
            await self._write(incident, min(now, ended), over=True)
        self._followed, self._ended = {}, {}

    async def _measure(self, now: datetime) -> None:
        found = {incident.id: incident for incident in self._incidents()}
        for incident_id, (incident, _) in list(self._followed.items()):
            if incident_id not in found:
                del self._followed[incident_id]
                self._ended[incident_id] = (incident, now)
        for incident_id, incident in found.items():
            _, written = self._followed.get(incident_id, (incident, incident.opened_at))
            if (now - written).total_seconds() >= _WRITE_S:
                await self._write(incident, now, over=False)
                written = now
            self._followed[incident_id] = (incident, written)
        for incident_id, (incident, ended) in list(self._ended.items()):
            if (now - ended).total_seconds() >= AFTER_S:
                del self._ended[incident_id]
                await self._write(incident, now, over=True)

    async def _write(self, incident: Incident, now: datetime, *, over: bool) -> None:
        mine = self._recorder.impact(incident, now, over=over)
        if mine is None:
            return
        with suppress(StoreError, LookupError):
            await asyncio.to_thread(self._keep, incident.id, mine)

    def _keep(self, incident_id: str, mine: dict[str, object]) -> None:
        known = self._journal.incident(incident_id).impact
        self._journal.set_incident(incident_id, impact=merged(mine, known))
