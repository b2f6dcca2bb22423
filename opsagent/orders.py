"""What people ordered, read once in a while for detect: holds, deploys and the pause mute notices; a deploy is a release."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from opsagent.detect import Detector
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent_tools.units import UnitId

_LOG = logging.getLogger(__name__)
_REPAIRED_KEPT = 200
_REPAIRED_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What is in force now."""

    paused: str = ""
    units: dict[UnitId, str] = field(default_factory=dict)
    """Units that people are at work on, with the reason."""
    released: dict[UnitId, datetime] = field(default_factory=dict)
    """When each unit got its latest release, as far as people said so or had it reloaded."""


class OrderBook:
    """Reads the journal, and tells detect."""

    def __init__(self, journal: Journal, detector: Detector) -> None:
        self._journal = journal
        self._detector = detector
        self._since = datetime.now(UTC)

    async def look(self) -> None:
        """Tell detect what is in force; where the journal cannot be read, what was before still is."""
        try:
            orders = await asyncio.to_thread(self._read, datetime.now(UTC))
        except StoreError as error:
            _LOG.warning("what people ordered is not known: %s", error)
            return
        self._detector.ordered(orders.units, orders.paused)
        for unit, at in orders.released.items():
            self._detector.released(unit, at)

    async def remember(self) -> None:
        """Tell detect of the incidents that were thought repaired before this process began."""
        try:
            rows = await asyncio.to_thread(self._journal.incidents, "resolved", _REPAIRED_KEPT)
        except StoreError as error:
            _LOG.warning("what was repaired before is not known: %s", error)
            return
        oldest = datetime.now(UTC) - timedelta(days=_REPAIRED_DAYS)
        for row in reversed(rows):
            if row.resolved_at is not None and row.resolved_at >= oldest and row.remedy:
                self._detector.remember(row.incident, row.resolved_at)

    def _read(self, now: datetime) -> Orders:
        paused = self._journal.paused()
        units = {hold.unit: f"on hold: {hold.why or 'no reason given'}" for hold in self._journal.holds(now)}
        released: dict[UnitId, datetime] = {}
        for deploy in self._journal.unjudged_deploys():
            if deploy.ended_at is None and deploy.until > now:
                units[deploy.unit] = f"being deployed by {deploy.by}"
            released[deploy.unit] = deploy.ended_at or deploy.began_at
        for change in self._journal.changes_since(self._since, {"reload"}):
            if change.done:
                released[change.unit] = change.at - timedelta(seconds=change.took_s)
            self._since = max(self._since, change.at)
        return Orders(paused=str(paused) if paused else "", units=units, released=released)
