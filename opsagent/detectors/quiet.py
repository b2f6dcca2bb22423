"""Trouble that outlives its incident: a person was told, telling again every second helps nobody.

After an incident is closed without a word that it was mended, the units that it was about are quiet until something
changes with them (a good probe, a new process), their cause is gone, or a long time has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from opsagent.detectors.blame import in_trouble
from opsagent.detectors.config import DetectorConfig
from opsagent.model import Incident
from opsagent.world import World
from opsagent_tools.units import UnitId


@dataclass(frozen=True, slots=True)
class _Quiet:
    root: UnitId
    since: datetime


class QuietUnits:
    """Which units nothing new is told of."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._quiet: dict[UnitId, _Quiet] = {}
        self._ended: dict[UnitId, datetime] = {}

    def after(self, incident: Incident, now: datetime, *, mended: bool) -> None:
        """Take note that an incident was closed."""
        for unit in (incident.unit, *incident.affected):
            self._ended[unit] = now
            if not mended:
                self._quiet[unit] = _Quiet(root=incident.unit, since=now)

    def changed(self, unit: UnitId) -> None:
        """A unit answered its probe, or has a new process: what comes now is news."""
        for quiet in [each for each, entry in self._quiet.items() if unit in {each, entry.root}]:
            del self._quiet[quiet]

    def holds(self, unit: UnitId, world: World, now: datetime) -> bool:
        """Tell whether this unit's trouble was told and has not changed since."""
        entry = self._quiet.get(unit)
        if entry is None:
            return False
        over = now - entry.since > timedelta(seconds=self._config.quiet_s)
        cause_gone = entry.root != unit and not in_trouble(entry.root, world, lambda _: False)
        if over or cause_gone:
            del self._quiet[unit]
            return False
        return True

    def in_aftermath(self, unit: UnitId, world: World, now: datetime) -> bool:
        """Tell whether an incident of this unit, or of what it depends on, ended a moment ago."""
        ends = (self._ended.get(each) for each in (unit, *world.all_upstream(unit)))
        limit = timedelta(seconds=self._config.aftermath_s)
        return any(end is not None and now - end <= limit for end in ends)
