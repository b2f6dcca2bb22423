"""Which moment of a schedule is due, which is next, and what keeps a step of it from being done. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from opsagent.carrying.later import LATER
from opsagent.commands.reading import CommandStep
from opsagent.commands.times import comes_again, next_at
from opsagent.store.schedules import ScheduleRow
from opsagent_tools.registry import ORDERS
from opsagent_tools.units import UnitState

LATE_S = 600.0
"""What was missed by more than this (the daemon was down, the machine slept) is not done any more: it is told."""
_INTERRUPTS = frozenset({"stop", "restart"})
"""A reload proves a new release by itself; these would just end what a person deployed in the meantime."""

Due = Literal["not yet", "now", "missed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What people want of the unit of a step at the moment of acting, and what became of it."""

    there: bool
    paused: str = ""
    hold: str = ""
    maintenance: str = ""
    deploy: str = ""
    taught: str = ""
    """The rule that a person taught and that forbids it now."""
    state: UnitState | None = None
    redeployed: bool = False
    """Another release of it was deployed since it was scheduled."""


def due(row: ScheduleRow, now: datetime) -> Due:
    """Tell whether a schedule is due."""
    if row.state != "waiting" or row.next_at is None or row.next_at > now:
        return "not yet"
    return "missed" if is_late(row, now) else "now"


def is_late(row: ScheduleRow, now: datetime) -> bool:
    """Tell whether it was due too long ago to be begun."""
    return row.next_at is not None and (now - row.next_at).total_seconds() > LATE_S


def following(row: ScheduleRow, now: datetime) -> datetime | None:
    """Return when it is due after the moment that was due; None: never again.

    One that comes again goes on from the moment that was due, and leaves out what has passed meanwhile. Of one whose time
    cannot be read (a newer version wrote it) there is no next moment.
    """
    if not comes_again(row.at_text) or row.next_at is None:
        return None
    zone = ZoneInfo(row.zone)
    try:
        moment = next_at(row.at_text, row.next_at.astimezone(zone))
        if moment <= now:
            moment = next_at(row.at_text, now.astimezone(zone))
    except ValueError:
        return None
    return moment.astimezone(UTC)


def why_not(step: CommandStep, facts: Facts, *, again: bool) -> str:
    """Return what keeps a step from being done, in people's order; empty: nothing.

    They said yes to it when they scheduled it; what they ordered since, and what became of the unit, goes before that.
    `again`: the schedule comes again, and is about the service, whatever its release.
    """
    if step.tool not in LATER:
        return f"{step.tool} is nothing that is done later"
    if step.tool in ORDERS:
        return "" if facts.there else "there is no such service any more"
    if facts.paused:
        return f"the agent is paused: {facts.paused}"
    if not facts.there:
        return "there is no such service any more"
    if facts.hold:
        return f"it is on hold: {facts.hold}"
    if facts.maintenance:
        return f"it is in a maintenance window ({facts.maintenance})"
    if facts.deploy:
        return f"it is being deployed: {facts.deploy}"
    if facts.taught:
        return f"a person taught: {facts.taught}"
    if step.tool != "start" and facts.state is UnitState.STOPPED:
        return "a person stopped it: it stays stopped"
    if facts.redeployed and not again and step.tool in _INTERRUPTS:
        return "another release of it was deployed since: say it again if you still want that"
    return ""
