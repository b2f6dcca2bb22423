"""What is nearly used up, in words and as a symptom: a sample with the name of the resource and the forecast in its data.

data: resource (disk, inodes, memory, files, fds), share (0..1 of the limit now), and where the rate is sure full_in_s
with soonest_s and latest_s. mount, writer and the rest are as the sample had them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from opsagent.model import Fault, Incident, Signal
from opsagent.world import World

OWN = "fds"
"""The one resource that is a process's; the others are the machine's."""
_EASED = 0.05
"""A share so much below the one that was told: there is room again."""
_STILL = 0.002
"""Who grew by less than this share of the whole …"""
_STILL_FOR = timedelta(minutes=10)
"""… in this time does not grow any more."""
_FULL = 0.95
"""What stands still above this is nearly used up all the same."""
_CALM_AGAIN = timedelta(minutes=5)


def tells(signal: Signal) -> bool:
    """Tell whether this is the symptom of something that is nearly used up."""
    return "resource" in signal.data


def what(signal: Signal) -> str:
    """Return which resource, durable: no figure is in it."""
    resource = str(signal.data.get("resource", ""))
    place = f" {signal.data['mount']}" if "mount" in signal.data else ""
    return f"{_NAMES.get(resource, resource)}{place}"


def words(signal: Signal) -> str:
    """Return what is used up and when, behind the unit's name."""
    share = signal.data.get("share")
    left = f"{float(share):.0%} used" if isinstance(share, int | float) else "nearly used up"
    when = in_time(signal)
    who = signal.data.get("writer_name")
    return f"runs out of {what(signal)} ({left}{f', all of it {when}' if when else ''}{f'; {who} writes most' if who else ''})"


def in_time(signal: Signal) -> str:
    """Return `in 30 to 50 min` as far as it can be told, else nothing."""
    soonest, latest = signal.data.get("soonest_s"), signal.data.get("latest_s")
    if not isinstance(soonest, int | float) or not isinstance(latest, int | float):
        return ""
    return f"in {span(float(soonest), float(latest))}"


def span(soonest_s: float, latest_s: float) -> str:
    """Return a range of time like `30 to 50 min`, rounded as coarsely as it is known."""
    size, name = next(((size, name) for size, name in _UNITS if latest_s >= 2 * size), _UNITS[-1])
    low, high = max(0, round(soonest_s / size)), round(latest_s / size)
    return f"{high} {name}" if low == high else f"{low} to {high} {name}"


_UNITS = ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_NAMES = {
    "disk": "disk space on",
    "inodes": "inodes on",
    "memory": "memory",
    "files": "file handles",
    "fds": "file descriptors",
}


def share_of(sample: Signal, resource: str) -> float | None:
    """Return how much of a resource is used by a sample (0..1); None where it does not tell."""
    data = sample.data
    if resource == OWN:
        share = data.get("fds_share")
        return float(share) if isinstance(share, int | float) else None
    used, limit = (data.get(name) for name in _FIELDS[resource])
    if not isinstance(used, int | float) or not isinstance(limit, int | float) or limit <= 0:
        return None
    return 1 - used / limit if resource == "memory" else used / limit


_FIELDS = {
    "disk": ("used", "size"),
    "inodes": ("inodes_used", "inodes"),
    "memory": ("memory_available", "memory_total"),
    "files": ("files", "files_max"),
}


def lasts(incident: Incident, world: World, now: datetime) -> bool:
    """Tell whether what an incident of these two faults was opened for is still so; of other faults: no."""
    if incident.fault is Fault.FLAPPING:
        health = world.health.get(incident.unit)
        return health is not None and not (health.ok and now - health.since >= _CALM_AGAIN)
    if incident.fault is not Fault.SATURATION:
        return False
    last = {(what(symptom), symptom.process): symptom for symptom in incident.symptoms if tells(symptom)}
    return any(_is_scarce(symptom, world, now) for symptom in last.values())


def _is_scarce(told: Signal, world: World, now: datetime) -> bool:
    resource = str(told.data["resource"])
    series = [sample for sample in _series(told, resource, world) if share_of(sample, resource) is not None]
    if not series:
        return False  # the process is gone, or the file system is not mounted any more
    share, then = share_of(series[-1], resource) or 0.0, told.data.get("share", 1.0)
    if share < float(then) - _EASED:
        return False
    old = [sample for sample in series if now - sample.at >= _STILL_FOR]
    grows = not old or share - (share_of(old[-1], resource) or 0.0) >= _STILL
    return grows or share >= _FULL


def _series(told: Signal, resource: str, world: World) -> Iterable[Signal]:
    if resource == OWN:
        unit = world.units.get(told.unit) if told.unit is not None else None
        alive = unit is not None and any(process.key == told.process for process in unit.processes)
        past = world.history.get(told.unit) if told.unit is not None else None
        return past.samples.get(told.process, ()) if alive and past is not None and told.process is not None else ()
    if "mount" in told.data:
        return world.host.mounts.get(str(told.data["mount"]), ())
    return world.host.samples
