"""Quiet hours: when what is not urgent waits for the morning. Pure; the clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.maintenance import Weekly


@dataclass(frozen=True, slots=True)
class QuietHours:
    """`[policy.quiet_hours]`: by the clock on the wall of a zone, on weekdays (of the evening on which they begin)."""

    when: Weekly

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours that it is in are over (UTC); None: it is in none."""
        found = self.when.following(now)
        return found.ends if found is not None and found.begins <= now else None

    def told_until(self, until: datetime) -> str:
        """Say it by the clock of the zone: `until 07:00 (Europe/Berlin)`."""
        from zoneinfo import ZoneInfo

        return f"until {until.astimezone(ZoneInfo(self.when.zone)):%H:%M} ({self.when.zone})"
