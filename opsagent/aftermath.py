"""What samples and logs tell of a unit after an attempt: whether its errors go on, and whether it grows as before. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from opsagent.model import Incident, Signal, SignalKind
from opsagent.world import World
from opsagent_tools.units import UnitId

_SETTLES = timedelta(seconds=1)
"""What is logged in the first moment may still tell of before."""
_MANY = 3
_SHARE_OF_BEFORE = 0.5
"""Errors go on where at least this share of the rate during the fault is left."""
_GREW = 1.05
_LONGEST_TOLD_S = 24 * 3600.0


def errors_go_on(incident: Incident, unit: UnitId, world: World, since: datetime, now: datetime) -> str:
    """Return in words that the very errors that the incident began with are logged on; empty where they are not.

    Only signatures that belong to the incident count, and only against their own rate during it.
    """
    before = [one for one in incident.symptoms if one.kind is SignalKind.LOG_ERROR and one.unit == unit]
    keys = {str(one.data.get("key", one.data.get("signature", ""))) for one in before} - {""}
    past = world.history.get(unit)
    if not keys or past is None:
        return ""
    after = [
        one
        for one in past.errors
        if one.at >= since + _SETTLES and str(one.data.get("key", one.data.get("signature", ""))) in keys
    ]
    lines, seconds = _lines(after), max((now - since - _SETTLES).total_seconds(), 1.0)
    lasted_s = max((max(one.at for one in before) - incident.began_at).total_seconds(), 1.0)
    if lines < _MANY or lines / seconds < _SHARE_OF_BEFORE * _lines(before) / lasted_s:
        return ""
    return f"{unit.name} still logs what it began with ({lines} lines in {seconds:.0f} s)"


def grows_on(unit: UnitId, world: World, since: datetime) -> str:
    """Return in words when the unit's memory reaches its limit if it goes on as since then; empty where it does not grow."""
    spec, past = world.spec(unit), world.history.get(unit)
    if spec is None or spec.max_memory is None or past is None:
        return ""
    soonest: float | None = None
    for series in past.samples.values():
        taken = [one for one in series if one.at >= since]
        if len(taken) < 2 or not taken[0].data.get("rss"):
            continue
        first, last = float(taken[0].data["rss"]), float(taken[-1].data["rss"])
        seconds = (taken[-1].at - taken[0].at).total_seconds()
        if last < first * _GREW or seconds <= 0:
            continue
        left_s = (spec.max_memory - last) / ((last - first) / seconds)
        soonest = left_s if soonest is None else min(soonest, left_s)
    if soonest is None or soonest > _LONGEST_TOLD_S:
        return ""
    left = f"{soonest / 60:.0f} min" if soonest >= 60 else f"{max(soonest, 0):.0f} s"
    return f"it grows on, and is at its limit again in {left}"


def _lines(signals: Iterable[Signal]) -> int:
    return sum(int(one.data.get("count", 1)) for one in signals)
