"""What the agent keeps and does for telling people: measures what incidents cost, and brings messages out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from opsagent.digest import is_in_place_of_alarms
from opsagent.home import Home
from opsagent.model import Incident, Signal
from opsagent.notify_settings import Notify
from opsagent.policy import Policy
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.telling.changed import before
from opsagent.telling.courier import Courier
from opsagent.telling.recorder import AFTER_S, Recorder, merged
from opsagent.telling.snoozing import look
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit

_LOG = logging.getLogger(__name__)
_LOOK_S = 2.0
_SNOOZES_S = 10.0
"""Between two looks whether a snooze is over, where nobody is told anything."""
_TRIES, _AGAIN_S = 20, 0.1
"""So long an incident may take to be in the journal."""
_WRITE_S = 15.0
"""Between two times that what an open incident cost is written down."""


class TellingDesk:
    """Beside the repairs, never in their way."""

    def __init__(
        self,
        journal: Journal,
        notify: Notify,
        *,
        home: Home,
        world: World,
        policy: Callable[[], Policy],
        incidents: Callable[[], Iterable[Incident]],
    ) -> None:
        self._journal = journal
        self._home = home
        self._world = world
        self._incidents = incidents
        self._recorder = Recorder()
        self._followed: dict[str, tuple[Incident, datetime]] = {}
        """Open incidents with the time of the last writing."""
        self._ended: dict[str, tuple[Incident, datetime]] = {}
        """Those that are over, with when: shortly afterwards is measured too."""
        self._beside: set[asyncio.Task[None]] = set()
        self._courier = (
            Courier(
                journal,
                notify,
                folder=home.notify_dir,
                quiet=lambda: policy().quiet,
                careful=lambda now: self._careful(policy(), now),
            )
            if notify.channels
            else None
        )

    def _careful(self, policy: Policy, now: datetime) -> bool:
        """Tell whether these are the first days, in which a digest takes the place of suggestions. Blocks."""
        return is_in_place_of_alarms(policy, self._journal.born(), now)

    def observe(self, signal: Signal) -> None:
        """Take one observation. Quick."""
        self._recorder.observe(signal)

    def opened(self, incident: Incident) -> None:
        """Look, beside its repair, at what changed just before an incident that was opened."""
        unit, spec = self._world.units.get(incident.unit), self._world.spec(incident.unit)
        task = asyncio.create_task(asyncio.to_thread(self._look_back, incident, unit, spec))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _look_back(self, incident: Incident, unit: Unit | None, spec: ServiceSpec | None) -> None:
        try:
            found = before(incident, unit, spec, journal=self._journal, folder=self._home.last_good_dir)
            if found:
                self._keep_changes(incident.id, found)
        except Exception as error:  # noqa: BLE001  # a repair does not need it
            _LOG.warning("what changed before %s is not known: %s", incident.id, error)

    def _keep_changes(self, incident_id: str, found: list[dict[str, Any]]) -> None:
        for _ in range(_TRIES):
            with suppress(LookupError):  # it is being opened this very moment
                return self._journal.set_incident(incident_id, changed=found)
            time.sleep(_AGAIN_S)
        raise LookupError(incident_id)

    async def run(self) -> None:
        """Measure and tell until cancelled."""
        courier = asyncio.create_task(self._courier.run()) if self._courier is not None else None
        looked = datetime.now(UTC)
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                now = datetime.now(UTC)
                try:
                    await self._measure(now)
                except Exception:  # noqa: BLE001  # repairs go on, whatever cannot be measured
                    _LOG.exception("what incidents cost is not written down")
                if self._courier is None and (now - looked).total_seconds() >= _SNOOZES_S:
                    looked = now
                    with suppress(StoreError):
                        await asyncio.to_thread(look, self._journal, now)
        finally:
            if courier is not None:
                courier.cancel()
                await asyncio.gather(courier, return_exceptions=True)

    async def close(self) -> None:
        """Write down what was measured of incidents so far."""
        await asyncio.gather(*self._beside, return_exceptions=True)
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
